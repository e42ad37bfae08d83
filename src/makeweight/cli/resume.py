"""``makeweight resume``: resume a study that was stopped, by its name alone."""

from __future__ import annotations

from pathlib import Path

import typer

from makeweight.cli import options
from makeweight.cli.output import examples
from makeweight.cli.running import run_planned
from makeweight.face import folders

EXAMPLES = examples(
    "makeweight resume",
    "makeweight resume fashion --workers 1",
)


def resume(
    study: options.Study = None,
    data: options.Data = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Resume a study, training or tuning as planned, whatever options it was started with."""
    from makeweight.face.resuming import planned
    from makeweight.studies.session import Machine

    folder, machine = folders.find_study(store, study), Machine(workers, threads, device)
    raise typer.Exit(run_planned(planned(folder, data), machine, as_json))
