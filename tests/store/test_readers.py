"""Many may read while one writes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from makeweight.jobs.result import Job
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.store.trials import open_storage, read_tuning

EPOCHS = 200


def test_readers_are_never_locked_out_and_see_whole_epochs(store: Store, jobs: list[Job], make_result) -> None:
    key, result, written = jobs[0].key, make_result(epochs=EPOCHS), threading.Event()
    seen: list[list[int]] = [[], []]
    errors: list[Exception] = []

    def watch(counts: list[int]) -> None:
        try:
            while not written.is_set():
                with Store.open(store.folder) as reader:
                    epochs, [row, *_] = reader.epochs(key), reader.jobs()
                    counts.append(len(epochs))
                    assert epochs == result.epochs[: len(epochs)]
                    if row.state == "done":
                        assert reader.predictions(row) is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=watch, args=(counts,)) for counts in seen]
    for thread in threads:
        thread.start()
    for record in result.epochs:
        store.record_epoch(key, record, b"checkpoint" if record.epoch % 50 == 0 else None)
    store.finish(key, result)
    written.set()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    for counts in seen:
        assert counts == sorted(counts)
        assert len(set(counts)) > 3  # it really looked while the writer wrote


def test_a_reader_that_stays_open_sees_what_is_written_later(store: Store, jobs: list[Job], make_result) -> None:
    with Store.open(store.folder) as reader:
        assert reader.jobs()[0].state == "pending"
        store.finish(jobs[0].key, make_result())
        assert reader.jobs()[0].state == "done"


def test_a_name_with_spaces_marks_and_other_letters_is_no_hindrance(
    tmp_path: Path, jobs: list[Job], make_result
) -> None:
    folder = tmp_path / "Prüfung #1?mode=rw&x 100% 名"
    with Store.create(folder) as store:
        store.plan(StudyRow("study", "{}", "digits", "d" * 64), jobs)
        store.finish(jobs[0].key, make_result())
    with Store.open(folder) as reader:
        assert reader.weights(reader.jobs()[0])


def test_a_reader_of_trials_never_meets_a_file_in_the_making(tmp_path: Path) -> None:
    """One did, made the missing tables itself, and so broke the process whose file it was."""
    errors: list[Exception] = []
    for number in range(5):
        folder, made = tmp_path / str(number), threading.Event()
        folder.mkdir()

        def watch(folder: Path = folder, made: threading.Event = made) -> None:
            try:
                while not made.is_set():
                    assert read_tuning(folder) is None  # no search has begun
            except Exception as error:
                errors.append(error)

        reader = threading.Thread(target=watch)
        reader.start()
        try:
            open_storage(folder).engine.dispose()
        finally:
            made.set()
            reader.join(timeout=60)
        assert [path.name for path in folder.iterdir()] == ["tuning.db"]
    assert not errors


READ_ONCE_THERE = """
import sys, time
from pathlib import Path
from makeweight.store.store import Store

folder, ready = Path(sys.argv[1]), Path(sys.argv[2])
ready.touch()
while not (folder / "study.db").is_file():
    pass
with Store.open(folder) as store:
    assert store.planned() is None
"""


def test_a_reader_never_meets_a_store_in_the_making(tmp_path: Path) -> None:
    for attempt in range(5):
        folder, ready = tmp_path / f"study{attempt}", tmp_path / f"ready{attempt}"
        folder.mkdir()
        reader = subprocess.Popen(
            [sys.executable, "-c", READ_ONCE_THERE, str(folder), str(ready)], stderr=subprocess.PIPE, text=True
        )
        while not ready.exists():
            time.sleep(0.001)
        Store.create(folder).close()
        _, said = reader.communicate(timeout=60)
        assert reader.returncode == 0, said
