"""First contact with a real account: what would be written, what is missing there, and the way to writing."""
