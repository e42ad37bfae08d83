"""The gradients of a batch, computed in slices by several threads.

Small convolutions don't profit from a second thread: their tensors are too small to divide well. Half the batch on each
of two threads does (docs/performance.md). Matrix products divide well, so fully connected networks are left to the
threads of the matrix product.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from makeweight.nets.build import Network
from makeweight.training.recipe import Recipe
from makeweight.training.state import TrainingState

# Fewer images leave a thread waiting for Python, and batch normalisation with a poor sample.
MIN_IMAGES = 32


def slices_of(network: nn.Module, batch_size: int, device: str, threads: int) -> int:
    """Choose the number of slices of a batch: 1 if more are no faster."""
    convolutional = any(isinstance(module, nn.Conv2d) for module in network.modules())
    if device != "cpu" or not convolutional:
        return 1
    return max(1, min(threads, batch_size // MIN_IMAGES))


class Slices:
    """Computes gradients in a fixed number of slices, added in a fixed order: the same bits every time.

    Batch normalisation works within a slice, and the running statistics are those of the first slice, as in torch's
    DistributedDataParallel. A replica shares the network's weights and has its own statistics and dropout.
    """

    def __init__(self, state: TrainingState, recipe: Recipe, pool: ThreadPoolExecutor | None, count: int) -> None:
        self._parameters = [p for p in state.network.parameters() if p.requires_grad]
        self._replicas = [state.network, *(_replica(state.network) for _ in range(count - 1))]
        self._label_smoothing = recipe.label_smoothing
        self._pool = pool

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Set the networks to training mode, and draw the dropout of the replicas from the training's generator."""
        for i, network in enumerate(self._replicas):
            network.train()
            if i > 0:
                seed = int(torch.randint(2**62, (), generator=generator))
                network.use_generator(torch.Generator().manual_seed(seed))

    def backward(self, batch: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Leave the gradient of the mean loss in the parameters, and return the loss of each image (b,).

        With ``weights`` (b,) it is the mean of weight times loss: over an epoch of weights that are 1 on average, an
        image counts by its weight, in whatever batch it is.
        """
        count = max(1, min(len(self._replicas), len(labels) // MIN_IMAGES))
        share = torch.full((len(labels),), 1 / len(labels), device=batch.device)
        share = share if weights is None else share * weights
        if count == 1 or self._pool is None:
            losses, gradients = self._slice(self._replicas[0], batch, labels, share)
        else:
            parts = (tensor.tensor_split(count) for tensor in (batch, labels, share))
            done = list(self._pool.map(self._slice, self._replicas[:count], *parts))
            losses, gradients = torch.cat([part for part, _ in done]), done[0][1]
            for _, more in done[1:]:
                torch._foreach_add_(gradients, more)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        return losses

    def _slice(
        self, network: Network, batch: Tensor, labels: Tensor, share: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Losses of some images, and the gradient of their sum weighted by ``share``."""
        losses = functional.cross_entropy(
            network(batch), labels, label_smoothing=self._label_smoothing, reduction="none"
        )
        return losses.detach(), torch.autograd.grad(losses, self._parameters, share)


@contextmanager
def open_slices(state: TrainingState, recipe: Recipe) -> Iterator[Slices]:
    """Provide threads for the slices while the block runs."""
    hardware = state.hardware
    count = slices_of(state.network, recipe.batch_size, hardware.device, hardware.threads)
    if count == 1:
        yield Slices(state, recipe, None, 1)
        return
    # A thread's share of the processors; torch counts threads apart for each thread that calls it.
    with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(hardware.threads // count,)) as pool:
        yield Slices(state, recipe, pool, count)


def _replica(network: Network) -> Network:
    shared = {id(p): p for p in network.parameters()}
    return copy.deepcopy(network, shared)
