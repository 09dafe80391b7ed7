"""Three-way merge of lead, record and shadow, field by field; pure."""
