"""Faults of the training loop and of the validation."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator

import torch

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import MAX_NAMED, Finding, a_few, finding, in_code
from makeweight.diagnosis.observer import NORMS
from makeweight.diagnosis.subject import peak_learning_rates
from makeweight.diagnosis.validation import compared
from makeweight.wording import percent


def detached(e: Evidence) -> Iterator[Finding]:
    """Look for weights that the loss's gradient does not reach."""
    t = e.training
    if "does not require grad" in t.error or "does not have a grad_fn" in t.error:
        yield finding(
            "detached-graph",
            "definite",
            f"the backward pass failed: {t.error}: nothing that the loss was computed from has a gradient",
            "the forward pass or the loss",
        )
        return
    unreached = [
        name for name in t.seen.unreached if not name.endswith("bias") or name[:-4] + "weight" not in t.seen.reached
    ]
    used = {name for name, _, _ in e.network.gradients} if e.network is not None else set()
    traced = e.network.weights if e.network is not None else ()
    # A layer that the forward pass never runs has no gradient either, and is another matter.
    run = set(e.network.flow.run) if e.network is not None else set()
    cut = [name for name in unreached if name in run]
    if not cut and e.network is not None and not t.seen.updates and not t.error:
        cut = [w.name for w in traced if w.name in run and w.name not in used]
    if cut:
        last = cut[-1].rpartition(".")[0] or cut[-1]
        yield finding(
            "detached-graph",
            "definite",
            f"{len(cut)} weights take part in the forward pass and get no gradient: {a_few(cut)}; the cut is behind "
            f"{last}",
            a_few(cut),
        )


def frozen(e: Evidence) -> Iterator[Finding]:
    """Look for weights with requires_grad=False."""
    parameters = dict(e.subject.model.named_parameters())
    still = {name: p for name, p in parameters.items() if not p.requires_grad}
    if not still:
        return
    layers = {w.name for w in e.network.weights if w.of_layer} if e.network is not None else set(still)
    matrices = [name for name in still if name in layers]  # fixed positions are no layer's weights
    held = {id(p) for group in e.subject.optimizer.param_groups for p in group["params"]}
    meant = any(id(p) in held for p in still.values())
    share = sum(p.numel() for p in still.values()) / max(1, sum(p.numel() for p in parameters.values()))
    useful = e.network is not None and e.network.pretrained
    places = list(dict.fromkeys(name.rpartition(".")[0] for name in still))
    yield finding(
        "frozen-parameters",
        "hint" if not matrices or useful else "definite" if meant or share > 0.3 else "likely",
        f"{percent(share, 0)} of the parameters have "
        f"requires_grad=False{', some of them given to the optimizer' if meant else ''}: {a_few(still)}"
        f"{'. They were trained: norms have moved, or features tell more than those of new weights' if useful else ''}",
        a_few(still),
        "\n".join(f"{in_code(place)}.requires_grad_(True)" for place in places[:MAX_NAMED])
        + ("  # and so on for the other frozen layers" if len(places) > MAX_NAMED else ""),
    )


def not_optimised(e: Evidence) -> Iterator[Finding]:
    """Look for trainable weights that the optimizer does not hold, or does not move."""
    named = dict(e.subject.model.named_parameters())
    wanted = {name: p for name, p in named.items() if p.requires_grad}
    held = {id(p) for group in e.subject.optimizer.param_groups for p in group["params"]}
    missing = [name for name, p in wanted.items() if id(p) not in held]
    unchanged = set(e.training.unchanged)
    if missing and not e.training.own and e.training.losses:
        missing = [name for name in missing if name in unchanged]  # another optimizer of the user's may move them
    unlisted = e.network.flow.unlisted if e.network is not None else 0
    if unlisted:
        yield finding(
            "parameters-not-optimised",
            "definite",
            f"{unlisted} parameters take part in the forward pass that model.parameters() does not list, so that no "
            "optimizer made from it moves them",
            "model: layers in a plain list or dictionary",
            "Hold layers in torch.nn.ModuleList or ModuleDict, and parameters in torch.nn.ParameterList.",
        )
        return
    ours = {id(p) for p in named.values()}
    foreign = sum(id(p) not in ours for group in e.subject.optimizer.param_groups for p in group["params"])
    if missing:
        all_of_them = len(missing) == len(wanted)
        yield finding(
            "parameters-not-optimised",
            "definite",
            f"the optimizer does not hold {'any' if all_of_them else len(missing)} of the {len(wanted)} trainable "
            f"parameters{f', and holds {foreign} of another model' if foreign else ''}: {a_few(missing)} never "
            "change",
            "optimizer" if all_of_them else f"optimizer: {a_few(missing)}",
            f"optimizer = torch.optim.{type(e.subject.optimizer).__name__}(model.parameters(), "
            f"lr={max(peak_learning_rates(e.subject.optimizer), default=0.001):g})  # once all layers are in the model",
        )
    elif not e.training.own and len(e.training.losses) > 5 and unchanged and not e.training.seen.updates:
        yield finding(
            "parameters-not-optimised",
            "definite" if len(unchanged) == len(wanted) else "likely",
            f"in {len(e.training.losses)} steps optimizer.step() was never called, and {len(unchanged)} parameters "
            f"did not change: {a_few(sorted(unchanged))}",
            "step, optimizer",
            "loss.backward(); optimizer.step()  # of the optimizer that holds this model's parameters",
        )
    elif _are_cleared_too_soon(e) and len(unchanged) == len(wanted):
        yield finding(
            "parameters-not-optimised",
            "definite",
            f"in {len(e.training.seen.updates)} steps gradients came, with a norm of "
            f"{e.training.seen.updates[0].gradient_norm:.3g}, and were gone when optimizer.step() ran: nothing changed",
            "step, zero_grad",
            "optimizer.zero_grad(); loss.backward(); optimizer.step()  # in this order",
        )


