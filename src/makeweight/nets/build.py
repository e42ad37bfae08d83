"""From architecture to network: the module has exactly the weights that were counted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from makeweight.designs import layers as design
from makeweight.designs.architecture import Architecture
from makeweight.designs.cost import cost
from makeweight.designs.shapes import PlacedLayer, place
from makeweight.errors import InvalidValue
from makeweight.nets import modules


class Network(nn.Module):
    """A network that knows how its images are normalised.

    ``mean`` and ``std`` (c,) are in units of uint8 pixels; they are fixed before training and are not weights.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = _sequence(iter(place(architecture.layers, architecture.input_shape)), architecture.layers)
        channels = architecture.input_shape[0]
        self.register_buffer("mean", torch.full((channels,), 127.5))
        self.register_buffer("std", torch.full((channels,), 127.5))

    def normalise(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """(n, c, h, w) uint8 to the same shape in ``dtype``, channels last in memory, mean 0 and sd 1."""
        mean, std = (self.get_buffer(name).view(-1, 1, 1) for name in ("mean", "std"))
        return ((images.float() - mean) / std).to(dtype).contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) normalised images to (n, k) logits in float32."""
        logits: Tensor = self.layers(images)
        return logits.float()

    def use_generator(self, generator: torch.Generator) -> None:
        """Let every dropout layer draw from this generator."""
        for module in self.modules():
            if isinstance(module, modules.Dropout):
                module.generator = generator


def build(architecture: Architecture, generator: torch.Generator) -> Network:
    """Build a network with initial weights drawn from a generator.

    Hidden weights are normal with variance 2 / fan_in (He et al. 2015), those of the logits uniform within
    ±1 / √fan_in (torch's own rule, variance 1 / (3·fan_in)); biases and shifts start at 0.

    Raises
    ------
    GeometryError
        If a layer does not fit.
    RuntimeError
        If the module's trainable scalars differ from the architecture's weights: a fault in makeweight.
    """
    network = Network(architecture)
    weights, expected = trainable_weights(network), cost(architecture).weights
    if weights != expected:
        raise RuntimeError(f"built {weights} trainable weights for an architecture of {expected}")
    _initialise(network, generator)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def trainable_weights(network: nn.Module) -> int:
    """Count the scalars that training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _sequence(placed: Iterator[PlacedLayer], layers: tuple[design.Layer, ...]) -> nn.Sequential:
    """Take from ``placed``, which lists a residual's body before the residual itself."""
    sequence = nn.Sequential()
    for layer in layers:
        # A module's name cannot hold a dot.
        name = layer.name.replace(".", "_")
        if not name or hasattr(sequence, name):
            raise InvalidValue(
                f"a layer can't be named {layer.name!r}: the name is taken. Give each a name of its own."
            )
        if isinstance(layer, design.Residual):
            sequence.add_module(name, modules.Residual(_sequence(placed, layer.body)))
            next(placed)
        else:
            sequence.add_module(name, _module(next(placed)))
    return sequence


def _module(placed: PlacedLayer) -> nn.Module:
    features = placed.input_shape[0]
    match placed.layer:
        case design.Linear(out_features=k, bias=bias):
            return modules.Linear(features, k, bias)
        case design.Conv2d(out_channels=k, kernel=f, stride=s, padding=p, bias=bias):
            return modules.Conv2d(features, k, f, s, p, bias=bias)
        case design.DepthwiseConv2d(kernel=f, stride=s, padding=p, bias=bias):
            return modules.Conv2d(features, features, f, s, p, groups=features, bias=bias)
        case design.BatchNorm(scale=scale, shift=shift):
            return modules.BatchNorm(features, scale, shift)
        case design.Activation() as activation:
            return modules.Activation(activation, features)
        case design.Pool(kernel=kernel, kind=kind):
            return modules.Pool(kind, kernel)
        case design.GlobalPool(kind=kind):
            return modules.GlobalPool(kind)
        case design.Dropout(rate=rate):
            return modules.Dropout(rate)
        case design.Flatten():
            return nn.Flatten()
        case layer:
            raise TypeError(f"no module for {type(layer).__name__}")


def _initialise(network: Network, generator: torch.Generator) -> None:
    affine = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    for module in affine:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    bound = affine[-1].weight[0].numel() ** -0.5
    nn.init.uniform_(affine[-1].weight, -bound, bound, generator=generator)
