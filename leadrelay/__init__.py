"""Puts the parts together; the only room that knows all of them."""
