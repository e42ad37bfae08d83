"""Fine-tune a network with its weights rounded as int8 rounds them, so that the rounding costs less accuracy.

Each filter is rounded in the forward pass, and the gradient passes through the rounding as if it were not there (the
straight-through estimator; Jacob et al. 2018, section 3, arXiv:1712.05877). Batch normalisation behind a filter only
changes its scale, so what is rounded here is what the export rounds after folding it in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from makeweight.data.dataset import PreparedDataset
from makeweight.export.c.rounding import largest_code, units
from makeweight.jobs.job import training_data
from makeweight.jobs.result import Job
from makeweight.nets.build import Network
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, threads_of_torch
from makeweight.training.state import begin

# A fifth of the training's peak: at the end of a training the learning rate was lower, and much more undoes it.
LEARNING_RATE = 0.2
WARMUP = 0.1


class Rounded(nn.Module):
    """(o, …) weights to the nearest symmetric codes of some bits, times a unit for each filter."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weights: Tensor) -> Tensor:
        """Round; the gradient is that of the weights themselves."""
        with torch.no_grad():
            unit = units(weights, self.bits).clamp(min=1e-12).reshape(-1, *(1 for _ in weights.shape[1:]))
            largest = largest_code(self.bits)
            moved = (weights / unit).round().clamp(-largest, largest) * unit - weights
        rounded: Tensor = weights + moved
        return rounded


def fine_tune(
    network: Network,
    job: Job,
    data: PreparedDataset,
    bits: int,
    epochs: int,
    on_epoch: Callable[[int, float], None] = lambda epoch, accuracy: None,
) -> Network:
    """Return a copy of a trained network, trained on with its weights rounded to some bits; on one thread.

    Parameters
    ----------
    network : Network
        As the job left it.
    bits : int
        Of a weight; depthwise filters, which the export leaves in 8 bits, aren't rounded.
    epochs : int
        At least 1, over the job's own training images. Validation images are looked at and not trained on; test images
        stay closed.
    on_epoch : callable
        Called after each epoch with its number and the validation accuracy of the rounded network.

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    """
    recipe = replace(
        job.recipe, epochs=epochs, learning_rate=LEARNING_RATE * job.recipe.learning_rate, warmup=WARMUP,
        skip_easy=0.0, ema=0.0, precision="fp32",
    )  # fmt: skip
    with threads_of_torch(1):
        state = begin(job.architecture, recipe, job.seed, Hardware("cpu", "fp32", 1))
        state.network.load_state_dict(network.state_dict())
        filters = [module for module in state.network.modules() if _is_rounded(module)]
        for module in filters:
            parametrize.register_parametrization(module, "weight", Rounded(bits))
        for record in train(state, recipe, training_data(data, job)):
            on_epoch(record.epoch, record.validation_accuracy)
        for module in filters:
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
    result = copy.deepcopy(network)
    result.load_state_dict(state.network.state_dict())
    return result.eval()


def _is_rounded(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
