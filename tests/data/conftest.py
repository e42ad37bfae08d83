"""Fixtures of the data tests: a cache of their own, small real files, and a mirror on loopback."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from makeweight.data import catalog
from makeweight.data.catalog import CatalogEntry, RemoteFile

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ROLES = ("train_images", "train_labels", "test_images", "test_labels")


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache, folder and proxy out of the tests."""
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    monkeypatch.delenv("MAKEWEIGHT_DATA", raising=False)
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def fashion_mnist() -> Path:
    """The real files of Debian's package."""
    if not (FASHION_MNIST / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"Fashion-MNIST is not in {FASHION_MNIST}; install Debian's dataset-fashion-mnist")
    return FASHION_MNIST


@pytest.fixture(scope="session")
def pack_idx() -> Callable[[np.ndarray], bytes]:
    """Write an array in the IDX format."""

    def pack(array: np.ndarray) -> bytes:
        header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        return header + array.astype(np.uint8).tobytes()

    return pack


@dataclass
class Tiny:
    """A data set of 40 + 20 images of 5 by 4 pixels and 2 classes, known to the catalogue as "tiny"."""

    entry: CatalogEntry
    contents: dict[str, bytes]  # gzipped files by name
    arrays: dict[str, np.ndarray]  # by role

    def write_to(self, folder: Path, *, unpacked: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            if unpacked:
                (folder / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))
            else:
                (folder / name).write_bytes(content)
        return folder


def _labelled(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    images = rng.integers(0, 256, (count, 5, 4), dtype=np.uint8)
    return images, np.arange(count, dtype=np.uint8) % 2


@pytest.fixture
def make_tiny(monkeypatch: pytest.MonkeyPatch, pack_idx: Callable[[np.ndarray], bytes]) -> Callable[..., Tiny]:
    """Make the tiny data set and enter it in the catalogue."""

    def make(mirrors: tuple[str, ...] = (), system_folder: str | None = None) -> Tiny:
        rng = np.random.default_rng(5)
        arrays = dict(zip(ROLES, (*_labelled(rng, 40), *_labelled(rng, 20)), strict=True))
        contents = {f"{role}.gz": gzip.compress(pack_idx(array), mtime=0) for role, array in arrays.items()}
        files = tuple(
            RemoteFile(name, f"sha256:{hashlib.sha256(content).hexdigest()}", name.removesuffix(".gz"), len(content))
            for name, content in contents.items()
        )
        entry = CatalogEntry(
            "tiny", "Tiny", (1, 5, 4), 2, ("even", "odd"), 40, 20, files, mirrors, "idx", "none", "this test",
            system_folder, "dataset-tiny" if system_folder else None,
        )  # fmt: skip
        monkeypatch.setitem(catalog.CATALOG, "tiny", entry)
        return Tiny(entry, contents, arrays)

    return make


@dataclass
class Mirror:
    """A web server on loopback; `answers` maps a path to (promised length, bytes)."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def serve(self, contents: dict[str, bytes]) -> None:
        self.answers.update({f"/{name}": (len(content), content) for name, content in contents.items()})


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server asks for
            mirror.requests.append(self.path)
            promised, content = mirror.answers.get(self.path, (0, b""))
            self.send_response(200 if self.path in mirror.answers else 404)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    return Handler


@pytest.fixture
def start_mirror() -> Iterator[Callable[[], Mirror]]:
    """Start real web servers on loopback, stopped at the end."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start() -> Mirror:
        mirror = Mirror()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(mirror))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        mirror.url = f"http://127.0.0.1:{server.server_address[1]}/"
        return mirror

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def run_python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run code in a process of its own, which may die."""

    def run(code: str) -> subprocess.CompletedProcess[str]:
        paths = [path for path in sys.path if path]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)

    return run
