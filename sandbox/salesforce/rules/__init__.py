"""What an object does besides keeping its fields: derived values, rules across fields, rows brought along."""
