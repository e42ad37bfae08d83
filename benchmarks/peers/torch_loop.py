"""The training loop of torch's tutorials: zero_grad, loss, backward, step, over a DataLoader."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer
from benchmarks.peers.torch_network import torch_network, trainable


def torch_trainer(setting: Setting, loader: DataLoader) -> Trainer:
    """Train the standard network on what a loader gives."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    network = torch_network(setting.architecture)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def one_pass() -> float:
        network.train()
        total = torch.zeros(())
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(network(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / len(loader)

    def leg() -> Outcome:
        return Outcome([one_pass() for _ in range(setting.passes)][-1])

    return Trainer(trainable(network), "fp32", leg)
