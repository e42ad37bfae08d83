"""scikit-learn's MLPClassifier.

``partial_fit`` runs its training loop in mini-batches of ``batch_size`` over all rows, shuffled, and stops after one
pass (scikit-learn 1.9.1, ``BaseMultilayerPerceptron._fit_stochastic``: ``if incremental: break``).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer
from makeweight.designs.layers import Activation, Flatten, Linear


def trainer(setting: Setting) -> Trainer:
    """Only Linear and ReLU can be expressed."""
    threadpool_limits(setting.threads)
    network = MLPClassifier(
        hidden_layer_sizes=_hidden_widths(setting),
        activation="relu",
        solver="adam",
        alpha=0.0,
        batch_size=setting.batch_size,
        learning_rate_init=LEARNING_RATE,
        shuffle=True,
        random_state=0,
    )
    images, labels = setting.normalised().reshape(len(setting.rows), -1), setting.labels
    classes = np.arange(setting.architecture.classes)

    def leg() -> Outcome:
        for _ in range(setting.passes):
            network.partial_fit(images, labels, classes=classes)
        return Outcome(float(network.loss_))

    sizes = [images.shape[1], *_hidden_widths(setting), len(classes)]
    weights = sum((before + 1) * after for before, after in pairwise(sizes))
    return Trainer(weights, "fp32", leg)


def _hidden_widths(setting: Setting) -> tuple[int, ...]:
    layers = setting.architecture.layers
    strange = [
        layer.name
        for layer in layers
        if not isinstance(layer, Flatten | Linear | Activation)
        or (isinstance(layer, Activation) and layer.function != "relu")
    ]
    if strange:
        raise ValueError(
            f"MLPClassifier has Linear and ReLU layers only, and the network has {', '.join(strange)}. "
            "Use a workload that is plain."
        )
    return tuple(layer.out_features for layer in layers if isinstance(layer, Linear))[:-1]
