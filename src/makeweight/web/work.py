"""What the dashboard starts: a program of its own for each task, which calls the face and keeps its state in a record.

``python -m makeweight.web.work RECORD`` reads the task from stdin. A record is a file of JSON beside the program's log;
nobody reads the log but a person. The log also tells whether the program lives: it is open for as long as it does.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from makeweight.diagnosis.findings import Diagnosis
from makeweight.errors import MakeweightError
from makeweight.face.expected import Expected
from makeweight.files import write_whole, writing_to
from makeweight.studies.lock import has_open

State = Literal["waiting", "running", "done", "stopped", "failed"]
ENDED = ("done", "stopped", "failed")
KILLED = "its process ended without a word: it was killed, or there was no memory left. What is stored stays valid."
BROKEN = "something is wrong in makeweight itself ({}); {} has the details."


@dataclass(frozen=True)
class Training:
    """One network to train, as :func:`makeweight.train` does."""

    family: str
    budget: str
    data: str  # name in the catalogue, or path of prepared data
    store: Path
    name: str
    settings: dict[str, Any] = field(default_factory=dict)  # limits, and options of the family
    kind: Literal["train"] = "train"


@dataclass(frozen=True)
class NewStudy:
    """Networks to train and compare, as :func:`makeweight.study` does."""

    families: tuple[str, ...]
    budgets: tuple[str, ...]  # empty: each family's own
    seeds: int
    data: str  # name in the catalogue, or path of prepared data
    store: Path
    name: str
    epochs: int | None = None  # None: each family's own
    limits: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # of the families, held fixed
    kind: Literal["study"] = "study"

    @property
    def asked(self) -> dict[str, Any]:
        """What is asked for, as a study file names it."""
        recipe = None if self.epochs is None else {"epochs": self.epochs}
        vary = {name: (value,) for name, value in self.options.items()}
        return {
            "families": self.families, "budgets": self.budgets or None, "seeds": self.seeds, **self.limits,
            "recipe": recipe, "vary": vary or None,
        }  # fmt: skip


@dataclass(frozen=True)
class Estimation:
    """A study whose time is to be estimated; nothing is trained."""

    study: NewStudy
    max_seconds: float
    kind: Literal["estimate"] = "estimate"


@dataclass(frozen=True)
class Preparation:
    """Images to prepare, as :func:`makeweight.load_data` does."""

    data: str  # name in the catalogue, or path
    options: dict[str, Any] = field(default_factory=dict)  # what its user says of own images
    uploaded: bool = False  # whether the file at that path is ours, and is removed in the end
    kind: Literal["prepare"] = "prepare"


Paper = Literal["html", "pdf", "figures"]


@dataclass(frozen=True)
class Writing:
    """A study's report to write into its folder, or its figures as one archive."""

    folder: Path
    what: Paper
    kind: Literal["report"] = "report"

    @property
    def file(self) -> Path:
        """What is written."""
        return self.folder / ("figures.zip" if self.what == "figures" else f"report.{self.what}")


@dataclass(frozen=True)
class Resumption:
    """A study, training or tuning to go on with."""

    folder: Path
    kind: Literal["resume"] = "resume"


@dataclass(frozen=True)
class Examination:
    """A run to diagnose."""

    folder: Path
    network: str  # as addresses name it
    seed: int
    seconds: float  # that it may take, about
    max_seconds: float  # after which it is given up, with what starting took
    kind: Literal["diagnose"] = "diagnose"


Task = Training | NewStudy | Estimation | Preparation | Writing | Resumption | Examination


@dataclass(frozen=True)
class Record:
    """How a program stands."""

    what: str  # the command that does the same
    state: State
    pid: int
    started: float  # seconds since 1970
    ended: float | None = None
    message: str = ""  # why it stopped or failed
    diagnosis: Diagnosis | None = None
    expected: Expected | None = None
    prepared: str = ""  # folder of the data set, in the cache

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED


_TASKS, _RECORDS = TypeAdapter[Task](Task), TypeAdapter(Record)


def _command(task: Task) -> str:
    """Write the command that does the same as a task."""
    match task:
        case Training():
            chosen = {"family": task.family, "budget": task.budget, **task.settings, "name": task.name}
            words, place = [*_data(task.data), *_flags(chosen)], ["--store", str(task.store)]
        case NewStudy():
            grid = {"families": ",".join(task.families), "budgets": ",".join(task.budgets), "seeds": task.seeds}
            chosen = {**{name: value for name, value in grid.items() if value}, **task.limits, "name": task.name}
            changes = [f"--vary={name}={value}" for name, value in task.options.items()]
            changes += [] if task.epochs is None else [f"--set=epochs={task.epochs}"]
            words, place = [*_data(task.data), *_flags(chosen), *changes], ["--store", str(task.store)]
        case Estimation():
            return f"{_command(task.study)} --dry-run"
        case Preparation():
            return shlex.join(["makeweight", "data", "prepare" if Path(task.data).is_absolute() else "get", task.data])
        case Writing(what="figures"):
            return shlex.join(["makeweight", "figure", "all", task.folder.name, "--store", str(task.folder.parent)])
        case Writing():
            words, place = [task.folder.name, "--format", task.what], ["--store", str(task.folder.parent)]
        case Resumption():
            words, place = [task.folder.name], ["--store", str(task.folder.parent)]
        case Examination():
            words = [f"{task.folder.name}/{task.network}#{task.seed}"]
            place = ["--store", str(task.folder.parent)]
    return shlex.join(["makeweight", task.kind, *words, *place])


