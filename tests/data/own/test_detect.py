"""Which format a path is in, and which are refused (fault 33)."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from makeweight.data.form import Form
from makeweight.data.sources.registry import FORMATS, open_source
from makeweight.errors import DataFormatError, DataNotFound, MakeweightError


@pytest.mark.parametrize(
    "name", ["a.pkl", "a.pickle", "a.joblib", "a.pt", "a.pth", "a.mat", "a.h5", "a.hdf5", "a.npy", "A.PKL"]
)
def test_fault_33_formats_that_are_never_opened_say_how_to_convert(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataFormatError, match=r"numpy\.savez\('images\.npz', X=images, y=labels\)") as caught:
        open_source(tmp_path / name, Form())
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", ["data", "own.npz", "own.bin"])
def test_fault_33_a_pickle_is_known_by_its_bytes_and_never_opened(protocol: int, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(tmp_path / "opened"), protocol))
    with pytest.raises(DataFormatError, match="it is a pickle, and a pickle can run any program"):
        open_source(tmp_path / name, Form())
    assert not (tmp_path / "opened").exists()


def test_fault_33_pytorch_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    with pytest.raises(DataFormatError, match="a file of PyTorch"):
        open_source(tmp_path / "own.npz", Form())


@pytest.mark.parametrize("names", [("data_batch_1", "test_batch"), ("train", "test", "meta")])
def test_fault_33_the_python_version_of_cifar_names_the_binary_one(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"\x80\x02.")
    with pytest.raises(DataFormatError, match=r"get the binary version \(cifar-10-binary\.tar\.gz\) instead"):
        open_source(tmp_path, Form())
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(DataFormatError, match="get the binary version"):
        open_source(tmp_path / "cifar-10-python.tar.gz", Form())


@pytest.mark.parametrize("magic", [b"\x89HDF\r\n\x1a\n", b"MATLAB 5.0 MAT-file", b"\x93NUMPY"])
def test_other_formats_are_known_by_their_bytes(magic: bytes, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(magic + bytes(50))
    with pytest.raises(DataFormatError, match=r"numpy\.savez"):
        open_source(tmp_path / "data", Form())


def test_what_is_in_no_format_lists_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    for path in (tmp_path / "a.txt", tmp_path):
        with pytest.raises(DataFormatError) as caught:
            open_source(path, Form())
        assert all(kind.name in str(caught.value) for kind in FORMATS)


@pytest.mark.parametrize("name", ["none", "none/deeper", "a\0b", "x" * 300])
def test_what_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match="cannot be opened"):
        open_source(tmp_path / name, Form())


def test_pipes_and_loops_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.csv")
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    for name in ("own.csv", "loop.npz"):
        with pytest.raises(DataNotFound):
            open_source(tmp_path / name, Form())
    with pytest.raises(MakeweightError):
        open_source(tmp_path, Form())  # a folder with a pipe alone that is called as a CSV


def test_the_folder_one_is_in_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.csv").write_text("label,a,b,c,d\n1,1,2,3,4\n")
    monkeypatch.chdir(tmp_path / "own")
    assert open_source(Path(), Form()).name == "own"
    (tmp_path / "own" / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "own" / "deeper")
    assert open_source(Path(".."), Form()).name == "own"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", X=np.zeros((4, 5, 5), np.uint8), y=np.arange(4))
    (tmp_path / "own.npz").chmod(0)
    with pytest.raises(DataNotFound, match="cannot be opened"):
        open_source(tmp_path / "own.npz", Form())


def test_an_image_that_begins_as_a_pickle_is_an_image(tmp_path: Path) -> None:
    (tmp_path / "own.bin").write_bytes(b"\x80\x04" + bytes(3_071))
    assert open_source(tmp_path / "own.bin", Form()).describe(0) == "own.bin[0]"


def test_paths_may_have_spaces_and_any_letters(tmp_path: Path) -> None:
    folder = tmp_path / "mein Ordner ü 数"
    folder.mkdir()
    np.savez(folder / "Bilder ü.npz", X=np.zeros((4, 5, 5), np.uint8), y=np.array(["a", "b", "a", "b"]))
    source = open_source(folder / "Bilder ü.npz", Form())
    assert source.name == "Bilder ü.npz"
    assert source.describe(3) == "Bilder ü.npz, X[3]"
