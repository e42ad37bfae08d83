"""Images that the training loop can read at memory speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makeweight.nets.build import Network

# Up to this size normalised images stay in memory, which saves a conversion per step; beyond it memory-mapped
# uint8 images are converted batch by batch, so a set larger than memory still trains.
RESIDENT_BYTES = 512 * 2**20
CHUNK = 4_096  # images converted at once

Rows = NDArray[np.int64]  # (n,) positions in a data set
Pixels = NDArray[np.uint8] | NDArray[np.float32]  # (n, c, h, w); floats are standardised already


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All that training may see: a training and a validation split, and no access to test images."""

    images: Pixels  # (n, c, h, w), usually memory-mapped; both splits
    labels: NDArray[np.int64]  # (n,)
    train: Rows  # rows of the training split
    validation: Rows  # rows of the validation split; may be empty
    # (n,) weight of each image in the gradient, 1 on average over the training split; None: all equal.
    weights: NDArray[np.float32] | None = None


def balanced(data: TrainingData) -> TrainingData:
    """Weigh each image so that every class counts as much as any other, 1 on average: n / (k · images of its class)."""
    counts = np.bincount(data.labels[data.train], minlength=int(data.labels.max()) + 1)
    weights = len(data.train) / (np.count_nonzero(counts) * np.maximum(counts, 1)[data.labels])
    return replace(data, weights=weights.astype(np.float32))


def channel_statistics(images: Pixels, rows: Rows) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over some images, in units of uint8 pixels: two (c,) tensors.

    Floats are standardised already; mean 0 and standard deviation 1 leave them unchanged.
    """
    channels = images.shape[1]
    if images.dtype != np.uint8:
        return torch.zeros(channels), torch.ones(channels)
    counts = np.zeros((channels, 256), dtype=np.int64)
    for chunk in _chunks(rows):
        for channel in range(channels):
            counts[channel] += np.bincount(images[chunk, channel].reshape(-1), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    values = np.arange(256)
    mean = share @ values
    variance = (share * (values - mean[:, None]) ** 2).sum(axis=1)
    std = np.sqrt(np.maximum(variance, 1.0))  # uniform images stay unchanged
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)


class Images:
    """Some rows of a data set, normalised for a network, in memory if they fit."""

    def __init__(
        self,
        network: Network,
        images: Pixels,
        labels: NDArray[np.int64],
        rows: Rows,
        device: str,
        dtype: torch.dtype,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self._network, self._images, self._rows = network, images, rows
        self._device, self._dtype = device, dtype
        self.labels = torch.from_numpy(np.asarray(labels[rows], dtype=np.int64)).to(device)
        self.weights = None if weights is None else torch.from_numpy(weights[rows]).to(device)
        bytes_needed = len(rows) * int(np.prod(images.shape[1:])) * dtype.itemsize
        self._resident = self._load() if bytes_needed <= RESIDENT_BYTES else None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one image."""
        return self._images.shape[1:]

    @cached_property
    def blank(self) -> Tensor:
        """(c,) black, normalised, in float32: 0 of uint8 pixels; of floats the smallest value of each channel."""
        if self._images.dtype == np.uint8:
            black = torch.zeros(1, *self.shape, dtype=torch.uint8, device=self._device)
            return self._network.normalise(black, torch.float32)[0, :, 0, 0]
        darkest = [self._images[chunk].min(axis=(0, 2, 3)) for chunk in _chunks(self._rows)]
        return torch.from_numpy(np.min(darkest, axis=0)).to(self._device)

    def batch(self, chosen: Tensor) -> Tensor:
        """(b,) positions to (b, c, h, w) normalised images, channels last in memory."""
        if self._resident is not None:
            picked = self._resident.index_select(0, chosen.to(self._device))
            return picked.permute(0, 3, 1, 2)
        return self._normalised(self._rows[chosen.numpy()])

    def _load(self) -> Tensor:
        """(n, h, w, c), so that indexing keeps channels last."""
        n, (c, h, w) = len(self._rows), self._images.shape[1:]
        resident = torch.empty((n, h, w, c), dtype=self._dtype, device=self._device)
        start = 0
        for chunk in _chunks(self._rows):
            resident[start : start + len(chunk)] = self._normalised(chunk).permute(0, 2, 3, 1)
            start += len(chunk)
        return resident

    def _normalised(self, rows: Rows) -> Tensor:
        return self._network.normalise(torch.from_numpy(self._images[rows]).to(self._device), self._dtype)


def _chunks(rows: Rows) -> list[Rows]:
    return [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
