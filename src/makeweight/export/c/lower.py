"""From a network to steps: normalisation is folded into the convolution before it, dropout and flattening disappear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from makeweight.designs import layers as design
from makeweight.designs.shapes import conv_output
from makeweight.errors import InvalidValue
from makeweight.export.c.steps import (
    Add,
    Adjust,
    Average,
    Convolution,
    Depthwise,
    Extent,
    Filter,
    Floats,
    Largest,
    Pixels,
    Program,
    Rule,
    Ruled,
    Step,
)
from makeweight.nets import modules
from makeweight.nets.build import Network


def lower(network: Network) -> Program:
    """Return the steps of a network in evaluation mode.

    A rule after a maximum is computed before it where it never falls, for max f(x) = f(max x) then; the int8 range of
    what is pooled is then that of the rule's values.

    Raises
    ------
    InvalidValue
        If a weight is not finite.
    """
    bad = [name for name, tensor in network.state_dict().items() if not bool(tensor.isfinite().all())]
    if bad:
        raise InvalidValue(f"the weights must be finite numbers, and those of {bad[0]!r} are not. Train it again.")
    lowering = _Lowering(network)
    lowering.walk(network.layers, network.architecture.layers)
    return Program(network.architecture.input_shape, network.architecture.classes, tuple(lowering.steps))


class _Lowering:
    """The steps so far, and what the next layer finds."""

    def __init__(self, network: Network) -> None:
        self.steps: list[Step] = []
        self.shape: Extent = network.architecture.input_shape
        self.flat = False
        self.kept: set[int] = set()  # values that are read again, so no later layer may be folded into them
        self.mean, self.std = (_numbers(network.get_buffer(name)) for name in ("mean", "std"))

    @property
    def value(self) -> int:
        """The number of the value that the next layer reads; −1 for the image."""
        return len(self.steps) - 1

    def walk(self, sequence: nn.Module, layers: tuple[design.Layer, ...]) -> None:
        for module, layer in zip(sequence.children(), layers, strict=True):
            self.take(module, layer)

    def take(self, module: Any, layer: design.Layer) -> None:
        match layer:
            case design.Conv2d() | design.DepthwiseConv2d():
                self.filter(module, layer)
            case design.Linear(name=name, out_features=features):
                weights = _numbers(module.weight).reshape(features, *self.shape)
                self.shape, self.flat = (features, 1, 1), False
                self.convolve(name, weights, module.bias)
            case design.BatchNorm(name=name):
                self.normalise(name, module)
            case design.Activation(name=name):
                self.apply(name, self.rule(layer, module))
            case design.Pool(name=name, kernel=kernel, kind=kind):
                self.pool(name, kind, kernel, kernel)
            case design.GlobalPool(name=name, kind=kind):
                self.pool(name, kind, *self.shape[1:])
            case design.Residual(name=name):
                self.branch(name, module, layer)
            case design.Flatten():
                self.flat = True
            case design.Dropout():
                pass  # only while training

    def enter(self) -> None:
        """Let the first step be a filter, by a 1×1 filter that changes nothing where the network has none there."""
        if self.value < 0:
            self.convolve("input", np.eye(self.shape[0])[:, :, None, None], None)

    def filter(self, module: Any, layer: design.Conv2d | design.DepthwiseConv2d) -> None:
        kind = Depthwise if isinstance(layer, design.DepthwiseConv2d) else Filter
        if kind is Depthwise:
            self.enter()
        weights, stride, padding = _numbers(module.weight), layer.stride, layer.padding
        h, w = (conv_output(n, layer.kernel, stride, padding) for n in self.shape[1:])
        self.shape = (len(weights), h, w)
        self.convolve(layer.name, weights, module.bias, stride, padding, kind)

    def convolve(
        self,
        name: str,
        weights: Floats,
        bias: Tensor | None,
        stride: int = 1,
        padding: int = 0,
        kind: type[Filter | Depthwise] = Filter,
    ) -> None:
        shift = np.zeros(len(weights)) if bias is None else _numbers(bias)
        if self.value < 0:
            scaled = weights / self.std[:, None, None]
            self.steps.append(Pixels(name, -1, self.shape, scaled, shift, self.mean, stride, padding))
        else:
            self.steps.append(kind(name, self.value, self.shape, weights, shift, stride, padding))

    def normalise(self, name: str, module: modules.BatchNorm) -> None:
        mean, variance = (_numbers(module.get_buffer(f"running_{what}")) for what in ("mean", "var"))
        scale = (1 if module.weight is None else _numbers(module.weight)) / np.sqrt(variance + module.epsilon)
        shift = (0 if module.bias is None else _numbers(module.bias)) - mean * scale
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Convolution) and self.is_open(self.value):
            scale, shift = scale.reshape(-1), shift.reshape(-1)
            weights = last.weights * scale[:, None, None, None]
            self.steps[-1] = replace(last, weights=weights, bias=last.bias * scale + shift)
        else:
            self.adjust(name, self.spread(scale), self.spread(shift))

    def apply(self, name: str, rule: Rule) -> None:
        open_to = self.value
        before = self.steps[open_to] if self.steps else None
        if isinstance(before, Largest) and rule.rises and not self.flat and open_to not in self.kept:
            open_to = before.source
        if self.is_open(open_to):
            self.steps[open_to] = replace(self.steps[open_to], rule=rule)  # type: ignore[call-arg]
        else:
            self.adjust(name, np.ones((1, 1, 1)), np.zeros((1, 1, 1)), rule)

    def rule(self, layer: design.Activation, module: modules.Activation) -> Rule:
        slope = {"relu": 0.0, "leaky_relu": layer.slope}.get(layer.function, 1.0)
        slopes = np.full((1, 1, 1), slope) if module.weight is None else self.spread(_numbers(module.weight))
        return Rule(layer.function, slopes)

    def adjust(self, name: str, scale: Floats, shift: Floats, rule: Rule | None = None) -> None:
        self.enter()
        self.steps.append(Adjust(name, self.value, self.shape, scale, shift, rule))

    def pool(self, name: str, kind: design.PoolKind, rows: int, columns: int) -> None:
        c, h, w = self.shape
        if kind == "max" or rows == h:
            self.enter()
        self.shape = (c, h // rows, w // columns)
        if self.value < 0:  # a filter reads the image without a copy of it
            means = np.eye(c)[:, :, None, None] * np.full((rows, columns), 1 / (rows * columns))
            self.convolve(name, means, None, stride=rows)
        else:
            step = Largest if kind == "max" else Average
            self.steps.append(step(name, self.value, self.shape, rows, columns))

    def branch(self, name: str, module: modules.Residual, layer: design.Residual) -> None:
        self.enter()
        kept = self.value
        self.kept.add(kept)
        self.walk(module.body, layer.body)
        self.steps.append(Add(name, self.value, self.shape, kept))

    def is_open(self, number: int) -> bool:
        """Whether the next layer can be folded into a step, rather than into a value that is read again."""
        if number < 0 or number in self.kept:
            return False
        whole = self.flat and self.shape[1:] != (1, 1)  # then a layer has a number for every feature
        step = self.steps[number]
        return isinstance(step, Ruled) and step.rule is None and not whole

    def spread(self, numbers: Floats) -> Floats:
        """Lay a number for each channel or flattened feature out as (c, 1, 1) or (c, h, w)."""
        return numbers.reshape(self.shape if self.flat else (-1, 1, 1))


def _numbers(tensor: Tensor) -> Floats:
    return cast(Floats, tensor.detach().cpu().double().numpy())
