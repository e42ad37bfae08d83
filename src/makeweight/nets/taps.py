"""Outputs of the layers inside a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from makeweight.designs import layers as design
from makeweight.designs.architecture import Architecture
from makeweight.designs.shapes import PlacedLayer, Shape, place
from makeweight.errors import InvalidValue
from makeweight.nets import modules
from makeweight.nets.build import Network

_PASSING = design.BatchNorm | design.Pool
_FILTERS = design.Conv2d | design.DepthwiseConv2d


@dataclass(frozen=True, slots=True)
class Tap:
    """A layer that can be looked at, and the layer whose output is shown for it."""

    layer: str  # name in the layer table
    record: design.Layer
    shown: str  # name of the layer whose output is taken
    shape: Shape  # (c, h, w) or (features,) of that output

    @property
    def is_convolution(self) -> bool:
        """Whether its features are filters that slide over a map."""
        return isinstance(self.record, _FILTERS)


def taps(architecture: Architecture) -> dict[str, Tap]:
    """List the layers that can be looked at, in the order of computation: convolutions, linear layers, additions.

    Of each the reader sees what it makes of the image: the output of the activation that follows it, with nothing but
    normalisation and pooling in between. Where none follows — the last convolution of a residual branch, whose
    activation comes after the addition, and the logits — it is the output of the normalisation that directly follows,
    or the layer's own.
    """
    placed = {p.position: p for p in place(architecture.layers, architecture.input_shape)}
    listed = (
        Tap(entry.layer.name, entry.layer, shown.layer.name, shown.output_shape)
        for entry, shown in _entries(architecture.layers, placed, 1)
    )
    return {tap.layer: tap for tap in listed}


def tap_named(architecture: Architecture, name: str) -> Tap:
    """Return a layer that can be looked at.

    Raises
    ------
    InvalidValue
        If there is none of that name.
    """
    known = taps(architecture)
    if name not in known:
        raise InvalidValue(f"there is no layer {name!r} to look at. There are: {', '.join(known)}.")
    return known[name]


@contextmanager
def recorded(network: Network, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record the shown outputs of some layers in every forward pass of the block; a later pass replaces an earlier one.

    The tensors are copies in float32, (n, c, h, w) or (n, features): activations work in place, and would change what
    the layer before them gave.

    Raises
    ------
    InvalidValue
        If a layer cannot be looked at; names those that can.
    """
    inside = dict(_modules(network.layers, network.architecture.layers))
    kept: dict[str, Tensor] = {}
    chosen = [tap_named(network.architecture, name) for name in layers]
    hooks = [inside[tap.shown].register_forward_hook(partial(_keep, kept, tap.layer)) for tap in chosen]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def activations(network: Network, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the shown outputs of some layers, by name, for (n, c, h, w) normalised images; see :func:`recorded`.

    Raises
    ------
    InvalidValue
        If a layer cannot be looked at; names those that can.
    """
    with recorded(network, layers) as kept:
        network(images)
    return {name: kept[name] for name in layers}


def _keep(kept: dict[str, Tensor], name: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
    kept[name] = output.detach().to(torch.float32, copy=True).contiguous()


def _entries(
    layers: tuple[design.Layer, ...], placed: dict[int, PlacedLayer], position: int
) -> Iterator[tuple[PlacedLayer, PlacedLayer]]:
    """Pair each layer that can be looked at with the one shown for it, with positions."""
    positions = []
    for layer in layers:
        position += _inner(layer)  # a residual branch counts before its addition
        positions.append(position)
        position += 1
    for i, layer in enumerate(layers):
        if isinstance(layer, design.Residual):
            yield from _entries(layer.body, placed, positions[i] - _inner(layer))
        if isinstance(layer, _FILTERS | design.Linear | design.Residual):
            yield placed[positions[i]], placed[positions[i + _shown(layers[i + 1 :])]]


def _shown(following: tuple[design.Layer, ...]) -> int:
    """How many layers after a layer the one shown for it comes."""
    for steps, layer in enumerate(following, 1):
        if isinstance(layer, design.Activation):
            return steps
        if not isinstance(layer, _PASSING):
            break
    return 1 if following and isinstance(following[0], design.BatchNorm) else 0


def _inner(layer: design.Layer) -> int:
    """Count the layers inside a residual branch."""
    return sum(1 + _inner(inner) for inner in layer.body) if isinstance(layer, design.Residual) else 0


def _modules(sequence: nn.Module, layers: tuple[design.Layer, ...]) -> Iterator[tuple[str, nn.Module]]:
    """Pair the names of the layer table with the modules that were built from it, in the same order."""
    for module, layer in zip(sequence.children(), layers, strict=True):
        if isinstance(layer, design.Residual) and isinstance(module, modules.Residual):
            yield from _modules(module.body, layer.body)
        yield layer.name, module