def _are_cleared_too_soon(e: Evidence) -> bool:
    updates = e.training.seen.updates
    return (
        not e.training.own and len(updates) > 2 and all(u.gradient_norm > 0 and u.used_norm == 0 for u in updates[:3])
    )


def zero_grad(e: Evidence) -> Iterator[Finding]:
    """Look for gradients that outlive their step."""
    told = [update.cleared for update in e.training.seen.updates if update.cleared is not None]
    if len(told) >= 2 and sum(not cleared for cleared in told) >= 0.9 * len(told):
        yield finding(
            "missing-zero-grad",
            "definite",
            f"in {sum(not c for c in told)} of {len(told)} steps the backward pass added to gradients that an "
            "earlier step had already used",
            "step",
        )


def eval_mode(e: Evidence) -> Iterator[Finding]:
    """Look for training passes with dropout and batch norm switched off."""
    if e.training.own:
        return
    passes = [f for f in e.training.seen.forwards if f.output_gradient is not None]
    off = [f for f in passes if f.eval_layers]
    stays = len(off) >= 10 and all(f.eval_layers for f in passes[-len(off) :])  # since a validation, for example
    if not passes or not (stays or len(off) >= 0.9 * len(passes)):
        return
    named = dict(e.subject.model.named_modules())
    layers = [layer for layer in off[0].eval_layers if not _is_frozen(named.get(layer))]
    if not layers:
        return
    yield finding(
        "train-in-eval-mode",
        "definite" if not off[0].train_layers else "likely",
        f"in {len(off)} of {len(passes)} training passes these layers were in evaluation mode: {a_few(layers)}",
        f"step: {a_few(layers)}",
    )


def _is_frozen(layer: torch.nn.Module | None) -> bool:
    """Whether a layer has weights and none is trained: its statistics then belong to those weights."""
    weights = [] if layer is None else list(layer.parameters())
    return bool(weights) and not any(p.requires_grad for p in weights)


def train_mode(e: Evidence) -> Iterator[Finding]:
    """Look for validation passes with dropout or batch norm switched on."""
    for validated in e.training.validated[:1]:
        on = [f for f in validated.seen.forwards if f.train_layers]
        if on and len(on) >= 0.5 * len(validated.seen.forwards):
            layers = on[0].train_layers
            yield finding(
                "validate-in-train-mode",
                "definite",
                f"in {len(on)} of {len(validated.seen.forwards)} passes of validate() these layers were in training "
                f"mode: {a_few(layers)}",
                f"validate: {a_few(layers)}",
            )


def accuracy(e: Evidence) -> Iterator[Finding]:
    """Look for accuracies that are computed along the wrong axis, or miscounted."""
    for validated in e.training.validated[-1:]:
        wrong = [
            (name, axis, shape)
            for name, axis, shape in validated.seen.picks
            if len(shape) == 2 and min(shape) > 1 and (axis in (0, -2) or (axis is None and name == "argmax"))
        ]
        if wrong:
            name, axis, shape = wrong[0]
            over = "over all values at once" if axis is None else f"along axis {axis}, which is the images"
            yield finding(
                "wrong-accuracy",
                "definite",
                f"validate() takes {name} of values of the shape {shape} {over}, and not along the classes",
                "validate",
            )
            return
        again = compared(e)
        value = validated.value
        if validated.error:
            yield finding("wrong-accuracy", "likely", f"validate() failed: {validated.error}", "validate")
        elif again is not None and again.images >= 20 and abs(value - again.accuracy) > _tolerance(again.images):
            if abs(value - 100 * again.accuracy) < 0.5 and value > 1:
                certainty, so = "likely", ", which is that in percent"
            else:
                certainty, so = "definite", ""
            yield finding(
                "wrong-accuracy",
                certainty,  # type: ignore[arg-type]
                f"validate() returned {value:.4g}{so}; of the {again.images:,} predictions that it compared, "
                f"{again.accuracy:.4f} are right",
                "validate",
            )
        elif not math.isnan(value) and not 0 <= value <= 1:
            yield finding(
                "wrong-accuracy", "definite", f"validate() returned {value:.4g}, which is no share", "validate"
            )
        elif again is None and _is_far_off(e, value):
            yield finding(
                "wrong-accuracy",
                "likely",
                f"validate() returned {value:.3f} where {e.training.accuracy_after:.3f} of the training images are "
                "right",
                "validate",
            )


