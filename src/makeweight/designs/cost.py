"""What an architecture costs: exact weights, MACs and activation bytes, per layer and in total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import Activation, BatchNorm, Conv2d, DepthwiseConv2d, Linear, kind_of
from makeweight.designs.shapes import PlacedLayer, Shape, place

FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Cost of one layer for one image."""

    name: str
    kind: str
    output_shape: Shape
    weights: int  # trainable scalars
    macs: int  # multiply–accumulate operations of convolutions and linear layers
    activation_bytes: int  # float32 input and output, and the shortcut kept for an addition


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a network for one image."""

    layers: tuple[LayerCost, ...]
    weights: int
    macs: int
    activation_bytes: int  # the largest of the layers': what float32 inference of one image must hold at once
    running_statistics: int  # means and variances of batch normalisation; not trained, so not weights


def cost(architecture: Architecture) -> Cost:
    """Count weights, MACs and activation bytes exactly.

    Notes
    -----
    MACs follow the usual count (for example Sze et al. 2017, "Efficient Processing of Deep Neural Networks",
    section III): one for each product of a convolution or linear layer; additions of biases, normalisation
    (which folds into the convolution for inference) and activations are not counted.
    Activation bytes are the peak over the layers of input + output + kept shortcut, in float32,
    with element-wise layers computed in place.

    Raises
    ------
    GeometryError
        If a layer does not fit.
    """
    placed = place(architecture.layers, architecture.input_shape)
    layers = tuple(_layer_cost(p) for p in placed)
    return Cost(
        layers=layers,
        weights=sum(layer.weights for layer in layers),
        macs=sum(layer.macs for layer in layers),
        activation_bytes=max(layer.activation_bytes for layer in layers),
        running_statistics=sum(2 * p.input_shape[0] for p in placed if isinstance(p.layer, BatchNorm)),
    )


def totals(placed: Iterable[PlacedLayer]) -> tuple[int, int]:
    """Weights and MACs of a network; arrays if its widths are arrays."""
    counted = [weights_and_macs(p) for p in placed]
    return sum(weights for weights, _ in counted), sum(macs for _, macs in counted)


def _layer_cost(placed: PlacedLayer) -> LayerCost:
    weights, macs = weights_and_macs(placed)
    return LayerCost(
        name=placed.layer.name,
        kind=kind_of(placed.layer),
        output_shape=placed.output_shape,
        weights=weights,
        macs=macs,
        activation_bytes=_activation_bytes(placed),
    )


def weights_and_macs(placed: PlacedLayer) -> tuple[int, int]:
    """Count one layer; arrays if its widths are arrays."""
    features = placed.input_shape[0]
    match placed.layer:
        case Linear(out_features=k, bias=bias):
            return (features + bias) * k, features * k
        case Conv2d(out_channels=k, kernel=f, bias=bias):
            _, h, w = placed.output_shape
            return (features * f * f + bias) * k, features * f * f * k * h * w
        case DepthwiseConv2d(kernel=f, bias=bias):
            _, h, w = placed.output_shape
            return (f * f + bias) * features, features * f * f * h * w
        case BatchNorm(scale=scale, shift=shift):
            return features * (scale + shift), 0
        case Activation(function="prelu"):
            return features, 0
        case _:
            return 0, 0


def _activation_bytes(placed: PlacedLayer) -> int:
    moves = isinstance(placed.layer, Linear | Conv2d | DepthwiseConv2d) or placed.input_shape != placed.output_shape
    values = prod(placed.input_shape) + (prod(placed.output_shape) if moves else 0)
    if placed.shortcut is not None:
        values += prod(placed.shortcut)
    return FLOAT_BYTES * values
