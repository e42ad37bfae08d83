"""The torch modules that layers become.

Weights are kept in float32. A module computes in the precision of its input, so a network runs in bfloat16
when it is given bfloat16 images; the casts of the small filters cost less than autocast's bookkeeping.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from makeweight.designs import layers as design


class Linear(nn.Linear):
    """(n, in_features) to (n, out_features)."""

    def reset_parameters(self) -> None:
        """Leave the initial weights to ``build``, which draws them from its generator; torch's is global."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute in the precision of ``x``."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return functional.linear(x, self.weight.to(x.dtype), bias)


class Conv2d(nn.Conv2d):
    """(n, c, h, w) to (n, out_channels, h', w'); depthwise with one group per channel."""

    def reset_parameters(self) -> None:
        """Leave the initial weights to ``build``, which draws them from its generator; torch's is global."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute in the precision of ``x``."""
        weight, bias = self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype)
        if self.training and self.groups > 1 and self.stride != (1, 1):
            # On a CPU, torch's input gradient of a strided depthwise convolution takes 5 to 27 times as long as that of
            # one at every place (docs/performance.md), so the places that the stride leaves out are computed too.
            rows, columns = self.stride
            everywhere = functional.conv2d(x, weight, bias, 1, self.padding, groups=self.groups)
            return everywhere[:, :, ::rows, ::columns].contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, weight, bias, self.stride, self.padding, groups=self.groups)


class BatchNorm(nn.Module):
    """Batch normalisation over axis 1 with an optional trained scale and shift; statistics in float32."""

    momentum = 0.1
    epsilon = 1e-5

    def __init__(self, features: int, scale: bool, shift: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features)) if scale else None
        self.bias = nn.Parameter(torch.zeros(features)) if shift else None
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch while training, by the running statistics otherwise."""
        return functional.batch_norm(
            x,
            self.get_buffer("running_mean"),
            self.get_buffer("running_var"),
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.epsilon,
        )


class Activation(nn.Module):
    """ReLU, leaky ReLU, PReLU or GELU; in place where autograd allows, which saves a pass over memory."""

    def __init__(self, layer: design.Activation, features: int) -> None:
        super().__init__()
        self.function, self.slope = layer.function, layer.slope
        self.weight = nn.Parameter(torch.full((features,), layer.slope)) if layer.function == "prelu" else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function element by element."""
        if self.function == "gelu":
            return functional.gelu(x)
        if self.weight is not None:
            return functional.prelu(x, self.weight.to(x.dtype))
        if self.function == "leaky_relu":
            return functional.leaky_relu(x, self.slope, inplace=True)
        return functional.relu(x, inplace=True)


class Pool(nn.Module):
    """Maximum or average over windows of kernel × kernel."""

    def __init__(self, kind: design.PoolKind, kernel: int) -> None:
        super().__init__()
        self.kind, self.kernel = kind, kernel

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h // kernel, w // kernel)."""
        pool = functional.max_pool2d if self.kind == "max" else functional.avg_pool2d
        return pool(x, self.kernel)


class GlobalPool(nn.Module):
    """Maximum or average over the whole map."""

    def __init__(self, kind: design.PoolKind) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c)."""
        if self.kind == "average":
            return x.mean((2, 3))
        return functional.max_pool2d(x, x.shape[2:]).flatten(1)


class Dropout(nn.Module):
    """Dropout whose random numbers come from a generator that is passed in.

    One random byte decides about one feature, so the rate is rounded to 1/256; drawing eight of them at once is
    four times as fast as drawing floats.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Zero features with probability ``rate`` and scale the rest by 1 / (1 − rate), while training."""
        if not self.training or self.rate == 0:
            return x
        dropped = min(round(256 * self.rate), 255)  # never all: nothing would be left to scale up
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        # The whole range of int64, so that all eight bytes are random.
        words.random_(-(2**63), None, generator=self.generator)
        random = words.view(torch.uint8)[: x.numel()]
        # Into bytes: a comparison into bool is 15 times as slow on a processor with AVX512.
        kept = torch.ge(random, dropped, out=torch.empty_like(random))
        return x * kept.view(x.shape).to(x.dtype).mul_(256 / (256 - dropped))


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        total: Tensor = self.body(x) + x
        return total
