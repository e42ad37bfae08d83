"""makeweight's scikit-learn classifiers beside MLPClassifier and skorch: accuracy and seconds.

Every estimator is asked for about the same weights and otherwise left at its defaults, or, where the defaults are no
recipe for images (skorch has none), given what its documentation uses. Rows are pixels from 0 to 1. In turns: each
round fits all of them once, with the round's number as seed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

import makeweight
from benchmarks.machine import processors
from benchmarks.output import progress, save, table
from benchmarks.peers.torch_network import torch_network
from benchmarks.settings import Settings
from makeweight.data.dataset import prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit

BUDGET = 100_000
HIDDEN = (110, 110)  # 99,670 weights
SHAPE = (1, 28, 28)
SKORCH_EPOCHS, SKORCH_BATCH = 20, 128
IMAGES = 10_000  # to train on, of 60,000: what people give such estimators
QUICK = 2_000
Rows = NDArray[np.float32]  # (n, 784)


def run(settings: Settings) -> None:
    """Fit in turns, score on the test images, print and save."""
    torch.set_num_threads(processors())
    train, test = (_rows(part) for part in _parts(settings.quick))
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in _makers(0)}
    for seed in range(1 if settings.quick else settings.rounds):
        for name, make in _makers(seed).items():
            measured[name].append(_fit(make(), train, test))
            progress(f"{name}, seed {seed}: {measured[name][-1][0]:.2%} in {measured[name][-1][1]:.1f} s")
    found = [_record(name, rounds) for name, rounds in measured.items()]
    table(
        f"{len(train[1]):,} images to train on, {len(test[1]):,} to test on; medians of {len(found[0]['accuracies'])}",
        ("estimator", "test accuracy %", "fit s", "predict ms for all"),
        [
            (r["estimator"], f"{100 * r['accuracy']:.2f}", f"{r['fit_seconds']:.1f}", f"{r['predict_ms']:.0f}")
            for r in found
        ],
    )
    save("estimators", settings, {"budget": BUDGET, "training_images": len(train[1]), "estimators": found})


def _makers(seed: int) -> dict[str, Callable[[], Any]]:
    return {
        "makeweight FCNClassifier 100K": lambda: makeweight.FCNClassifier(budget=BUDGET, random_state=seed),
        "makeweight CNNClassifier 100K": lambda: makeweight.CNNClassifier(
            budget=BUDGET, image_shape=SHAPE, random_state=seed
        ),
        "scikit-learn MLPClassifier 110-110": lambda: MLPClassifier(HIDDEN, random_state=seed),
        "scikit-learn MLPClassifier 110-110, early stopping": lambda: MLPClassifier(
            HIDDEN, early_stopping=True, random_state=seed
        ),
        "skorch, FCN 100K, Adam": lambda: _skorch("fcn", seed),
        "skorch, CNN 100K, Adam": lambda: _skorch("cnn", seed),
    }


class _Rows(torch.nn.Module):
    """A network that takes rows of pixels, as skorch hands them over."""

    def __init__(self, family: str) -> None:
        super().__init__()
        self.body = torch_network(fit(family_named(family), Task(SHAPE, 10), BUDGET).architecture)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, 784) to (n, 10)."""
        logits: torch.Tensor = self.body(rows.reshape(-1, *SHAPE))
        return logits


def _skorch(family: str, seed: int) -> Any:
    from skorch import NeuralNetClassifier

    torch.manual_seed(seed)
    return NeuralNetClassifier(
        _Rows,
        module__family=family,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=SKORCH_BATCH,
        max_epochs=SKORCH_EPOCHS,
        iterator_train__shuffle=True,
        verbose=0,
    )


def _parts(quick: bool) -> list[tuple[Any, Any]]:
    dataset = prepare("fashion-mnist", progress=progress)
    count = QUICK if quick else IMAGES
    return [(p.images[:count], p.labels[:count]) for p in (dataset.training_images(), dataset.test_images())]


def _rows(part: tuple[Any, Any]) -> tuple[Rows, NDArray[np.int64]]:
    images, labels = part
    return np.asarray(images, np.float32).reshape(len(images), -1) / np.float32(255), np.asarray(labels)


def _fit(estimator: Any, train: tuple[Rows, Any], test: tuple[Rows, Any]) -> tuple[float, float, float]:
    """Return test accuracy, seconds to fit, and seconds to predict all test images."""
    start = time.perf_counter()
    estimator.fit(*train)
    fitted = time.perf_counter()
    predicted = estimator.predict(test[0])
    return float((predicted == test[1]).mean()), fitted - start, time.perf_counter() - fitted


def _record(name: str, rounds: list[tuple[float, float, float]]) -> dict[str, Any]:
    accuracies, fits, predictions = zip(*rounds, strict=True)
    return {
        "estimator": name,
        "accuracy": statistics.median(accuracies),
        "accuracies": accuracies,
        "fit_seconds": statistics.median(fits),
        "fits": fits,
        "predict_ms": 1_000 * statistics.median(predictions),
    }
