"""Images that are nearly the same: a frame later, saved again as JPEG, a little brighter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Two images whose pixels differ by less than this are called nearly the same: root mean square, in grey levels of
#: 255. Saving scikit-learn's two photographs again as JPEG of quality 50 makes differences of 3 to 5 levels.
NEAR = 6.0
#: Images with less contrast than this (standard deviation, in grey levels) are all nearly the same, and say nothing.
PLAIN = 2 * NEAR
#: More images than this are sampled: the search is quadratic where images are alike.
MAX_IMAGES = 20_000
_COMPONENTS = 16
MAX_PAIRS = 100_000


@dataclass(frozen=True)
class NearCopies:
    """Pairs of images that are nearly but not quite the same."""

    images: int  # that were compared
    pairs: NDArray[np.int64]  # (p, 2) row numbers, nearest first


def near_copies(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NearCopies:
    """Find nearly equal pairs among images (n, c, h, w), which are the data set's ``rows`` (n,).

    A projection on principal components makes no distance larger, so the pairs within reach of each other there
    include all that are near; these are compared pixel by pixel.
    """
    from scipy.spatial import cKDTree

    flat = images.reshape(len(images), -1)
    clear = np.flatnonzero(flat.std(axis=1) > PLAIN)
    if len(clear) < 2:
        return NearCopies(len(images), np.empty((0, 2), np.int64))
    reach = NEAR * float(np.sqrt(flat.shape[1]))
    found = cKDTree(_projected(flat[clear])).query_pairs(reach, output_type="ndarray")[:MAX_PAIRS]
    pairs = clear[found]
    distances = np.concatenate([np.empty(0), *(_distances(flat, part) for part in _parts(pairs))])
    near = (distances < NEAR) & (distances > 0)
    order = np.argsort(distances[near], kind="stable")
    return NearCopies(len(images), rows[pairs[near][order]])


def _projected(flat: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, d) pixels to (n, 16): their coordinates along the principal components of a thousand of them."""
    sample = flat[:: max(1, len(flat) // 1_000)].astype(np.float64)
    mean = sample.mean(axis=0)
    _, _, axes = np.linalg.svd(sample - mean, full_matrices=False)
    basis = axes[:_COMPONENTS].T
    return np.concatenate([(flat[part].astype(np.float64) - mean) @ basis for part in _parts(np.arange(len(flat)))])


def _distances(flat: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    difference = flat[pairs[:, 0]].astype(np.float32) - flat[pairs[:, 1]]
    distances: NDArray[np.float64] = np.sqrt((difference**2).mean(axis=1)).astype(np.float64)
    return distances


def _parts(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + 1_000] for start in range(0, len(rows), 1_000)]
