"""What a machine has and lacks for makeweight, and its versions as a block to paste; only `examine` imports torch."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import makeweight
from makeweight.data.cache import cache_root
from makeweight.data.catalog import CATALOG
from makeweight.errors import install_command
from makeweight.processors import git_commit, processor_name, processors

State = Literal["ok", "absent", "problem"]
#: Programs for one purpose each, any of which will do.
COMPILERS = ("cc", "gcc", "clang")
ON_CHIPS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
}
#: FashionMNIST takes 55 MB prepared and 30 MB on its way, and a study 0.8 MB a training of 100K weights.
ENOUGH_DISK = 500_000_000
ENOUGH_SHARED = 64_000_000  # what containers give by default; studies and tunings run with it
FOR_USERS = ("heic", "onnx", "parquet", "ray", "tflite", "web")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State  # absent: only some commands need it
    found: str
    remedy: str = ""


def about() -> str:
    """Return versions and machine, as a block for a report of a fault."""
    commit = git_commit()
    return "\n".join(
        (
            f"makeweight {makeweight.__version__}" + (f" (commit {commit[:12]})" if commit else ""),
            f"Python {platform.python_version()}, torch {_version('torch') or 'missing'}, NumPy {_version('numpy')}",
            f"{platform.platform()}; {processor_name()}, {processors()} processors",
            f"extras: {', '.join(extra for extra in FOR_USERS if not _lacking(extra)) or 'none'}",
        )
    )


def examine(store: Path) -> list[Check]:
    """Look at everything that commands need; nothing is downloaded, and nothing stays that wasn't there."""
    return [
        _python(),
        _torch(),
        _threads(),
        *(_folder(name, path) for name, path in (("cache", cache_root()), ("store", store.absolute()))),
        *_shared_memory(),
        *(_data_set(name) for name in CATALOG),
        *map(_extra, FOR_USERS),
        _compiler(),
        *(_program(name, packages) for name, packages in ON_CHIPS.items()),
    ]


def _python() -> Check:
    return Check("Python", "ok", platform.python_version())


def _torch() -> Check:
    try:
        import torch

        from makeweight.training.precision import choose_device, fastest_precision

        device = choose_device()
        return Check("torch", "ok", f"{torch.__version__} on {device}, {fastest_precision(device)}")
    except (ImportError, OSError) as error:  # OSError: a library of it can't be loaded
        return Check("torch", "problem", str(error), install_command("torch"))


def _threads() -> Check:
    count = processors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = f"; other programs keep them busy (load {load:.1f}), so trainings take longer" if load > count else ""
    return Check("processors", "ok", f"{count}: {processor_name()}{busy}")


def _folder(name: str, path: Path) -> Check:
    """Say whether a folder, or the nearest one above that exists, takes a file, and what room is there."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    variable = "MAKEWEIGHT_CACHE" if name == "cache" else "--store"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, "problem", f"{path}: {error.strerror}", f"Name another folder by {variable}.")
    if free < ENOUGH_DISK:
        return Check(
            name, "problem", f"{path}: {free // 10**6:,} MB free", f"Make room, or name another by {variable}."
        )
    return Check(name, "ok", f"{path}: can be written, {free // 10**9:,} GB free")


def _shared_memory() -> Iterator[Check]:
    path = Path("/dev/shm")
    if path.is_dir():
        size = shutil.disk_usage(path).total
        small = size < ENOUGH_SHARED
        remedy = "Give the container more: --shm-size=64m." if small else ""
        yield Check("shared memory", "problem" if small else "ok", f"/dev/shm: {size // 10**6:,} MB", remedy)


def _data_set(name: str) -> Check:
    from makeweight.data.dataset import is_prepared

    if is_prepared(name):
        return Check(f"data: {name}", "ok", "prepared")
    return Check(f"data: {name}", "absent", "not prepared", f"makeweight data get {name}")


def _extra(name: str) -> Check:
    lacking = _lacking(name)
    if not lacking:
        return Check(f"extra: {name}", "ok", "installed")
    return Check(f"extra: {name}", "absent", f"no {', '.join(lacking)}", install_command(f"makeweight[{name}]"))


def _lacking(extra: str) -> list[str]:
    """Name the packages of an extra that aren't installed."""
    lines = (line.partition(";") for line in metadata.requires("makeweight") or ())
    wanted = [line.split(">")[0].strip() for line, _, marker in lines if marker.split("==")[-1].strip(" \"'") == extra]
    return [package for package in wanted if _version(package) is None]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _compiler() -> Check:
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found:
        return Check("C compiler", "ok", found)
    return Check("C compiler", "absent", "none", "makeweight export --format c checks its files with gcc or clang.")


def _program(name: str, packages: str) -> Check:
    found = shutil.which(name)
    if found:
        return Check(f"chips: {name}", "ok", found)
    return Check(f"chips: {name}", "absent", "none", f"apt-get install {packages}")
