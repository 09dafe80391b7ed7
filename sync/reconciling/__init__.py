"""Reconcile: counts and fields of lead, shadow and record compared; what differs is told, explained, mended."""
