"""The C library's memory, kept between training steps."""

from __future__ import annotations

import ctypes
import sys

# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next step, which needs exactly the same sizes.

    By default large blocks go back to the system at once and return page by page, each with a page fault: this made
    training a small CNN 8 % slower (docs/recipes.md). Does nothing with other C libraries.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TOP_PAD, 2**26)
