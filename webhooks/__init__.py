"""Verify, parse, store, answer; no rule runs while a sender waits."""
