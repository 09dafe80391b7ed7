"""The matcher beside others, on people of whom it is known who is who."""
