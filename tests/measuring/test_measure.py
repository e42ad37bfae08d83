"""A stored network, measured."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from makeweight.errors import StoreError, UnsupportedHardware
from makeweight.measuring.measure import BATCH_IMAGES, measure
from makeweight.store.rows import JobRow
from makeweight.store.store import Store


def machine() -> tuple[int, set[int] | None]:
    """What a measurement changes for a while: torch's threads, and the processors of this thread."""
    return torch.get_num_threads(), os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def row_of(store: Store, family: str, budget: int) -> JobRow:
    return next(row for row in store.jobs() if (row.job.family, row.job.budget) == (family, budget))


def test_what_is_measured_is_the_stored_network_on_this_machine(store: Store) -> None:
    row = row_of(store, "cnn", 3_000)
    before = machine()
    cost = measure(store, row)
    assert machine() == before
    assert 0 < cost.latency_p50_ms <= cost.latency_p95_ms
    assert 2 * cost.latency_p50_ms < cost.batch_latency_p50_ms <= cost.batch_latency_p95_ms
    assert 200 <= cost.latency_repeats <= 2_000
    assert (cost.batch_images, 20 <= cost.batch_repeats <= 200) == (BATCH_IMAGES, True)
    assert cost.load_ms > 0
    assert cost.file_bytes == (store.folder / "weights" / f"{row.job.key}.safetensors").stat().st_size
    assert cost.file_bytes > 4 * row.weights
    assert cost.peak_activation_bytes is not None
    assert cost.peak_activation_bytes > 0
    assert (cost.energy_mj is None) == (cost.energy_source is None)
    assert row.result is not None
    trained, here = row.result.environment, cost.environment
    assert (here.device, here.precision, here.threads) == (trained.device, trained.precision, 1)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(cost.measured)).total_seconds() < 60

    store.record_measurement(row.job.key, cost)
    assert store.measurement(row.job.key) == cost


def test_precision_is_that_of_the_training(store: Store) -> None:
    row = row_of(store, "fcn", 2_000)
    costs = [measure(store, with_environment(row, precision=precision)) for precision in ("fp32", "bf16")]
    assert [cost.environment.precision for cost in costs] == ["fp32", "bf16"]
    assert costs[0].peak_activation_bytes != costs[1].peak_activation_bytes


def with_environment(row: JobRow, **changes: str) -> JobRow:
    assert row.result is not None
    environment = dataclasses.replace(row.result.environment, **changes)
    return dataclasses.replace(row, result=dataclasses.replace(row.result, environment=environment))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_network_of_a_card_that_is_not_here_is_refused(store: Store) -> None:
    row = with_environment(row_of(store, "fcn", 2_000), device="cuda", processor="NVIDIA A100")
    with pytest.raises(UnsupportedHardware, match=r"trained on NVIDIA A100, and torch finds no CUDA device here\. Mea"):
        measure(store, row)


def test_a_training_without_a_result_cannot_be_measured(store: Store) -> None:
    row = dataclasses.replace(row_of(store, "fcn", 2_000), state="pending", result=None)
    with pytest.raises(StoreError, match="has no result yet"):
        measure(store, row)


def test_a_damaged_file_is_refused_and_leaves_the_machine_as_it_was(store: Store) -> None:
    row, before = row_of(store, "fcn", 2_000), machine()
    Path(store.folder / "weights" / f"{row.job.key}.safetensors").write_bytes(b"no weights")
    with pytest.raises(StoreError, match="is damaged"):
        measure(store, row)
    assert machine() == before
