"""Faults of the network."""

from __future__ import annotations

import math
from collections.abc import Iterator

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import Finding, a_few, finding
from makeweight.wording import percent


def nonlinearity(e: Evidence) -> Iterator[Finding]:
    """Look for layers with weights that follow each other."""
    n = e.network
    if n is None:
        return
    pairs = n.flow.linear_pairs
    if n.affine and pairs:
        yield finding(
            "missing-nonlinearity",
            "definite",
            f"the whole network of {n.flow.depth} layers is one linear function: f(a) + f(b) − f(c) = f(a + b − c) "
            "for images a, b, c",
            a_few(f"{a} → {b}" for a, b in pairs),
        )
    elif pairs:
        yield finding(
            "missing-nonlinearity",
            "likely",
            f"nothing but linear operations lies between {a_few(f'{a} and {b}' for a, b in pairs)}",
            a_few(f"{a} → {b}" for a, b in pairs),
        )


def initialisation(e: Evidence) -> Iterator[Finding]:
    """Look for equal weights, and for weights far from the usual scale."""
    n = e.network
    if n is None or not n.weights:
        return
    equal = [
        w
        for w in n.weights
        if w.of_layer and w.size > 64 and ((w.constant and not w.zero) or (w.equal_rows and not w.zero))
    ]
    zero = [w for w in n.weights[:-1] if w.zero and w.size > 16]
    if equal:
        yield finding(
            "bad-initialisation",
            "definite",
            f"all units have the same weights in {a_few(w.name for w in equal)}, so they stay equal for ever",
            a_few(w.name for w in equal),
        )
        return
    if zero and n.same_outputs:
        yield finding(
            "bad-initialisation",
            "definite",
            f"the weights of {a_few(w.name for w in zero)} are all 0, and the outputs are the same for every image",
            a_few(w.name for w in zero),
        )
        return
    layers = [w for w in n.weights if w.of_layer and w.size > 64 and not w.zero]
    large = [w for w in layers if w.scale > 5]
    small = [w for w in layers if w.scale < 0.04] if e.trials.decay_pull < 1 else []  # decay made them so
    killed = any(share > 0.8 for _, share, _ in n.flow.dead)  # by steps that were too large, which also grow weights
    guess = math.log(max(2, n.classes))
    blown = math.isfinite(n.cross_entropy) and n.cross_entropy > 4 * guess and not e.is_trained
    if large and not e.is_trained and (blown or not killed):
        worst = max(large, key=lambda w: w.scale)
        yield finding(
            "bad-initialisation",
            "definite" if blown and worst.scale > 5 else "likely",
            f"the weights of {worst.name} have a standard deviation of {worst.scale:.3g}/√fan_in (He et al. 2015: "
            f"1.41); the first loss is {n.cross_entropy:.3g}, where a guess has ln {n.classes} = {guess:.2f}",
            a_few(w.name for w in large),
        )
    elif small and not e.is_trained and (2 * len(small) > len(layers) or n.same_outputs or n.logit_sd < 1e-3):
        worst = min(small, key=lambda w: w.scale)
        yield finding(
            "bad-initialisation",
            "definite" if n.logit_sd < 1e-3 or worst.scale < 0.005 else "likely",
            f"the weights of {worst.name} have a standard deviation of {worst.scale:.2g}/√fan_in (He et al. 2015: "
            f"1.41); the outputs vary by {n.logit_sd:.2g}",
            a_few(w.name for w in small),
        )
    elif blown and n.flow.depth < 6 and max((w.scale for w in layers), default=0) > 2:
        yield finding(
            "bad-initialisation",
            "likely",
            f"the first loss is {n.cross_entropy:.3g}, where a guess has ln {n.classes} = {guess:.2f}; logits vary by "
            f"{n.logit_sd:.3g}",
            "the initial weights",
        )


def _is_embedding(name: str) -> bool:
    return any(part in name.lower() for part in ("pos", "cls", "token", "embed"))


def dead(e: Evidence) -> Iterator[Finding]:
    """Look for ReLU units that are off for every image."""
    n = e.network
    if n is None:
        return
    # Before a unit can be called dead, it must have had some images to be on for.
    worst = sorted((d for d in n.flow.dead if d[2] >= 4), key=lambda d: -d[1])
    if not worst or worst[0][1] < 0.3:
        return
    layer, share, units = worst[0]
    yield finding(
        "dead-relu",
        "definite" if share > 0.8 else "likely" if share > 0.5 else "hint",
        f"{percent(share, 0)} of the {units} units behind {layer} are 0 for all {n.flow.images} images"
        + (
            f"; also behind {a_few(f'{p} ({percent(s, 0)})' for p, s, _ in worst[1:] if s > 0.3)}"
            if _more(worst)
            else ""
        ),
        layer,
    )


def _more(worst: list[tuple[str, float, int]]) -> bool:
    return any(share > 0.3 for _, share, _ in worst[1:])


