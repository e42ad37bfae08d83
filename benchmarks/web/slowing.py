"""What serving costs a study that trains: the wall time of the same study with and without, in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.output import progress
from benchmarks.web.serving import processor_seconds, said, serving


def slowing(store: Path, epochs: int, rounds: int) -> dict[str, Any]:
    """Train alone, then with a server and one page that follows, and the other way round in the next round."""
    alone, shown = [], []
    for number in range(rounds):
        legs: list[tuple[list[dict[str, float]], Callable[[Path, int], dict[str, float]]]]
        legs = [(alone, _alone), (shown, _shown)]
        for kept, leg in legs if number % 2 == 0 else legs[::-1]:
            kept.append(leg(store / f"{number}-{leg.__name__.strip('_')}", epochs))
    ratios = [b["wall_s"] / a["wall_s"] for a, b in zip(alone, shown, strict=True)]
    found = {
        "alone": alone, "shown": shown, "ratios": ratios, "ratio": statistics.median(ratios), "n": rounds,
        "server_share_of_machine": statistics.median(leg["server_share"] for leg in shown),
    }  # fmt: skip
    progress(f"slowing: {found}")
    return found


def _study(store: Path, epochs: int) -> subprocess.Popen[bytes]:
    """Two trainings side by side, with more epochs a second than studies have."""
    what = ("--dataset=digits", "--families=cnn", "--budgets=20K", "--seeds=2", f"--set=epochs={epochs}")
    command = [sys.executable, "-m", "makeweight", "study", *what, "--name=real", f"--store={store}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _alone(store: Path, epochs: int) -> dict[str, float]:
    store.mkdir(parents=True)
    start = time.perf_counter()
    _study(store, epochs).wait()
    return {"wall_s": time.perf_counter() - start}


def _shown(store: Path, epochs: int) -> dict[str, float]:
    store.mkdir(parents=True)
    with serving(store) as (client, pid):
        count = [0]
        cpu, start = processor_seconds(pid), time.perf_counter()
        process = _study(store, epochs)
        threading.Thread(target=_page, args=(client, count), daemon=True).start()
        process.wait()
        wall, used = time.perf_counter() - start, processor_seconds(pid) - cpu
    return {"wall_s": wall, "epochs_seen": count[0], "server_share": used / wall / (os.cpu_count() or 1)}


def _page(client: httpx.Client, count: list[int]) -> None:
    """Follow the study as a page does, until the server ends."""
    try:
        while client.get("/studies/real").status_code != 200:
            time.sleep(0.2)
        with client.stream("GET", "/studies/real/events") as stream:
            for name, _, _ in said(stream):
                count[0] += name == "epoch"
    except (httpx.HTTPError, RuntimeError):
        return  # the server has ended, and the client was closed
