"""Both sandboxes and leadrelay on one virtual clock, driven by chance: in the end all three agree."""
