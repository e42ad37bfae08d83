"""Networks with random weights, ready to be exported, and one run of the finished study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.export.deployment import Deployable, Deployment, deployment_of
from makeweight.export.facts import Facts
from makeweight.nets.build import build
from makeweight.store.rows import JobRow
from makeweight.store.store import Store


@pytest.fixture(scope="session")
def make_deployment() -> Callable[..., Deployment]:
    """Make a network with random weights, statistics of normalisation included."""

    def make(family: str, task: Task, **options: Any) -> Deployment:
        architecture = fit(family_named(family), task, 6_000, options).architecture
        generator = torch.Generator().manual_seed(0)
        network = build(architecture, generator).eval()
        for name, buffer in network.named_buffers():
            # Means about 0 and variances about 1, but none exactly.
            if "running_" in name or name in ("mean", "std"):
                buffer.mul_(1 + 0.3 * torch.rand(buffer.shape, generator=generator)).add_(0.1)
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.data.add_(0.2 * torch.rand(parameter.shape, generator=generator))
        facts = Facts(
            makeweight="0", network="NET 6K", run="0" * 12, seed=0, dataset="noise", data_digest="0" * 64,
            image_shape=task.input_shape, class_names=tuple(map(str, range(task.classes))), border=12.5,
            budget=6_000, weights=6_000,
        )  # fmt: skip
        images = np.random.default_rng(0).integers(0, 256, (70, *task.input_shape), dtype=np.uint8)
        return Deployment(Deployable(network).eval(), facts, images)

    return make


@pytest.fixture(scope="module")
def store(finished) -> Iterator[Store]:
    with Store.open(finished.folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def row(store: Store) -> JobRow:
    """The first run of the convolutional network of 2,000 weights."""
    return next(row for row in store.jobs() if (row.job.family, row.job.budget, row.job.seed) == ("cnn", 2_000, 0))


@pytest.fixture(scope="module")
def deployment(store: Store, row: JobRow, digits) -> Deployment:
    return deployment_of(store, row, digits)
