"""The machine and the versions that a number belongs to."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "makeweight", "torch", "numpy", "scikit-learn", "pillow", "tensorflow-cpu", "keras", "jax", "jaxlib", "flax",
    "optax", "skorch", "optuna", "keras-tuner",
)  # fmt: skip
FLAGS = ("avx2", "avx512", "amx")  # beginnings of the processor's flags that decide about speed


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Date, processor with its flags, memory, and the versions of all packages that take part."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _cpuinfo("model name"),
        "processor_flags": sorted(f for f in _cpuinfo("flags").split() if f.startswith(FLAGS)),
        "processors": processors(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def one_line(machine: dict[str, Any]) -> str:
    """Say the machine in a line for a figure."""
    model, number = machine["processor"] or machine["platform"], machine["processors"]
    flags = "with" if any(flag.startswith("amx") for flag in machine["processor_flags"]) else "without"
    return f"{model}, {number} processors, {flags} AMX; {machine['date'][:10]}"


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
