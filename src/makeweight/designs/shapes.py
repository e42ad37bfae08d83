"""The convolution rule, shape inference, and geometry errors that name the layer and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from makeweight.designs.layers import (
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
    kind_of,
)
from makeweight.errors import GeometryError
from makeweight.wording import dimensions

Shape = tuple[int, ...]  # (c, h, w) of a map or (features,) of a vector, without the batch


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer where it stands."""

    position: int  # counted from 1 over all layers, those inside residual branches included
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    shortcut: Shape | None  # the map that is kept meanwhile for the addition of a residual branch


def conv_output(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Apply the convolution rule along one axis: floor((n + 2p − f) / s) + 1.

    Parameters
    ----------
    size : int
        n, the length of the input along the axis, in pixels.
    kernel, stride, padding : int
        f, s and p.

    Returns
    -------
    int
        The length of the output; 0 or less where the filter does not fit.

    Notes
    -----
    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", relationship 6.

    >>> conv_output(28, 5), conv_output(28, 3, padding=1), conv_output(28, 5, stride=2, padding=2)
    (24, 28, 14)
    """
    return (size + 2 * padding - kernel) // stride + 1


def stem_filter(input_shape: tuple[int, int, int], kernel: int, stride: int, padding: int | None) -> tuple[int, int]:
    """Choose a first filter that reads every pixel: its size, no smaller than its stride, and its padding.

    Parameters
    ----------
    kernel, stride : int
        Size asked for, and the step; a filter smaller than its step would pass over pixels.
    padding : int or None
        None: what keeps the size at stride 1, or the nearest that leaves no pixel at the far edge unread.

    >>> stem_filter((1, 28, 28), 3, 2, None), stem_filter((1, 28, 28), 3, 4, None)
    ((3, 1), (5, 1))
    """
    usual = (kernel - 1) // 2
    if padding is not None:
        return max(kernel, stride), padding
    if stride == 1:
        return kernel, usual

    def reads_all(size: int, p: int) -> bool:
        ends = ((n, (conv_output(n, size, stride, p) - 1) * stride - p + size) for n in input_shape[1:])
        return all(last >= n for n, last in ends)

    # Odd sizes have a middle; the smallest that reads to the far edges of both sides, with the least padding too much.
    smallest = max(kernel, stride)
    sizes = sorted(range(smallest, smallest + stride + 1), key=lambda size: (size % 2 == 0, size))
    fitting = (
        (size, p)
        for size in sizes
        for p in sorted(range(size // 2 + 1), key=lambda p: (abs(p - (size - 1) // 2), p))
        if reads_all(size, p)
    )
    return next(fitting, (smallest, usual))


def place(layers: tuple[Layer, ...], input_shape: Shape) -> tuple[PlacedLayer, ...]:
    """Infer every shape, residual branches included, in the order of computation.

    A residual layer follows its body, as the addition.

    Raises
    ------
    GeometryError
        At the first layer that does not fit the shape that reaches it.
    """
    return tuple(_walk(layers, input_shape, 1, None))


def _walk(layers: tuple[Layer, ...], shape: Shape, position: int, shortcut: Shape | None) -> Iterator[PlacedLayer]:
    for layer in layers:
        entry = shape
        if isinstance(layer, Residual):
            for placed in _walk(layer.body, shape, position, shape):
                yield placed
                shape, position = placed.output_shape, placed.position + 1
            if not _same(shape, entry):
                raise GeometryError(
                    f"{_label(layer, position)}: the branch turns {dimensions(entry)} into {dimensions(shape)}, and "
                    "both must be equal to be added. Give its last convolution the input's channels, stride 1 and "
                    "padding."
                )
        else:
            shape = _output_shape(layer, shape, position)
        yield PlacedLayer(position, layer, entry, shape, shortcut)
        position += 1


def _same(shape: Shape, other: Shape) -> bool:
    """Whether two shapes are equal; sizes may be arrays, for many networks at once."""
    return len(shape) == len(other) and all(a is b or _all_true(a == b) for a, b in zip(shape, other, strict=True))


def _output_shape(layer: Layer, shape: Shape, position: int) -> Shape:
    match layer:
        case Conv2d() | DepthwiseConv2d():
            c, h, w = _map(layer, shape, position)
            _check_filter(layer, h, w, position)
            out_channels = layer.out_channels if isinstance(layer, Conv2d) else c
            return out_channels, *(conv_output(n, layer.kernel, layer.stride, layer.padding) for n in (h, w))
        case Pool():
            c, h, w = _map(layer, shape, position)
            if min(h, w) < layer.kernel:
                raise GeometryError(
                    f"{_label(layer, position)}: a {layer.kernel}×{layer.kernel} window does not fit a {h}×{w} input "
                    f"(the window must be at most {min(h, w)}). Use a smaller window, or remove a pooling before it."
                )
            return c, h // layer.kernel, w // layer.kernel
        case GlobalPool():
            return (_map(layer, shape, position)[0],)
        case Flatten():
            c, h, w = _map(layer, shape, position)
            return (c * h * w,)
        case Linear():
            if len(shape) != 1:
                raise GeometryError(
                    f"{_label(layer, position)}: needs a vector and gets a {dimensions(shape)} map. "
                    "Put a flatten or a global pooling before it."
                )
            return (layer.out_features,)
        case _:
            return shape


def _map(layer: Layer, shape: Shape, position: int) -> Shape:
    if len(shape) != 3:
        raise GeometryError(
            f"{_label(layer, position)}: needs a (channels, height, width) map and gets a vector of {shape[0]}. "
            "Put it before the flatten or global pooling."
        )
    return shape


def _check_filter(layer: Conv2d | DepthwiseConv2d, h: int, w: int, position: int) -> None:
    f, p = layer.kernel, layer.padding
    size = min(h, w)  # what fits the shorter side fits the other
    room = size + 2 * p - f
    if room < 0:
        padding = -(-(f - size) // 2)
        raise GeometryError(
            f"{_label(layer, position)}: a {f}×{f} filter does not fit a {h}×{w} input "
            f"(n + 2p − f must be ≥ 0; {size} + {2 * p} − {f} = −{-room}). "
            f"Use padding={padding} or a filter of at most {size + 2 * p}."
        )


def _label(layer: Layer, position: int) -> str:
    return f"{kind_of(layer).replace('_', ' ')} layer {position} ({layer.name!r})"


def _all_true(same: Any) -> bool:
    """Say whether a comparison holds, for arrays at every element. Without NumPy, to keep --help fast."""
    return bool(same.all() if hasattr(same, "all") else same)
