"""The state of a training in progress: all that a checkpoint needs to continue bit by bit."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from makeweight.designs.architecture import Architecture
from makeweight.nets.build import Network, build
from makeweight.training.precision import Hardware
from makeweight.training.recipe import Recipe


@dataclass
class TrainingState:
    """Network, optimizer, average and random generator after some whole epochs."""

    network: Network  # as trained
    average: Network | None  # exponential moving average of the weights; None if the recipe has none
    optimizer: torch.optim.Optimizer
    generator: torch.Generator  # on the CPU: order of images, augmentation
    hardware: Hardware
    epoch: int = 0  # whole epochs done
    losses: Tensor = field(default_factory=lambda: torch.empty(0))  # (n,) of each image when last trained on

    @property
    def result(self) -> Network:
        """The network that is evaluated and kept."""
        return self.average or self.network


def begin(architecture: Architecture, recipe: Recipe, seed: int, hardware: Hardware) -> TrainingState:
    """Start a training from a seed; the same seed gives the same weights, order and augmentation."""
    generator = torch.Generator().manual_seed(seed)
    network = build(architecture, generator).to(hardware.device)
    network.use_generator(generator if hardware.device == "cpu" else _device_generator(seed, hardware.device))
    average = copy.deepcopy(network).requires_grad_(False) if recipe.ema else None
    return TrainingState(network, average, optimizer_for(network, recipe), generator, hardware)


def _device_generator(seed: int, device: str) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def optimizer_for(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """Make a recipe's optimizer for the weights of a network."""
    # Weight decay is for kernels: biases, shifts, scales and slopes are vectors and exempt.
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
        )
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(recipe.momentum, recipe.beta2), fused=True)


class MovingAverage:
    """Lets ``state.average`` follow ``state.network``; does nothing if the recipe has no average."""

    def __init__(self, state: TrainingState, decay: float) -> None:
        self._decay = decay
        self._followed = _tensors(state.network) if state.average else []
        self._average = _tensors(state.average) if state.average else []

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the network after a step, counted from 0.

        The decay rises as (1 + t) / (10 + t) at first, so the initial weights are soon forgotten
        (the rule of TensorFlow's ExponentialMovingAverage with ``num_updates``).
        """
        if self._average:
            decay = min(self._decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self._average, self._followed, 1 - decay)


def _tensors(network: Network) -> list[Tensor]:
    """Weights and running statistics."""
    statistics = (buffer for name, buffer in network.named_buffers() if "running_" in name)
    return [*(p.detach() for p in network.parameters()), *statistics]
