"""Weight files, and the released ones."""
