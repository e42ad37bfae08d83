"""What the campaign disturbs: a study, a tuning, the migration of a store, data preparation, exports, a report."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from makeweight.data.dataset import PreparedDataset, open_prepared, prepare
from makeweight.data.prepare import prepare_own
from makeweight.data.sources.registry import open_source
from makeweight.designs.families import family_named
from makeweight.export.deployment import Int8
from makeweight.export.session import PURPOSE, export_run
from makeweight.face.gather import gather
from makeweight.jobs.executors.base import Event
from makeweight.jobs.executors.worker import events_of
from makeweight.jobs.job import Assignment
from makeweight.report.page.page import write_report
from makeweight.store.store import Store
from makeweight.studies import session as studies
from makeweight.studies.plan import plan
from makeweight.studies.runner import JobDone
from makeweight.studies.session import Machine, StudyPlan, run_study
from makeweight.studies.spec import make_spec
from makeweight.training.precision import Hardware
from makeweight.tuning import session as tunings
from makeweight.tuning.search import TrialEnded
from makeweight.tuning.session import TuningPlan, run_tuning

CLOCK = {"created", "finished", "opened", "train_seconds", "validation_seconds", "images_per_second", "environment"}
TABLES = ("study", "job", "epoch", "result", "score", "test_access")
NO_TABLE_MEANS = {"attempts", *CLOCK}  # columns that differ between runs that are equal
OWN = ("study.pid", "study.lock", "tuning.db-journal")  # of the process, and SQLite's while it writes
State = dict[str, object]


@dataclass(frozen=True)
class Scenario:
    """A piece of work that is disturbed."""

    name: str
    what: str  # for people
    begin: Callable[[Path], None]  # makes the folder as it is before
    work: Callable[[Path], Iterator[str]]  # yields what it tells the user is finished
    state: Callable[[Path], State]  # all that must be as after an undisturbed run
    check: Callable[[Path], None]  # raises if what a fault left is unsound
    finished: Callable[[Path], dict[str, object]]  # by what was told: what must not be touched any more


# ---- trainings in this process, because a worker's start takes a hundred times as long as these trainings --------


class Inline:
    """An executor that trains in this process, one job at a time, with a checkpoint after each epoch."""

    slots = 1

    def __init__(self) -> None:
        self._events: Iterator[Event] = iter(())

    def submit(self, assignment: Assignment) -> None:
        """Take a job."""
        self._events = events_of(replace(assignment, checkpoint_seconds=0.0), lambda: False)

    def events(self, timeout: float) -> list[Event]:
        """Return the next event."""
        event = next(self._events, None)
        return [] if event is None else [event]

    def cancel(self, key: str) -> None:
        """Let it run: it takes milliseconds."""

    def stop(self) -> None:
        """Let it run."""

    def close(self) -> None:
        """Forget the job."""


def train_here() -> None:
    """Let studies and tunings of this process train in it."""
    for module in (studies, tunings):
        setattr(module, "start_executor", lambda machine, jobs: (Inline(), Hardware("cpu", "fp32", 1)))  # noqa: B010


# ---- studies ------------------------------------------------------------------------------------------------------


def study_plan(folder: Path, data: PreparedDataset) -> StudyPlan:
    """Two networks of 2K weights, one seed, two epochs."""
    recipe = {"epochs": 2, "batch_size": 1_024, "precision": "fp32"}
    settings = {"dataset": "digits", "families": ["fcn", "cnn"], "budgets": ["2K"], "seeds": 1, "recipe": recipe}
    spec = make_spec(settings, "the campaign")
    return StudyPlan(folder / "small", "small", spec.to_json(), data, plan(spec, data))


def _study(data: PreparedDataset, folder: Path) -> Iterator[str]:
    for event in run_study(study_plan(folder, data), Machine()):
        if isinstance(event, JobDone):
            yield event.job.key


def rows(folder: Path) -> State:
    """All rows of a store without what the clock decides, and the digests of its files."""
    state: State = {}
    with closing(sqlite3.connect(folder / "study.db")) as database:
        for table in TABLES:
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] not in NO_TABLE_MEANS]
            chosen = [name for name in names if not (table == "test_access" and name == "id")]
            state[table] = sorted(map(repr, database.execute(f"SELECT {', '.join(chosen)} FROM {table}")))
    return state | files(folder)


def files(folder: Path) -> State:
    """Return the digest of each file; databases and processes' own files are left out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in OWN)
    return {
        str(path.relative_to(folder)): "" if ".db" in path.name else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def check_store(folder: Path) -> None:
    """Check databases with SQLite's own check, and that every finished job's files are there and whole."""
    for path in folder.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    for path in folder.rglob("study.db"):
        if _planned(path):
            with Store.open(path.parent) as store:
                for row in store.jobs():
                    if row.state == "done":
                        store.weights(row)
                        store.predictions(row)


def done_jobs(folder: Path) -> dict[str, object]:
    """Key of each finished job, and the identity of its files, which a second run must leave alone."""
    path = next(folder.rglob("study.db"), None)
    if path is None or not _planned(path):
        return {}
    with Store.open(path.parent) as store:
        keys = [row.job.key for row in store.jobs() if row.state == "done"]
    names = (".safetensors", ".test.safetensors")
    return {key: [_identity(path.parent / "weights" / f"{key}{name}") for name in names] for key in keys}


def _planned(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        return version > 2 and database.execute("SELECT count(*) FROM study").fetchone() == (1,)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


# ---- tunings ------------------------------------------------------------------------------------------------------


def _tune(data: PreparedDataset, folder: Path) -> Iterator[str]:
    fixed = {"epochs": 2, "batch_size": 1_024, "precision": "fp32"}
    plan_ = TuningPlan(folder / "tuned", "tuned", data, (family_named("fcn"),), 2_000, trials=2, fixed=fixed)
    for event in run_tuning(plan_, Machine()):
        if isinstance(event, TrialEnded):
            yield f"trial {event.number}"
        if isinstance(event, JobDone):
            yield event.job.key


def _tuned(folder: Path) -> State:
    """Return what there must be: a search that was disturbed draws other points."""
    from makeweight.store.trials import read_tuning

    tuning, [study] = read_tuning(folder / "tuned"), folder.glob("*/study.db")
    assert tuning is not None
    with Store.open(study.parent) as store:
        jobs = store.jobs()
        looks = [len(store.test_accesses(row.job.key)) for row in jobs]
        weights = sorted(f"{row.job.key}{end}.safetensors" for row in jobs for end in ("", ".test"))
    return {
        "trials": sum(trial.state in ("complete", "pruned") for trial in tuning.trials),
        "open": sum(trial.state in ("running", "waiting") for trial in tuning.trials),
        "winner": tuning.winner is not None,
        "jobs": [row.state for row in jobs],
        "looks": looks,
        "debris": sorted(path.name for path in study.parent.glob("weights/*") if path.name not in weights),
        "files": sorted(path.name for path in study.parent.iterdir() if path.name not in OWN),
    }


def _trials(folder: Path) -> dict[str, object]:
    from makeweight.store.trials import read_tuning

    tuning = read_tuning(folder / "tuned")
    ended = [trial for trial in tuning.trials if trial.state in ("complete", "pruned")] if tuning else []
    return {f"trial {trial.number}": trial.shares for trial in ended} | done_jobs(folder)


# ---- a store of the first schema ----------------------------------------------------------------------------------


def _old_store(data: PreparedDataset, folder: Path) -> None:
    for _ in _study(data, folder):
        pass
    with closing(sqlite3.connect(folder / "small" / "study.db", isolation_level=None)) as database:
        for statement in (
            "DROP TABLE score", "DROP TABLE measurement", "ALTER TABLE job DROP COLUMN variant",
            "ALTER TABLE study DROP COLUMN class_names", "ALTER TABLE study DROP COLUMN data_path",
            "PRAGMA user_version = 1",
        ):  # fmt: skip
            database.execute(statement)


def _backup_is_whole(folder: Path) -> None:
    """Check the store, and the copy that was made of it if the store isn't the old one any more."""
    check_store(folder)
    if _planned(folder / "small" / "study.db"):
        with closing(sqlite3.connect(folder / "small" / "study.db.v1.bak")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("SELECT count(*) FROM result").fetchone() == (2,)


def _migrate(data: PreparedDataset, folder: Path) -> Iterator[str]:
    yield from _study(data, folder)
    yield "migrated"


def _migrated(folder: Path) -> dict[str, object]:
    return {"migrated": ""} if _planned(folder / "small" / "study.db") else {}


# ---- data, exports and reports ------------------------------------------------------------------------------------


def _pictures(folder: Path) -> None:
    for number in range(24):
        place = folder / f"class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")


def _prepare(pictures: Path, folder: Path) -> Iterator[str]:
    prepare_own(open_source(pictures), cache_dir=folder / "cache")
    yield "prepared"


def _prepared(folder: Path) -> dict[str, object]:
    found = [path.parent for path in folder.glob("cache/pictures-*/meta.json")]
    for path in found:
        open_prepared(path).verify()
    return {"prepared": ""} if found else {}


def _finished_study(data: PreparedDataset, folder: Path) -> None:
    for _ in _study(data, folder):
        pass


def _export(data: PreparedDataset, format_: str, folder: Path) -> Iterator[str]:
    with Store.create(folder / "small") as store:
        row = next(row for row in store.jobs() if row.job.family == "fcn")
        store.record_test_access([row.job.key], PURPOSE)
        export_run(store, row, data, folder / "exported", format_=format_, int8=Int8() if format_ == "c" else None)
    yield "exported"


def _exported(folder: Path) -> dict[str, object]:
    whole = (folder / "exported").is_dir()
    return {"exported": ""} if whole else {}


def _export_files(folder: Path) -> State:
    """Return the names, and the digests of what holds no time."""
    kept = {"small", "README.md", "report.json"}
    return {
        name: "" if name.split("/")[-1] in kept else digest
        for name, digest in files(folder).items()
        if not name.startswith("small/")
    } | {"debris": [path.name for path in folder.rglob("*") if ".tmp" in path.name]}


def _report(folder: Path) -> Iterator[str]:
    write_report(gather(folder / "small"), folder / "small", interactive=False)
    yield "report"


def _reported(folder: Path) -> dict[str, object]:
    page = folder / "small" / "report.html"
    whole = page.is_file() and page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert whole or not page.exists()
    return {"report": ""} if whole else {}


@contextmanager
def scenarios(cache: Path) -> Iterator[dict[str, Scenario]]:
    """Yield all scenarios by name; their trainings run in this process."""
    data = prepare("digits", cache_dir=cache)
    train_here()
    _pictures(cache / "pictures")
    base = partial(_finished_study, data)
    store: dict[str, Any] = {"state": lambda folder: rows(folder / "small"), "check": check_store}
    nothing: Callable[[Path], None] = lambda folder: (folder / "studies").mkdir()  # noqa: E731
    found: list[Any] = [
        Scenario("study", "a study of two trainings with checkpoints", nothing, partial(_study, data),
                 finished=done_jobs, **store),
        Scenario("tune", "a tuning of two trials, its confirmation and its test", nothing, partial(_tune, data), _tuned,
                 check_store, _trials),
        Scenario("migration", "a store of the first schema, brought up to date", partial(_old_store, data),
                 partial(_migrate, data), store["state"], _backup_is_whole, _migrated),
        Scenario("preparation", "a folder of pictures, prepared", nothing, partial(_prepare, cache / "pictures"), files,
                 lambda folder: None, _prepared),
        Scenario("export-c", "an export to C in float32 and int8", base, partial(_export, data, "c"), _export_files,
                 check_store, _exported),
        Scenario("export-onnx", "an export to ONNX", base, partial(_export, data, "onnx"), _export_files, check_store,
                 _exported),
        Scenario("report", "the report of a study", base, _report, store["state"], check_store, _reported),
    ]  # fmt: skip
    yield {scenario.name: scenario for scenario in found}
    shutil.rmtree(cache, ignore_errors=True)
