"""Score networks of the zoo again on the real test images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.nets.build import Network as Module
from makeweight.training.evaluate import logits_of
from makeweight.training.images import Images


def answers_on_test(module: Module, data: PreparedDataset) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n, k) logits on all test images, in float32 on the processor, and their (n,) labels."""
    test = data.test_images()
    images = Images(module, test.images, test.labels, np.arange(len(test.labels)), "cpu", torch.float32)
    return logits_of(module, images).numpy(), np.asarray(test.labels)


def correct(module: Module, data: PreparedDataset) -> int:
    """Test images that are classified correctly."""
    logits, labels = answers_on_test(module, data)
    return int((logits.argmax(axis=1) == labels).sum())
