"""Which images an epoch trains on, and in which order."""

from __future__ import annotations

import torch
from torch import Tensor

from makeweight.training.recipe import Recipe
from makeweight.training.state import TrainingState


def epoch_batches(state: TrainingState, recipe: Recipe) -> list[Tensor]:
    """Positions of the images of the next epoch, in batches.

    The first and the last epoch train on all images. Those in between skip a share ``recipe.skip_easy`` of the
    easy images, drawn anew each time: an image is easy if its loss, when the network last saw it, was below the mean.

    Notes
    -----
    The selection of InfoBatch (Qin et al. 2024, arXiv 2303.04947, section 3) without its rescaling of the
    gradients: with it a CNN was no more accurate on FashionMNIST (one seed, docs/performance.md).
    """
    losses = state.losses
    if recipe.skip_easy and 0 < state.epoch < recipe.epochs - 1:
        skipped = torch.rand(len(losses), generator=state.generator) < recipe.skip_easy
        easy = (losses < losses.mean()).cpu()
        images = (~(easy & skipped)).nonzero().squeeze(1)
    else:
        images = torch.arange(len(losses))
    return _shuffled(images, recipe.batch_size, state.generator)


def _shuffled(images: Tensor, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Images in random order, in batches; the last may be short, but never a single image.

    Batch normalisation cannot normalise one vector by itself, so a last single image joins the batch before.
    """
    order = images[torch.randperm(len(images), generator=generator)]
    batches = list(torch.split(order, batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
