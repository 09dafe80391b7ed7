"""One file a business rule; pure: no clock, no network, no database, no randomness."""
