"""Data sets: where they come from, how they are read, prepared once, split and drawn."""
