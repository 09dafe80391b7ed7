"""Reconcile: lead, shadow and record compared; what differs is told, explained, mended."""
