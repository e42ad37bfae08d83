"""A crash, a full disk or a folder that cannot be written: the store stays valid."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.jobs.result import Job, Result
from makeweight.store import database
from makeweight.store import store as store_module
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store

KILLED = Path(__file__).with_name("killed_at_every_point.py")


def files(store: Store) -> list[str]:
    return sorted(path.name for path in (store.folder / "weights").iterdir())


def replan(store: Store, jobs: list[Job]) -> None:
    store.plan(StudyRow("study", "{}", "digits", "d" * 64), jobs)


def test_killed_at_any_point_a_store_names_no_missing_file_and_the_job_can_be_finished(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    ran = subprocess.run(
        [sys.executable, KILLED, tmp_path], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    points, *found = ran.stdout.split(maxsplit=1)
    assert int(points) > 40
    # The points lie before, between and behind all that is written.
    assert found == ["done epoch 0 epoch 1 epoch 2\n"]


def test_files_are_written_before_the_row_that_names_them_and_are_swept_if_it_never_comes(
    store: Store, jobs: list[Job], make_result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Store.create(store.folder) as other, Store.create(store.folder) as impatient:
        other._database._connection.execute("BEGIN IMMEDIATE")  # as a program that holds the file would
        with pytest.raises(StoreError, match=r"study\.db: database is locked\. Check that"):
            impatient.finish(jobs[0].key, make_result())
        other._database._connection.execute("ROLLBACK")
    assert len(files(store)) == 2
    assert store.jobs()[0].state == "pending"
    replan(store, jobs)
    assert files(store) == []
    store.finish(jobs[0].key, make_result())
    assert store.weights(store.jobs()[0])


def test_only_what_a_crash_left_is_swept(store: Store, jobs: list[Job], make_result) -> None:
    store.finish(jobs[0].key, make_result())
    store.record_epoch(jobs[1].key, make_result().epochs[0], b"checkpoint")
    kept = [*files(store), "notes.txt", "model.onnx", f"{jobs[0].key}.safetensors.bak"]
    debris = [
        f"{jobs[0].key}.safetensors.tmp",
        f"{jobs[2].key}.safetensors",
        f"{jobs[2].key}.test.safetensors",
        f"{jobs[2].key}.3.checkpoint.safetensors",
        f"{jobs[2].key}.3.checkpoint.safetensors.tmp",
    ]
    for name in (*kept[3:], *debris):
        (store.folder / "weights" / name).write_bytes(b"left behind")
    replan(store, jobs)
    assert files(store) == sorted(kept)
    assert store.weights(store.jobs()[0])


def test_a_job_goes_on_from_its_last_checkpoint_and_forgets_what_lies_behind_it(
    store: Store, jobs: list[Job], make_result
) -> None:
    key, epochs = jobs[0].key, make_result(epochs=3).epochs
    for record, checkpoint in zip(epochs, (b"first", b"second", None), strict=True):
        store.record_epoch(key, record, checkpoint)
    progress = store.progress(key)
    assert progress.epochs == epochs[:2] == store.epochs(key)
    assert progress.checkpoint == b"second"


def test_a_kill_between_a_checkpoint_and_its_row_keeps_the_one_before(
    store: Store, jobs: list[Job], make_result, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, epochs = jobs[0].key, make_result(epochs=2).epochs
    store.record_epoch(key, epochs[0], b"first")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "_insert_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        store.record_epoch(key, epochs[1], b"second")
    assert len(files(store)) == 2
    progress = store.progress(key)
    assert (progress.epochs, progress.checkpoint) == (epochs[:1], b"first")


@pytest.mark.parametrize("damage", ["flipped", "short", "missing"])
def test_a_damaged_checkpoint_costs_its_epochs_and_not_the_job(
    store: Store, jobs: list[Job], make_result, damage: str
) -> None:
    key, epochs = jobs[0].key, make_result(epochs=3).epochs
    store.record_epoch(key, epochs[0], b"a checkpoint")
    [name] = files(store)
    path = store.folder / "weights" / name
    path.unlink() if damage == "missing" else path.write_bytes({"flipped": b"a Checkpoint", "short": b"a"}[damage])
    progress = store.progress(key)
    assert (progress.epochs, progress.checkpoint) == ((), None)
    assert store.epochs(key) == ()


def test_the_checkpoint_goes_when_the_result_is_there(store: Store, jobs: list[Job], make_result) -> None:
    store.record_epoch(jobs[0].key, make_result().epochs[0], b"checkpoint")
    store.finish(jobs[0].key, make_result())
    assert files(store) == [f"{jobs[0].key}.safetensors", f"{jobs[0].key}.test.safetensors"]


def record_epochs(store: Store, job: Job, result: Result) -> None:
    for record in result.epochs:
        store.record_epoch(job.key, record, None)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes: to a program that is a disk which is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))  # Python ignores the signal
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_leaves_a_store_that_goes_on(store: Store, jobs: list[Job], make_result) -> None:
    store.finish(jobs[0].key, make_result())
    with largest_file(1_000), pytest.raises(StoreError, match=rf"cannot write .*{jobs[1].key}\.safetensors.*File too"):
        store.finish(jobs[1].key, make_result(1))
    with largest_file(1_000), pytest.raises(StoreError, match=r"cannot use .*study\.db"):
        record_epochs(store, jobs[1], make_result(epochs=200))
    assert [row.state for row in store.jobs()] == ["done", "pending", "pending"]
    assert store.weights(store.jobs()[0])
    store.finish(jobs[1].key, make_result(1))
    replan(store, jobs)
    assert len(files(store)) == 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 600 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_the_study_goes_on_when_there_is_room(
    small_disk: Path, jobs: list[Job], make_result
) -> None:
    ballast = small_disk / "ballast"
    with Store.create(small_disk / "study") as store:
        replan(store, jobs)
        store.finish(jobs[0].key, make_result())
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(10_000_000))
        with pytest.raises(StoreError, match=r"No space left on device\. Free some room and run the same command"):
            store.finish(jobs[1].key, make_result(1))
        with pytest.raises(StoreError, match=r"is full\. Free some room"):
            record_epochs(store, jobs[1], make_result(epochs=2_000))
    with Store.open(small_disk / "study") as reader:
        assert [row.state for row in reader.jobs()] == ["done", "pending", "pending"]
        assert reader.weights(reader.jobs()[0])
    ballast.unlink()
    with Store.create(small_disk / "study") as store:
        replan(store, jobs)
        store.finish(jobs[1].key, make_result(1))
        assert [row.state for row in store.jobs()] == ["done", "done", "pending"]


def test_a_store_that_sqlite_could_not_finish_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk fills while it switches to WAL, SQLite reports nothing, and leaves a journal that it needs."""
    connect = database._connect

    def out_of_room(path: Path) -> sqlite3.Connection:
        path.with_name(f"{path.name}-journal").write_bytes(b"what SQLite would undo")
        return connect(tmp_path / "elsewhere.db")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_connect", out_of_room)
        with pytest.raises(StoreError, match=r"the disk may be full\. Free some room and run the same command again"):
            Store.create(tmp_path / "study")
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["weights"]
    Store.create(tmp_path / "study").close()


def test_a_store_that_has_no_room_to_begin_says_so(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(590_000))
    with pytest.raises(StoreError, match=r"(full|No space left on device)\. Free some room"):
        Store.create(small_disk / "study")
    (small_disk / "ballast").unlink()
    Store.create(small_disk / "study").close()


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot write .*Not a directory.*Give a folder that can be written"):
        Store.create(tmp_path / "file" / "study")
