"""The shape (c, h, w) of an image classifier's rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from makeweight.designs.architecture import SIDES
from makeweight.designs.families import FAMILIES
from makeweight.estimators.arguments import class_name
from makeweight.estimators.rows import Shape

CHANNELS = (1, 3)


def flattened(X: Any) -> tuple[Any, Shape | None]:  # noqa: N803 - scikit-learn's name
    """Lay images (n, h, w) or (n, c, h, w) out as rows (n, c·h·w), and return their shape; leave rows unchanged.

    Raises
    ------
    ValueError
        If there are more axes than that, or the channels come last.
    """
    images = X if hasattr(X, "ndim") else np.asarray(X)  # a data frame keeps the names of its columns
    axes = images.ndim
    if axes < 3:
        return images, None
    images = np.asarray(images)
    if axes > 4:
        raise ValueError(f"X has the shape {images.shape}: images have 3 axes (n, h, w) or 4 axes (n, c, h, w).")
    c, h, w = images.shape[1:] if axes == 4 else (1, *images.shape[1:])
    if c not in CHANNELS and w in CHANNELS:
        raise ValueError(
            f"X has the shape {images.shape}, with its channels last: they come second, (n, c, h, w). "
            "Use X.transpose(0, 3, 1, 2)."
        )
    return images.reshape(len(images), c * h * w), (c, h, w)


def shape_of_rows(features: int, image_shape: Any, seen: Shape | None) -> Shape:
    """Decide the shape (c, h, w) of images: the argument's, that of X, or a square of one channel.

    Parameters
    ----------
    features : int
        Columns of the flat rows.
    image_shape : sequence of 3 int or None
        The constructor's ``image_shape``.
    seen : tuple or None
        Of X with 3 or 4 axes.

    Raises
    ------
    ValueError
        If they contradict each other, or the network's smallest or largest image.
    """
    if image_shape is not None:
        shape = _as_shape(image_shape)
        if math.prod(shape) != features or (seen or shape) != shape:
            here = f"images of {seen}" if seen else f"n_features = {features}"
            raise ValueError(
                f"image_shape={shape} has {math.prod(shape)} values, and X has {here}: both must agree. "
                "Give the (channels, height, width) of X's images."
            )
    elif seen is not None:
        shape = seen
    else:
        side = math.isqrt(features)
        if side * side != features:
            raise ValueError(
                f"X has n_features = {features}, which is not a square of one channel, so the shape of its images is "
                "unknown. Give image_shape=(channels, height, width), or X as (n, channels, height, width)."
            )
        shape = (1, side, side)
    if shape[0] not in CHANNELS or not all(SIDES[0] <= side <= SIDES[1] for side in shape[1:]):
        raise ValueError(
            f"images of (channels, height, width) = {shape} from n_features = {features} are not supported: 1 or 3 "
            f"channels, and sides from {SIDES[0]} to {SIDES[1]} pixels. Give image_shape=(channels, height, width) if "
            f"this is not their shape; for features that aren't pixels use {_of_vectors()}."
        )
    return shape


def _as_shape(image_shape: Any) -> Shape:
    try:
        c, h, w = (int(size) for size in image_shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"{image_shape=} is not possible: give (channels, height, width), for example (1, 28, 28)."
        ) from None
    return c, h, w


def _of_vectors() -> str:
    return " or ".join(class_name(family) for family in FAMILIES.values() if family.takes_vectors)
