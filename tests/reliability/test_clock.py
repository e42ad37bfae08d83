"""A wall clock that is set while a study runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from makeweight.store.store import Store


def test_a_clock_that_is_set_changes_no_duration(run_command, tmp_path: Path) -> None:
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    arguments = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "2",
                 "--workers", "1", "--set", "epochs=3", "--name", "timeless", "--json")  # fmt: skip
    start = time.monotonic()
    ran = run_command(*arguments, cwd=tmp_path, LD_PRELOAD=str(library))
    elapsed = time.monotonic() - start
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)
    assert (shown["jobs_done"], shown["jobs_failed"]) == (2, 0)
    assert 0 < shown["wall_seconds"] < elapsed
    with Store.open(tmp_path / "studies" / "timeless") as store:
        seconds = [
            epoch.train_seconds + epoch.validation_seconds
            for row in store.jobs()
            for epoch in store.epochs(row.job.key)
        ]
    assert len(seconds) == 6
    assert all(0 < each < elapsed for each in seconds)
    again = run_command(*arguments, cwd=tmp_path, LD_PRELOAD=str(library))
    assert json.loads(again.stdout)["wall_seconds"] == shown["wall_seconds"]  # nothing was stale, nothing ran again
