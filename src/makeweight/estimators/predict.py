"""Logits of rows that don't depend, through rounding, on the other rows."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from makeweight.nets.build import Network
from makeweight.nets.modules import GlobalPool
from makeweight.training.evaluate import BATCH, logits_of
from makeweight.training.images import Images


def logits_alone(network: Network, images: NDArray[np.float32]) -> Tensor:
    """(n, c, h, w) standardised images to (n, k) logits, each the same whichever images are given with it.

    In a product of float32 matrices a row's rounding depends on its position, by 1e-7 and more, so vectors are computed
    in float64. Convolutions round an image the same anywhere, unless it is alone: then it is duplicated.
    """
    n = len(images)
    if n % BATCH == 1:
        images = np.concatenate([images, images[-1:]])
    rows = np.arange(len(images))
    return logits_of(_vectors_in_float64(network), Images(network, images, 0 * rows, rows, "cpu", torch.float32))[:n]


def _vectors_in_float64(network: Network) -> Network:
    copied = copy.deepcopy(network)
    layers = list(copied.layers)
    last_map = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Flatten | GlobalPool))
    layers[last_map].register_forward_hook(_widen)
    for layer in layers[last_map + 1 :]:
        layer.double()
    return copied


def _widen(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.double()
