"""Alarms: what is wrong, said to people once, and once more when it is over."""
