"""The face of makeweight in Python: the objects and functions that ``import makeweight`` offers."""
