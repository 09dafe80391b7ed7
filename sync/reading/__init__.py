"""What is read from the CRMs: polls, records by id, backfill, and the passes behind it."""
