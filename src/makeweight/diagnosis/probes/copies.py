"""Images that are changed copies of others: shifted, mirrored, brightened or noisy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

ASKED, KNOWN = 150, 3_000  # images that are compared
SIDE = 28  # pixels, to which larger images are averaged
PLACES = 2, 9  # a copy's distance is compared with that of the third to tenth nearest: others may be copies as well
NEARER = 0.5  # times as far as that: as Lowe (2004, section 7.1) compares the nearest with the second nearest, with 0.8


def changed_copies(asked: Tensor, known: Tensor) -> float:
    """Share of images that are far nearer to one of ``known``, shifted by up to 2 pixels or mirrored, than to others.

    Parameters
    ----------
    asked, known : torch.Tensor
        (n, c, h, w) or (n, features) of one shape; a sample is looked at.
    """
    asked, known = _some(asked, ASKED), _some(known, KNOWN)
    if len(asked) < 10 or len(known) < 50:
        return 0.0
    if asked.ndim != 4:
        likeness = standard_rows(asked) @ standard_rows(known).T
    else:
        likeness = torch.full((len(asked), len(known)), -1.0)
        margin = 2 if min(asked.shape[2:]) >= 16 else 1
        kept = standard_rows(_window(known, margin, margin, margin))
        for variant in (asked, asked.flip(3)):
            for down in range(2 * margin + 1):
                for right in range(2 * margin + 1):
                    likeness = torch.maximum(likeness, standard_rows(_window(variant, margin, down, right)) @ kept.T)
    place = max(PLACES[0], min(PLACES[1], len(known) // 100))  # among few images the tenth is far away
    distances = (2 - 2 * likeness).clamp_min(0).sqrt().topk(place + 1, dim=1, largest=False).values
    return float((distances[:, 0] < NEARER * distances[:, place]).double().mean())


def _some(images: Tensor, most: int) -> Tensor:
    rows = torch.linspace(0, len(images) - 1, min(most, len(images))).long()
    chosen = images[rows.to(images.device)].detach().float().cpu()
    if chosen.ndim == 4 and max(chosen.shape[2:]) > SIDE:
        chosen = functional.adaptive_avg_pool2d(chosen, SIDE)
    return chosen


def _window(images: Tensor, margin: int, down: int, right: int) -> Tensor:
    height, width = images.shape[2] - 2 * margin, images.shape[3] - 2 * margin
    return images[:, :, down : down + height, right : right + width]


def standard_rows(images: Tensor) -> Tensor:
    """(n, values) of mean 0 and length 1, so that brightness and contrast play no part."""
    rows = images.flatten(1)
    return functional.normalize(rows - rows.mean(1, keepdim=True), dim=1)
