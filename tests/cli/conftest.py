"""The command line in this process, and small files to give it."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from makeweight.cli.main import _run
from makeweight.data.catalog import find
from makeweight.data.dataset import PreparedDataset

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(
    digits: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run a command in an empty folder."""
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(digits.path.parent))
    monkeypatch.delenv("MAKEWEIGHT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["makeweight", *map(str, arguments)])
        capfd.readouterr()
        code = _run()
        return Ran(code, *capfd.readouterr())

    return run


def _pack(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def _first(part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of Fashion-MNIST, or what is nearest to them here."""
    if not FASHION_MNIST.is_dir():
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (count, 28, 28)), np.arange(count) % 10
    arrays = []
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        with gzip.open(FASHION_MNIST / f"{part}-{kind}-ubyte.gz") as file:
            size = count * (784 if header == 16 else 1)
            arrays.append(np.frombuffer(file.read(header + size), np.uint8)[header:])
    return arrays[0].reshape(count, 28, 28), arrays[1]


@pytest.fixture
def write_fashion(tmp_path: Path) -> Callable[..., Path]:
    """Write the first images of Fashion-MNIST, under the names of its files, to a folder."""

    def write(name: str, train: int = 400, test: int = 100) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        contents = [_pack(a) for part, n in (("train", train), ("t10k", test)) for a in _first(part, n)]
        for file, content in zip(find("fashion-mnist").files, contents, strict=True):
            (folder / file.name).write_bytes(content)
        return folder

    return write
