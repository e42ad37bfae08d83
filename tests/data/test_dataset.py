"""Preparing once, opening fast, surviving damage, kills, races and full disks."""

from __future__ import annotations

import json
import pickle
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from makeweight.data import catalog
from makeweight.data.dataset import PreparedDataset, cache_root, open_prepared, prepare
from makeweight.errors import DataFormatError, DataMismatch, DataNotFound, InvalidValue, StoreError

if TYPE_CHECKING:
    from conftest import Tiny

MakeTiny = Callable[..., "Tiny"]
RunPython = Callable[[str], subprocess.CompletedProcess[str]]
Pack = Callable[[np.ndarray], bytes]


@pytest.fixture
def tiny(make_tiny: MakeTiny, tmp_path: Path) -> Tiny:
    made = make_tiny(system_folder=str(tmp_path / "system"))
    made.write_to(tmp_path / "system")
    return made


def _debris(cache: Path) -> list[str]:
    return [path.name for path in cache.glob(".preparing-*")]


def test_arrays_are_those_of_the_files_mapped_and_read_only(tiny: Tiny) -> None:
    prepared = prepare("tiny")
    assert (prepared.name, prepared.image_shape, prepared.classes) == ("tiny", (1, 5, 4), 2)
    assert prepared.class_names == ("even", "odd")
    for part, role in ((prepared.training_images(), "train"), (prepared.test_images(), "test")):
        np.testing.assert_array_equal(part.images[:, 0], tiny.arrays[f"{role}_images"])
        np.testing.assert_array_equal(part.labels, tiny.arrays[f"{role}_labels"])
        assert isinstance(part.images, np.memmap)
        assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int64)
        assert not part.images.flags.writeable


def test_the_test_set_is_not_held_by_any_field(tiny: Tiny) -> None:
    prepared = prepare("tiny")
    values = [getattr(prepared, field.name) for field in fields(prepared)]
    assert not any(isinstance(value, np.ndarray) for value in values)
    assert len(pickle.dumps(prepared)) < 2000  # a worker gets the address, not the images


def test_open_by_path_equals_prepare(tiny: Tiny) -> None:
    prepared = prepare("tiny")
    assert open_prepared(prepared.path) == prepared
    prepared.verify()


def test_digest_depends_on_content_only(tiny: Tiny, tmp_path: Path) -> None:
    packed = prepare("tiny")
    unpacked = prepare("tiny", data_dir=tiny.write_to(tmp_path / "plain", unpacked=True))
    assert packed.path != unpacked.path
    assert packed.digest == unpacked.digest


def test_other_content_gets_its_own_folder_and_digest(tiny: Tiny, tmp_path: Path, pack_idx: Pack) -> None:
    mine = tiny.write_to(tmp_path / "mine")
    changed = tiny.arrays["train_images"].copy()
    changed[0, 0, 0] ^= 1
    (mine / "train_images.gz").write_bytes(pack_idx(changed))
    official, own = prepare("tiny"), prepare("tiny", data_dir=mine)
    assert own.path.name.startswith("tiny-")
    assert official.digest != own.digest
    assert prepare("tiny") == official
    assert prepare("tiny", data_dir=mine) == own


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train_images.npy", lambda content: content[:-1]),
        ("test_labels.npy", lambda content: content + b"x"),
        ("meta.json", lambda content: b""),
        ("meta.json", lambda content: b"[]"),
        ("meta.json", lambda content: b"\xff\xfe"),
        ("meta.json", lambda content: content.replace(b'"odd"', b'"odd", "third"')),
        ("meta.json", lambda content: content.replace(b'"format": 1', b'"format": 2')),
        ("meta.json", lambda content: content.replace(b'"sha256": "', b'"sha256": "0')),
    ],
)
def test_damaged_cache_is_seen_and_prepared_again(
    name: str, damage: Callable[[bytes], bytes], tiny: Tiny, tmp_path: Path
) -> None:
    prepared = prepare("tiny")
    path = prepared.path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataMismatch, match=r"is damaged .* delete this folder"):
        open_prepared(prepared.path)
    assert prepare("tiny") == prepared
    assert _debris(tmp_path / "cache") == []


def test_damaged_cache_without_a_source_is_said(make_tiny: MakeTiny, tmp_path: Path) -> None:
    tiny = make_tiny(("http://127.0.0.1:1/",))
    prepared = prepare("tiny", data_dir=tiny.write_to(tmp_path / "files"))
    (prepared.path / "test_images.npy").unlink()
    with pytest.raises(DataNotFound, match=r"is damaged \(test_images.npy has None bytes.*files=DIR"):
        prepare("tiny")


