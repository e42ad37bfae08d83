"""Architecture to a network of torch's standard modules."""

from __future__ import annotations

from torch import Tensor, nn

from makeweight.designs import layers as design
from makeweight.designs.architecture import Architecture
from makeweight.designs.shapes import PlacedLayer, place


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        total: Tensor = x + self.body(x)
        return total


def torch_network(architecture: Architecture) -> nn.Sequential:
    """Build the network; torch's own initial weights."""
    placed = {p.layer.name: p for p in place(architecture.layers, architecture.input_shape)}
    return _sequence(architecture.layers, placed)


def trainable(network: nn.Module) -> int:
    """Count the scalars that training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _sequence(layers: tuple[design.Layer, ...], placed: dict[str, PlacedLayer]) -> nn.Sequential:
    return nn.Sequential(*(_module(layer, placed) for layer in layers))


def _module(layer: design.Layer, placed: dict[str, PlacedLayer]) -> nn.Module:
    shape = placed[layer.name].input_shape
    match layer:
        case design.Linear(out_features=k, bias=bias):
            return nn.Linear(shape[0], k, bias=bias)
        case design.Conv2d(out_channels=k, kernel=f, stride=s, padding=p, bias=bias):
            return nn.Conv2d(shape[0], k, f, s, p, bias=bias)
        case design.BatchNorm():
            return _norm(layer, shape)
        case design.Activation():
            return _activation(layer, shape[0])
        case design.Pool(kernel=kernel, kind=kind):
            return nn.MaxPool2d(kernel) if kind == "max" else nn.AvgPool2d(kernel)
        case design.GlobalPool(kind=kind):
            return nn.Sequential(nn.AdaptiveMaxPool2d(1) if kind == "max" else nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case design.Dropout(rate=rate):
            return nn.Dropout(rate)
        case design.Flatten():
            return nn.Flatten()
        case design.Residual(body=body):
            return Residual(_sequence(body, placed))


def _norm(layer: design.BatchNorm, shape: tuple[int, ...]) -> nn.Module:
    """Make a standard module; a scale or shift that the architecture does not have is frozen at 1 or 0."""
    norm = nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
    norm.weight.requires_grad_(layer.scale)
    norm.bias.requires_grad_(layer.shift)
    return norm


def _activation(layer: design.Activation, features: int) -> nn.Module:
    match layer.function:
        case "relu":
            return nn.ReLU()
        case "leaky_relu":
            return nn.LeakyReLU(layer.slope)
        case "prelu":
            return nn.PReLU(features, layer.slope)
        case "gelu":
            return nn.GELU()
