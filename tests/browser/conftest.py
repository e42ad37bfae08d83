"""A report in a real browser that has no network."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from makeweight.face.gather import gather, with_images
from makeweight.report.contents import Contents
from makeweight.report.page.page import write_report

CHROMIUM = shutil.which("chromium")
# The rest of its flags keeps chromium from calling home: the test would count that as the page's own request.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = (1280, 900), (390, 844)


@dataclass
class Opened:
    """A page that has drawn its charts, with all that it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def contents(finished, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """The finished study with test images and a look inside its networks, which the study would record."""
    folder = Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("looked") / "small"))
    found = with_images(gather(folder), folder, print, inside=True)
    assert len(found.inspections) == len(found.analysis.summary.networks)
    return found


@pytest.fixture(scope="session")
def report(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(contents, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium: scripts/get-tools, or your system's package")
    expect.set_options(timeout=20_000)  # a page that is slow on a busy machine is not wrong
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@contextmanager
def opening(browser: Browser, report: Path) -> Iterator[Callable[..., Opened]]:
    """Open pages, by default the report, without a network; each waits until its script has done its work."""
    contexts = []

    def open_it(path: Path = report, phone: bool = False, ready: str = "html.ready", **context: Any) -> Opened:
        width, height = PHONE if phone else DESKTOP
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, offline=True, **context))
        opened = Opened(contexts[-1].new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(path.as_uri())
        opened.page.wait_for_selector(ready, state="attached")
        return opened

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def open_report(browser: Browser, report: Path) -> Iterator[Callable[..., Opened]]:
    with opening(browser, report) as open_it:
        yield open_it


@pytest.fixture(scope="module")
def desktop(browser: Browser, report: Path) -> Iterator[Opened]:
    """One page for the tests that leave it usable: opening it anew takes longer than they do."""
    with opening(browser, report) as open_it:
        yield open_it()


@dataclass
class Dashboard:
    """The real command at work, that can be stopped and started again at the same address."""

    command: str
    environment: dict[str, str]
    store: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None
    urls: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        arguments = ["serve", "--store", str(self.store), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [self.command, *arguments], env={**self.environment, "PYTHONUNBUFFERED": "1"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.hear()
        self.port = int(self.urls[-1].split("/")[2].rpartition(":")[2])

    def hear(self) -> None:
        """Wait for the next URL that lets a browser in."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.urls.append(self.process.stdout.readline().rpartition(" ")[2].strip())
        assert self.urls[-1].startswith("http://"), "the server has ended"

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def dashboard(
    finished, other: Path, command: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """A dashboard on a store of its own with the finished studies."""
    store = tmp_path_factory.mktemp("dashboard")
    shutil.copytree(finished.folder, store / "small")
    shutil.copytree(other, store / "other")
    started = Dashboard(command, environment, store)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def visit(browser: Browser, dashboard: Dashboard) -> Iterator[Callable[..., Opened]]:
    """Come in with a new browser, and open a page; what the page complained of fails the test."""
    visits: list[tuple[Any, Opened]] = []

    def go(path: str, phone: bool = False, ready: str = "html.ready", **context: Any) -> Opened:
        width, height = PHONE if phone else DESKTOP
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        opened = Opened(made.new_page())
        visits.append((made, opened))
        opened.page.goto(dashboard.urls[-1])
        dashboard.hear()
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(f"{dashboard.base}{path}")
        if ready:
            opened.page.wait_for_selector(ready, state="attached")
        return opened

    yield go
    for made, opened in visits:
        made.close()
        assert [url for url in opened.requests if not url.startswith((dashboard.base, "data:", "blob:"))] == []