def test_verify_finds_a_flipped_byte(tiny: Tiny) -> None:  # fault 16
    prepared = prepare("tiny")
    path = prepared.path / "test_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataMismatch, match=r"test_images\.npy"):
        open_prepared(prepared.path).verify()


def test_array_of_another_kind_is_never_unpickled(tiny: Tiny) -> None:  # fault 33
    prepared = prepare("tiny")
    path = prepared.path / "train_labels.npy"
    hostile = pickle.dumps({"x": 1})
    path.write_bytes(hostile + bytes(path.stat().st_size - len(hostile)))
    with pytest.raises(DataMismatch, match=r"train_labels\.npy cannot be mapped"):
        prepared.training_images()


def test_nothing_prepared_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match="no prepared data in"):
        open_prepared(tmp_path / "absent")


def test_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidValue, match="Did you mean 'digits'"):
        prepare("digitz")


def test_killed_process_leaves_nothing_that_counts(
    tiny: Tiny, tmp_path: Path, run_python: RunPython
) -> None:  # faults 1, 3, 37
    code = f"""
import os, signal
from pathlib import Path
from makeweight.data import cache, catalog, meta
from makeweight.data.fetch import locate_given
from makeweight.data.prepare import build_published
entry = catalog.CATALOG["mnist"]
from dataclasses import replace
files = tuple(
    catalog.RemoteFile(f"{{role}}.gz", "sha256:0", role, 1)
    for role in ("train_images", "train_labels", "test_images", "test_labels"))
entry = replace(
    entry, name="tiny", image_shape=(1, 5, 4), classes=2, class_names=("even", "odd"), files=files)
meta.write = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
source = locate_given(entry, Path({str(tmp_path / "system")!r}))
with cache.alone(Path({str(tmp_path / "cache")!r}), "tiny"):
    build_published(source, Path({str(tmp_path / "cache")!r}))
"""
    finished = run_python(code)
    assert finished.returncode == -9, finished.stderr
    assert len(_debris(tmp_path / "cache")) == 1
    assert not (tmp_path / "cache" / "tiny").exists()
    prepare("tiny").verify()
    assert _debris(tmp_path / "cache") == []


def test_full_disk_is_said_and_leaves_nothing(tiny: Tiny, tmp_path: Path, run_python: RunPython) -> None:  # fault 8
    code = f"""
import resource
from pathlib import Path
from makeweight.data.dataset import prepare
from makeweight.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # writes beyond it fail as on a full disk
try:
    prepare("digits", cache_dir=Path({str(tmp_path / "small")!r}))
except StoreError as error:
    print(error)
"""
    finished = run_python(code)
    assert "cannot be written (File too large); make room or set MAKEWEIGHT_CACHE" in finished.stdout, finished.stderr
    assert [path.name for path in (tmp_path / "small").iterdir()] == [".lock-digits"]


def test_cache_that_cannot_be_written_is_named(tiny: Tiny, tmp_path: Path) -> None:  # faults 9, 62
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/cache cannot be written .*MAKEWEIGHT_CACHE"):
        prepare("tiny", cache_dir=tmp_path / "file" / "cache")


