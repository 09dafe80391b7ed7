"""The pages: where every lead stands, why, and the few things a person puts right; and the same as JSON."""
