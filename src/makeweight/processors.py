"""What makeweight runs on: how many processors, which, and which commit of makeweight."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from pathlib import Path


def processors() -> int:
    """Count the processors that this process may use: fewer than the machine's in a container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or no limit ("max")
        return allowed


def processor_name() -> str:
    """Name the processor in its own words, such as "AMD EPYC"."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def git_commit() -> str:
    """Commit of the checkout that makeweight runs from; empty if it is installed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
