"""The real command in a process of its own: environments, pipes and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.cli.endings import end_study
from makeweight.errors import StoreError
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.interrupt import interruption

ENDLESS = ("--set", "epochs=100000", "--set", "batch_size=64", "--precision", "fp32", "--threads", "1")


def test_a_hostile_environment_is_no_hindrance(run_command, tmp_path: Path) -> None:
    (tmp_path / "home").touch()  # no folder, so nothing can be written below it, even by root
    store = tmp_path / "Meine Studien – 名 [bold]"
    arguments = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "1", "--set",
                 "epochs=1", "--name", "Prüfung", "--store", store)  # fmt: skip
    hostile = {
        "PYTHONWARNINGS": "error",
        "LC_ALL": "C",
        "NO_COLOR": "1",
        "HOME": str(tmp_path / "home"),
        "TERM": "dumb",
    }
    ran = run_command(*arguments, cwd=tmp_path, **hostile)
    assert ran.returncode == 0, ran.stderr
    assert "FCN 2K" in ran.stdout
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert (store / "Prüfung" / "report.html").is_file()
    shown = run_command("show", "--store", store, "--json", cwd=tmp_path, **hostile)
    assert json.loads(shown.stdout)["study"] == "Prüfung"


@pytest.mark.parametrize("variables", [{"PYTHONWARNINGS": "error"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}])
def test_design_in_a_hostile_environment(run_command, tmp_path: Path, variables: dict[str, str]) -> None:
    ran = run_command("design", "--family", "cnn", "--budget", "20K", cwd=tmp_path, **variables)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "20K" in ran.stdout


def test_an_error_with_other_letters_fits_any_terminal(run_command, tmp_path: Path) -> None:
    ran = run_command(
        "design", "--family", "lenet", "--kernel", "9", "--budget", "20K", "--input", "1x8x8", cwd=tmp_path,
        LC_ALL="C", PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("error: conv layer")


def test_no_place_for_the_cache_is_one_clear_line(run_command, command: str, tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [command, "data", "get", "digits"], env=kept, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: the cache folder ")
    assert "MAKEWEIGHT_CACHE" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("show", "small"), ("show", "small", "--json"), ("data", "list")])
def test_a_reader_that_has_gone_is_no_error(
    command: str, environment: dict[str, str], finished, arguments: tuple[str, ...]
) -> None:
    store = ("--store", str(finished.folder.parent)) if arguments[0] == "show" else ()
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [command, *arguments, *store], env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_first_line_can_be_taken_alone(command: str, environment: dict[str, str], finished) -> None:
    ran = subprocess.run(
        f"'{command}' show small --csv --store '{finished.folder.parent}' | head -n 1",
        shell=True, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout.startswith("network,family,budget,weights,")
    assert (ran.stdout.count("\n"), ran.stderr) == (1, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(command: str, environment: dict[str, str], tmp_path: Path, closed: str) -> None:
    """A file opened later must not get the stream's number either: what is printed would go into it."""
    arguments = "design --family fcn --budget 2K"
    ran = subprocess.run(
        f"'{command}' {arguments} {closed}", shell=True, env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ("weights" in ran.stdout) == (" >&-" not in f" {closed}")
    program = "import sys, os; from makeweight.cli import main; main._open_closed_streams(); f = open(os.devnull); "
    program += "sys.exit(f.fileno() < 3 or not all(map(os.get_inheritable, range(3))))"
    assert subprocess.run(f"'{sys.executable}' -c '{program}' {closed}", shell=True, timeout=60).returncode == 0


def test_warnings_of_ours_are_lines_whatever_python_does_with_warnings(run_command, tmp_path: Path) -> None:
    for seed, name in enumerate(("train/coat", "train/shoe", "test/coat")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng([number, seed]).integers(0, 256, (9, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{number}.png")
    cache = {"MAKEWEIGHT_CACHE": str(tmp_path / "cache"), "PYTHONWARNINGS": "error"}
    ran = run_command("data", "prepare", "own", cwd=tmp_path, **cache)
    assert ran.returncode == 0, ran.stderr
    assert "warning: the test part of own has no image of class shoe" in ran.stderr
    assert "DataWarning" not in ran.stderr


@pytest.fixture
def start(command: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as the leader of a process group, as a shell does."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [command, *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate(timeout=30)


def wait_for_epochs(store: Path, process: subprocess.Popen[str], count: int, seconds: float = 90) -> Path:
    """Wait until jobs of the only study have written an epoch each, and return its folder."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        for folder in (path.parent for path in store.glob("*/study.db")):
            try:
                with Store.open(folder) as reader:
                    if sum(bool(reader.epochs(row.job.key)) for row in reader.jobs()) >= count:
                        return folder
            except StoreError:
                pass  # it is just being made
        time.sleep(0.05)
    raise AssertionError(f"no epoch came; exit code {process.poll()}")


def saved(folder: Path) -> list[int]:
    """Epochs that can be resumed, by job."""
    with Store.create(folder) as store:
        progress = [store.progress(row.job.key) for row in store.jobs()]
        assert [row.state for row in store.jobs()] == ["pending"] * len(progress)
    return [len(p.epochs) for p in progress if p.checkpoint is not None]


def test_ctrl_c_saves_what_runs_and_says_how_to_go_on(
    start, tmp_path: Path, children_of: Callable[[int], list[int]], all_end: Callable[..., bool]
) -> None:
    arguments = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "3", "--workers",
                 "2", *ENDLESS)  # fmt: skip
    process = start(*arguments, "--store", "my studies")
    folder = wait_for_epochs(tmp_path / "my studies", process, 2)
    children = children_of(process.pid)
    assert len(children) >= 2

    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert all_end(children)
    assert "Traceback" not in err
    done, kept, command = err.splitlines()[-3:]
    assert done == "stopped with 0 of 3 trainings done."
    assert kept.startswith("saved: FCN 2K seed ")
    assert command.startswith("to go on: makeweight study --dataset digits ")
    assert command.endswith("--store 'my studies'")
    assert len(saved(folder)) == 2
    assert "None of the 3 trainings of the study " in out


def test_sigterm_saves_what_runs_too(
    start, tmp_path: Path, children_of: Callable[[int], list[int]], all_end: Callable[..., bool]
) -> None:
    process = start("train", "--family", "fcn", "--budget", "2K", "--dataset", "digits", *ENDLESS, "--json")
    folder = wait_for_epochs(tmp_path / "studies", process, 1)
    children = children_of(process.pid)

    os.killpg(process.pid, signal.SIGTERM)  # a service manager sends it to all
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (143, "")
    assert all_end(children)
    assert "Traceback" not in err
    [epochs] = saved(folder)
    assert epochs >= 1
    last = err.splitlines()[-1]
    assert last == f"stopped after epoch {epochs} of 100000. The same command goes on from there."


def test_kill_9_leaves_no_process(
    start, tmp_path: Path, children_of: Callable[[int], list[int]], all_end: Callable[..., bool]
) -> None:
    process = start("train", "--family", "fcn", "--budget", "2K", "--dataset", "digits", *ENDLESS)
    wait_for_epochs(tmp_path / "studies", process, 1)
    children = children_of(process.pid)
    assert children
    process.kill()
    assert all_end(children)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_and_the_second_ends_at_once(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with interruption() as interrupted:
        assert not interrupted.requested()
        signal.raise_signal(number)
        assert interrupted.requested()
        assert interrupted.exit_code == code
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
    assert ended.value.code == code
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("asked", [True, False])
def test_a_study_that_was_asked_to_stop_draws_no_report(make_job, digits, tmp_path: Path, asked: bool) -> None:
    """Drawing took 40 s on a busy machine: longer than a service manager waits before it kills."""
    with Store.create(tmp_path / "half") as store:
        store.plan(StudyRow("half", "{}", "digits", digits.digest), [make_job()])
    assert end_study(tmp_path / "half", as_json=False, ran=True, stopped=lambda: asked) == 0
    assert (tmp_path / "half" / "report.html").exists() != asked


WAITING = """
import atexit, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may be a shell's background job, which ignores it
from makeweight.cli import main
from makeweight.studies.interrupt import interruption

def command():
    atexit.register(at_exit)
    with interruption() as interrupted:
        print("begun", flush=True)
        while not interrupted.requested():
            time.sleep(0.01)
        {inside}
    {after}
    return interrupted.exit_code

def at_exit():
    {atexit}

main._run = command
main.main()
"""
WAIT = 'print("again", flush=True); time.sleep(60)'


@pytest.mark.parametrize("where", ["inside", "after", "atexit"])
def test_a_second_ctrl_c_ends_with_130_wherever_it_arrives(
    environment: dict[str, str], tmp_path: Path, where: str
) -> None:
    parts = {"inside": "pass", "after": "pass", "atexit": "pass"} | {where: WAIT}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING.format(**parts)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for word in ("begun", "again"):
            assert process.stdout.readline().strip() == word
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.communicate()
