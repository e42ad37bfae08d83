"""What is found by looking into a network: arrays and names, without torch, for figures and pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BEYOND = 0.005  # share of values at each end that get the end's colour: a few of them would leave all others dark


@dataclass(frozen=True)
class InputImage:
    """An image to look at."""

    name: str  # "test image 17", or the name of a file
    pixels: NDArray[np.uint8]  # (c, h, w)
    truth: int | None  # label, where it is known


@dataclass(frozen=True)
class Sample(InputImage):
    """An image that the network has looked at."""

    probabilities: NDArray[np.float32]  # (k,) softmax of the logits

    @property
    def predicted(self) -> int:
        """Label of the largest probability."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True)
class LayerMaps:
    """The output of one layer for several samples."""

    layer: str
    kind: str  # as in the layer table: "conv", "linear", …
    maps: NDArray[np.float32]  # (samples, filters, h, w); a vector's features are filters of 1 × 1
    shown: str = ""  # name of the layer whose output this is: the activation that follows, if one does
    sees: tuple[int, int] = (0, 0)  # height and width in pixels of a value's receptive field

    @property
    def low(self) -> float:
        """Smallest value over all samples and filters."""
        return float(self.maps.min())

    @property
    def high(self) -> float:
        """Largest value over all samples and filters."""
        return float(self.maps.max())

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Ends of the scale of colours: the values that half a percent lie below, and above; two different ones."""
        low = float(np.quantile(self.maps, BEYOND, method="lower"))
        high = float(np.quantile(self.maps, 1 - BEYOND, method="higher"))
        if low == high:  # nearly all are 0
            low, high = self.low, self.high
        return low, high if high > low else low + 1

    @property
    def mean(self) -> float:
        """Mean over all samples, filters and places."""
        return float(self.maps.mean(dtype=np.float64))

    @property
    def zeros(self) -> float:
        """Share of values that are exactly 0, which a ReLU has cut off; 0 to 1."""
        return float((self.maps == 0).mean())

    @property
    def shape(self) -> tuple[int, int, int]:
        """(filters, h, w)."""
        _, filters, h, w = self.maps.shape
        return filters, h, w

    @property
    def is_vector(self) -> bool:
        """Whether its features have no place in the image."""
        return self.shape[1:] == (1, 1)


@dataclass(frozen=True)
class Filters:
    """The weights of the first layer that has any, as images."""

    layer: str
    kernels: NDArray[np.float32]  # (filters, c, h, w); a linear layer's are as large as the image


@dataclass(frozen=True)
class Responses:
    """The test images that some filters of a layer respond to most."""

    layer: str
    filters: tuple[int, ...]  # their numbers, from 0
    indices: NDArray[np.int64]  # (filters, top) of the test images, strongest first
    pixels: NDArray[np.uint8]  # (filters, top, c, h, w)
    strengths: NDArray[np.float32]  # (filters, top) the largest value of the filter's map
    # (filters, top, 4) left, top, right, bottom of what that place sees, clipped to the image; the last two outside
    boxes: NDArray[np.int64]


@dataclass(frozen=True)
class Inspection:
    """All that was looked at in one run."""

    network: str  # label, "CNN 10K"
    run: str  # key of the run, shortened
    seed: int
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    layers: tuple[LayerMaps, ...]
    filters: Filters | None
    responses: tuple[Responses, ...]