def _tolerance(images: int) -> float:
    return max(0.02, 1.5 / math.sqrt(images) * 0.2)


def _is_far_off(e: Evidence, value: float) -> bool:
    known = e.training.accuracy_after
    return e.above_chance(known) > 0.44 and (value < 0.4 * known or value > known + 0.25)


def random_answers(e: Evidence) -> Iterator[Finding]:
    """Look for networks that answer the same images differently in evaluation mode."""
    if e.network is not None and e.network.random:
        yield finding(
            "dropout-in-evaluation",
            "definite" if "dropout" in e.network.random else "likely",
            f"two passes of the same images in evaluation mode give different outputs: {e.network.random}",
            e.network.random,
        )


def stale_statistics(e: Evidence) -> Iterator[Finding]:
    """Compare batch norm's running averages with the statistics of the images themselves."""
    norms = [(name, module) for name, module in e.subject.model.named_modules() if isinstance(module, NORMS)]
    momentum, name = min(((m.momentum, name) for name, m in norms if m.momentum is not None), default=(1.0, ""))
    gap = e.training.batch_statistics - e.training.accuracy_after
    hardly = momentum <= 0.005
    if not gap > (0.02 if hardly else 0.1) or momentum > 0.02:
        return
    yield finding(
        "stale-batch-statistics",
        "hint" if gap <= 0.1 else "definite" if hardly else "likely",
        f"{percent(e.training.accuracy_after, 0)} of training images are right with the running averages of batch norm "
        f"and {percent(e.training.batch_statistics, 0)} with the statistics of the images; {name} has momentum "
        f"{momentum:g}, so {1 / max(momentum, 1e-9):,.0f} steps are needed to follow",
        f"{name}: momentum",
    )


def half_precision(e: Evidence) -> Iterator[Finding]:
    """Look for float16 weights, and for float16 outputs whose loss isn't scaled."""
    half, pull = e.network is not None and e.network.half, e.training.pull
    outputs = [f.output for f in e.training.seen.forwards if f.with_gradients and f.output is not None]
    scaled = e.subject.scales_its_loss or (pull is not None and pull.scale > SCALED)
    if half:
        seen = "the weights are float16: what a step adds is lost below a thousandth of the weight"
    elif any(output.dtype == torch.float16 for output in outputs) and not scaled:
        seen = "in training the outputs are float16, and no GradScaler scales their loss"
    else:
        return
    yield finding("half-precision", "definite", seen, "the network's precision")


SCALED = 8.0  # times the gradient of the mean; GradScaler begins with 65,536


def clipping(e: Evidence) -> Iterator[Finding]:
    """Look for gradients that reach the optimizer much smaller than they came."""
    shares = [
        u.used_norm / u.gradient_norm
        for u in e.training.seen.updates
        if u.gradient_norm > 1e-12 and math.isfinite(u.gradient_norm)
    ]
    if len(shares) < 5:
        return
    cut = [share for share in shares if share < 0.97]
    unscaled = e.subject.scales_its_loss or max(shares) < 1.001 * min(shares)  # by one factor: a scaled loss
    if len(cut) < 0.9 * len(shares) or unscaled or _are_cleared_too_soon(e):
        return
    typical = statistics.median(shares)
    norm = statistics.median(u.used_norm for u in e.training.seen.updates)
    if typical < 0.5:
        yield finding(
            "clipping-always",
            "definite" if typical < 0.03 else "likely" if typical < 0.12 else "hint",
            f"in {len(cut)} of {len(shares)} steps the gradient was clipped, to {percent(typical, 1)} of its norm "
            f"(median), which then is {norm:.3g}",
            "step, where gradients are clipped",
        )


def tiny(e: Evidence) -> Iterator[Finding]:
    """Look for batch norm on one or two images, and for steps that train on a few of those that they are given."""
    trained = Counter[int]()  # images by update: pieces of a batch add up
    for f in e.training.seen.forwards:
        if f.output_gradient is not None:
            trained[f.step] += f.images
    each = statistics.median(trained.values()) if trained else 0
    if not e.training.own and 0 < each <= e.training.batch / 8:
        yield finding(
            "tiny-batch",
            "definite",
            f"the network was trained on {each:.3g} of the {e.training.batch} images that step() got each time",
            "step",
            "Give the network the whole batch: a slice such as images[:1], put in to find an error, may have stayed.",
        )
        return
    seen = [f.batch_norm_images for f in e.training.seen.forwards if f.batch_norm_images is not None]
    small = [n for n in seen if n <= 4]
    if (seen and len(small) >= 0.8 * len(seen)) or "more than 1 value per channel" in e.training.error:
        least = min(small, default=1)
        layers = [name for name, module in e.subject.model.named_modules() if isinstance(module, NORMS)]
        yield finding(
            "tiny-batch",
            "definite" if least <= 2 else "hint",
            f"batch norm saw {least} images in its usual pass",
            f"step: {a_few(layers)}",
        )


RULES = (
    detached, frozen, not_optimised, zero_grad, eval_mode, train_mode, random_answers, stale_statistics, half_precision,
    accuracy, clipping, tiny,
)  # fmt: skip
