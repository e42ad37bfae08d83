"""The state of a training in progress: all that a checkpoint must hold to go on bit by bit."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from makeweight.design.architecture import Architecture
from makeweight.nets.build import Network, build
from makeweight.training.precision import Hardware
from makeweight.training.recipe import Recipe


@dataclass
class TrainingState:
    """Network, optimizer, average and random generator after some whole epochs."""

    network: Network  # as trained
    average: Network | None  # exponential moving average of the weights; None where the recipe has none
    optimizer: torch.optim.Optimizer
    generator: torch.Generator  # on the CPU: order of images, augmentation
    hardware: Hardware
    epoch: int = 0  # whole epochs done
    losses: Tensor = field(default_factory=lambda: torch.empty(0))  # (n,) of each image when it was last trained on

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
    """Make the optimizer that a recipe asks for, over the weights of a network."""
    # Weight decay is for kernels: biases, shifts, scales and slopes are vectors and are left alone.
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
