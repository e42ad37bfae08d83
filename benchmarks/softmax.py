"""The report's CNNs: an ordinary one with a softmax before the cross-entropy, the same without, and the diagnosis.

Everything is as in a plain PyTorch script (Adam, learning rate 0.001, batch 512, float32), apart from the softmax.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from examples.softmax_cnn import WIDTHS, network
from torch import Tensor, nn

import makeweight
from benchmarks import figures
from benchmarks.output import progress, save, table
from benchmarks.settings import Settings
from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.data.split import split_indices
from makeweight.stats.intervals import wilson

EPOCHS, BATCH, LEARNING_RATE = 12, 512, 1e-3
REPORT = {10_000: 0.7096, 20_000: 0.7139, 50_000: 0.7655, 100_000: 0.7555}
DIAGNOSED = 4_000  # images that the diagnosis is given


def run(settings: Settings) -> None:
    """Train, test once, diagnose, print, save, and draw."""
    torch.set_num_threads(2)
    dataset = prepare("fashion-mnist", progress=progress)
    epochs, budgets = (1, [10_000]) if settings.quick else (EPOCHS, list(WIDTHS))
    found = [
        _measure(dataset, budget, softmax, epochs, settings.quick) for budget in budgets for softmax in (True, False)
    ]
    table(
        "An ordinary CNN, with and without a softmax before the loss",
        ("network", "weights", "report %", "test %", "95 % interval", "never predicted", "diagnosis"),
        [_row(record) for record in found],
    )
    record = save("softmax", settings, {"epochs": epochs, "batch": BATCH, "networks": found})
    figures.softmax(record, settings.results / "softmax.png")


def _measure(dataset: PreparedDataset, budget: int, softmax: bool, epochs: int, quick: bool) -> dict[str, Any]:
    training, test = dataset.training_images(), dataset.test_images()
    split = split_indices(training.labels)
    rows = split.train[:4_096] if quick else split.train
    images, mean, sd = _normalised(training.images[rows])
    labels = torch.from_numpy(training.labels[rows])
    torch.manual_seed(0)
    model = network(WIDTHS[budget], softmax=softmax)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    validation = (((torch.from_numpy(training.images[split.validation]).float()) - mean) / sd,
                  torch.from_numpy(training.labels[split.validation]))  # fmt: skip
    losses, accuracies, start = [], [], time.monotonic()
    for epoch in range(epochs):
        losses.append(_epoch(model, optimizer, images, labels))
        accuracies.append(float((_predicted(model, validation[0]) == validation[1]).double().mean()))
        progress(f"{budget // 1000}K softmax={softmax} epoch {epoch + 1}: loss {losses[-1]:.3f}, {accuracies[-1]:.2%}")
    seconds = time.monotonic() - start
    predicted = _predicted(model, (torch.from_numpy(test.images[:]).float() - mean) / sd)
    wanted = torch.from_numpy(test.labels[:])
    right = int((predicted == wanted).sum())
    interval = wilson(right / len(wanted), len(wanted))
    diagnosis = _diagnose(budget, softmax, images, labels)
    return {
        "budget": budget,
        "softmax": softmax,
        "weights": sum(p.numel() for p in model.parameters()),
        "training_loss": losses,
        "validation_accuracy": accuracies,
        "train_seconds": seconds,
        "test_accuracy": right / len(wanted),
        "test_accuracy_ci95": [interval.low, interval.high],
        "never_predicted": sorted(set(range(10)) - set(predicted.tolist())),
        "diagnosis": diagnosis.to_json(),
    }


def _normalised(images: Any) -> tuple[Tensor, Tensor, Tensor]:
    values = torch.from_numpy(images).float()
    mean, sd = values.mean(), values.std()
    return (values - mean) / sd, mean, sd


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


def _diagnose(budget: int, softmax: bool, images: Tensor, labels: Tensor) -> makeweight.Diagnosis:
    """Diagnose the network as it was before its training, as somebody would who asks what is wrong."""
    torch.manual_seed(0)
    model = network(WIDTHS[budget], softmax=softmax)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    return makeweight.diagnose(model, nn.CrossEntropyLoss(), optimizer, images[:DIAGNOSED], labels[:DIAGNOSED])


def _row(record: dict[str, Any]) -> list[str]:
    low, high = record["test_accuracy_ci95"]
    findings = record["diagnosis"]["findings"]
    return [
        f"CNN {record['budget'] // 1000}K{', softmax' if record['softmax'] else ''}",
        f"{record['weights']:,}",
        f"{100 * REPORT[record['budget']]:.2f}" if record["softmax"] else "",
        f"{100 * record['test_accuracy']:.2f}",
        f"{100 * low:.2f}–{100 * high:.2f}",
        ", ".join(map(str, record["never_predicted"])) or "none",
        f"{findings[0]['code']}, {findings[0]['certainty']}" if findings else "nothing wrong found",
    ]
