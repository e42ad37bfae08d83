"""Memory of processes, as Linux counts it; all in MiB."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

INTERVAL_SECONDS = 0.1
IMAGES = "train_images.npy"  # of a prepared data set
WORKER = "spawn_main"  # in the command line of a process that multiprocessing started


def peak_rss(pid: int | str = "self") -> float:
    """Largest resident set size so far.

    Of this program alone: ``getrusage`` would begin with what its parent held when it started it.
    """
    return _field(pid, "status", "VmHWM")


def rss(pid: int | str = "self") -> float:
    """Resident set size now: pages that processes share count in each of them."""
    return _field(pid, "status", "VmRSS")


def pss(pid: int | str = "self") -> float:
    """Proportional set size now: a page that n processes share counts 1/n in each of them."""
    return _field(pid, "smaps_rollup", "Pss")


def anonymous(pid: int | str = "self") -> float:
    """Memory that is the process's own and no file's, now."""
    return _field(pid, "smaps_rollup", "Anonymous")


def mapped(pid: int | str, file: str) -> tuple[float, float]:
    """RSS and PSS of the mappings of files of this name."""
    sizes, inside = {"Rss:": 0.0, "Pss:": 0.0}, False
    for line in _read(Path(f"/proc/{pid}/smaps")).splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):  # the head of a mapping: its addresses, and at its end its file
            inside = line.endswith(f"/{file}")
        elif inside and first in sizes:
            sizes[first] += int(rest[0]) / 1024
    return sizes["Rss:"], sizes["Pss:"]


def workers(pid: int) -> list[int]:
    """Process ids of the workers that a process has started."""
    children = [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in _read(path).split()]
    return [child for child in children if WORKER in _read(Path(f"/proc/{child}/cmdline"))]


@dataclass(frozen=True, slots=True)
class Moment:
    """The workers at the moment when they held most."""

    workers: int = 0
    rss_mb: float = 0.0  # sum: shared pages count in each
    pss_mb: float = 0.0  # sum: pages that workers share count once
    anonymous_mb: float = 0.0  # sum: what is each worker's own, its normalised images included


@dataclass(frozen=True, slots=True)
class MappedImages:
    """The workers' mappings of the prepared images, at the moment when they held most."""

    rss_mb: float = 0.0  # sum
    pss_mb: float = 0.0  # sum: each page once


@dataclass
class Sampler:
    """Looks at a process and its workers ten times a second; what is shorter than that can be missed.

    Peaks are the system's own high-water marks and are exact up to the last look.
    """

    with_pss: bool = False  # costs a walk through the page tables each time
    main_peak_mb: float = 0.0
    worker_peaks_mb: dict[int, float] = field(default_factory=dict)  # by process id
    fullest: Moment = field(default_factory=Moment)
    images: MappedImages = field(default_factory=MappedImages)

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Watch while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(pid, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, pid: int, ended: threading.Event) -> None:
        while not ended.wait(INTERVAL_SECONDS):
            self.main_peak_mb = max(self.main_peak_mb, peak_rss(pid))
            found = workers(pid)
            for worker in found:
                self.worker_peaks_mb[worker] = max(self.worker_peaks_mb.get(worker, 0.0), peak_rss(worker))
            if self.with_pss:
                self._add_up(found)

    def _add_up(self, pids: list[int]) -> None:
        moment = Moment(len(pids), sum(map(rss, pids)), sum(map(pss, pids)), sum(map(anonymous, pids)))
        self.fullest = max(self.fullest, moment, key=lambda m: m.pss_mb)
        mappings = [mapped(pid, IMAGES) for pid in pids]
        images = MappedImages(sum(held for held, _ in mappings), sum(share for _, share in mappings))
        self.images = max(self.images, images, key=lambda m: m.rss_mb)


def _field(pid: int | str, file: str, name: str) -> float:
    """Read a field in kB; 0 of a process that has ended."""
    lines = _read(Path(f"/proc/{pid}/{file}")).splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # the process has ended
        return ""
