"""Providers are asked about leads: each question once, within what may be spent."""
