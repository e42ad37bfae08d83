"""One runner at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from makeweight.errors import StoreError, StudyLocked
from makeweight.studies.lock import study_lock

HOLDER = """
import sys
from pathlib import Path
from makeweight.studies.lock import study_lock
with study_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start_holder(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start a process that holds the lock of ``tmp_path/study`` until its input ends."""
    running: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "study")]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=30)


def test_a_second_runner_is_refused_with_the_first_one_s_process_id(start_holder: Start, tmp_path: Path) -> None:
    first = start_holder()
    with pytest.raises(StudyLocked, match=rf"process {first.pid} is at work on the study in .*another name"):
        study_lock(tmp_path / "study").__enter__()
    first.communicate(timeout=30)  # its orderly end
    with study_lock(tmp_path / "study"):
        pass


def test_the_lock_of_a_dead_process_is_no_obstacle(start_holder: Start, tmp_path: Path) -> None:
    killed = start_holder()
    killed.kill()
    killed.wait(timeout=30)
    second = start_holder()  # a new process; the file and the dead one's id still lie there
    with pytest.raises(StudyLocked, match=f"process {second.pid} "):
        study_lock(tmp_path / "study").__enter__()


def test_a_process_id_that_belongs_to_somebody_else_by_now_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "study.pid").write_text(str(os.getppid()))
    (tmp_path / "study.lock").touch()
    with study_lock(tmp_path):
        assert (tmp_path / "study.pid").read_text() == str(os.getpid())


def test_two_studies_do_not_wait_for_each_other(start_holder: Start, tmp_path: Path) -> None:
    start_holder()
    with study_lock(tmp_path / "other"):
        pass


def test_a_refused_runner_leaves_the_first_one_s_lock_and_id_alone(start_holder: Start, tmp_path: Path) -> None:
    first = start_holder()
    for _ in range(2):
        with pytest.raises(StudyLocked, match=f"process {first.pid} "):
            study_lock(tmp_path / "study").__enter__()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write .*Not a directory"):
        study_lock(tmp_path / "file" / "study").__enter__()


def test_an_error_of_the_study_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    def fail() -> None:
        with study_lock(tmp_path):
            raise FileNotFoundError("of the study")

    with pytest.raises(FileNotFoundError, match="of the study"):
        fail()
    with study_lock(tmp_path):
        pass
