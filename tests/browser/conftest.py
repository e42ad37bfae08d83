"""A report in a real browser that has no network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from makeweight.cli.contents import gather, with_images
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
        pytest.skip("needs chromium: scripts/get-chromium, or your system's package")
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
