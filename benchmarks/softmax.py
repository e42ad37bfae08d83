"""The course report's CNNs: an ordinary one with a softmax before the cross-entropy, the same without, a diagnosis.

Everything is as in a plain PyTorch script (Adam, learning rate 0.001, batch 512, float32), apart from the softmax.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch
from examples.softmax_cnn import WIDTHS, network
from torch import Tensor, nn

import makeweight
from benchmarks import figures
from benchmarks.output import progress, save, table
from benchmarks.settings import Settings
from makeweight.data.dataset import LabelledImages, PreparedDataset, prepare
from makeweight.data.split import split_indices

EPOCHS, BATCH, LEARNING_RATE, SEEDS = 12, 512, 1e-3, 3
REPORT = {10_000: 0.7096, 20_000: 0.7139, 50_000: 0.7655, 100_000: 0.7555}
DIAGNOSED = 4_000  # images that the diagnosis is given
Part = tuple[Tensor, Tensor]  # images (n, 1, 28, 28) from 0 to 1, labels (n,)


def run(settings: Settings) -> None:
    """Train, test once, diagnose, print, save, and draw."""
    torch.set_num_threads(2)
    dataset = prepare("fashion-mnist", progress=progress)
    budgets, seeds, epochs = (list(WIDTHS), SEEDS, EPOCHS) if not settings.quick else ([10_000], 1, 1)
    found = [_measured(dataset, budget, softmax, seeds, epochs) for budget in budgets for softmax in (True, False)]
    table(
        "An ordinary CNN, with and without a softmax before the loss",
        ("network", "weights", "course report %", "test %", "its seeds", "never predicted", "diagnosis"),
        [_row(record) for record in found],
    )
    record = save("softmax", settings, {"epochs": epochs, "batch": BATCH, "seeds": seeds, "networks": found})
    figures.softmax(record, settings.results / "softmax.png")


def _measured(dataset: PreparedDataset, budget: int, softmax: bool, seeds: int, epochs: int) -> dict[str, Any]:
    labelled = dataset.training_images()
    split = split_indices(labelled.labels)
    training, validation = (_part(labelled, rows) for rows in (split.train, split.validation))
    test = _part(dataset.test_images(), slice(None))
    return {
        "budget": budget,
        "softmax": softmax,
        "weights": sum(p.numel() for p in network(budget, softmax=softmax).parameters()),
        "trainings": [_trained(budget, softmax, seed, epochs, training, validation, test) for seed in range(seeds)],
        "diagnosis": _diagnosis(budget, softmax, training).to_json(),
    }


def _part(labelled: LabelledImages, rows: Any) -> Part:
    images, labels = (torch.from_numpy(np.array(array[rows])) for array in (labelled.images, labelled.labels))
    return images.float() / 255, labels


def _trained(
    budget: int, softmax: bool, seed: int, epochs: int, training: Part, validation: Part, test: Part
) -> dict[str, Any]:
    torch.manual_seed(seed)
    model = network(budget, softmax=softmax)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses, accuracies, start = [], [], time.monotonic()
    for _ in range(epochs):
        losses.append(_epoch(model, optimizer, *training))
        accuracies.append(float((_predicted(model, validation[0]) == validation[1]).double().mean()))
    seconds, predicted = time.monotonic() - start, _predicted(model, test[0])
    accuracy = float((predicted == test[1]).double().mean())
    progress(f"{budget // 1000}K, softmax {softmax}, seed {seed}: test {accuracy:.2%}, {seconds:.0f} s")
    return {
        "seed": seed,
        "training_loss": losses,
        "validation_accuracy": accuracies,
        "train_seconds": seconds,
        "test_accuracy": accuracy,
        "never_predicted": sorted(set(range(10)) - set(predicted.tolist())),
    }


def _epoch(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
    model.train()
    total = 0.0
    for rows in torch.randperm(len(labels)).split(BATCH):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(rows)
    return total / len(labels)


@torch.no_grad()
def _predicted(model: nn.Module, images: Tensor) -> Tensor:
    model.eval()
    return torch.cat([model(part).argmax(1) for part in images.split(1_000)])


def _diagnosis(budget: int, softmax: bool, training: Part) -> makeweight.Diagnosis:
    """Diagnose the network as it was before its training, as somebody would who asks what is wrong."""
    torch.manual_seed(0)
    model = network(budget, softmax=softmax)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    images, labels = (part[:DIAGNOSED] for part in training)
    return makeweight.diagnose(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def _row(record: dict[str, Any]) -> list[str]:
    findings = record["diagnosis"]["findings"]
    accuracies = [100 * training["test_accuracy"] for training in record["trainings"]]
    dead = [len(training["never_predicted"]) for training in record["trainings"]]
    return [
        f"CNN {record['budget'] // 1000}K{', softmax' if record['softmax'] else ''}",
        f"{record['weights']:,}",
        f"{100 * REPORT[record['budget']]:.2f}" if record["softmax"] else "",
        f"{statistics.mean(accuracies):.2f}",
        ", ".join(f"{accuracy:.2f}" for accuracy in accuracies),
        f"{', '.join(map(str, dead))} classes",
        f"{findings[0]['code']}, {findings[0]['certainty']}" if findings else "nothing wrong found",
    ]
