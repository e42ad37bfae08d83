"""A training in progress as bytes, and back: safetensors, so nothing is unpickled."""

from __future__ import annotations

from collections.abc import Iterator

import safetensors.torch
import torch
from torch import Tensor

from makeweight.training.state import TrainingState


def capture(state: TrainingState) -> bytes:
    """Write everything that the next epoch depends on."""
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in _tensors(state)})


def restore(state: TrainingState, checkpoint: bytes) -> None:
    """Restore a fresh state to where a checkpoint was captured.

    The state must come from the same architecture, recipe and hardware; the job's key ensures that.
    """
    tensors = safetensors.torch.load(checkpoint)
    # Moments are created by the first step, so a fresh optimizer has none to copy into.
    for name, parameter in _optimised(state):
        prefix = f"optimizer.{name}."
        moments = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        state.optimizer.state[parameter] = {key: _like(value, parameter) for key, value in moments.items()}
    state.network.load_state_dict(_below("network.", tensors))
    if state.average is not None:
        state.average.load_state_dict(_below("average.", tensors))
    state.generator.set_state(tensors["generator"])
    state.losses = tensors["losses"].to(state.hardware.device)
    state.epoch = int(tensors["epoch"])


def _tensors(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in state.network.state_dict().items():
        yield f"network.{name}", tensor
    if state.average is not None:
        for name, tensor in state.average.state_dict().items():
            yield f"average.{name}", tensor
    for name, parameter in _optimised(state):
        for key, value in state.optimizer.state[parameter].items():
            yield f"optimizer.{name}.{key}", value
    yield "generator", state.generator.get_state()
    yield "losses", state.losses
    yield "epoch", torch.tensor(state.epoch)


def _optimised(state: TrainingState) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return ((name, p) for name, p in state.network.named_parameters() if p.requires_grad)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _like(value: Tensor, parameter: Tensor) -> Tensor:
    """Convert a moment to the parameter's memory format: safetensors stores rows first."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter).copy_(value)