def test_prepared_data_opens_from_a_cache_that_cannot_be_written(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare("tiny")
    monkeypatch.setattr("makeweight.data.cache.alone", None)  # any attempt to prepare would fail
    assert prepare("tiny") == prepared


def test_cache_root_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_root(tmp_path / "given") == tmp_path / "given"
    assert cache_root() == tmp_path / "cache"
    monkeypatch.delenv("MAKEWEIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "makeweight"


def test_paths_with_spaces_and_other_letters(tiny: Tiny, tmp_path: Path) -> None:  # fault 63
    prepare("tiny", cache_dir=tmp_path / "Größe 数 x").verify()


def test_prepared_files_follow_the_umask(tiny: Tiny) -> None:
    assert prepare("tiny").path.stat().st_mode & 0o055 == 0o055  # a shared cache can be read by others


def test_many_at_once_prepare_one(tiny: Tiny, tmp_path: Path) -> None:  # fault 39
    gate, results = threading.Barrier(4), []

    def work() -> None:
        gate.wait()
        results.append(prepare("tiny"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    results[0].verify()
    assert _debris(tmp_path / "cache") == []


def test_without_locks_the_first_rename_wins(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 39
    from makeweight.data.fetch import locate
    from makeweight.data.prepare import build_published

    prepared = prepare("tiny")
    before = (prepared.path / "meta.json").stat().st_ino
    build_published(locate(tiny.entry, tmp_path / "downloads"), tmp_path / "cache")  # as one that lost the race
    assert (prepared.path / "meta.json").stat().st_ino == before
    assert _debris(tmp_path / "cache") == []


def test_images_of_another_shape_are_refused(tiny: Tiny, tmp_path: Path, pack_idx: Pack) -> None:
    mine = tiny.write_to(tmp_path / "mine")
    (mine / "train_images.gz").write_bytes(pack_idx(np.zeros((40, 8, 8))))
    with pytest.raises(DataFormatError, match=r"are \(1, 8, 8\) .* tiny has \(1, 5, 4\)"):
        prepare("tiny", data_dir=mine)
    assert _debris(tmp_path / "cache") == []


def test_class_absent_from_the_test_part_is_said(tiny: Tiny, tmp_path: Path, pack_idx: Pack) -> None:  # fault 25
    mine = tiny.write_to(tmp_path / "mine")
    (mine / "test_labels.gz").write_bytes(pack_idx(np.zeros(20)))
    with pytest.warns(UserWarning, match="test part of tiny has no image of class odd"):
        prepare("tiny", data_dir=mine)


def test_emnist_is_read_from_its_zip_and_turned(tmp_path: Path, pack_idx: Pack) -> None:
    import gzip

    upright = np.zeros((47, 28, 28), dtype=np.uint8)
    upright[:, 3, 20] = np.arange(47) + 100  # row 3, column 20
    images, labels = pack_idx(upright.swapaxes(1, 2)), pack_idx(np.arange(47))
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for part in ("train", "test"):
            archive.writestr(f"gzip/emnist-balanced-{part}-images-idx3-ubyte.gz", gzip.compress(images))
            archive.writestr(f"gzip/emnist-balanced-{part}-labels-idx1-ubyte.gz", gzip.compress(labels))
    prepared = prepare("emnist-balanced", data_dir=tmp_path)
    np.testing.assert_array_equal(prepared.test_images().images[:, 0], upright)
    with zipfile.ZipFile(tmp_path / "gzip.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert prepare("emnist-balanced", data_dir=tmp_path / "unpacked").digest == prepared.digest


def test_cifar_is_read_from_its_unpacked_folder(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number, name in enumerate([f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]):
        rows = np.full((10, 3073), number, dtype=np.uint8)
        rows[:, 0] = np.arange(10)
        (folder / name).write_bytes(rows.tobytes())
    prepared = prepare("cifar-10", data_dir=tmp_path)
    assert prepared.training_images().images.shape == (50, 3, 32, 32)
    assert prepared.training_images().images[::10, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert prepared.test_images().images[0, 0, 0, 0] == 5


def test_digits_have_their_recorded_content() -> None:
    prepared = prepare("digits")
    entry = catalog.find("digits")
    train, test = prepared.training_images(), prepared.test_images()
    assert (len(train.labels), len(test.labels)) == (entry.train_images, entry.test_images) == (1438, 359)
    assert int(train.images.max()) == 255
    # Results name the digest: another test part would need another format number.
    assert prepared.digest == "b9a3703e1df77a5064960e74f36a6a82777a09e6bad34e0a42e15f1ea7871561"


def test_fashion_mnist_is_prepared_once_and_opens_in_milliseconds(fashion_mnist: Path, tmp_path: Path) -> None:
    entry = catalog.find("fashion-mnist")
    prepared = prepare("fashion-mnist", data_dir=fashion_mnist)
    assert prepared.path == tmp_path / "cache" / "fashion-mnist"
    assert prepared.digest == "6843d5a2e252741aee2ac6801bf7451c59c21c4b3e382bfd1da39456293fbc03"
    train, test = prepared.training_images(), prepared.test_images()
    assert train.images.shape == (entry.train_images, 1, 28, 28)
    assert test.images.shape == (entry.test_images, 1, 28, 28)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert train.labels[:3].tolist() == [9, 0, 0]
    times = []
    for _ in range(20):
        start = time.perf_counter()
        open_prepared(prepared.path).training_images()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02  # 1 ms here


def test_meta_is_plain_json_with_counts_and_checksums(tiny: Tiny) -> None:
    content = json.loads((prepare("tiny").path / "meta.json").read_text())
    assert content["arrays"]["train_images"]["shape"] == [40, 1, 5, 4]
    assert len(content["digest"]) == len(content["arrays"]["test_labels"]["sha256"]) == 64


def test_records_are_frozen(tiny: Tiny) -> None:
    prepared = prepare("tiny")
    assert replace(prepared) == prepared
    assert isinstance(prepared, PreparedDataset)
    with pytest.raises(AttributeError):
        prepared.name = "other"  # type: ignore[misc]
