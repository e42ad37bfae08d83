"""Live updates: from the moment that the writer's transaction is through to the moment that a client has its line."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.output import progress
from benchmarks.web.serving import megabytes, said, serving
from benchmarks.web.studies import jobs, record
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.lock import study_lock


def listen(client: httpx.Client, path: str, come: dict[int, float], ready: threading.Event, last: int) -> None:
    """Note when each epoch comes."""
    with client.stream("GET", path) as stream:
        for name, content, moment in said(stream):
            ready.set()
            if name == "epoch":
                come[content["point"][0]] = moment
                if content["point"][0] >= last:
                    return


def live(store: Path, clients: int, epochs: int, every: float) -> dict[str, Any]:
    """Write epochs as a runner does, and see when they come to some clients; and what memory that takes the server."""
    folder, [job] = store / f"live-{clients}-{epochs}", jobs(1)[:1]
    job = replace(job, recipe=replace(job.recipe, epochs=epochs + 1))
    written: dict[int, float] = {}
    come: list[dict[int, float]] = [{} for _ in range(clients)]
    ready = [threading.Event() for _ in range(clients)]
    with study_lock(folder), Store.create(folder) as opened, serving(store) as (client, pid):
        opened.plan(StudyRow(folder.name, "{}", "digits", job.data_digest), [job])
        opened.start(job.key)
        opened.record_epoch(job.key, record(1), None)
        path, start = f"/studies/{folder.name}/events", time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            waiting = [pool.submit(listen, client, path, c, r, epochs) for c, r in zip(come, ready, strict=True)]
            for each in ready:
                each.wait(30)
            all_in = time.perf_counter() - start
            before = megabytes(pid)
            for epoch in range(2, epochs + 1):
                opened.record_epoch(job.key, record(epoch), None)
                written[epoch] = time.perf_counter()
                time.sleep(every)
            for future in waiting:
                future.result(60)
        after = megabytes(pid)
    late = [1_000 * (moment - written[epoch]) for each in come for epoch, moment in each.items() if epoch in written]
    got = sum(len(each) for each in come) / clients / (epochs - 1)
    found = {
        "clients": clients, "epochs": epochs, "all_connected_s": all_in, "share_received": got, "n": len(late),
        "p50_ms": statistics.median(late), "p99_ms": statistics.quantiles(late, n=100)[98], "max_ms": max(late),
        "rss_before_mb": before, "rss_after_mb": after,
    }  # fmt: skip
    progress(f"live: {found}")
    return found
