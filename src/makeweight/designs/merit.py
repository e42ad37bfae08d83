"""Expected accuracy of a network before it is trained: a formula fitted to trained networks.

Merit is −log2 of the error rate, up to a constant that depends on the data: of two networks for the same images, one
whose merit is higher by 1 is expected to make half as many errors. docs/design.md has the measurements, how well the
formula ranks data that it was not fitted to, and its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import log2
from typing import Any

import numpy as np
from scipy.special import ndtr

from makeweight.designs.cost import weights_and_macs
from makeweight.designs.layers import Conv2d, DepthwiseConv2d, Flatten, Linear, Pool
from makeweight.designs.shapes import PlacedLayer

# A wider layer must not lower the merit, however noisy the measurements.
POSITIVE = ("weights", "operations", "narrowest", "features")

COEFFICIENTS = {
    "weights": 0.0000,
    "operations": 1.2472,
    "narrowest": 0.1200,
    "features": 0.0634,
    "first": 0.1089,
    "field": 0.0624,
    "field_in_full": 0.1740,
    "kernel": -0.0704,
    "depthwise": -0.2172,
    "flat_weights": -0.1693,
}

# log2 of the filters from which more of them in the narrowest layer no longer help. Fitted without this end, the
# formula took 26M MACs for the default study's CNN 100K, which did no better than with 14M; with it, it ranks held-out
# data better.
ENOUGH_FILTERS = 4

# What a MAC on a map of half the image's side or more is worth, relative to one on a smaller map.
EARLY = 0.15

# Not fitted: a first map of fewer pixels a side than this loses so many halvings for each time it is halved below. The
# formula expected stride 4 (8 pixels) to be the best of nine structures for CIFAR-10 in 2M MACs; trained in full it was
# among the last, and 0.16 halvings worse than expected (docs/design.md).
MIN_DETAIL = 12
DETAIL = 0.28

# Not fitted: what a fully connected network loses for each halving of the image's side before its first layer. The fit
# gives 0.20, with which it would read a shrunk FashionMNIST at 50K weights too, where that is worse by 0.4 points; with
# 0.24 the choice is the better one from 5K to 100K (docs/design.md).
SHRUNK = 0.24

# log2 of the weights of a fully connected network whose widths help as much as those of filters: larger ones gain less.
FLAT_CENTRE = 15

# Standard deviation of the residuals, in halvings, on data that the formula was not fitted to.
RESIDUAL = 0.13


def features(placed: Sequence[PlacedLayer]) -> dict[str, Any]:
    """Return the formula's features; if widths are arrays, so are the values.

    Parameters
    ----------
    placed : sequence of PlacedLayer
        All layers of a network, as :func:`makeweight.designs.shapes.place` gives them.
    """
    h, w = placed[0].input_shape[1:]
    counted = [(p, *weights_and_macs(p)) for p in placed]
    weights, macs = sum(n for _, n, _ in counted), sum(n for _, _, n in counted)
    weighted = [p for p in placed if isinstance(p.layer, Conv2d | DepthwiseConv2d | Linear)]
    hidden = [np.log2(p.output_shape[0]) for p in weighted[:-1]]
    maps = [p for p in weighted if len(p.output_shape) == 3]
    kernels = [log2(p.layer.kernel) for p in placed if isinstance(p.layer, Conv2d | DepthwiseConv2d)]
    field = log2(min(_field(placed) / h, 1)) if maps else log2(1 / h)
    flattened = next((p.input_shape[1] for p in placed if isinstance(p.layer, Flatten)), h)
    early = sum(n for p, _, n in counted if len(p.output_shape) == 3 and 2 * p.output_shape[1] >= h)
    return {
        "weights": np.log2(weights),
        "macs": np.log2(macs),  # not in the formula
        # More of them help less and less.
        "operations": -(np.asarray((macs - (1 - EARLY) * early) / (h * w), float) ** -0.25),
        "narrowest": reduce(np.minimum, [*hidden, ENOUGH_FILTERS] if maps else hidden),
        "features": hidden[-1],
        "first": log2(maps[0].output_shape[1] / h) if maps else 0.0,
        "detail": log2(min(maps[0].output_shape[1] / MIN_DETAIL, 1)) if maps else 0.0,
        "field": field,
        # What it is worth besides where trainings are as long as the default recipe's.
        "field_in_full": field if maps else 0.0,
        "kernel": sum(kernels) / max(len(kernels), 1),
        "depthwise": float(any(isinstance(p.layer, DepthwiseConv2d) for p in maps)),
        "flat_weights": 0.0 if maps else np.log2(weights) - FLAT_CENTRE,
        "shrunk": 0.0 if maps else log2(flattened / h),
    }


def _field(placed: Sequence[PlacedLayer]) -> int:
    """Receptive field of the last map, in pixels a side; shortcuts see less."""
    size, jump = 1, 1
    for p in placed:
        match p.layer:
            case Conv2d(kernel=f, stride=s) | DepthwiseConv2d(kernel=f, stride=s):
                size, jump = size + (f - 1) * jump, jump * s
            case Pool(kernel=f):
                size, jump = size + (f - 1) * jump, jump * f
    return size


def merit(placed: Sequence[PlacedLayer]) -> Any:
    """Return the expected halvings of the error rate, up to a constant; an array if widths are arrays."""
    return merit_of(features(placed))


def merit_of(values: Mapping[str, Any]) -> Any:
    """Return the merit of these features."""
    settled = DETAIL * values["detail"] + SHRUNK * values["shrunk"]
    return settled + sum(weight * values[name] for name, weight in COEFFICIENTS.items())


def error_ratio(merit: float, other: float) -> float:
    """Return the expected errors of a network for each error of another one.

    >>> error_ratio(3.0, 4.0)
    2.0
    """
    return float(2.0 ** (other - merit))


def probability(merit: float, other: float) -> float:
    """Return the probability that a network makes fewer errors than another one, 0 to 1.

    What the formula gets wrong about each is taken as normal and independent, so the difference of two has √2 of its
    standard deviation. For networks that are alike it errs alike, and the truth lies further from one half.

    >>> probability(3.0, 3.0)
    0.5
    """
    return float(ndtr((merit - other) / (RESIDUAL * 2**0.5)))
