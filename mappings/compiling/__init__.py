"""From checked YAML to the compiled playbook: a file for each part, put together by ``mappings.compile``."""