def vanishing(e: Evidence) -> Iterator[Finding]:
    """Compare the gradients of the first and the last layers."""
    n = e.network
    relative = [(name, value) for name, value, _ in n.gradients if not _is_embedding(name)] if n is not None else []
    if n is None or len(relative) < 3 or any(w.zero for w in n.weights):
        return  # behind a layer that starts at 0, as residual branches and last layers may, nothing flows yet
    first, last = relative[0], max(relative[-2:], key=lambda item: item[1])
    if last[1] <= 0:
        return
    ratio = first[1] / last[1]
    # Not those of exactly 0, which lie behind a branch that starts at 0.
    first_half = [value for _, value in relative[: max(1, len(relative) // 2)] if value > 0]
    least = min(first_half, default=0.0) / last[1]
    if min(ratio, least) < 2e-3:
        yield finding(
            "vanishing-gradients",
            "definite" if ratio < 1e-5 else "likely" if ratio < 5e-4 else "hint",
            f"the gradient of {first[0]} is {ratio:.1e} times that of {last[0]}, each relative to its weights"
            + (f"; {n.flow.saturating} sigmoid or tanh activations lie between" if n.flow.saturating else ""),
            first[0].rpartition(".")[0],
        )


def exploding(e: Evidence) -> Iterator[Finding]:
    """Look for huge gradients and for activations that grow from layer to layer."""
    n = e.network
    if n is None or not n.gradients:
        return
    spreads = [s for _, s in n.flow.spreads if s > 0]
    growth = max(spreads) / spreads[0] if spreads else 1.0
    huge = not math.isfinite(n.gradient_norm) or n.gradient_norm > 300
    growing = len(spreads) > 4 and growth > 20 and max(spreads) > 20
    if huge or growing:
        layer = max(n.gradients, key=lambda g: g[2])[0]
        yield finding(
            "exploding-gradients",
            "definite" if huge and growing else "likely",
            f"the norm of the gradient is {n.gradient_norm:.3g}, and activations grow {growth:.2g}-fold from layer "
            f"to layer, to {spreads[-1] if spreads else 0:.3g}",
            layer.rpartition(".")[0],
        )


def receptive_field(e: Evidence) -> Iterator[Finding]:
    """Look for a global pool of units that see little."""
    seen = e.network.flow.receptive if e.network is not None else None
    if seen is None:
        return
    layer, pixels, side = seen
    if pixels < 0.45 * side:
        yield finding(
            "small-receptive-field",
            "likely" if pixels < 0.25 * side else "hint",
            f"a unit of {layer}, before the global pool, sees {pixels}×{pixels} of {side}×{side} pixels",
            layer,
        )


def discarded(e: Evidence) -> Iterator[Finding]:
    """Look for pixels that nothing depends on, and for maps that are tiny too early."""
    flow = e.network.flow if e.network is not None else None
    if flow is None:
        return
    # Strides without padding lose some rows at the border, up to a fifth of 28×28, and nothing that matters.
    if flow.unseen > 0.12:
        yield finding(
            "image-discarded",
            "definite" if flow.unseen > 0.35 else "likely" if flow.unseen > 0.28 else "hint",
            f"no output depends on {percent(flow.unseen, 0)} of the image's values: their gradient is 0 for every "
            "image",
            flow.narrow[0] if flow.narrow is not None else flow.first or "the first layer",
        )
    elif flow.narrow is not None:
        layer, values, whole = flow.narrow
        yield finding(
            "image-discarded",
            "likely",
            f"of the image's {whole} values {values} are left before {layer}, with most layers still to come",
            layer,
        )


def balance(e: Evidence) -> Iterator[Finding]:
    """Look for a layer that holds most of the weights, the first of a fully connected network apart."""
    sizes = e.network.layer_sizes if e.network is not None else ()
    total = sum(size for _, size in sizes)
    if len(sizes) < 3 or not total:
        return
    place, (layer, size) = max(enumerate(sizes), key=lambda item: item[1][1])
    if place == 0 and len(e.data.shape) and e.network is not None and not e.network.flow.convolutional:
        return
    if size > 0.95 * total:
        yield finding(
            "budget-imbalance",
            "hint",
            f"{layer} holds {size:,} of {total:,} weights, {percent(size / total, 0)}",
            layer,
        )


def dead_classes(e: Evidence) -> Iterator[Finding]:
    """Look for classes that a trained network never predicts."""
    n = e.network
    if n is None or not e.is_trained:
        return
    common = [c for c, count in e.data.counts.items() if count >= 0.02 * e.data.count]
    never = [c for c in common if c not in n.predicted]
    if never:
        yield finding(
            "dead-classes",
            "hint" if _still_learns(e) else "likely",
            f"class {a_few(map(str, never))} was never predicted for {sum(n.predicted.values())} images of all "
            f"classes, of which {percent(n.accuracy, 0)} are right",
            f"class {a_few(map(str, never))}",
        )


def _still_learns(e: Evidence) -> bool:
    """Whether a network is early in its training: a class that comes late is nothing to worry about."""
    before, after = e.training.accuracy_before, e.training.accuracy_after
    return after > before + 0.05 or before < max(e.data.linear or 0.0, e.data.class_mean or 0.0) - 0.05


def dropped_logits(e: Evidence) -> Iterator[Finding]:
    """Look for dropout behind the last layer."""
    layer = e.network.dropped_output if e.network is not None else ""
    if layer:
        yield finding(
            "dropout-on-logits",
            "definite",
            f"in training some of the outputs are set to 0 by {layer}",
            layer,
        )


RULES = (
    nonlinearity, initialisation, dropped_logits, dead, vanishing, exploding, receptive_field, discarded, balance,
    dead_classes,
)  # fmt: skip
