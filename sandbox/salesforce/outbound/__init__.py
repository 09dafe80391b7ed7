"""Outbound Messages: what an org tells others of its records, again and again until they acknowledge it."""
