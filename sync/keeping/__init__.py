"""What is kept, for how long, and how it is brought back: backups, restores, retention, room on the disk."""
