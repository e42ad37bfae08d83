"""What part of the image a value deep in a network depends on."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import Conv2d, DepthwiseConv2d, Flatten, GlobalPool, Layer, Linear, Pool, Residual
from makeweight.designs.shapes import Shape, place

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are the first outside


@dataclass(frozen=True, slots=True)
class Span:
    """What is seen along one axis: position i depends on the pixels start + i·jump to start + i·jump + size − 1."""

    size: int  # r, in pixels; may be larger than the image
    jump: int  # j, pixels between what two neighbours see
    start: int  # first pixel that position 0 sees; negative inside the padding

    def through(self, kernel: int, stride: int, padding: int) -> Span:
        """Return what a window over these positions sees.

        Notes
        -----
        r' = r + (f − 1)·j, j' = j·s, start' = start − p·j: Araujo, Norris and Sim 2019, "Computing Receptive Fields
        of Convolutional Neural Networks", doi:10.23915/distill.00021, equations 2 and 3 followed from the image on.
        """
        return Span(self.size + (kernel - 1) * self.jump, self.jump * stride, self.start - padding * self.jump)

    def joined(self, other: Span, positions: int) -> Span:
        """Return the smallest span of this jump that covers both at each of some positions.

        Branches that are added have the same jump, but for a stride that padding makes up for; the difference of two
        straight lines is largest at an end.
        """
        drift = (positions - 1) * (other.jump - self.jump)
        start = min(self.start, other.start, other.start + drift)
        end = max(self.start + self.size, other.start + other.size, other.start + other.size + drift)
        return Span(end - start, self.jump, start)

    def within(self, position: int, length: int) -> tuple[int, int]:
        """Return the first pixel that a position sees and the first behind, clipped to an image of some length."""
        first = self.start + position * self.jump
        return min(max(first, 0), length), min(max(first + self.size, 0), length)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What each position of a layer's output sees of the image; the largest where branches differ."""

    vertical: Span
    horizontal: Span
    image: tuple[int, int]  # height and width in pixels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, no larger than the image."""
        h, w = self.image
        return min(self.vertical.size, h), min(self.horizontal.size, w)

    def box(self, y: int, x: int) -> Box:
        """Return (left, top, right, bottom) of what row y, column x sees, clipped to the image."""
        top, bottom = self.vertical.within(y, self.image[0])
        left, right = self.horizontal.within(x, self.image[1])
        return left, top, right, bottom


def receptive_fields(architecture: Architecture) -> dict[str, ReceptiveField]:
    """Return the receptive field of every layer's output, by its name; a vector's is the whole image.

    Theory gives the largest part of the image that can matter; weights decide what does (Luo et al. 2016).

    Raises
    ------
    GeometryError
        If a layer does not fit.
    """
    place(architecture.layers, architecture.input_shape)  # says what does not fit
    image = architecture.input_shape[1:]
    start = ReceptiveField(Span(1, 1, 0), Span(1, 1, 0), image)
    fields: dict[str, ReceptiveField] = {}
    _follow(architecture.layers, architecture.input_shape, start, fields)
    return fields


def _follow(
    layers: tuple[Layer, ...], shape: Shape, field: ReceptiveField, fields: dict[str, ReceptiveField]
) -> ReceptiveField:
    for layer in layers:
        if isinstance(layer, Residual):
            field = _joined(field, _follow(layer.body, shape, field, fields), shape)
        else:
            field = _after(layer, field)
            shape = place((layer,), shape)[0].output_shape
        fields[layer.name] = field
    return field


def _after(layer: Layer, field: ReceptiveField) -> ReceptiveField:
    match layer:
        case Conv2d(kernel=f, stride=s, padding=p) | DepthwiseConv2d(kernel=f, stride=s, padding=p):
            return ReceptiveField(field.vertical.through(f, s, p), field.horizontal.through(f, s, p), field.image)
        case Pool(kernel=f):
            return ReceptiveField(field.vertical.through(f, f, 0), field.horizontal.through(f, f, 0), field.image)
        case GlobalPool() | Flatten() | Linear():
            h, w = field.image
            return ReceptiveField(Span(h, 0, 0), Span(w, 0, 0), field.image)
        case _:
            return field


def _joined(shortcut: ReceptiveField, branch: ReceptiveField, shape: Shape) -> ReceptiveField:
    h, w = shape[1:] if len(shape) == 3 else (1, 1)
    vertical = shortcut.vertical.joined(branch.vertical, h)
    return ReceptiveField(vertical, shortcut.horizontal.joined(branch.horizontal, w), shortcut.image)
