"""Leads that may be one person: found by a walk of its own, asked of people, answered by an event."""
