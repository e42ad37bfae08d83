"""Names that others chose steer no terminal: what cannot be seen is shown, wherever a line leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.cli.output import complain, print_text, put, say, stdout
from makeweight.cli.tables import print_table
from makeweight.face.console import remark, stderr
from makeweight.face.progress import Screen
from makeweight.html import Column, Table
from makeweight.text import csv_text

BAD = "\x1b[31mred\x1b]0;title\x07\u202egpj\u2066\r\udce9"
SHOWN = r"\x1b[31mred\x1b]0;title\x07\u202egpj\u2066"


def is_plain(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


LINES: dict[str, Callable[[], None]] = {
    "complain": lambda: complain(BAD),
    "put": lambda: put(BAD, Path(BAD)),
    "say": lambda: say(BAD),
    "remark": lambda: remark(BAD),
    "prose": lambda: print_text(stdout(), BAD),
    "table": lambda: print_table(stdout(), [Column("name", False)], [(BAD,)]),
    "progress": lambda: Screen("study", 1).say(BAD),
    "notebook": lambda: put(Table("", "", (Column("name", False),), ((BAD,),))),
}


@pytest.mark.parametrize("line", LINES)
def test_no_line_leaves_with_a_sign_that_cannot_be_seen(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    stdout.cache_clear()
    stderr.cache_clear()
    LINES[line]()
    written = "".join(capfd.readouterr())
    assert is_plain(written)
    assert SHOWN in written.replace("\n", "")


def test_spreadsheets_compute_no_cell() -> None:
    assert [csv_text(cell)[0] for cell in ("=cmd()", "+1", "-1", "@x", " =1", "\t=1", "\r=1")] == ["'"] * 7
    assert csv_text("T-shirt") == "T-shirt"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for seed, name in enumerate(("\x1b[31mred", "gr\u202een")):
        folder = tmp_path / "own\x1b]0;x" / name
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng([number, seed]).integers(0, 256, (9, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "broken\x1b[2J.png").write_bytes(b"nothing")
    return tmp_path / "own\x1b]0;x"


@pytest.mark.parametrize("command", ["check", "prepare"])
def test_names_of_files_and_classes_are_shown(cli: Callable, own: Path, command: str) -> None:
    ran = cli("data", command, own, "--workers", "1")
    assert is_plain(ran.out + ran.err)
    assert r"broken\x1b[2J.png" in ran.out + ran.err
