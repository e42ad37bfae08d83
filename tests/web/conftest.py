"""A real server on loopback, with a copy of the finished study."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.web.server import Address, Server, listen, make_server


@dataclass
class Served:
    """A server at work in a thread of this process."""

    store: Path
    server: Server
    base: str
    urls: list[str] = field(default_factory=list)  # as announced, the last lets the next browser in

    @property
    def token(self) -> str:
        return self.urls[-1].partition("token=")[2]

    def enter(self) -> httpx.Client:
        """Come in, as a browser does."""
        answer = httpx.get(f"{self.base}/enter", params={"token": self.token})
        assert answer.status_code == 303
        return httpx.Client(base_url=self.base, timeout=30, cookies=answer.cookies, headers={"Origin": self.base})


@contextmanager
def serving(
    store: Path, *only: str, port: int = 0, hosts: tuple[str, ...] = (), root: str = "", remote: bool = False
) -> Iterator[Served]:
    """Serve a store while the block runs."""
    urls: list[str] = []
    address = Address(port=port, remote=remote, hosts=hosts, root=root)
    listener = listen(address)
    server = make_server(store, only, address, urls.append, listener)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield Served(store, server, base, urls)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def store(finished, make_job, digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a finished study, one with nothing done, one that is damaged, and a file that is no study."""
    store = tmp_path_factory.mktemp("served")
    shutil.copytree(finished.folder, store / "small")
    with Store.create(store / "hostile") as opened:
        job = make_job()
        opened.plan(StudyRow("<b>x</b>", "{}", "<script>alert(1)</script>", digits.digest), [job])
        opened.fail(job.key, "</p><script>alert(2)</script>")
    (store / "broken").mkdir()
    (store / "broken" / "study.db").write_bytes(b"this is no database at all, whatever its name says" * 40)
    (store / "notes.txt").write_text("the user's own")
    return store


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """Serve another store."""
    return serving


@pytest.fixture(scope="session")
def served(store: Path) -> Iterator[Served]:
    with serving(store) as running:
        yield running


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[httpx.Client]:
    entered = served.enter()
    yield entered
    entered.close()


@pytest.fixture
def endless(digits, make_job, tmp_path: Path) -> Path:
    """A study that is planned and would take hours."""
    with Store.create(tmp_path / "endless") as opened:
        row = StudyRow("endless", "{}", "digits", digits.digest, digits.class_names, str(digits.path))
        opened.plan(row, [make_job(epochs=100_000, batch_size=512)])
    return tmp_path / "endless"


@pytest.fixture
def stranger(served: Served) -> Iterator[httpx.Client]:
    """A browser without a cookie."""
    with httpx.Client(base_url=served.base, timeout=10) as outside:
        yield outside
