"""The real command in a process of its own, what it takes of the machine, and what it says to a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CLIENTS = 100


@contextmanager
def served(store: Path) -> Iterator[tuple[str, int]]:
    """Run the command; give the URL that lets one browser in, and the process's id."""
    command = [sys.executable, "-m", "makeweight", "serve", "--store", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serving(store: Path) -> Iterator[tuple[httpx.Client, int]]:
    """Run the command, and come in."""
    with served(store) as (url, pid):
        limits = httpx.Limits(max_connections=2 * CLIENTS)
        base, cookies = url.partition("/enter")[0], httpx.get(url).cookies
        with httpx.Client(base_url=base, cookies=cookies, timeout=60, limits=limits) as client:
            yield client, pid


def said(stream: httpx.Response) -> Iterator[tuple[str, Any, float]]:
    """Yield events with the moment that they came."""
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:]), time.perf_counter()


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
