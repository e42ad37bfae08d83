"""Augmentation of whole batches: every image gets its own draw, without a loop over images."""

from __future__ import annotations

import torch
from torch import Tensor

ERASED_SHARE = (0.02, 0.2)  # of the image's area; Zhong et al. 2020, "Random erasing", use 0.02 to 0.4
ERASED_ASPECT = (0.5, 2.0)


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability one half.

    Parameters
    ----------
    images : Tensor
        (n, c, h, w), any dtype.
    """
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1).to(images.device), images.flip(3), images)


def crop(images: Tensor, padding: int, blank: Tensor, generator: torch.Generator) -> Tensor:
    """Pad each side and cut each image out at its own random place, which shifts it by up to ``padding`` pixels.

    Parameters
    ----------
    images : Tensor
        (n, c, h, w), any dtype.
    padding : int
        Pixels on each side.
    blank : Tensor
        (c,) the value of the padding: black after normalisation.
    """
    n, c, h, w = images.shape
    padded = blank.to(images).view(1, c, 1, 1).expand(n, c, h + 2 * padding, w + 2 * padding).clone()
    padded[:, :, padding : padding + h, padding : padding + w] = images
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)  # (n, c, 2p + 1, 2p + 1, h, w), a view
    rows, columns = torch.randint(0, 2 * padding + 1, (2, n), generator=generator).to(images.device)
    return windows[torch.arange(n, device=images.device), :, rows, columns]


def erase(images: Tensor, probability: float, blank: Tensor, generator: torch.Generator) -> Tensor:
    """Blank a random rectangle of each image with the given probability.

    Parameters
    ----------
    images : Tensor
        (n, c, h, w), any dtype.
    blank : Tensor
        (c,) the value written.
    """
    n, c, h, w = images.shape
    draw = torch.rand(5, n, generator=generator).to(images.device)
    share = ERASED_SHARE[0] + draw[0] * (ERASED_SHARE[1] - ERASED_SHARE[0])
    aspect = ERASED_ASPECT[0] * (ERASED_ASPECT[1] / ERASED_ASPECT[0]) ** draw[1]
    rows = _span(draw[2], (share * aspect).sqrt(), h)
    columns = _span(draw[3], (share / aspect).sqrt(), w)
    erased = (rows[:, :, None] & columns[:, None, :])[:, None] & (draw[4] < probability).view(-1, 1, 1, 1)
    return torch.where(erased, blank.to(images).view(1, c, 1, 1), images)


def _span(start: Tensor, share: Tensor, size: int) -> Tensor:
    """(n, size) bool: a run of round(share · size) places that starts at a random one and lies within."""
    length = (share * size).round().clamp(1, size)
    first = (start * (size - length + 1)).floor()
    places = torch.arange(size, device=start.device)
    return (places >= first[:, None]) & (places < (first + length)[:, None])


def augment(
    images: Tensor, blank: Tensor, generator: torch.Generator, *, flipped: bool, padding: int, erased: float
) -> Tensor:
    """Apply the augmentations that are asked for, in the order crop, flip, erase."""
    if padding:
        images = crop(images, padding, blank, generator)
    if flipped:
        images = flip(images, generator)
    if erased:
        images = erase(images, erased, blank, generator)
    return images.contiguous(memory_format=torch.channels_last)
