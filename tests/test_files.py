"""Files and folders are whole or not there, whatever happens while they are made."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.files import TEMPORARY, whole, write_whole


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    write_whole(path, b"old")
    with suppress(KeyboardInterrupt), whole(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise KeyboardInterrupt
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("card.md", b"old")]


def test_a_folder_takes_the_place_of_another_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("old", "new"):
        with whole(folder) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["data", "data/new"]


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / f"study.db{TEMPORARY}-wal").write_bytes(b"of another database")
    write_whole(tmp_path / "study.db", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]


def test_where_nothing_can_be_written_the_path_and_a_remedy_are_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*nowhere.*Give a folder that can be written"):
        write_whole(tmp_path / "nowhere" / "card.md", b"")


KILLED = """
import os, sys
from pathlib import Path
from makeweight.files import placed, write_whole

target, present = Path(sys.argv[1]), sys.argv[2] == "present"
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def write():
    with placed(target, first="report.json") as aside:
        for name in ("model.bin", "README.md", "report.json"):
            write_whole(aside / name, b"new")


def files():
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*")}


whole = {"model.bin": b"new", "README.md": b"new", "report.json": b"new"}
kept = {"notes.txt": b"mine"} if present else {}
for point in range(1, 500):
    if present:
        target.mkdir()
        for name in ("notes.txt", "README.md", "report.json"):
            (target / name).write_bytes(b"mine" if name == "notes.txt" else b"old")
    pid = os.fork()
    if not pid:
        left = [point]
        def count(event, arguments):
            if event in EVENTS and str(arguments[0]).startswith(str(target.parent)):
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
        sys.addaudithook(count)
        write()
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if present:
        assert not (target / "README.md").exists() or (target / "report.json").exists(), point
    else:
        assert not target.exists() or files() == whole, point
    write()
    assert files() == whole | kept, (point, files())
    assert [path.name for path in target.parent.iterdir()] == [target.name], point
    if not killed:
        break
    for path in target.iterdir():
        path.unlink()
    target.rmdir()
print(point)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("folder", ["present", "absent"])
def test_killed_at_any_write_the_same_again_makes_a_folder_whole(tmp_path: Path, folder: str) -> None:
    target = tmp_path / "export"
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(target), folder], capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 10
