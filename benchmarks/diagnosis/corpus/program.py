"""What a program of the corpus is: a training that is broken in one known way, or healthy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Style = Literal["fcn", "cnn", "residual", "transformer", "mixer"]


@dataclass
class Subject:
    """The arguments of ``makeweight.diagnose``."""

    model: nn.Module
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    optimizer: torch.optim.Optimizer
    images: Tensor  # (n, c, h, w) or (n, features), as the program feeds them to its model
    labels: Tensor  # (n,)
    step: Callable[[Tensor, Tensor], Tensor] | None = None  # the program's own training step
    validate: Callable[[], float] | None = None  # the program's own validation


@dataclass(frozen=True)
class Program:
    """One program."""

    name: str
    style: Style
    make: Callable[[], Subject]  # seeded: the same program each time
    fault: str | None = None  # code of the finding; None for a healthy one
    where: str | None = None  # what the finding must name: a layer, an argument, a setting; None if the whole network
