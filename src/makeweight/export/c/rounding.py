"""The unit of each filter's weights in few bits: what an export rounds by, and what fine-tuning rounds by before."""

from __future__ import annotations

import torch
from torch import Tensor

BITS = (8, 6, 4)  # that a weight can have
# Of a filter's largest weight, as the largest code. In 8 bits the largest weight itself is as good as any; in fewer a
# smaller unit may lose less on the many small weights than it does on the few that are cut off.
SHARES = torch.linspace(1, 0.5, 6)


def largest_code(bits: int) -> int:
    """Return the largest of the codes, which are symmetric about 0.

    >>> largest_code(8), largest_code(4)
    (127, 7)
    """
    return int(2 ** (bits - 1)) - 1


def units(weights: Tensor, bits: int) -> Tensor:
    """Return the unit (o,) of each filter of (o, …) weights: the one of the least squared error; 0 for nothing but 0.

    >>> units(torch.tensor([[0.7, -0.35], [0.0, 0.0]]), 4)
    tensor([0.1000, 0.0000])
    """
    flat, largest = weights.flatten(1), largest_code(bits)
    whole = flat.abs().amax(1) / largest
    if bits == 8:
        return whole
    tried = whole * SHARES.to(whole)[:, None]  # (shares, o)
    codes = (flat / tried.clamp(min=torch.finfo(whole.dtype).tiny)[..., None]).round().clamp(-largest, largest)
    errors = ((codes * tried[..., None] - flat) ** 2).sum(2)  # (shares, o)
    return tried.gather(0, errors.argmin(0, keepdim=True))[0]
