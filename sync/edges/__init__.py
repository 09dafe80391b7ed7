"""Tasks, messages and deeds on records, each of which must happen once: kept, claimed, sent, settled."""
