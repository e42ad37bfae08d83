"""Architecture to a Flax module of standard layers, channels last."""

from __future__ import annotations

import flax.linen as nn
import jax

from makeweight.designs import layers as design
from makeweight.designs.architecture import Architecture


class FlaxNetwork(nn.Module):
    """(n, h, w, c) images to (n, k) logits."""

    architecture: Architecture

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Apply the layers in order."""
        return _apply(self.architecture.layers, x, train)


def _apply(layers: tuple[design.Layer, ...], x: jax.Array, train: bool) -> jax.Array:
    for layer in layers:
        x = x + _apply(layer.body, x, train) if isinstance(layer, design.Residual) else _layer(layer, x, train)
    return x


def _layer(layer: design.Layer, x: jax.Array, train: bool) -> jax.Array:
    match layer:
        case design.Linear(out_features=k, bias=bias):
            return nn.Dense(k, use_bias=bias)(x)
        case design.Conv2d(out_channels=k, kernel=f, stride=s, padding=p, bias=bias):
            return nn.Conv(k, (f, f), strides=s, padding=p, use_bias=bias)(x)
        case design.BatchNorm(scale=scale, shift=shift):
            return nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, use_scale=scale, use_bias=shift)(x)
        case design.Activation():
            return _activation(layer, x)
        case design.Pool(kernel=kernel, kind=kind):
            window = (kernel, kernel)
            return (nn.max_pool if kind == "max" else nn.avg_pool)(x, window, strides=window)
        case design.GlobalPool(kind=kind):
            return x.max((1, 2)) if kind == "max" else x.mean((1, 2))
        case design.Dropout(rate=rate):
            return nn.Dropout(rate, deterministic=not train)(x)
        case design.Flatten():
            return x.reshape(len(x), -1)
    raise TypeError(f"no Flax layer for {type(layer).__name__}")


def _activation(layer: design.Activation, x: jax.Array) -> jax.Array:
    match layer.function:
        case "relu":
            return nn.relu(x)
        case "leaky_relu":
            return nn.leaky_relu(x, layer.slope)
        case "gelu":  # the exact one, as everybody else computes it
            return nn.gelu(x, approximate=False)
    raise ValueError(f"activation {layer.function!r} has no Flax layer with one slope a channel. Use relu or gelu.")
