"""What takes messages, and the small services beside it."""
