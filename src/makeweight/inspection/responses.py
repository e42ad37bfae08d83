"""The test images that a filter responds to most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makeweight.designs.receptive import receptive_fields
from makeweight.inspection.records import Responses
from makeweight.nets.build import Network
from makeweight.nets.taps import Tap, recorded

BATCH = 250  # images at once: what is kept of a layer stays below 100 MB, unless it is very wide
FILTERS = 8  # of a layer, where none are named
TOP = 8  # images of a filter


def find_responses(
    network: Network, images: NDArray[np.uint8], layers: Sequence[Tap], filters: Sequence[int] | None = None
) -> tuple[Responses, ...]:
    """Find, for some filters of some layers, the images in which they reach the largest values.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    images : (n, c, h, w) uint8
        All of them are looked at, batch by batch.
    layers : sequence of Tap
    filters : sequence of int, optional
        Their numbers; by default of each layer the 8 whose strength varies most over the images, for a filter that
        answers to all images alike tells nothing. They stand in the order of their numbers.

    Notes
    -----
    The strength of a filter in an image is the largest value of its map, as in Zeiler and Fergus 2014, "Visualizing
    and Understanding Convolutional Networks", section 4; the box is what that one place sees.
    """
    strengths = _strengths(network, images, [tap.layer for tap in layers])
    return tuple(_of_layer(network, images, tap, strengths[tap.layer], filters) for tap in layers)


def most_varied(strengths: NDArray[np.float32], most: int = FILTERS) -> tuple[int, ...]:
    """Return the filters of (n, filters) strengths with the largest variance, by their numbers."""
    order = np.argsort(-strengths.var(axis=0, dtype=np.float64), kind="stable")
    return tuple(sorted(int(number) for number in order[:most]))


def as_maps(output: Tensor) -> Tensor:
    """(n, c, h, w) as it is, and (n, features) as maps of 1 × 1."""
    return output if output.ndim == 4 else output[:, :, None, None]


def _strengths(network: Network, images: NDArray[np.uint8], layers: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """(n, filters) of each layer."""
    parts: dict[str, list[Tensor]] = {name: [] for name in layers}
    for maps in _passes(network, images, layers):
        for name in layers:
            parts[name].append(as_maps(maps[name]).amax(dim=(2, 3)))
    return {name: torch.cat(of_layer).numpy() for name, of_layer in parts.items()}


@torch.inference_mode()
def _passes(network: Network, images: NDArray[np.uint8], layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    with recorded(network, layers) as maps:
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.array(images[start : start + BATCH]))
            network(network.normalise(batch, torch.float32))
            yield maps


def _of_layer(
    network: Network,
    images: NDArray[np.uint8],
    tap: Tap,
    strengths: NDArray[np.float32],
    filters: Sequence[int] | None,
) -> Responses:
    numbers = tuple(dict.fromkeys(filters)) if filters else most_varied(strengths)
    indices = np.argsort(-strengths[:, list(numbers)], axis=0, kind="stable")[:TOP].T.astype(np.int64)
    boxes = [
        _boxes(network, images[strongest], tap, number) for number, strongest in zip(numbers, indices, strict=True)
    ]
    return Responses(
        layer=tap.layer,
        filters=numbers,
        indices=indices,
        pixels=np.stack([images[strongest] for strongest in indices]),
        strengths=np.take_along_axis(strengths[:, list(numbers)].T, indices, axis=1),
        boxes=np.stack(boxes),
    )


def _boxes(network: Network, images: NDArray[np.uint8], tap: Tap, number: int) -> NDArray[np.int64]:
    """(top, 4) of what the place sees where a filter is strongest; the first such place of each image."""
    field = receptive_fields(network.architecture)[tap.shown]
    maps = np.concatenate([as_maps(f[tap.layer])[:, number].numpy() for f in _passes(network, images, [tap.layer])])
    places = (np.unravel_index(int(strengths.argmax()), strengths.shape) for strengths in maps)
    return np.array([field.box(int(y), int(x)) for y, x in places], dtype=np.int64)
