"""Vendors on this machine, for a first run and for tests: HubSpot, Salesforce, and what takes messages."""
