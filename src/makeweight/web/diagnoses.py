"""The diagnoses of runs: the command makes one in a process of its own, and its answer is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from makeweight.diagnosis.findings import Diagnosis, Finding
from makeweight.errors import RunFailed

SECONDS = 30
LATEST = 4 * SECONDS  # when it is given up
MOST_KEPT = 100


class Diagnoses:
    """The diagnoses that were made since the server started; one is made at a time."""

    def __init__(self) -> None:
        self._known: dict[str, Diagnosis] = {}
        self._working = threading.Lock()

    def known(self, run: str) -> Diagnosis | None:
        """Return a run's diagnosis, if it was made."""
        return self._known.get(run)

    def make(self, run: str, store: Path) -> Diagnosis:
        """Diagnose a run.

        Raises
        ------
        RunFailed
            If another diagnosis is under way, or this one failed, in the command's own words.
        """
        if not self._working.acquire(blocking=False):
            raise RunFailed("another diagnosis is under way. Try again in half a minute.")
        try:
            found = self._known[run] = _diagnose(run, store)
        finally:
            self._working.release()
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        return found


def _diagnose(run: str, store: Path) -> Diagnosis:
    arguments = ["diagnose", run, "--store", str(store), "--seconds", str(SECONDS), "--json"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "makeweight", *arguments], capture_output=True, text=True, timeout=LATEST,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RunFailed(f"the diagnosis took more than {LATEST} s and was given up.") from None
    if done.returncode not in (0, 1):
        words = done.stderr.strip().splitlines()
        raise RunFailed(words[-1].removeprefix("error: ") if words else "the diagnosis failed.")
    return _read(json.loads(done.stdout))


def _read(record: dict[str, Any]) -> Diagnosis:
    findings = tuple(Finding(**each) for each in record["findings"])
    return Diagnosis(findings, tuple(record["checked"]), record["seconds"])
