"""The words everyone shares; standard library only, no I/O."""
