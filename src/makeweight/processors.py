"""How many processors there are to use."""

from __future__ import annotations

import os
from pathlib import Path


def processors() -> int:
    """Count the processors that this process may use: fewer than the machine's in a container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or no limit ("max")
        return allowed
