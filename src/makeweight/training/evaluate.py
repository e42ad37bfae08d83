"""Logits of a network over images, and what follows from them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from makeweight.nets.build import Network
from makeweight.training.images import Images

BATCH = 500  # images: activations of a small network stay close to the processor's cache


@torch.no_grad()
def logits_of(network: Network, images: Images) -> Tensor:
    """(n, k) logits in float32 of all images, in their order, with the network in evaluation mode."""
    training = network.training
    network.eval()
    parts = [network(images.batch(part)) for part in torch.split(torch.arange(len(images)), BATCH)]
    network.train(training)
    return torch.cat(parts)


def loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats, and accuracy, 0 to 1."""
    loss = functional.cross_entropy(logits, labels)
    return float(loss), float((logits.argmax(1) == labels).double().mean())
