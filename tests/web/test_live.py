"""A study that really runs, as its event stream tells it; stopped, resumed, killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.store.store import Store
from makeweight.studies.lock import ask_to_stop, runner_of
from makeweight.web import work


def said(stream: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream."""
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture
def running(
    endless: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, all_end: Any
) -> Iterator[tuple[Path, int]]:
    """A study that has begun, and not from the dashboard: its record isn't where that would look."""
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    pid = work.begin(work.Resumption(endless), endless.parent / "elsewhere" / "record.json").pid
    try:
        until(lambda: epochs(endless) > 0)
        yield endless, pid
    finally:
        ask_to_stop(endless)
        assert all_end([pid], 30)


def until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def epochs(folder: Path) -> int:
    with Store.open(folder) as opened:
        return sum(len(opened.epochs(row.job.key)) for row in opened.jobs())


def test_a_page_gets_the_whole_study_and_then_every_epoch_until_it_is_stopped_and_again_when_resumed(
    running: tuple[Path, int], serve: Any, all_end: Any
) -> None:
    folder, pid = running
    assert runner_of(folder) == pid
    with serve(folder.parent) as served, served.enter() as client:
        assert "running" in client.get("/studies/endless").text
        with client.stream("GET", "/studies/endless/events") as stream:
            events = said(stream)
            name, whole = next(events)
            assert (name, whole["state"], whole["canStop"]) == ("whole", "running", True)
            [curve] = whole["curves"]
            seen = [point[0] for point in curve["points"]]
            while len(seen) < len(curve["points"]) + 20:
                name, content = next(events)
                if name == "epoch":
                    assert content["key"] == curve["key"]
                    seen.append(content["point"][0])
            assert seen == list(range(1, len(seen) + 1)), "each epoch once, in order"
            assert client.post("/studies/endless/stop", json={}).status_code == 202
            assert client.post("/studies/endless/stop", json={}).status_code in (202, 409)  # a second one kills nothing
            stopped = next(content for name, content in events if name == "overview" and content["state"] != "running")
            assert (stopped["state"], stopped["canResume"]) == ("stopped", True)
        assert client.post("/studies/endless/stop", json={}).status_code == 409
        assert runner_of(folder) is None
        kept = epochs(folder)
        assert kept >= len(seen)
        assert client.post("/studies/endless/resume", json={}).status_code == 202
        resumed = runner_of(folder)
        assert resumed not in (None, pid)
        try:
            assert client.post("/studies/endless/resume", json={}).status_code == 409
            until(lambda: epochs(folder) > kept)
        finally:
            ask_to_stop(folder)
            assert all_end([resumed], 30)


def test_a_killed_runner_is_seen_though_it_wrote_nothing(running: tuple[Path, int], serve: Any) -> None:
    folder, pid = running
    with (
        serve(folder.parent) as served,
        served.enter() as client,
        client.stream("GET", "/studies/endless/events") as stream,
    ):
        events = said(stream)
        assert next(events)[1]["state"] == "running"
        os.kill(pid, signal.SIGKILL)
        assert next(c for name, c in events if name == "overview" and c["state"] != "running")["state"] == "stopped"


def test_streams_end_with_the_server_and_begin_anew_with_the_next(store: Path, serve: Any) -> None:
    with serve(store) as served:
        port, client = int(served.base.rpartition(":")[2]), served.enter()
        with client.stream("GET", "/studies/small/events") as stream:
            events = said(stream)
            assert next(events)[0] == "whole"
            served.server.should_exit = True
            assert list(events) == []
    with serve(store, port=port) as again, client.stream("GET", "/studies/small/events") as stream:
        assert again.base == served.base
        assert next(said(stream))[0] == "whole"  # the cookie is still known
    client.close()


def test_a_stream_of_nothing_is_refused(client: httpx.Client) -> None:
    assert client.get("/studies/nothing/events").status_code == 404
    assert client.get("/studies/broken/events").status_code == 400
