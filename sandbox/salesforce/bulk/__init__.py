"""Bulk API 2.0: jobs that take CSV in, or give query results as CSV."""
