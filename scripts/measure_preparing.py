"""Measure memory and time of `makeweight data prepare` on synthetic sets larger than memory: folder and .npz.

    .venv/bin/python -m scripts.measure_preparing --gigabytes 20 --write

Needs three times as much room on the disk, in --folder. Results go to docs/results/preparing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from makeweight.jobs.environment import describe_environment
from makeweight.training.precision import Hardware

SIDE = 512  # of a picture: 786 KB as BMP
SMALL = (3, 64, 64)
CLASSES = 10
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "preparing.md"


def write_folder(folder: Path, gigabytes: float) -> int:
    """Write BMP pictures of noise over a slope, all different."""
    rng = np.random.default_rng(0)
    count = int(gigabytes * 1e9 / (SIDE * SIDE * 3))
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    for number in range(count):
        pixels = np.frombuffer(rng.bytes(SIDE * SIDE * 3), np.uint8).reshape(SIDE, SIDE, 3)
        Image.fromarray(pixels).save(folder / f"class {number % CLASSES}" / f"{number}.bmp")
    return count


def write_npz(path: Path, gigabytes: float) -> int:
    """Write X (n, 3, 64, 64) and y, not compressed, piece by piece."""
    rng = np.random.default_rng(0)
    count = int(gigabytes * 1e9 / np.prod(SMALL))
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        with archive.open("X.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *SMALL)}
            np.lib.format.write_array_header_1_0(member, header)
            for start in range(0, count, 5_000):
                member.write(rng.bytes(min(5_000, count - start) * int(np.prod(SMALL))))
        with archive.open("y.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(count) % CLASSES)
    return count


def resident_bytes(pid: int) -> int:
    """Resident bytes of a process and all below it, now."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            status = Path(f"/proc/{one}/statm").read_text().split()
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:  # it has ended
            continue
        total += int(status[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def prepare(data: Path, cache: Path) -> tuple[float, int]:
    """Run the command; return its seconds and the most bytes resident in all its processes together."""
    command = [Path(sys.executable).parent / "makeweight", "data", "prepare", data]
    started, most = time.monotonic(), 0
    with subprocess.Popen(list(map(str, command)), env={**os.environ, "MAKEWEIGHT_CACHE": str(cache)}) as process:
        while process.poll() is None:
            most = max(most, resident_bytes(process.pid))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"data prepare ended with {process.returncode}")
    return time.monotonic() - started, most


def measure(kind: str, folder: Path, gigabytes: float) -> dict[str, object]:
    data, cache = folder / ("pictures" if kind == "folder" else "images.npz"), folder / "cache"
    count = (write_folder if kind == "folder" else write_npz)(data, gigabytes)
    seconds, most = prepare(data, cache)
    if kind == "folder":
        shutil.rmtree(data)
    else:
        data.unlink()
    shutil.rmtree(cache)
    return {"kind": kind, "images": count, "gigabytes": gigabytes, "seconds": round(seconds, 1), "resident_bytes": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/makeweight-preparing"))
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True)
    found = [measure(kind, chosen.folder, chosen.gigabytes) for kind in ("folder", "npz")]
    chosen.folder.rmdir()
    machine = describe_environment(Hardware("cpu", "fp32", 1))
    rows = "\n".join(
        f"| {'BMP of 512 × 512 in colour, to 32 × 32' if one['kind'] == 'folder' else '.npz of 64 × 64 in colour'} | "
        f"{one['images']:,} | {one['gigabytes']:g} GB | {one['seconds']:,.0f} s | "
        f"{one['resident_bytes'] / 1e6:,.0f} MB |"
        for one in found
    )
    text = (
        "# Preparing sets larger than memory\n\n`python -m scripts.measure_preparing --write`: synthetic images, one "
        "run each; resident: the most at any time, of all processes together.\n\n"
        f"| set | images | size | time | resident |\n|---|---:|---:|---:|---:|\n{rows}\n\n"
        f"{machine.processor}, {machine.processors} processors, Python {machine.python}, "
        f"makeweight {machine.makeweight}.\n"
    )
    print(text, json.dumps(found, indent=1))
    if chosen.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
