"""Damaged data are refused before anything is trained on them, and whole data are hashed once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.designs.families import family_named
from makeweight.errors import DataMismatch
from makeweight.jobs.job import Assignment, run_job
from makeweight.jobs.result import Job
from makeweight.jobs.verified import verify_once
from makeweight.store.store import Store
from makeweight.studies.session import Machine, StudyPlan, run_study
from makeweight.training.precision import Hardware
from makeweight.tuning.session import TuningPlan, run_tuning


@pytest.fixture
def data(digits: PreparedDataset, tmp_path: Path) -> PreparedDataset:
    """The digits in a folder of their own, to damage."""
    unverified = shutil.ignore_patterns("*.verified")
    return open_prepared(Path(shutil.copytree(digits.path, tmp_path / "digits", ignore=unverified)))


def flip_a_byte(folder: Path) -> None:
    """Flip one byte of an image, and set back the time of change as far as a program can."""
    path = folder / "train_images.npy"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1_000] ^= 0x10
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_the_labels(folder: Path) -> None:
    labels = np.load(folder / "test_labels.npy", mmap_mode="r+")
    labels[:] = 0
    labels.flush()


def call_bytes_signed(folder: Path) -> None:
    path = folder / "test_images.npy"
    path.write_bytes(path.read_bytes().replace(b"|u1", b"|i1", 1))


DAMAGES = pytest.mark.parametrize("damage", [flip_a_byte, change_the_labels, call_bytes_signed])


@DAMAGES
def test_a_study_on_damaged_data_is_refused_before_training(
    data: PreparedDataset, damage: Callable[[Path], None], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    verify_once(data)  # as an earlier study did
    damage(data.path)
    plan = StudyPlan(tmp_path / "study", "study", "{}", data, [make_job(epochs=1)])
    with pytest.raises(DataMismatch, match=r"damaged \(the content of \w+\.npy is not what was written\)"):
        list(run_study(plan, Machine(workers=1)))
    with Store.open(plan.folder) as store:
        assert [row.attempts for row in store.jobs()] == [0]


def test_a_tuning_on_damaged_data_is_refused_before_training(data: PreparedDataset, tmp_path: Path) -> None:
    flip_a_byte(data.path)
    plan = TuningPlan(tmp_path / "tuned", "tuned", data, (family_named("fcn"),), 2_000, trials=1)
    with pytest.raises(DataMismatch, match=r"damaged \(the content of train_images\.npy"):
        list(run_tuning(plan, Machine(workers=1)))


@DAMAGES
def test_a_worker_refuses_damaged_data(
    data: PreparedDataset, damage: Callable[[Path], None], make_job: Callable[..., Job]
) -> None:
    damage(data.path)
    with pytest.raises(DataMismatch, match="is not what was written"):
        next(run_job(Assignment(make_job(epochs=1), data.path, Hardware("cpu", "fp32", 1))))


def test_whole_data_are_hashed_once_by_all_processes(data: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = list[str]()
    monkeypatch.setattr(PreparedDataset, "verify", lambda self, parts: hashed.extend(parts))
    for _ in range(2):
        monkeypatch.setattr("makeweight.jobs.verified._verified", set())  # another process
        verify_once(data)
    assert hashed == ["train", "test"]
    os.utime(data.path / "test_labels.npy")
    verify_once(data, testing=False)
    assert hashed == ["train", "test"]
    verify_once(data)
    assert hashed == ["train", "test", "test"]
    verify_once(replace(data, digest="0" * 64))
    assert hashed == ["train", "test", "test", "train", "test"]


def test_a_folder_that_cannot_be_written_is_hashed_once_a_process(
    data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "test"):
        (data.path / f"{part}.verified").mkdir()
    hashed = list[str]()
    monkeypatch.setattr(PreparedDataset, "verify", lambda self, parts: hashed.extend(parts))
    for _ in range(2):
        verify_once(data)
    assert hashed == ["train", "test"]
