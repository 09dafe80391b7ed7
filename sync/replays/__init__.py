"""What waits for a person, and how it is sent again: letters, their causes and mending, replays."""
