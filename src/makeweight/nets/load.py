"""From stored weights back to a network."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.designs.architecture import Architecture
from makeweight.errors import StoreError
from makeweight.nets.build import Network


def load_network(architecture: Architecture, tensors: dict[str, NDArray[np.generic]]) -> Network:
    """Return the network with these weights, in evaluation mode.

    Raises
    ------
    StoreError
        If the tensors are not this architecture's.
    """
    network = Network(architecture)
    state = {name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise StoreError(
            f"the stored weights don't fit their architecture: {detail} Train this network again."
        ) from error
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
