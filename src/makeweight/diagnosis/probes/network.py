"""Facts about the network as it stands: its layers, weights, activations, gradients, and what it sees of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from makeweight.diagnosis.outputs import are_probabilities, chosen_by, rows_of
from makeweight.diagnosis.probes import flow
from makeweight.diagnosis.probes.data import linear_accuracy
from makeweight.diagnosis.subject import Subject, loss_of, preserved
from makeweight.diagnosis.trace import Operation, Trace, tensors, trace

IMAGES = 256  # that activations and gradients are measured on
RESETTABLE = (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
PRODUCTS = frozenset({"matmul", "__matmul__", "mm"})  # x @ w, with a parameter (inputs, outputs)
PROBED = 768  # that frozen features are compared on
TRACED = 128  # that are followed through the network with all tensors kept


@dataclass(frozen=True)
class WeightFacts:
    """One weight of two or more dimensions."""

    name: str
    size: int
    constant: bool  # one value throughout
    zero: bool
    equal_rows: bool  # all units of the layer alike
    of_layer: bool  # of a linear or convolutional layer, and not positions for example
    scale: float  # standard deviation times √fan_in: He's is 1.41, torch's own 0.58


@dataclass(frozen=True)
class NetworkFacts:
    """What the network is like."""

    classes: int  # outputs
    output_maker: str  # the activation that made the output; empty for none
    probabilities: bool  # rows of the output are not negative and add up to 1
    log_probabilities: bool
    accuracy: float  # on some of the images, in evaluation mode
    cross_entropy: float  # of the outputs as logits, likewise; nats
    logit_sd: float
    same_outputs: bool  # whatever the image
    predicted: dict[int, int]  # class to images
    weights: tuple[WeightFacts, ...]
    layer_sizes: tuple[tuple[str, int], ...]  # trainable scalars of each layer that has any, in order
    affine: bool  # the whole network is a linear function of the image
    gradients: tuple[tuple[str, float, float], ...]  # weight, norm of its gradient over its own norm, gradient's norm
    gradient_norm: float
    first_input: tuple[str, float, float, float] | None  # layer, mean, sd, largest of what reaches the first weights
    output_layer: str = ""  # module in which output_maker ran
    dropped_output: str = ""  # module that applies dropout to the output
    random: str = ""  # what makes outputs differ from pass to pass in evaluation mode
    half: bool = False  # whether weights are float16
    pretrained: bool = False  # the frozen part's norms have moved, or its features tell more than those of new weights
    flow: flow.FlowFacts = field(default_factory=flow.FlowFacts)


def network_facts(subject: Subject) -> NetworkFacts:
    """Measure; the model is as before afterwards."""
    model = subject.model
    images, labels = subject.sample(IMAGES)
    with preserved(model, None):
        model.eval()
        with torch.no_grad():
            rows, again = rows_of(model(images)).float(), rows_of(model(images)).float()
        random = "" if _agree(rows, again) else _random_layer(model, images)
        model.train()
        traced = trace(model, images[:TRACED])
        gradients, total = _gradients(subject, images, labels)
        from_right = {o.parameter for o in traced.operations if o.name in PRODUCTS and o.inputs[-1] is o.weight}
        in_layers = {o.parameter for o in traced.weighted()} | {n for n, _ in model.named_parameters() if "proj" in n}
        named = [
            (name, p.T if name in from_right and p.ndim == 2 else p)
            for name, p in model.named_parameters()
            if p.ndim > 1
        ]
        weights = tuple(_weight(name, p, of_layer=name in in_layers | from_right) for name, p in named)
        affine = len(images) >= 16 and _is_affine(model, images[:16])
        seen = flow.flow_facts(model, traced, images[:64])
        pretrained = _pretrained(subject, traced)
    usable, picked = not labels.is_floating_point(), chosen_by(rows)
    inside = usable and int(labels.min()) >= 0 and int(labels.max()) < max(2, rows.shape[1])
    maker, dropped = _output_maker(traced)
    return NetworkFacts(
        classes=rows.shape[1],
        output_maker=maker.name if maker is not None else "",
        output_layer=maker.layer if maker is not None else "",
        dropped_output=dropped,
        random=random,
        half=any(p.dtype == torch.float16 for p in model.parameters()),
        pretrained=pretrained,
        probabilities=bool((rows >= 0).all() and ((rows.sum(1) - 1).abs() < 1e-3).all()) and rows.shape[1] > 1,
        log_probabilities=bool((rows <= 1e-6).all() and (rows.exp().sum(1) - 1).abs().max() < 1e-3),
        accuracy=float((picked == labels).double().mean()) if usable else 0.0,
        cross_entropy=_cross_entropy(rows, labels) if inside else float("nan"),
        logit_sd=float(rows.std()),
        same_outputs=float(rows.std(0).max()) <= 1e-6 * (float(rows.abs().max()) + 1e-12),
        predicted={int(c): int(n) for c, n in zip(*torch.unique(picked, return_counts=True), strict=True)},
        weights=weights,
        layer_sizes=_layer_sizes(model),
        affine=affine,
        gradients=gradients,
        gradient_norm=total,
        first_input=_first_input(traced),
        flow=seen,
    )


def _tensor(value: object) -> Tensor:
    return next(tensors(value))


def _layer_sizes(model: nn.Module) -> tuple[tuple[str, int], ...]:
    sizes = [
        (name or "model", sum(p.numel() for p in layer.parameters(recurse=False) if p.requires_grad))
        for name, layer in model.named_modules()
    ]
    return tuple((name, size) for name, size in sizes if size)


def _weight(name: str, parameter: Tensor, *, of_layer: bool) -> WeightFacts:
    values = parameter.detach().float()
    rows = values.flatten(1)
    return WeightFacts(
        name=name,
        of_layer=of_layer,
        size=parameter.numel(),
        constant=parameter.numel() > 1 and bool((values == values.flatten()[0]).all()),
        zero=not bool(values.any()),
        equal_rows=len(rows) > 1 and rows.shape[1] > 1 and bool((rows == rows[0]).all()),
        scale=float(values.std()) * math.sqrt(rows.shape[1]) if parameter.numel() > 1 else 1.0,
    )


def _gradients(subject: Subject, images: Tensor, labels: Tensor) -> tuple[tuple[tuple[str, float, float], ...], float]:
    """Take the loss's gradient on one batch; nothing where it has none."""
    model = subject.model
    try:
        loss = loss_of(subject.loss_fn, model(images), labels)
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        gradients = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True)
    except Exception:  # somebody else's loss may raise anything; the steps say what
        return (), float("nan")
    pairs = [(name, p.detach(), g) for (name, p), g in zip(named, gradients, strict=True) if g is not None]
    total = math.sqrt(sum(float(g.norm()) ** 2 for _, _, g in pairs))
    listed = tuple(
        (name, float(g.norm()) / (float(p.norm()) + 1e-12), float(g.norm())) for name, p, g in pairs if p.ndim > 1
    )
    return listed, total


