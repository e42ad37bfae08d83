"""Facts about how an image flows through the network: activations, dead units, pools, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from makeweight.diagnosis.probes.data import roughness
from makeweight.diagnosis.trace import ACTIVATIONS, LINEAR, POOLS, RELUS, WEIGHTED, Operation, Trace, tensors, trace

__all__ = ["ACTIVATIONS", "FlowFacts", "flow_facts"]


@dataclass(frozen=True)
class FlowFacts:
    """What happens to an image."""

    linear_pairs: tuple[tuple[str, str], ...] = ()  # layers with weights that follow each other without an activation
    dead: tuple[tuple[str, float, int], ...] = ()  # layer before a ReLU, share of its units that are never on, units
    spreads: tuple[tuple[str, float], ...] = ()  # standard deviation of what each layer with weights gives
    depth: int = 0  # layers with weights
    saturating: int = 0  # sigmoid and tanh activations
    receptive: tuple[str, int, int] | None = None  # layer before the global pool, pixels it sees, pixels of the image
    unseen: float = 0.0  # share of the image's values that no output depends on
    narrow: tuple[str, int, int] | None = None  # where few values are left early: layer, values, values of the image
    unlisted: int = 0  # parameters that take part and that the model does not list
    run: tuple[str, ...] = ()  # parameters that take part
    first: str = ""  # the first layer with weights
    convolutional: bool = False
    images: int = 0  # that dead units were looked for with
    torn: float = 1.0  # how much rougher the first convolution's input is than the images


def flow_facts(model: nn.Module, traced: Trace, images: Tensor) -> FlowFacts:
    """Measure, in training mode; gradients of the parameters are not touched."""
    weighted = traced.weighted()
    return FlowFacts(
        linear_pairs=_linear_pairs(traced),
        dead=_dead(traced),
        spreads=tuple((_place(o), float(o.output.detach().float().std())) for o in weighted),
        depth=len(weighted),
        saturating=sum(o.name in ("sigmoid", "tanh", "sigmoid_", "tanh_", "hardsigmoid") for o in traced.operations),
        receptive=_receptive(model, images),
        unseen=_unseen(model, images),
        narrow=_narrow(traced),
        unlisted=_unlisted(model, traced),
        run=_run(model, traced),
        first=_place(weighted[0]) if weighted else "",
        convolutional=any(o.name.startswith("conv") for o in weighted),
        images=len(traced.input),
        torn=_torn(traced),
    )


def _run(model: nn.Module, traced: Trace) -> tuple[str, ...]:
    names = {id(p): name for name, p in model.named_parameters()}
    return tuple({names[id(t)]: None for o in traced.operations for t in o.inputs if id(t) in names})


def _unlisted(model: nn.Module, traced: Trace) -> int:
    """Count parameters of layers that the model holds in a plain list or dictionary, where torch does not find them."""
    known = {id(p) for p in model.parameters()}
    used = {id(t) for o in traced.operations for t in o.inputs if isinstance(t, nn.Parameter) and t.requires_grad}
    return len(used - known)


def _torn(traced: Trace) -> float:
    """Compare how rough what enters the first convolution is with the images, where it has their size."""
    first = next((o for o in traced.weighted() if o.name == "conv2d"), None)
    if first is None:
        return 1.0
    entering, images = first.inputs[0].detach().float(), traced.input.detach().float()
    if entering.ndim != 4 or entering[0].numel() != images[0].numel() or entering.shape == images.shape == ():
        return 1.0
    if images.ndim == 2 and entering.shape[1] == 1:
        side = entering.shape[2:]
        images = images.view(-1, 1, *side)
    if images.ndim != 4 or entering.std() == 0 or images.std() == 0:
        return 1.0
    return (roughness(entering) / float(entering.std())) / max(roughness(images) / float(images.std()), 1e-9)


def _place(operation: Operation) -> str:
    return operation.layer or operation.parameter.rpartition(".")[0] or operation.name


def _linear_pairs(traced: Trace) -> tuple[tuple[str, str], ...]:
    pairs = []
    for operation in traced.weighted():
        before, alone = traced.before(operation), True
        while before is not None and (before.name in LINEAR or _changes_nothing(before)):
            alone &= traced.uses(before.output) == 1
            before = traced.before(before)
        if before is None or before.name not in WEIGHTED or not before.parameter:
            continue
        # What also goes another way, around a residual block for example, is more than a step to the next layer.
        if alone and traced.uses(before.output) == 1 and not _is_meant(before, operation):
            pairs.append((_place(before), _place(operation)))
    return tuple(pairs)


def _changes_nothing(operation: Operation) -> bool:
    """Say whether an activation gave back what it got, although that lay on both sides of 0: a slope of 1."""
    if operation.name not in ("leaky_relu", "prelu", "rrelu", "elu", "celu", "hardtanh"):
        return False
    taken, made = operation.inputs[0].detach(), operation.output.detach()
    return bool((taken < 0).any() and (taken > 0).any()) and torch.equal(taken, made)


def _is_meant(first: Operation, second: Operation) -> bool:
    """Separable convolutions and linear bottlenecks go without an activation on purpose (MobileNetV2, 2018)."""
    one = [o.weight is not None and o.weight.ndim == 4 and max(o.weight.shape[2:]) == 1 for o in (first, second)]
    if first.groups > 1 or second.groups > 1 or any(one):
        return True
    if first.weight is None or second.weight is None or first.weight.ndim != 2 or second.weight.ndim != 2:
        return False
    rank, wide = first.weight.shape[0], min(first.weight.shape[1], second.weight.shape[0])
    return 2 * rank <= wide  # a factorised matrix


def _dead(traced: Trace) -> tuple[tuple[str, float, int], ...]:
    dead = []
    for operation in traced.operations:
        if operation.name not in RELUS and not _is_clamp_at_zero(operation):
            continue
        values = operation.output.detach()
        on = (values > 0).any(0).flatten(1).any(1) if values.ndim == 4 else (values > 0).flatten(0, -2).any(0)
        before = traced.before(operation)
        while before is not None and before.name not in WEIGHTED:
            before = traced.before(before)
        place = _place(before) if before is not None else operation.layer or operation.name
        dead.append((place, 1 - float(on.double().mean()), on.numel()))
    return tuple(dead)


def _is_clamp_at_zero(operation: Operation) -> bool:
    return operation.name == "clamp" and float(operation.output.detach().amin()) == 0.0


def _receptive(model: nn.Module, images: Tensor) -> tuple[str, int, int] | None:
    """Measure by gradients how much of the image one place before the global pool depends on."""
    if images.ndim != 4 or not images.is_floating_point():
        return None
    # Noise, so that no activation is off everywhere, and evaluation mode, so that images do not see each other.
    model.eval()
    with torch.no_grad():  # branches that start at 0 hide nothing for long; the caller puts all parameters back
        for parameter in model.parameters():
            if not parameter.any():
                parameter.fill_(0.1)
    noise = torch.randn(8, *images.shape[1:], generator=torch.Generator().manual_seed(0)).to(images.device)
    noise.requires_grad_(True)
    try:
        traced = trace(model, noise)
        pooled = _global_pool(traced)
        if pooled is None or not pooled.inputs[0].requires_grad:
            return None
        maps = pooled.inputs[0]
        # Tokens (n, places, channels) have their middle place in the middle of the list only where it is odd, which
        # does not matter for how much it sees.
        middle = maps[..., maps.shape[2] // 2, maps.shape[3] // 2] if maps.ndim == 4 else maps[:, maps.shape[1] // 2]
        gradient = torch.autograd.grad(middle.abs().sum(), noise)[0].abs().sum((0, 1))
    except RuntimeError:
        return None
    finally:
        model.train()
    rows, columns = gradient.sum(1).nonzero(), gradient.sum(0).nonzero()
    if not len(rows):
        return None
    side = max(int(rows.max() - rows.min()), int(columns.max() - columns.min())) + 1
    maker = traced.before(pooled)
    while maker is not None and maker.name not in WEIGHTED:
        maker = traced.before(maker)
    return (_place(maker) if maker is not None else "the global pool"), side, max(images.shape[2:])


def _global_pool(traced: Trace) -> Operation | None:
    """Return the operation that turns maps of more than one place, or more than one token, into a vector."""
    for operation in traced.operations:
        if operation.name not in POOLS or not operation.inputs or operation.inputs[0].ndim not in (3, 4):
            continue
        before, after = operation.inputs[0].shape, operation.output.shape
        places, vector = (before[2] * before[3], before[1]) if len(before) == 4 else (before[1], before[2])
        if places > 1 and after[0] == before[0] and operation.output.numel() == before[0] * vector:
            return operation
    return None


def _unseen(model: nn.Module, images: Tensor) -> float:
    """Return the share of an image's values with a gradient of exactly 0 for every image, where others have one."""
    if not images.is_floating_point():
        return 0.0
    asked = images.detach().clone().requires_grad_(True)
    try:
        output = next(tensors(model(asked)))
        # Not the sum: outputs of a softmax always add up to the same.
        weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(0)).to(output.device)
        [gradient] = torch.autograd.grad((output * weights).sum(), asked, allow_unused=True)
    except RuntimeError:
        return 0.0
    if gradient is None or not bool(gradient.any()):
        return 0.0  # cut off or dead, which is another fault
    return float((gradient.abs().sum(0) == 0).double().mean())


def _narrow(traced: Trace) -> tuple[str, int, int] | None:
    """Find where few of the image's values are left with most layers with weights still to come."""
    whole = traced.input[0].numel()
    weighted = traced.weighted()
    for place, operation in enumerate(weighted[:-1]):
        entering = operation.inputs[0]
        if entering.ndim == 4:
            values, area = entering[0].numel(), entering.shape[2] * entering.shape[3]
            early = place == 0 or 2 * place < len(weighted)
            little = values < 0.1 * whole if place == 0 else area <= 0.02 * traced.input[0, 0].numel()
            if early and little and traced.input.ndim == 4 and values < 0.35 * whole:
                return _place(operation), values, whole
        elif place == 0 and entering[0].numel() < 0.15 * whole:
            return _place(operation), entering[0].numel(), whole
    return None
