"""``makeweight serve`` and ``makeweight study --serve``, as processes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.store.store import Store

Start = Callable[..., "subprocess.Popen[str]"]
URL = re.compile(r"http://\S+")


@pytest.fixture
def start(command: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start the command, and leave nothing of it behind."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [command, *arguments], cwd=tmp_path, env={**environment, "PYTHONUNBUFFERED": "1"}, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )
        )  # fmt: skip
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := URL.search(line):
            return found[0]
    raise AssertionError("no URL was printed")


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code > 0
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_url_that_lets_in_and_ends_cleanly_when_asked(start: Start, tmp_path: Path, number: int) -> None:
    (tmp_path / "studies").mkdir()
    process = start("serve")
    url = url_of(process)
    answer = httpx.get(url)
    assert answer.status_code == 303
    base = url.partition("/enter")[0]
    assert httpx.get(base, cookies=answer.cookies).status_code == 200
    assert "/enter?token=" in url_of(process), "the next browser's"
    process.send_signal(number)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0
    assert "Traceback" not in rest
    assert not is_up(base)


def test_without_any_study_it_starts_and_shows_how_to_begin(start: Start, tmp_path: Path) -> None:
    process = start("serve")
    url = url_of(process)
    page = httpx.get(url.partition("/enter")[0], cookies=httpx.get(url).cookies)
    assert page.status_code == 200
    for part in ("There is no study here yet.", 'href="./playground"', "makeweight study"):
        assert part in page.text
    assert not (tmp_path / "studies").exists()


def test_a_port_that_is_taken_is_named(run_command: Any, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run_command("serve", "--port", port, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: port {port} is taken by another program.")
        study = run_command("study", "--dataset", "digits", "--serve", "--port", port, cwd=tmp_path)
        assert study.returncode == 2
        assert "is taken" in study.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "add --allow-remote"),
        (("--host", "example.invalid", "--allow-remote"), "cannot listen on example.invalid"),
        (("--port", "70000"), "port 70000 is not possible"),
        (("nothing",), "there is no study 'nothing'"),
        (("../studies",), "is not possible"),
    ],
)
def test_what_cannot_be_served_gets_one_line(
    run_command: Any, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "studies").mkdir()
    done = run_command("serve", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_a_missing_extra_gets_one_line(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "studies").mkdir()
    program = "import sys; sys.modules['starlette'] = None; from makeweight.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.strip().splitlines()
    assert line.endswith("-m pip install 'makeweight[web]'")


SMALL = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "1", "--name", "watched",
         "--workers", "1", "--threads", "1", "--serve")  # fmt: skip


def test_a_study_that_is_served_can_be_watched_and_takes_the_dashboard_with_it(start: Start, tmp_path: Path) -> None:
    process = start(*SMALL, "--set", "epochs=300")
    url = url_of(process)
    assert "study=watched" in url
    deadline = time.monotonic() + 40
    while not (tmp_path / "studies" / "watched" / "study.db").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        page = browser.get(url)
        assert page.url.path == "/studies/watched"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (130, 0)
    assert not is_up(url)


def test_a_dashboard_ends_with_a_study_that_is_killed(start: Start) -> None:
    process = start(*SMALL, "--set", "epochs=3000")
    url = url_of(process)
    process.kill()
    deadline = time.monotonic() + 20
    while is_up(url):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def has_an_epoch(folder: Path) -> bool:
    if not (folder / "study.db").is_file():
        return False
    with Store.open(folder) as opened:
        return any(opened.epochs(row.job.key) for row in opened.jobs())


@pytest.mark.slow
def test_resume_goes_on_by_name_alone_with_the_recipe_of_before(start: Start, run_command: Any, tmp_path: Path) -> None:
    process = start(*SMALL[:-1], "--set", "epochs=150", "--set", "batch_size=512")
    assert process.stdout is not None
    deadline = time.monotonic() + 40
    while not has_an_epoch(tmp_path / "studies" / "watched"):
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended before it was stopped"
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    done = run_command("resume", "watched", "--threads", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "goes on after epoch" in done.stderr
    assert '"jobs_done": 1' in done.stdout


def test_resume_without_a_study_says_so(run_command: Any, tmp_path: Path) -> None:
    done = run_command("resume", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no study" in done.stderr
