"""The data flow of one forward pass: which function made which tensor from which, with the layer it happened in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

WEIGHTED = frozenset({"linear", "conv2d", "conv1d", "conv3d", "addmm", "bilinear"})
# Functions through which a linear layer's output stays a linear function of its input. Not transpose and permute:
# layers that mix one axis after the other are two steps of one separable layer.
LINEAR = frozenset({
    "flatten", "view", "reshape", "contiguous", "unsqueeze", "squeeze", "dropout", "dropout2d", "feature_dropout",
    "batch_norm", "avg_pool2d", "to", "float", "__getitem__", "pad", "unflatten", "clone", "expand",
})  # fmt: skip
RELUS = frozenset({"relu", "relu_", "clamp_min", "clamp_min_", "threshold"})
POOLS = frozenset({
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "max_pool2d", "mean", "amax", "max", "lp_pool2d",
    "adaptive_max_pool2d_with_indices",
})  # fmt: skip
ACTIVATIONS = frozenset({
    "relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "relu6", "hardtanh", "softplus", "clamp", "clamp_min",
    "hardsigmoid", "softsign", "gelu", "silu", "elu", "leaky_relu", "selu", "abs", "exp", "square",
})  # fmt: skip


@dataclass
class Operation:
    """One call of a torch function that made a tensor."""

    name: str
    layer: str  # path of the innermost module it happened in; "" for the model itself
    inputs: tuple[Tensor, ...]
    output: Tensor
    parameter: str  # name of the weight of a layer with weights
    groups: int
    weight: Tensor | None


@dataclass
class Trace:
    """One forward pass; tensors are kept, so that identity tells one from another."""

    input: Tensor
    output: Tensor
    operations: list[Operation]

    def maker(self, tensor: Tensor) -> Operation | None:
        """Return the operation that made a tensor, the last one for one that was changed in place."""
        return next((o for o in reversed(self.operations) if o.output is tensor), None)

    def before(self, operation: Operation) -> Operation | None:
        """Return the operation that made an operation's first input."""
        if not operation.inputs:
            return None
        place = next(i for i, o in enumerate(self.operations) if o is operation)
        return next((o for o in reversed(self.operations[:place]) if o.output is operation.inputs[0]), None)

    def uses(self, tensor: Tensor) -> int:
        """Count the operations that take a tensor, but activations whose result is thrown away."""
        taking = [o for o in self.operations if any(t is tensor for t in o.inputs)]
        return sum(o.name not in ACTIVATIONS or o.output is self.output or self._is_taken(o.output) for o in taking)

    def _is_taken(self, tensor: Tensor) -> bool:
        return any(t is tensor for o in self.operations for t in o.inputs)

    def weighted(self) -> list[Operation]:
        """Layers with weights, in order."""
        return [o for o in self.operations if o.name in WEIGHTED and o.parameter]


def trace(model: nn.Module, images: Tensor) -> Trace:
    """Run the model once, in the mode that it is in, with gradients on."""
    recorder = _Recorder({id(p): name for name, p in model.named_parameters()})
    handles = []
    for name, layer in model.named_modules():
        handles.append(layer.register_forward_pre_hook(recorder.entering(name)))
        handles.append(layer.register_forward_hook(recorder.leaving, always_call=True))
    try:
        with torch.enable_grad(), recorder:
            output = model(images)
    finally:
        for handle in handles:
            handle.remove()
    output = output if isinstance(output, Tensor) else next(iter(tensors(output)))
    return Trace(images, output, recorder.operations)


def tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in what a model returns: a tensor, a tuple, a dictionary, or an object with logits."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors(part)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif hasattr(value, "logits"):
        yield value.logits


class _Recorder(TorchFunctionMode):
    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self._names, self._path = names, [""]

    def entering(self, name: str) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            self._path.append(name)

        return enter

    def leaving(self, *_: Any) -> None:
        self._path.pop()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        made = next(tensors(result), None) if isinstance(result, Tensor | tuple) else None
        if made is None or not isinstance(made, Tensor):
            return result
        inputs = tuple(t for t in tensors([*args, *kwargs.values()]))
        if not inputs:
            return result
        weight = next((t for t in inputs if id(t) in self._names and t.ndim > 1), None)
        name = getattr(func, "__name__", str(func))
        groups = kwargs.get("groups", args[6] if len(args) > 6 else 1) if name.startswith("conv") else 1
        self.operations.append(
            Operation(
                name=name,
                layer=self._path[-1],
                inputs=inputs,
                output=made,
                parameter="" if weight is None else self._names[id(weight)],
                groups=groups if isinstance(groups, int) else 1,
                weight=weight,
            )
        )
        return result
