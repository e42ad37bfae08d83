"""torch as its tutorials load images: a Dataset of PIL images, with transforms applied to each when it is asked for.

The transforms are written out, because torchvision is not installed: ``to_tensor`` is what torchvision's ToTensor
does, ``normalise`` what its Normalize does. The loader keeps the tutorials' num_workers=0.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.setting import Setting, Trainer, pixel_statistics
from benchmarks.peers.torch_loop import torch_trainer


class PILImages(Dataset):
    """Gray images from an array, made a PIL image, a tensor and normalised one by one."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self._images, self._labels = images, labels
        mean, std = pixel_statistics(images)
        self._mean, self._std = torch.tensor(mean / 255).view(-1, 1, 1), torch.tensor(std / 255).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self._images[index, 0], mode="L")
        return normalise(to_tensor(image), self._mean, self._std), int(self._labels[index])


def to_tensor(image: Image.Image) -> Tensor:
    """Gray PIL image to (1, h, w) float32 from 0 to 1."""
    pixels = torch.from_numpy(np.array(image, np.uint8, copy=True))
    return pixels.view(image.size[1], image.size[0], 1).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def normalise(image: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(c, h, w) less its mean, by its standard deviation."""
    return image.clone().sub_(mean).div_(std)


def trainer(setting: Setting) -> Trainer:
    """Everything is done image by image, as the clock runs."""
    dataset = PILImages(setting.images(), setting.labels)
    return torch_trainer(setting, DataLoader(dataset, batch_size=setting.batch_size, shuffle=True))
