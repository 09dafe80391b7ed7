"""Events become decisions: read, loaded, decided by pure rules, saved in one transaction a batch."""
