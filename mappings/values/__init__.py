"""Each kind of value as people and programs write it, and its one form here; knows nothing of playbooks."""
