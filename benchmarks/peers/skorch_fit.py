"""skorch: torch behind scikit-learn's interface."""

from __future__ import annotations

import torch
from skorch import NeuralNetClassifier
from torch import nn

from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer
from benchmarks.peers.torch_network import torch_network, trainable


def trainer(setting: Setting) -> Trainer:
    """Make an epoch one call of partial_fit, which goes on from the weights there are."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch_network,
        module__architecture=setting.architecture,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=setting.batch_size,
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).initialize()
    images, labels = setting.normalised(), setting.labels

    def leg() -> Outcome:
        for _ in range(setting.passes):
            net.partial_fit(images, labels)
        return Outcome(float(net.history[-1, "train_loss"]))

    return Trainer(trainable(net.module_), "fp32", leg)
