"""Looks at everything that leadrelay stands on, and says what to do about what is wrong."""
