"""Watching a network while somebody's own code trains or validates it, without changing what happens.

Hooks on the model see inputs, outputs, modes and the gradient that reaches the logits; hooks on parameters and
optimizer see whether gradients are cleared, clipped, and used; a torch function mode sees which loss is called, along
which axis an argmax goes, and what predictions are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from makeweight.diagnosis.subject import learning_rates

MAX_KEPT = 150  # passes with gradients, passes without, losses and comparisons, of one observation
MAX_UPDATES = 400  # of which gradients are looked at; of later ones the learning rate is kept alone
NORMS = (nn.modules.batchnorm._BatchNorm,)
DROPOUTS = (nn.modules.dropout._DropoutNd,)
EQUALITIES = ("eq", "__eq__", "ne", "__ne__")
LOSSES = frozenset({
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "multi_margin_loss", "soft_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "hinge_embedding_loss", "gaussian_nll_loss", "poisson_nll_loss",
})  # fmt: skip


@dataclass
class Forward:
    """One pass of the whole model."""

    training: bool
    with_gradients: bool
    step: int  # steps of the optimizer before it
    images: int
    eval_layers: tuple[str, ...]  # norms and dropouts in evaluation mode
    train_layers: tuple[str, ...]  # those in training mode
    batch_norm_images: int | None  # that a batch norm in training mode saw; None without one
    input: Tensor
    output: Tensor | None = None  # detached
    output_gradient: Tensor | None = None


@dataclass
class LossCall:
    """One call of a loss of torch's."""

    name: str
    input: Tensor  # detached
    target: Any
    reduction: str
    source: str  # the torch function that made the input: softmax, relu …
    trains: bool  # whether a gradient flows back from it
    step: int  # steps of the optimizer before it
    value: float = float("nan")  # the loss, its mean where it is not reduced


@dataclass
class Update:
    """One step of the optimizer."""

    learning_rates: list[float]
    cleared: bool | None  # whether gradients started from nothing; None for the first step
    gradient_norm: float  # as it came from the backward pass
    used_norm: float  # as the optimizer found it


@dataclass
class Observation:
    """All that was seen."""

    forwards: list[Forward] = field(default_factory=list)
    losses: list[LossCall] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    picks: list[tuple[str, int | None, tuple[int, ...]]] = field(default_factory=list)  # argmax: name, axis, shape
    comparisons: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    unreached: tuple[str, ...] = ()  # parameters that no gradient had come to by the first step
    reached: tuple[str, ...] = ()

    @property
    def mixes_losses(self) -> bool:
        """Whether a pass of the first step has several losses, as mixup and auxiliary losses have."""
        passes = sum(f.with_gradients and f.step == 0 for f in self.forwards)
        return sum(call.trains and call.step == 0 for call in self.losses) > passes

    @property
    def learning_rate_course(self) -> list[float]:
        """The first group's learning rate at each step."""
        return [update.learning_rates[0] for update in self.updates if update.learning_rates]