def _data(data: str) -> tuple[str, str]:
    return ("--data" if Path(data).is_absolute() else "--dataset", data)


def _flags(chosen: Mapping[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]


def begin(task: Task, path: Path) -> Record:
    """Start a task that keeps its record in a file, in a session of its own: Ctrl-C ends the server and not the task.

    Raises
    ------
    StoreError
        If the record cannot be written.
    """
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _log(path).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "makeweight.web.work", str(path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    threading.Thread(target=process.wait, daemon=True).start()  # or it would stay behind as a zombie
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # it waits for its task, so the first record is ours
        record = Record(_command(task), "waiting", process.pid, time.time())
        _write(path, record)
        pipe.write(_TASKS.dump_json(task))
    return record


def read(path: Path) -> Record | None:
    """Return a record as it stands; None where there is none. A program that was killed has failed."""
    record = _read(path)
    if record is None or record.has_ended or has_open(record.pid, _log(path).resolve()):
        return record
    latest = _read(path) or record  # it may have ended between the two looks
    return latest if latest.has_ended else replace(latest, state="failed", message=KILLED)


def is_at_work(path: Path) -> bool:
    """Say whether the program of a record lives."""
    record = read(path)
    return record is not None and not record.has_ended


def wait_for(path: Path, come: Callable[[Record], bool], seconds: float) -> Record | None:
    """Wait until a program has come so far or has ended, but not longer; return its record."""
    deadline = time.monotonic() + seconds
    record = read(path)
    while record and not record.has_ended and not come(record) and time.monotonic() < deadline:
        time.sleep(0.05)
        record = read(path)
    return record


def remove(path: Path) -> None:
    """Remove a record with its log."""
    path.unlink(missing_ok=True)
    _log(path).unlink(missing_ok=True)


def _log(path: Path) -> Path:
    return path.with_suffix(".log")


def _read(path: Path) -> Record | None:
    try:
        return _RECORDS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _write(path: Path, record: Record) -> None:
    write_whole(path, _RECORDS.dump_json(record))


def main() -> int:
    """Do the task that stands on stdin."""
    path = Path(sys.argv[1])
    task = _TASKS.validate_json(sys.stdin.buffer.read())
    running = Record(_command(task), "running", os.getpid(), time.time())
    _write(path, running)
    if isinstance(task, Examination | Estimation):
        clock = threading.Timer(task.max_seconds, _give_up, (path, running, task.max_seconds))
        clock.daemon = True
        clock.start()
    ended = _done(task, running, _log(path))
    _write(path, replace(ended, ended=time.time()))
    return 0


def _do(task: Task, running: Record) -> Record:
    from makeweight.face.data import load_data
    from makeweight.face.expected import expect
    from makeweight.face.resuming import resume
    from makeweight.face.studies import Study, plan_study, run, train
    from makeweight.studies.session import Machine
    from makeweight.web.papers import write_paper

    done = replace(running, state="done")
    match task:
        case Training():
            train(task.family, task.budget, task.data, name=task.name, store=task.store, **task.settings)
        case NewStudy():
            run(plan_study(task.asked, load_data(task.data), task.name, task.store), Machine())
        case Estimation(study=study):
            planned = plan_study(study.asked, load_data(study.data), study.name, study.store)
            return replace(done, expected=expect(planned, Machine()))
        case Preparation():
            try:
                return replace(done, prepared=load_data(_place(task.data), **task.options).path.name)
            finally:
                if task.uploaded:
                    shutil.rmtree(Path(task.data).parent, ignore_errors=True)
        case Writing():
            write_paper(task)
        case Resumption():
            resume(task.folder, Machine()).report()
        case Examination():
            return replace(done, diagnosis=Study(task.folder)[task.network][task.seed].diagnose(seconds=task.seconds))
    return done


def _place(data: str) -> str | Path:
    return Path(data) if Path(data).is_absolute() else data  # a path is never a name of the catalogue


def _done(task: Task, running: Record, log: Path) -> Record:
    try:
        return _do(task, running)
    except (KeyboardInterrupt, SystemExit) as interruption:
        return replace(running, state="stopped", message=str(interruption))
    except MakeweightError as error:
        return replace(running, state="failed", message=str(error))
    except Exception as error:
        traceback.print_exc()
        return replace(running, state="failed", message=BROKEN.format(type(error).__name__, log))


def _give_up(path: Path, running: Record, seconds: float) -> None:
    words = f"it took more than {seconds:.0f} s and was given up."
    _write(path, replace(running, state="failed", message=words, ended=time.time()))
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