@torch.no_grad()
def _is_affine(model: nn.Module, images: Tensor) -> bool:
    """Say whether f(a) + f(b) − f(c) = f(a + b − c) in evaluation mode, for images a thousand times as bright.

    Ordinary images may leave a sigmoid in its middle, or a ReLU with small weights on one side, where both are linear.
    """
    if not images.is_floating_point() or not float(images.std()) > 0:
        return False
    images = images * (1_000 / float(images.std()))
    a, b = images[:8], images[8:16]
    c = torch.roll(a, 1, 0)
    model.eval()
    try:
        together = _tensor(model(a + b - c)).double()
        parts = [_tensor(model(part)).double() for part in (a, b, c)]
    except (RuntimeError, IndexError, ValueError):
        return False
    finally:
        model.train()
    apart = parts[0] + parts[1] - parts[2]
    spread, size = float(apart.std()), float(apart.abs().max())
    return spread > 1e-3 * size and float((together - apart).abs().max()) < 1e-3 * spread


SOFTMAX = frozenset({"softmax", "log_softmax"})
PASSING = frozenset({"view", "reshape", "flatten", "squeeze", "unsqueeze", "dropout", "contiguous", "float", "to"})


def _output_maker(traced: Trace) -> tuple[Operation | None, str]:
    """Find the activation that the output comes out of, and the layer that drops some of it."""
    operation, maker, dropped = traced.maker(traced.output), None, ""
    while operation is not None and operation.name in PASSING | flow.ACTIVATIONS | SOFTMAX:
        if _drops(operation):
            dropped = operation.layer or operation.name
        if operation.name not in PASSING:
            maker = maker or operation
            if operation.name not in SOFTMAX:
                break  # dropout before an activation is dropout of a layer's units
        operation = traced.before(operation)
    return maker, dropped


