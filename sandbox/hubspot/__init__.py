"""A HubSpot account on this machine."""
