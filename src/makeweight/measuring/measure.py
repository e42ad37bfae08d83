"""All that is measured of one trained network."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import cast

import torch

from makeweight.errors import UnsupportedHardware
from makeweight.jobs.environment import describe_environment
from makeweight.jobs.result import Measurement
from makeweight.measuring.energy import energy_per_image, find_counter
from makeweight.measuring.forward import ForwardPass, pinned
from makeweight.measuring.latency import BATCH, SINGLE, latency
from makeweight.measuring.memory import peak_activation_bytes
from makeweight.nets.build import Network
from makeweight.nets.load import load_network
from makeweight.store.rows import JobRow
from makeweight.store.store import Store, done
from makeweight.training.memory import keep_freed_memory
from makeweight.training.precision import Hardware, Precision

BATCH_IMAGES = 256
LOADS = 5  # of which the median counts


def measure(store: Store, row: JobRow, threads: int = 1) -> Measurement:
    """Measure what a finished network costs to use, in about two seconds; a second more with an energy counter.

    Device and precision are those of its training. The file was read before, so it is in the system's cache.

    Raises
    ------
    UnsupportedHardware
        If it was trained on a device that is not here.
    InvalidValue
        If there are fewer processors than threads.
    StoreError
        If it is not finished, or its file is missing, damaged or of another architecture.
    """
    hardware = _hardware(row, threads)
    # Otherwise page faults decide by luck: a batch of CNN 100K took 18 ms in one process and 31 ms in the next, and
    # with it 18.1 to 18.4 ms in four. It lasts as long as the process, as in a training.
    keep_freed_memory()
    with pinned(threads):
        load_ms = statistics.median(_load_ms(store, row, hardware) for _ in range(LOADS))
        network = _load(store, row, hardware)
        one, many = ForwardPass(network, 1, hardware), ForwardPass(network, BATCH_IMAGES, hardware)
        single, batch = latency(one, SINGLE), latency(many, BATCH)
        peak = peak_activation_bytes(one)
        energy = energy_per_image(many, BATCH_IMAGES, find_counter(hardware.device))
    return Measurement(
        latency_p50_ms=single.p50_ms,
        latency_p95_ms=single.p95_ms,
        latency_repeats=single.repeats,
        batch_images=BATCH_IMAGES,
        batch_latency_p50_ms=batch.p50_ms,
        batch_latency_p95_ms=batch.p95_ms,
        batch_repeats=batch.repeats,
        peak_activation_bytes=peak,
        file_bytes=store.weights_bytes(row),
        load_ms=load_ms,
        energy_mj=energy.millijoules if energy else None,
        energy_source=energy.source if energy else None,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe_environment(hardware),
    )


def _hardware(row: JobRow, threads: int) -> Hardware:
    trained = done(row).environment
    if trained.device == "cuda" and not torch.cuda.is_available():
        raise UnsupportedHardware(
            f"run {row.job.key[:12]} was trained on {trained.processor}, and torch finds no CUDA device here. "
            "Measure it on a machine that has one."
        )
    return Hardware(trained.device, cast("Precision", trained.precision), threads)


def _load(store: Store, row: JobRow, hardware: Hardware) -> Network:
    """Read, check, build and fill, as everybody must who uses the network."""
    return load_network(row.job.architecture, store.weights(row)).to(hardware.device)


def _load_ms(store: Store, row: JobRow, hardware: Hardware) -> float:
    start = time.perf_counter()
    _load(store, row, hardware)
    return 1_000 * (time.perf_counter() - start)
