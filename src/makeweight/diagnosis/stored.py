"""The diagnosis of a finished run of a study."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from makeweight.data.dataset import PreparedDataset
from makeweight.diagnosis.subject import MAX_IMAGES, Subject
from makeweight.nets.load import load_network
from makeweight.store.rows import JobRow
from makeweight.store.store import Store
from makeweight.training.state import optimizer_for


def subject_of_run(store: Store, row: JobRow, dataset: PreparedDataset) -> Subject:
    """Bring back a trained network with its images and recipe; no test image is opened.

    The learning rate is that of the last epoch: what more steps would do is asked where the training ended.
    """
    job = row.job
    labelled = dataset.training_images()
    split = dataset.split(job.recipe.validation, job.split_seed)
    network = load_network(job.architecture, store.weights(row)).train()
    network.use_generator(torch.Generator().manual_seed(job.seed))
    optimizer = optimizer_for(network, job.recipe)
    for group in optimizer.param_groups:
        group["lr"] = store.epochs(job.key)[-1].learning_rate

    def part(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[Tensor, Tensor]:
        chosen = np.sort(np.random.default_rng(0).permutation(rows)[:MAX_IMAGES])
        images = torch.from_numpy(np.array(labelled.images[chosen]))
        # In random order, as they were trained: sorted by row, images may be sorted by class as well.
        order = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))
        labels = torch.from_numpy(np.array(labelled.labels[chosen]))
        return network.normalise(images[order], torch.float32).contiguous(), labels[order]

    images, labels = part(split.train)
    others, wanted = part(split.validation)

    def loss(outputs: Tensor, marks: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, marks, label_smoothing=job.recipe.label_smoothing)

    def validate() -> float:
        network.eval()
        with torch.no_grad():
            right = torch.cat([network(part).argmax(1) == marks for part, marks in _batches(others, wanted)])
        network.train()
        return float(right.double().mean())

    return Subject(network, loss, optimizer, images, labels, validate=validate)


def _batches(images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(torch.split(images, 250), torch.split(labels, 250), strict=True))
