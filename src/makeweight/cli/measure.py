"""``makeweight measure``: what trained networks cost to use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, remark, say, stdout
from makeweight.cli.tables import print_table
from makeweight.errors import InvalidValue
from makeweight.face import folders
from makeweight.face.references import GRAMMAR, find_network
from makeweight.html import Column
from makeweight.wording import plural

if TYPE_CHECKING:
    from makeweight.face.runs import Network
    from makeweight.jobs.result import Measurement
    from makeweight.store.rows import JobRow
    from makeweight.store.store import Store

EXAMPLES = examples(
    "makeweight measure",
    "makeweight measure cnn-10k",
    "makeweight measure fashion --all --threads 2",
)
COLUMNS = (
    Column("network", False),
    Column("image p50 ms", True),
    Column("p95 ms", True, 3),
    Column("in batch p50 ms/image", True, 6),
    Column("images/s", True, 1),
    Column("memory KiB", True, 2),
    Column("file KiB", True, 4),
    Column("load ms", True, 5),
    Column("energy mJ/image", True, 7),
)
NOT_MEASURED = "not measured"
MEMORY_NOTE = "Memory: torch's peak allocation for one image, besides the stored weights and the image."


@dataclass(frozen=True)
class Measured:
    """A network, the run that stands for it, and what it costs."""

    label: str
    row: JobRow
    cost: Measurement

    @property
    def batch_ms_per_image(self) -> float:
        """Median of the batches, for one of their images."""
        return self.cost.batch_latency_p50_ms / self.cost.batch_images

    @property
    def images_per_second(self) -> float:
        """In batches of that size."""
        return 1_000 / self.batch_ms_per_image


def measure(
    run: Annotated[
        str | None,
        typer.Argument(
            help=f"{GRAMMAR}; by default all networks of the study changed last.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="RUN is a study: measure all its networks.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure networks again that have been measured.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads, each on its own processor.")] = 1,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Measure time, memory and energy of trained networks: two seconds each, on the run with the lowest seed.

    The numbers are stored with the run; networks of a study already measured on as many threads are skipped.
    """
    from makeweight.store.store import Store
    from makeweight.studies.lock import study_lock

    network = None if run is None or every else find_network(store, run)
    folder = network.folder if network else folders.find_study(store, run)
    # The lock keeps measurements and the trainings of a running study apart.
    with study_lock(folder), Store.create(folder) as opened:
        networks = (network,) if network else _networks(folder)
        measured = list(_measured(opened, networks, threads, again or network is not None))
    if as_json:
        print_json({"study": str(folder), "networks": [_record(entry) for entry in measured]})
    else:
        _show(measured)


def _networks(folder: Path) -> tuple[Network, ...]:
    from makeweight.face.runs import networks_of

    networks = networks_of(folder)
    if not networks:
        raise InvalidValue(f"the study in {folder} has no finished training to measure. Run it to the end.")
    return networks


def _measured(store: Store, networks: Sequence[Network], threads: int, again: bool) -> Iterator[Measured]:
    """Measure and store network by network, so an interruption loses one at most."""
    from makeweight.measuring.measure import measure as measure_network

    for number, network in enumerate(networks, 1):
        row = network.rows[0]
        cost = store.measurement(row.job.key)
        if again or cost is None or cost.environment.threads != threads:
            remark(f"[{number}/{len(networks)}] measuring {network.label}, seed {row.job.seed}")
            cost = measure_network(store, row, threads)
            store.record_measurement(row.job.key, cost)
        else:
            remark(f"[{number}/{len(networks)}] {network.label} was measured on {cost.measured}; --again to repeat")
        yield Measured(network.label, row, cost)


def _record(entry: Measured) -> dict[str, Any]:
    return {
        "network": entry.label,
        "family": entry.row.job.family,
        "budget": entry.row.job.budget,
        "weights": entry.row.weights,
        "run": entry.row.job.key[:12],
        "seed": entry.row.job.seed,
        **asdict(entry.cost),
        "batch_images_per_second": entry.images_per_second,
    }


def _show(measured: list[Measured]) -> None:
    print_table(stdout(), COLUMNS, [_cells(entry) for entry in measured])
    say(*dict.fromkeys(_conditions(entry.cost) for entry in measured))
    repeats = _range([entry.cost.latency_repeats for entry in measured])
    batch_repeats = _range([entry.cost.batch_repeats for entry in measured])
    say(f"p50 and p95 of {repeats} images one at a time and {batch_repeats} batches, after a warm-up.", MEMORY_NOTE)


def _cells(entry: Measured) -> tuple[str, ...]:
    cost = entry.cost
    peak = None if cost.peak_activation_bytes is None else cost.peak_activation_bytes / 1_024
    return (
        entry.label,
        f"{cost.latency_p50_ms:.3f}",
        f"{cost.latency_p95_ms:.3f}",
        f"{entry.batch_ms_per_image:.4f}",
        f"{entry.images_per_second:,.0f}",
        NOT_MEASURED if peak is None else f"{peak:,.1f}",
        f"{cost.file_bytes / 1_024:,.1f}",
        f"{cost.load_ms:.2f}",
        NOT_MEASURED if cost.energy_mj is None else f"{cost.energy_mj:.4f}",
    )


def _conditions(cost: Measurement) -> str:
    machine = cost.environment
    threads = plural(machine.threads, "thread")
    energy = f"; energy from {cost.energy_source}" if cost.energy_source else ""
    return (
        f"Forward pass in {machine.precision} on {threads} of {machine.processor} ({machine.device}), "
        f"batches of {cost.batch_images}, torch {machine.torch}{energy}."
    )


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
