"""Tests of the fake vendors against what the vendors document."""
