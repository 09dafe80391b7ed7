"""First contact with two CRMs that are full of people, seen from outside: observed, planned, gone live.

Nothing here uses leadrelay's code: what must come true is worked out from the sandbox's records, its
history and the posts.
"""
