"""The dashboard's figures: first pages, live updates, what serving costs a study, memory, and 100 clients at once.

    python -m benchmarks.web [--quick]

The server is the real command in a process of its own; the studies of 1,000 and 10,000 finished trainings are rows
without weight files, which the pages measured here do not read. A live update is timed from the moment that the
writer's transaction is through to the moment that a client has its line. What serving costs is the server's own
processor time while a real study trains and one page is open, as a share of all processors: wall time of two runs
differs by more than that on a shared machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.output import progress, save, table
from benchmarks.settings import Settings
from makeweight.data.dataset import prepare
from makeweight.jobs.result import Environment, Job
from makeweight.store.rows import ResultRow, StudyRow
from makeweight.store.store import Store, _insert_epoch, _insert_result
from makeweight.study.lock import study_lock
from makeweight.study.plan import plan
from makeweight.study.spec import StudySpec
from makeweight.training.records import EpochRecord

SEEDS = {1_000: 100, 10_000: 500}  # of ten and of twenty networks
EPOCHS = 20
PAGES = 20  # times each page is asked for
CLIENTS = 100
HERE = Environment("", "", "", "", "", "", 2, "cpu", "fp32", 1)


@contextmanager
def serving(store: Path) -> Iterator[tuple[httpx.Client, int]]:
    """Run the command, and come in."""
    command = [sys.executable, "-m", "makeweight", "serve", "--store", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        base, cookies = url.partition("/enter")[0], httpx.get(url).cookies
        threading.Thread(target=process.stdout.read, daemon=True).start()
        limits = httpx.Limits(max_connections=2 * CLIENTS)
        with httpx.Client(base_url=base, cookies=cookies, timeout=60, limits=limits) as client:
            yield client, process.pid
    finally:
        process.terminate()
        process.wait()


def jobs(seeds: int) -> list[Job]:
    """Ten networks, or twenty for very many seeds."""
    budgets = tuple(1_000 * (i + 2) for i in range(5 if seeds == SEEDS[1_000] else 10))
    spec = StudySpec(dataset="digits", families=("fcn", "cnn"), budgets=budgets, seeds=seeds, recipe={"epochs": EPOCHS})
    return plan(spec, prepare("digits"))


def record(epoch: int) -> EpochRecord:
    """Make an epoch that looks like one."""
    return EpochRecord(epoch, 2.0 / epoch, 2.1 / epoch, 1 - 0.9 / epoch, 0.01, 54_000, 1.0, 0.1)


def fill(folder: Path, planned: list[Job]) -> None:
    """Write a finished study without its weights."""
    result = ResultRow(0.9, 0.9, 360, 20.0, 50_000.0, HERE, "0" * 64, "0" * 64, "2026-01-01T00:00:00+00:00")
    with Store.create(folder) as store:
        store.plan(StudyRow(folder.name, "{}", "digits", planned[0].data_digest), planned)
        with store._database.transaction() as connection:
            for number, job in enumerate(planned):
                for epoch in range(1, EPOCHS + 1):
                    _insert_epoch(connection, job.key, record(epoch))
                _insert_result(connection, job.key, replace(result, test_accuracy=0.8 + (number % 97) / 1_000))
            connection.execute("UPDATE job SET state = 'done'")


def first_pages(store: Path, runs: int) -> dict[str, Any]:
    """Time the list of studies and the page of the large one, the first time and then again and again."""
    fill(store / f"runs-{runs}", jobs(SEEDS[runs]))
    found: dict[str, Any] = {}
    with serving(store) as (client, _):
        client.get("/data")  # the first page of all reads the templates
        for name, path in (("studies", "/"), ("study", f"/studies/runs-{runs}")):
            times = []
            for _ in range(PAGES):
                start = time.perf_counter()
                client.get(path).raise_for_status()
                times.append(1_000 * (time.perf_counter() - start))
            found[name] = {"first_ms": times[0], "p50_ms": statistics.median(times), "max_ms": max(times), "n": PAGES}
    progress(f"{runs:,} trainings: {found}")
    return found


def said(stream: httpx.Response) -> Iterator[tuple[str, Any, float]]:
    """Yield events with the moment that they came."""
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:]), time.perf_counter()


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


def cost_to_a_study(store: Path, epochs: int) -> dict[str, Any]:
    """Train for real with a page open, and read the server's processor time."""
    what = ("--dataset=digits", "--families=cnn", "--budgets=10K,20K", "--seeds=1", f"--set=epochs={epochs}")
    command = [sys.executable, "-m", "makeweight", "study", *what, "--name=real", f"--store={store}"]
    store.mkdir()
    with serving(store) as (client, pid):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while client.get("/studies/real").status_code != 200:
            time.sleep(0.2)
        stop, count = threading.Event(), [0]

        def page() -> None:
            with client.stream("GET", "/studies/real/events") as stream:
                for name, _, _ in said(stream):
                    count[0] += name == "epoch"
                    if stop.is_set():
                        return

        reader = threading.Thread(target=page, daemon=True)
        cpu, start = processor_seconds(pid), time.perf_counter()
        reader.start()
        process.wait()
        wall, used = time.perf_counter() - start, processor_seconds(pid) - cpu
        stop.set()
    found = {
        "epochs": count[0],
        "wall_s": wall,
        "server_cpu_s": used,
        "share_of_machine": used / wall / (os.cpu_count() or 1),
    }
    progress(f"cost: {found}")
    return found


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, print and save."""
    settings = Settings(quick="--quick" in sys.argv)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        found = {
            "first_pages": {str(runs): first_pages(store / str(runs), runs) for runs in SEEDS},
            "live": live(store / "live", 1, 30 if settings.quick else 60, 0.3),
            "hundred": live(store / "hundred", CLIENTS, 20, 0.5),
            "hour": live(store / "hour", 1, 300 if settings.quick else 3_600, 0.03),
            "cost": cost_to_a_study(store / "cost", 20 if settings.quick else 120),
        }
    save("web", settings, found)
    rows = [
        [f"{name}, {int(runs):,} trainings, first", f"{page['first_ms']:.0f} ms"]
        for runs, pages in found["first_pages"].items() for name, page in pages.items()
    ]  # fmt: skip
    rows += [
        ["live update, p50 / p99", f"{found['live']['p50_ms']:.0f} / {found['live']['p99_ms']:.0f} ms"],
        ["the same with 100 clients", f"{found['hundred']['p50_ms']:.0f} / {found['hundred']['p99_ms']:.0f} ms"],
        ["100 clients connected in", f"{found['hundred']['all_connected_s']:.1f} s"],
        ["memory over 3,600 updates", f"{found['hour']['rss_before_mb']:.0f} → {found['hour']['rss_after_mb']:.0f} MB"],
        ["processor time of the machine, one page open", f"{100 * found['cost']['share_of_machine']:.1f} %"],
    ]
    table("The dashboard", ["", ""], rows)


if __name__ == "__main__":
    main()
