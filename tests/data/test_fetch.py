"""Where files come from: folder, system package, mirrors; what is said when they do not (faults 36 to 39)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from makeweight.data import download as download_module
from makeweight.data.dataset import prepare
from makeweight.data.download import DownloadFailed, download
from makeweight.data.fetch import locate, locate_given
from makeweight.errors import DataNotFound, InvalidValue, StoreError

if TYPE_CHECKING:
    from conftest import Mirror, Tiny

MakeTiny = Callable[..., "Tiny"]
StartMirror = Callable[[], "Mirror"]


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("below", [False, True])
def test_folder_given_may_be_unpacked_or_hold_a_sub_folder(
    unpacked: bool, below: bool, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    tiny = make_tiny()
    tiny.write_to(tmp_path / "tiny" if below else tmp_path, unpacked=unpacked)
    source = locate_given(tiny.entry, tmp_path)
    assert source is not None
    assert set(source.files) == set(tiny.arrays)
    # The published files go to the folder of the name, anything else to one of its own.
    assert (source.key == "tiny") != unpacked


def test_missing_file_in_the_folder_given_is_an_error_at_once(make_tiny: MakeTiny, tmp_path: Path) -> None:
    tiny = make_tiny(system_folder=str(tmp_path / "system"))
    tiny.write_to(tmp_path / "system")  # must not be used silently
    tiny.write_to(tmp_path / "mine")
    (tmp_path / "mine" / "test_labels.gz").unlink()
    with pytest.raises(DataNotFound, match=r"files=.*mine lacks test_labels\.gz of tiny"):
        prepare("tiny", data_dir=tmp_path / "mine")


def test_folder_given_that_is_absent_is_named(make_tiny: MakeTiny, tmp_path: Path) -> None:
    make_tiny()
    with pytest.raises(DataNotFound, match=f"files={tmp_path / 'nowhere'} is not a folder"):
        prepare("tiny", data_dir=tmp_path / "nowhere")


def test_variable_names_the_folder(make_tiny: MakeTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = make_tiny()
    tiny.write_to(tmp_path / "all" / "tiny")
    monkeypatch.setenv("MAKEWEIGHT_DATA", str(tmp_path / "all"))
    assert prepare("tiny").name == "tiny"
    (tmp_path / "all" / "tiny" / "test_images.gz").unlink()
    with pytest.raises(DataNotFound, match=r"MAKEWEIGHT_DATA=.* lacks test_images\.gz"):
        prepare("tiny")


def test_variable_for_other_data_sets_is_passed_over(
    make_tiny: MakeTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = make_tiny(system_folder=str(tmp_path / "system"))
    tiny.write_to(tmp_path / "system")
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("MAKEWEIGHT_DATA", str(tmp_path / "other"))
    assert prepare("tiny").name == "tiny"
    assert prepare("digits").name == "digits"


def test_digits_need_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="digits needs no files"):
        prepare("digits", data_dir=tmp_path)


def test_no_network_says_what_was_tried_and_what_helps(make_tiny: MakeTiny, tmp_path: Path) -> None:  # fault 36
    make_tiny(("http://127.0.0.1:1/", "http://name.invalid/"), system_folder=str(tmp_path / "system"))
    start = time.monotonic()
    with pytest.raises(DataNotFound) as caught:
        prepare("tiny")
    assert time.monotonic() - start < 6
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        "127.0.0.1: no connection",
        "name.invalid: no connection",
        "files=DIR",
        "MAKEWEIGHT_DATA",
        "install Debian's package dataset-tiny",
        str(tmp_path / "system"),
        str(tmp_path / "cache" / "downloads" / "tiny"),
        "dataset=digits",
    ):
        assert part in text


def test_a_name_server_that_hangs_costs_three_seconds_in_all(
    make_tiny: MakeTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 36
    tiny = make_tiny(("http://a.invalid/", "http://b.invalid/"))
    over = threading.Event()
    monkeypatch.setattr(download_module, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(20) and [])
    start = time.monotonic()
    with pytest.raises(DownloadFailed, match=r"a\.invalid: no connection, b\.invalid: no connection"):
        download(tiny.entry.files[0], tiny.entry.mirrors, tmp_path)
    over.set()
    assert time.monotonic() - start < 2


def test_prepared_data_needs_no_source(make_tiny: MakeTiny, tmp_path: Path) -> None:  # fault 36
    tiny = make_tiny()
    digest = prepare("tiny", data_dir=tiny.write_to(tmp_path / "files")).digest
    assert prepare("tiny").digest == digest


def test_download_from_a_mirror(make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path) -> None:
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.serve(tiny.contents)
    lines: list[str] = []
    prepared = prepare("tiny", progress=lines.append)
    assert mirror.requests == [f"/{name}" for name in tiny.contents]
    assert (prepared.training_images().images[:, 0] == tiny.arrays["train_images"]).all()
    assert lines[0].startswith("train_images.gz: 0.0 of")
    prepare("tiny")
    assert len(mirror.requests) == 4  # the second time comes from the cache


def test_downloads_are_kept_for_the_next_preparation(make_tiny: MakeTiny, start_mirror: StartMirror) -> None:
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.serve(tiny.contents)
    (prepare("tiny").path / "meta.json").unlink()
    prepare("tiny")
    assert len(mirror.requests) == 4


def test_files_copied_into_the_cache_are_used(make_tiny: MakeTiny, tmp_path: Path) -> None:
    tiny = make_tiny(("http://127.0.0.1:1/",))
    tiny.write_to(tmp_path / "cache" / "downloads" / "tiny")
    assert prepare("tiny").path.name == "tiny"


def _broken(content: bytes, kind: str) -> tuple[int, bytes]:
    """Return the promised length and the bytes of a faulty answer."""
    return {
        "partial": (len(content), content[:-7]),  # fault 37
        "wrong": (len(content), content[:-1] + b"!"),  # fault 38
        "too long": (len(content) + 9, content + b"surplus.."),
        "empty": (0, b""),
    }[kind]


@pytest.mark.parametrize("kind", ["partial", "wrong", "too long", "empty", "missing"])
def test_faulty_mirror_is_passed_over(
    kind: str, make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path
) -> None:
    bad, good = start_mirror(), start_mirror()
    tiny = make_tiny((bad.url, good.url))
    good.serve(tiny.contents)
    if kind != "missing":
        bad.answers = {f"/{name}": _broken(content, kind) for name, content in tiny.contents.items()}
    file, folder = tiny.entry.files[0], tmp_path / "downloads"
    assert download(file, tiny.entry.mirrors, folder).read_bytes() == tiny.contents[file.name]
    assert bad.requests == good.requests == [f"/{file.name}"]
    assert [path.name for path in folder.iterdir()] == [file.name]  # no debris


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("partial", "ChunkedEncodingError"), ("wrong", "wrong checksum"), ("too long", "more than")],
)
def test_faulty_download_is_never_promoted(
    kind: str, reason: str, make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path
) -> None:
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.answers = {f"/{name}": _broken(content, kind) for name, content in tiny.contents.items()}
    with pytest.raises(DataNotFound, match=f"127.0.0.1: {reason}"):
        locate(tiny.entry, tmp_path / "downloads")
    assert list((tmp_path / "downloads").iterdir()) == []


def test_wrong_file_in_the_downloads_is_replaced(
    make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path
) -> None:  # fault 38
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.serve(tiny.contents)
    folder = tiny.write_to(tmp_path / "downloads")
    (folder / "test_labels.gz").write_bytes(b"something else")
    locate(tiny.entry, folder)
    assert mirror.requests == ["/test_labels.gz"]
    assert (folder / "test_labels.gz").read_bytes() == tiny.contents["test_labels.gz"]


def test_downloads_at_once_do_not_corrupt(
    make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path
) -> None:  # fault 39
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.serve(tiny.contents)
    file, folder, gate = tiny.entry.files[0], tmp_path / "downloads", threading.Barrier(4)
    results: list[bytes] = []

    def work() -> None:
        gate.wait()
        results.append(download(file, tiny.entry.mirrors, folder).read_bytes())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [tiny.contents[file.name]] * 4
    assert [path.name for path in folder.iterdir()] == [file.name]


def test_folder_that_cannot_be_written_is_named(make_tiny: MakeTiny, start_mirror: StartMirror, tmp_path: Path) -> None:
    mirror = start_mirror()
    tiny = make_tiny((mirror.url,))
    mirror.serve(tiny.contents)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"file/below cannot be written .* MAKEWEIGHT_CACHE"):
        download(tiny.entry.files[0], tiny.entry.mirrors, tmp_path / "file" / "below")


def test_without_a_mirror_the_reason_is_said(make_tiny: MakeTiny, tmp_path: Path) -> None:
    entry = replace(make_tiny().entry, mirrors=())
    with pytest.raises(DataNotFound, match="no mirror is known"):
        locate(entry, tmp_path)


def test_debian_files_count_as_the_originals(fashion_mnist: Path) -> None:
    from makeweight.data.catalog import find

    source = locate_given(find("fashion-mnist"), fashion_mnist)
    assert source is not None
    assert source.key == "fashion-mnist"
