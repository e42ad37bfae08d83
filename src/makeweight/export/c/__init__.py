"""Export to one C99 file for microcontrollers."""

from makeweight.export.c.write import CFiles, write_c

__all__ = ["CFiles", "write_c"]
