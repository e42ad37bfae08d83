"""A sample of the campaign's points; `make campaign` tries them all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.reliability.power import Disk, Operation

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(1_200)  # 40 s alone, and many times that on a busy machine
def test_a_sample_of_all_points_is_survived(environment: dict[str, str], tmp_path: Path) -> None:
    """Real kills, errors and full disks at points of a study and of data preparation, and power cuts after them."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    arguments = ("study", "preparation", "--every", "53", "--into", tmp_path / "found.json")
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability.inject", *arguments],
        cwd=ROOT, env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
        timeout=1_100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    for scenario in found.values():
        assert all(kind["points"] >= 1 and kind["wrong"] == [] for kind in scenario["kinds"].values())
    assert sum(kind["points"] for kind in found["study"]["kinds"].values()) >= 13


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "old").write_bytes(b"old")
    return tmp_path / "base"


def left(disk: Disk, into: Path, entries_survive: bool) -> dict[str, bytes]:
    disk.cut(into, entries_survive)
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


def test_a_power_cut_drops_what_was_not_synced(base: Path, tmp_path: Path) -> None:
    disk = Disk(base)

    def do(kind: str, name: str, other: str = "", content: bytes = b"") -> None:
        disk.do(Operation(kind, str(base / name), str(base / other) if other else "", 0, content))

    do("c", "new.tmp")
    do("w", "new.tmp", content=b"new")
    assert left(disk, tmp_path / "1", entries_survive=True) == {"old": b"old", "new.tmp": b""}
    do("r", "new.tmp", "old")
    assert left(disk, tmp_path / "2", entries_survive=False) == {"old": b"old"}
    assert left(disk, tmp_path / "3", entries_survive=True) == {"old": b""}  # renamed, and never synced
    do("s", "old")
    do("s", ".")
    assert left(disk, tmp_path / "4", entries_survive=False) == {"old": b"new"}
    do("m", "folder")
    do("c", "folder/inner")
    do("s", "folder")
    assert left(disk, tmp_path / "5", entries_survive=False) == {"old": b"new"}  # its own name isn't on the disk
    do("s", ".")
    assert left(disk, tmp_path / "6", entries_survive=False) == {"old": b"new", "folder/inner": b""}
    do("u", "old")
    assert left(disk, tmp_path / "7", entries_survive=False) == {"old": b"new", "folder/inner": b""}
