"""What is diagnosed, how it is left exactly as it was, and the time that it may take."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from makeweight.diagnosis.trace import tensors
from makeweight.errors import InvalidValue

LossFunction = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[Tensor, Tensor], Any]

MIN_IMAGES = 8
MAX_IMAGES = 2_000  # that the probes of the data look at; enough for every threshold, and soon compared


@dataclass(frozen=True)
class Subject:
    """A network with all that trains it.

    Raises
    ------
    InvalidValue
        If images and labels do not belong together, or are too few.
    """

    model: nn.Module
    loss_fn: LossFunction
    optimizer: torch.optim.Optimizer
    images: Tensor  # (n, c, h, w) or (n, features)
    labels: Tensor  # (n,)
    step: Step | None = None
    validate: Callable[[], float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise InvalidValue(f"model must be a torch.nn.Module, got {type(self.model).__name__}.")
        for name, value in (("images", self.images), ("labels", self.labels)):
            if not isinstance(value, Tensor):
                raise InvalidValue(f"{name} must be a tensor, got {type(value).__name__}; use torch.as_tensor({name}).")
        if self.images.ndim < 2:
            shape = tuple(self.images.shape)
            raise InvalidValue(f"images must be (n, c, h, w) or (n, features), got the shape {shape}.")
        if self.labels.ndim != 1 or len(self.labels) != len(self.images):
            raise InvalidValue(
                f"labels must be (n,) with one for each of the {len(self.images)} images, "
                f"got the shape {tuple(self.labels.shape)}."
            )
        if len(self.images) < MIN_IMAGES:
            raise InvalidValue(f"{len(self.images)} images are too few to say anything: give {MIN_IMAGES} or more.")

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        first = next(iter(self.model.parameters()), None)
        return self.images.device if first is None else first.device

    @property
    def scales_its_loss(self) -> bool:
        """Whether the step uses a gradient scaler."""
        return any(isinstance(o, torch.amp.GradScaler) and o.is_enabled() for o in _closed_over(self.step))

    def rows(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels of some rows, where the model is."""
        chosen = chosen.to(self.images.device)
        return self.images[chosen].to(self.device), self.labels[chosen.to(self.labels.device)].to(self.device)

    def sample(self, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Return so many images and labels, chosen at random but always the same."""
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(seed))
        return self.rows(order[:count])

    def copied(self) -> tuple[nn.Module, LossFunction, torch.optim.Optimizer] | None:
        """Copy model, loss and optimizer together, so that the copy's optimizer holds the copy's weights.

        None where the model cannot be copied.
        """
        try:
            with preserved(self.model, self.optimizer):
                return copy.deepcopy((self.model, self.loss_fn, self.optimizer))
        except Exception:  # whatever somebody's module holds that cannot be copied
            return None


def loss_of(loss_fn: LossFunction, output: Any, labels: Tensor) -> Tensor:
    """Compute a scalar loss of whatever a model returns: of the whole if the loss takes it, or of its logits."""
    loss = unreduced(loss_fn, output, labels)
    return loss.mean() if loss.ndim else loss


def unreduced(loss_fn: LossFunction, output: Any, labels: Tensor) -> Tensor:
    """Compute a loss as it comes; one for a single output gets class numbers as floats, in the output's shape."""
    single = isinstance(output, Tensor) and output.numel() == len(labels)
    try:
        return loss_fn(output, labels)
    except (TypeError, AttributeError, KeyError, ValueError, RuntimeError):
        if isinstance(output, Tensor) and not single:
            raise
    logits = next(tensors(output))
    return loss_fn(logits, labels.to(logits.dtype).view_as(logits) if single else labels)


def learning_rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """Return the learning rate of each group."""
    return [float(group["lr"]) for group in optimizer.param_groups]


def peak_learning_rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """Return the largest rate that each group is meant to have: schedulers leave it in the group."""
    return [
        max(float(group.get(name, 0.0) or 0.0) for name in ("lr", "initial_lr", "max_lr"))
        for group in optimizer.param_groups
    ]


@contextmanager
def preserved(
    model: nn.Module, optimizer: torch.optim.Optimizer | None, *others: Callable[..., Any] | None
) -> Iterator[None]:
    """Put everything back at the end of the block: weights, gradients, modes, optimizer, random generators.

    Whatever the functions ``others`` close over and that has a state_dict, a scheduler for example, is put back too.
    """
    random_state = _random_state()
    tensors = {
        name: (tensor, tensor.detach().clone())
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }  # fmt: skip
    wanted = {name: p.requires_grad for name, p in model.named_parameters()}
    gradients = {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
    modes = [(module, module.training) for module in model.modules()]
    held = {id(model), id(optimizer)}
    stateful = [*_stateful(optimizer), *(o for function in others for o in _closed_over(function) if id(o) not in held)]
    states = [(thing, copy.deepcopy(thing.state_dict())) for thing in stateful]
    try:
        yield
    finally:
        with torch.no_grad():
            for name, (tensor, before) in tensors.items():
                if tensor.shape == before.shape:
                    tensor.copy_(before)
                if name in wanted and isinstance(tensor, nn.Parameter):
                    tensor.requires_grad_(wanted[name])
                    tensor.grad = gradients[name]
        for module, training in modes:
            module.training = training
        for thing, state in states:
            thing.load_state_dict(state)
        _set_random_state(random_state)


def _stateful(optimizer: torch.optim.Optimizer | None) -> list[Any]:
    return [] if optimizer is None else [optimizer]


def _closed_over(function: Callable[..., Any] | None) -> list[Any]:
    """Return what a function closes over, or a bound method's object holds, and that has a state of its own."""
    if function is None:
        return []
    cells = getattr(function, "__closure__", None) or ()
    held: list[Any] = []
    for cell in cells:
        with suppress(ValueError):  # an empty cell
            held.append(cell.cell_contents)
    held += list(vars(getattr(function, "__self__", None) or object).values()) if hasattr(function, "__self__") else []
    held += list(vars(function).values()) if not hasattr(function, "__code__") and hasattr(function, "__dict__") else []
    code = getattr(function, "__code__", None)
    if code is not None:
        names = getattr(function, "__globals__", {})
        held += [names[name] for name in code.co_names if name in names]
    return [
        thing
        for thing in held
        if not isinstance(thing, type) and hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")
    ]


def _random_state() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()


def _set_random_state(state: tuple[Any, ...]) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state_all(state[1])
    np.random.set_state(state[2])
    random.setstate(state[3])


PATIENCE = 4  # times the seconds of processor time, on a machine that is busy with something else


class Clock:
    """Counts down seconds of processor time, so that other work on the machine changes no verdict."""

    def __init__(self, seconds: float) -> None:
        self._begun, self._worked, self._seconds = time.monotonic(), time.process_time(), seconds

    @property
    def spent(self) -> float:
        """Seconds since the start, by the clock on the wall."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds to the end; negative behind it."""
        return min(self._seconds - (time.process_time() - self._worked), PATIENCE * self._seconds - self.spent)

    def part(self, share: float) -> Clock:
        """Return a clock for a share of what is left."""
        return Clock(max(0.0, self.left) * share)
