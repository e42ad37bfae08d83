"""A planned study, training or tuning, run and shown: the one path of ``study``, ``train``, ``tune`` and ``resume``."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.cli.output import remark, stderr
from makeweight.cli.tables import print_networks
from makeweight.errors import MissingExtra, install_command

if TYPE_CHECKING:
    from makeweight.face.running import Plan
    from makeweight.studies.session import Machine

TABLE_SECONDS = 10.0  # least time between two tables: drawing the report takes as long as ten small jobs
CLOSING_SECONDS = 10.0  # for the dashboard to end; nothing of it is lost


def run_planned(plan: Plan, machine: Machine, as_json: bool) -> int:
    """Run what is missing of a plan, show how it stands, and return the exit code."""
    from makeweight.cli.endings import end_study, end_training, end_tuning
    from makeweight.face.running import watched
    from makeweight.studies.interrupt import interruption
    from makeweight.studies.session import StudyPlan

    end = end_tuning if not isinstance(plan, StudyPlan) else end_training if plan.alone else end_study
    with interruption() as interrupted:
        events = watched(plan, machine, interrupted.requested)
        ran = _any(_with_tables(plan.folder, events) if end is end_study else events)
    code = end(plan.folder, as_json, ran, interrupted.requested)  # all is stored: a signal now ends it at once
    return interrupted.exit_code if interrupted.requested() else code


def _any(events: Iterable[Any]) -> bool:
    """Run to the end, and say whether anything happened."""
    return sum(1 for _ in events) > 0


def _with_tables(folder: Path, events: Iterator[Any]) -> Iterator[Any]:
    """Print the table each time a seed is complete."""
    from makeweight.face.gather import gather
    from makeweight.face.running import unfinished
    from makeweight.report.page.page import write_report
    from makeweight.report.summary import summarise
    from makeweight.studies.runner import JobDone, JobFailed

    left, next_table = Counter[int](), time.monotonic()
    for event in events:
        left = left or Counter(job.seed for job in unfinished(folder))
        yield event
        if isinstance(event, JobDone | JobFailed):
            left[event.job.seed] -= 1
            if not left[event.job.seed] and left.total() and time.monotonic() >= next_table:
                print_networks(stderr(), summarise(folder))
                remark(f"report so far: {write_report(gather(folder), folder, interactive=False)}")
                next_table = time.monotonic() + TABLE_SECONDS


@contextmanager
def serving(store: Path, study: str, port: int) -> Iterator[None]:
    """Keep the dashboard open in a separate process while a study runs, and on a terminal until Ctrl-C.

    Raises
    ------
    MissingExtra
        If its packages are not installed.
    InvalidValue
        If the port is taken.
    """
    check_extra()
    from makeweight.web.server import Address, listen

    store.mkdir(parents=True, exist_ok=True)
    listen(Address(port=port)).close()  # before anything is trained, if the port is taken
    arguments = ["serve", "--store", str(store), "--port", str(port), "--open-at", study, "--with-parent"]
    # In its own session: the first Ctrl-C is for the study, which can be watched while it stops.
    command = [sys.executable, "-m", "makeweight", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
    try:
        yield
        if sys.stderr.isatty() and process.poll() is None:
            remark("The dashboard stays open; Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                process.wait()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(CLOSING_SECONDS)
        process.kill()
        process.wait()


def check_extra() -> None:
    """Check that the dashboard's packages are installed.

    Raises
    ------
    MissingExtra
        If one is missing.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            f"the dashboard needs {error.name}, which is not installed. Run: {install_command('makeweight[web]')}"
        ) from error
