"""Tests of the fake HubSpot, through HubSpot's own client where that speaks the path."""
