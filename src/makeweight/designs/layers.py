"""The layer records that an architecture is made of.

A record says what a layer is, not where it stands: shapes follow from the input by
:mod:`makeweight.designs.shapes`, weights and MACs by :mod:`makeweight.designs.cost`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActivationName = Literal["relu", "leaky_relu", "prelu", "gelu"]
ACTIVATIONS = ("relu", "leaky_relu", "prelu", "gelu")
PoolKind = Literal["max", "average"]
POOLS: tuple[PoolKind, ...] = ("max", "average")


@dataclass(frozen=True, slots=True)
class Flatten:
    """(c, h, w) to (c·h·w,)."""

    name: str


@dataclass(frozen=True, slots=True)
class Linear:
    """Fully connected layer: (in_features,) to (out_features,)."""

    name: str
    out_features: int
    bias: bool = True


@dataclass(frozen=True, slots=True)
class Conv2d:
    """Convolution with a square filter: (c, h, w) to (out_channels, h', w')."""

    name: str
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True


@dataclass(frozen=True, slots=True)
class DepthwiseConv2d:
    """Convolution that filters each channel by itself: (c, h, w) to (c, h', w').

    Howard et al. 2017, arXiv 1704.04861.
    """

    name: str
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation over the channels or features (Ioffe and Szegedy 2015).

    The mean makes a bias in the layer before it useless, so the shift takes the place of that bias. The scale
    is left out by default: ReLU, leaky ReLU and PReLU are positively homogeneous, f(a·x) = a·f(x) for a > 0,
    so the next layer's weights can express it (with GELU, which is not, it made no difference that we could
    measure). A normalised layer then has exactly as many weights as the plain layer with a bias. ``scale=True`` is
    for the end of a residual branch, where it cannot move on.
    """

    name: str
    scale: bool = False
    shift: bool = True


@dataclass(frozen=True, slots=True)
class Activation:
    """ReLU; leaky ReLU max(x, a·x) with a fixed slope a; PReLU, the same with a trained a per channel; or GELU.

    He et al. 2015 for PReLU; Hendrycks and Gimpel 2016 for GELU, x times the normal distribution function of x.
    """

    name: str
    function: ActivationName = "relu"
    slope: float = 0.01  # a of leaky ReLU; the starting value of PReLU's a


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooling over square windows that do not overlap; rows and columns left over are dropped."""

    name: str
    kernel: int
    kind: PoolKind = "max"


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """Pooling over the whole map: (c, h, w) to (c,)."""

    name: str
    kind: PoolKind = "max"


@dataclass(frozen=True, slots=True)
class Dropout:
    """Each feature is set to zero with probability ``rate`` while training (Srivastava et al. 2014)."""

    name: str
    rate: float


@dataclass(frozen=True, slots=True)
class Residual:
    """y = x + body(x); the body keeps the shape (He et al. 2016)."""

    name: str
    body: tuple[Layer, ...]


Layer = Flatten | Linear | Conv2d | DepthwiseConv2d | BatchNorm | Activation | Pool | GlobalPool | Dropout | Residual

KINDS: dict[str, type[Layer]] = {
    "flatten": Flatten,
    "linear": Linear,
    "conv": Conv2d,
    "depthwise": DepthwiseConv2d,
    "norm": BatchNorm,
    "activation": Activation,
    "pool": Pool,
    "global_pool": GlobalPool,
    "dropout": Dropout,
    "residual": Residual,
}
_NAMES = {record: kind for kind, record in KINDS.items()}


def kind_of(layer: Layer) -> str:
    """Name of the layer's kind, as it stands in tables and JSON."""
    return _NAMES[type(layer)]
