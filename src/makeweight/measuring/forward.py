"""The pass that every measurement repeats."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from makeweight.nets.build import Network
from makeweight.training.precision import Hardware


@dataclass(frozen=True)
class ForwardPass:
    """A call takes some normalised images through the network, and ends when the logits are there.

    The images are random pixels, normalised beforehand: no layer's work depends on what an image shows, and reading
    and normalising are not the network's.
    """

    network: Network  # in evaluation mode
    images: int
    hardware: Hardware
    batch: Tensor = field(init=False)  # (images, c, h, w) normalised, in the hardware's precision

    def __post_init__(self) -> None:
        shape = (self.images, *self.network.architecture.input_shape)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        batch = self.network.normalise(pixels.to(self.hardware.device), self.hardware.dtype)
        object.__setattr__(self, "batch", batch)

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        """Return (images, k) logits."""
        logits: Tensor = self.network(self.batch)
        if self.hardware.device == "cuda":
            torch.cuda.synchronize()
        return logits