class Observer:
    """Observes what happens inside its ``with`` block."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> None:
        self.seen = Observation()
        self._model, self._optimizer = model, optimizer
        self._handles: list[Any] = []
        self._mode = _Calls(self.seen)
        self._incoming: dict[nn.Parameter, Tensor] = {}
        self._norms: dict[nn.Parameter, float] = {}
        self._first_since_step: set[nn.Parameter] = set()
        self._arrived: set[nn.Parameter] = set()  # parameters that a gradient has come to
        self._not_cleared = False
        self._open: Forward | None = None

    def __enter__(self) -> Observer:
        model = self._model
        self._handles = [
            model.register_forward_pre_hook(self._before_forward, with_kwargs=True, prepend=True),
            model.register_forward_hook(self._after_forward),
        ]
        for layer in model.modules():
            if isinstance(layer, NORMS):
                self._handles.append(layer.register_forward_pre_hook(self._before_norm))
        for parameter in model.parameters():
            if parameter.requires_grad:
                self._handles.append(parameter.register_hook(self._remember(parameter)))  # type: ignore[no-untyped-call]
                after = parameter.register_post_accumulate_grad_hook(self._after_accumulation)  # type: ignore[no-untyped-call]
                self._handles.append(after)
        if self._optimizer is not None:
            self._handles.append(self._optimizer.register_step_pre_hook(self._before_step))
            self._handles.append(self._optimizer.register_step_post_hook(self._after_step))
        self._mode.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mode.__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._incoming.clear()

    def _before_forward(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        images = next((a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)), None)
        with_gradients = torch.is_grad_enabled()
        if images is None or sum(f.with_gradients == with_gradients for f in self.seen.forwards) >= MAX_KEPT:
            self._open = None
            return
        sensitive = [
            (name or "model", layer.training)
            for name, layer in module.named_modules()
            if isinstance(layer, NORMS) or (isinstance(layer, DROPOUTS) and layer.p > 0)
        ]
        self._open = Forward(
            training=module.training,
            with_gradients=with_gradients,
            step=len(self.seen.updates),
            images=len(images) if images.ndim else 0,
            eval_layers=tuple(name for name, training in sensitive if not training),
            train_layers=tuple(name for name, training in sensitive if training),
            batch_norm_images=None,
            input=images.detach(),
        )

    def _before_norm(self, module: nn.Module, args: Any) -> None:
        if self._open is not None and module.training and args and isinstance(args[0], Tensor):
            seen = self._open.batch_norm_images
            self._open.batch_norm_images = min(len(args[0]), len(args[0]) if seen is None else seen)

    def _after_forward(self, module: nn.Module, args: Any, output: Any) -> None:
        record, self._open = self._open, None
        if record is None:
            return
        output = (
            output if isinstance(output, Tensor) else next((o for o in _flat(output) if isinstance(o, Tensor)), None)
        )
        if output is None:
            return
        record.output = output.detach()
        self.seen.forwards.append(record)
        if output.requires_grad:

            def keep(gradient: Tensor) -> None:
                record.output_gradient = gradient.detach()

            output.register_hook(keep)

    def _remember(self, parameter: nn.Parameter) -> Callable[[Tensor], None]:
        def remember(gradient: Tensor) -> None:
            self._incoming[parameter] = gradient

        return remember

    def _after_accumulation(self, parameter: Tensor) -> None:
        assert isinstance(parameter, nn.Parameter)
        gradient, incoming = parameter.grad, self._incoming.pop(parameter, None)
        self._arrived.add(parameter)
        if gradient is None or len(self.seen.updates) >= MAX_UPDATES:
            return
        self._norms[parameter] = float(gradient.norm())
        if parameter in self._first_since_step:
            self._first_since_step.discard(parameter)
            if incoming is not None and incoming is not gradient:
                difference = float((gradient - incoming).norm())
                self._not_cleared |= difference > 1e-3 * (float(incoming.norm()) + 1e-12)

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if len(self.seen.updates) >= MAX_UPDATES:
            self.seen.updates.append(Update(learning_rates(optimizer), None, 0.0, 0.0))
            return
        held = [p for group in optimizer.param_groups for p in group["params"]]
        used = math.sqrt(sum(float(p.grad.norm()) ** 2 for p in held if p.grad is not None and p in self._norms))
        came = math.sqrt(sum(self._norms[p] ** 2 for p in held if p in self._norms))
        cleared = None if not self.seen.updates else not self._not_cleared
        self.seen.updates.append(Update(learning_rates(optimizer), cleared, came, used))

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if len(self.seen.updates) == 1:  # behind the step, because with a closure gradients come in it
            named = [(n, p) for n, p in self._model.named_parameters() if p.requires_grad]
            self.seen.unreached = tuple(n for n, p in named if p.grad is None and p not in self._arrived)
            self.seen.reached = tuple(n for n, p in named if n not in self.seen.unreached)
        self._norms.clear()
        self._not_cleared = False
        # Of others nothing is used, and the optimizer's zero_grad leaves their gradients.
        self._first_since_step = {p for group in optimizer.param_groups for p in group["params"] if p.requires_grad}


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in _flat(part)]
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _flat(part)]
    logits = getattr(value, "logits", None)
    return [logits] if logits is not None else [value]


class _Calls(TorchFunctionMode):
    """Listens to the few functions of torch that say what a loop does."""

    def __init__(self, seen: Observation) -> None:
        super().__init__()
        self._seen = seen
        self._sources: dict[int, tuple[Tensor, str]] = {}  # what made the last tensors of interest

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        called = self._loss_call(name, args, kwargs) if name in LOSSES else None
        result = func(*args, **kwargs)
        if called is not None:
            called.value = float(result.detach().float().mean()) if isinstance(result, Tensor) else called.value
            self._seen.losses.append(called)
        if name in SOURCES and isinstance(result, Tensor):
            if len(self._sources) > 16:
                self._sources.clear()
            self._sources[id(result)] = (result, name)
        elif name in ("argmax", "max", "topk", "argmin") and len(self._seen.picks) < MAX_KEPT:
            self._note_pick(name, args, kwargs)
        elif name in EQUALITIES and len(args) == 2 and len(self._seen.comparisons) < MAX_KEPT:
            self._note_comparison(*args)
        return result

    def _note_comparison(self, left: Any, right: Any) -> None:
        if isinstance(left, Tensor) and isinstance(right, Tensor):
            self._seen.comparisons.append((left.detach(), right.detach()))

    def _loss_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> LossCall | None:
        value = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target")
        if not isinstance(value, Tensor):
            return None
        made = self._sources.get(id(value))
        source = made[1] if made is not None and made[0] is value else ""
        reduction, step = str(kwargs.get("reduction", "mean")), len(self._seen.updates)
        target = target.detach() if isinstance(target, Tensor) else target
        if len(self._seen.losses) >= MAX_KEPT:  # of a long training the value is kept alone
            return LossCall(name, value.detach()[:0], None, reduction, source, value.requires_grad, step)
        return LossCall(name, value.detach(), target, reduction, source, value.requires_grad, step)

    def _note_pick(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        value = args[0] if args else kwargs.get("input")
        place = 2 if name == "topk" else 1
        axis = args[place] if len(args) > place else kwargs.get("dim", -1 if name == "topk" else None)
        if isinstance(value, Tensor) and (axis is None or isinstance(axis, int)):
            self._seen.picks.append((name, axis, tuple(value.shape)))


SOURCES = frozenset({
    "softmax", "log_softmax", "relu", "relu_", "sigmoid", "tanh", "gelu", "silu", "elu", "leaky_relu", "relu6",
    "hardtanh", "softplus", "clamp", "hardsigmoid", "softsign", "logsigmoid", "softmin", "selu", "mish", "hardswish",
    "clamp_min", "sigmoid_", "tanh_",
})  # fmt: skip
