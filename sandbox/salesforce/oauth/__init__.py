"""Signing in: the pages a person sees, the grants a program uses, and the sessions both end in."""