def _drops(operation: Operation) -> bool:
    return "dropout" in operation.name and not torch.equal(operation.inputs[0], operation.output)


def _agree(rows: Tensor, again: Tensor) -> bool:
    """Whether two passes gave the same, but for the order of additions."""
    spread = max(float(rows.std()), 1e-6 * float(rows.abs().max()), 1e-12)
    return not float((rows - again).abs().max()) > 0.01 * spread


def _random_layer(model: nn.Module, images: Tensor) -> str:
    """Name where a pass in evaluation mode drops units."""
    dropping = [o for o in trace(model, images).operations if _drops(o)]
    return next((f"{o.name} in {o.layer or 'forward'}" for o in dropping), "forward")


def _cross_entropy(rows: Tensor, labels: Tensor) -> float:
    if rows.shape[1] > 1:
        return float(nn.functional.cross_entropy(rows, labels))
    functional = nn.functional
    of_one = functional.binary_cross_entropy if are_probabilities(rows) else functional.binary_cross_entropy_with_logits
    return float(of_one(rows[:, 0], labels.float()))


def _pretrained(subject: Subject, traced: Trace) -> bool:
    """Look for norms that have moved; else compare linear models of the frozen features and of newly drawn ones."""
    model, place = subject.model, _first_trained(subject.model, traced)
    if place is None:
        return False
    if any(_is_moved(module) for module in _frozen(model)):
        return True
    images, labels = subject.sample(PROBED)
    known = linear_accuracy(_features(model, images, place), labels.cpu())
    torch.manual_seed(0)  # put back by the caller, as the weights are
    for module in _frozen(model):
        if isinstance(module, RESETTABLE):
            module.reset_parameters()
    return known > linear_accuracy(_features(model, images, place), labels.cpu()) + 0.04


def _is_moved(module: nn.Module) -> bool:
    """Whether a norm's weights or shifts differ: torch starts all at 1 and 0, and training moves them."""
    if not isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
        return False
    return any(bool((p != p.flatten()[0]).any()) for p in module.parameters(recurse=False))


def _frozen(model: nn.Module) -> list[nn.Module]:
    own = ((module, list(module.parameters(recurse=False))) for module in model.modules())
    return [module for module, parameters in own if parameters and not any(p.requires_grad for p in parameters)]


def _first_trained(model: nn.Module, traced: Trace) -> int | None:
    """Find the first layer with trained weights behind frozen ones, in the order of computation."""
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    weighted = [o.parameter in trained for o in traced.weighted()]
    return weighted.index(True) if True in weighted and not weighted[0] else None


def _features(model: nn.Module, images: Tensor, place: int) -> Tensor:
    """(n, features) that reach a layer with weights."""
    entering = (trace(model, part).weighted()[place].inputs[0] for part in torch.split(images, TRACED))
    return torch.cat([part.detach().float().flatten(1).cpu() for part in entering])


def _first_input(traced: Trace) -> tuple[str, float, float, float] | None:
    first = next(iter(traced.weighted()), None)
    if first is None or not first.inputs or not first.inputs[0].is_floating_point():
        return None
    values = first.inputs[0].detach().float()
    return first.layer or first.parameter, float(values.mean()), float(values.std()), float(values.abs().max())
