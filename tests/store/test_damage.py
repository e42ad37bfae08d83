"""Damaged files: one clear line, and all that is whole stays usable."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.jobs.result import Job
from makeweight.store.store import Store
from makeweight.store.weights import WeightFiles

DATABASE_FILES = ("study.db", "study.db-wal", "study.db-shm")


@pytest.fixture
def two_done(store: Store, jobs: list[Job], make_result) -> Path:
    """The folder of a store with two results, closed."""
    for seed, job in enumerate(jobs[:2]):
        store.finish(job.key, make_result(seed))
    store.close()
    return store.folder


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("ending", ["safetensors", "test.safetensors"])
@pytest.mark.parametrize("position", [0, 20, -1])
def test_one_flipped_bit_in_a_file_costs_that_file_alone(
    two_done: Path, jobs: list[Job], ending: str, position: int
) -> None:
    name = f"{jobs[0].key}.{ending}"
    flip(two_done / "weights" / name, position)
    with Store.open(two_done) as store:
        broken, whole, _ = store.jobs()
        read, other = (store.weights, store.predictions)[:: 1 if ending == "safetensors" else -1]
        with pytest.raises(StoreError, match=rf"{name} is damaged: its SHA-256.*Train this network again"):
            read(broken)
        assert other(broken) is not None
        assert store.weights(whole)
        assert len(store.predictions(whole).labels) == 50


HOSTILE = {
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00.",
    "nothing": b"",
    "a header of an exabyte": (1 << 60).to_bytes(8, "little") + b"{}",
    "a header that is no JSON": (2).to_bytes(8, "little") + b"}{",
    "a tensor beyond the file": (66).to_bytes(8, "little")
    + b'{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}}'[:66],
    "a tensor of no known type": (58).to_bytes(8, "little")
    + b'{"a":{"dtype":"OBJECT","shape":[1],"data_offsets":[0,1]}}  ',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_fault_34_hostile_tensors_whose_checksum_fits_are_refused(
    two_done: Path, jobs: list[Job], content: bytes
) -> None:
    path = two_done / "weights" / f"{jobs[0].key}.safetensors"
    path.write_bytes(content)
    with Store.create(two_done) as store, store._database.transaction() as connection:
        digest = hashlib.sha256(content).hexdigest()
        connection.execute("UPDATE result SET weights_sha256 = ? WHERE job = ?", (digest, jobs[0].key))
    with Store.open(two_done) as store:
        with pytest.raises(StoreError, match=rf"{path.name} holds no tensors") as caught:
            store.weights(store.jobs()[0])
        assert "\n" not in str(caught.value)


def test_fault_32_a_file_outside_the_folder_is_never_read(two_done: Path, tmp_path: Path) -> None:
    files = WeightFiles(two_done / "weights")
    for name in ("../study.db", "/etc/passwd", "a\0b", f"../{'0' * 32}.safetensors"):
        with pytest.raises(StoreError, match="isn't a file of a study"):
            files.read(name, "0" * 64)


def test_a_missing_file_is_named(two_done: Path, jobs: list[Job]) -> None:
    (two_done / "weights" / f"{jobs[0].key}.safetensors").unlink()
    with Store.open(two_done) as store:
        with pytest.raises(StoreError, match=rf"cannot read .*{jobs[0].key}\.safetensors: No such file"):
            store.weights(store.jobs()[0])
        assert store.weights(store.jobs()[1])


def read_all(folder: Path) -> None:
    with Store.open(folder) as store:
        store.study()
        store.wall_seconds()
        for row in store.jobs():
            store.epochs(row.job.key)
            store.test_accesses(row.job.key)
            if row.result is not None:
                store.predictions(row)


@pytest.mark.parametrize("flips", [1, 40])
def test_flipped_bytes_in_the_database_never_end_in_a_traceback(two_done: Path, flips: int) -> None:
    original, rng, refused = (two_done / "study.db").read_bytes(), random.Random(flips), list[str]()
    for _ in range(60):
        content = bytearray(original)
        for _ in range(flips):
            content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        for name in DATABASE_FILES:
            (two_done / name).unlink(missing_ok=True)
        (two_done / "study.db").write_bytes(content)
        try:
            read_all(two_done)
        except StoreError as error:
            refused.append(str(error))
    assert refused
    assert all(str(two_done) in message for message in refused)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but a text", b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_no_store_is_refused_by_readers(two_done: Path, content: bytes) -> None:
    for name in DATABASE_FILES:
        (two_done / name).unlink(missing_ok=True)
    (two_done / "study.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"study\.db"):
        Store.open(two_done)


def test_a_text_in_place_of_the_database_is_not_written_over(two_done: Path) -> None:
    for name in DATABASE_FILES:
        (two_done / name).unlink(missing_ok=True)
    text = b"my notes, which are long enough to be taken for a page of a database" * 20
    (two_done / "study.db").write_bytes(text)
    with pytest.raises(StoreError, match=r"is not a makeweight store, or is damaged"):
        Store.create(two_done)
    assert (two_done / "study.db").read_bytes() == text


def test_a_database_cut_short_is_refused(two_done: Path) -> None:
    path = two_done / "study.db"
    path.write_bytes(path.read_bytes()[: 4_096 * 2])
    with pytest.raises(StoreError, match=r"study\.db is not a makeweight store, or is damaged"):
        read_all(two_done)


def test_a_pickle_is_never_loaded(two_done: Path, jobs: list[Job], tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    pickle = f"cpathlib\nPath.touch\n(cpathlib\nPath\n(S'{proof}'\ntRtR.".encode()
    (two_done / "weights" / f"{jobs[0].key}.safetensors").write_bytes(pickle)
    with Store.open(two_done) as store, pytest.raises(StoreError, match="is damaged"):
        store.weights(store.jobs()[0])
    assert not proof.exists()
