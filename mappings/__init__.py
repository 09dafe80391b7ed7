"""The playbook (YAML that ops edit) and the code that reads, checks and applies it."""
