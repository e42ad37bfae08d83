"""Faults of the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import Finding, a_few, finding, in_code
from makeweight.diagnosis.observer import LossCall
from makeweight.wording import percent

BOUNDING = {
    "relu": "ReLU", "relu_": "ReLU", "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "tanh": "tanh", "tanh_": "tanh",
    "relu6": "ReLU6", "hardtanh": "hardtanh", "clamp": "clamp", "clamp_min": "clamp", "hardsigmoid": "hard sigmoid",
    "softplus": "softplus", "softsign": "softsign", "gelu": "GELU", "silu": "SiLU", "elu": "ELU",
    "leaky_relu": "leaky ReLU", "abs": "abs", "exp": "exp", "square": "square", "selu": "SELU",
}  # fmt: skip
REGRESSIONS = {
    "mse_loss": "the mean squared error", "l1_loss": "the mean absolute error", "smooth_l1_loss": "a smooth L1 loss",
    "huber_loss": "Huber's loss", "poisson_nll_loss": "a Poisson loss", "gaussian_nll_loss": "a Gaussian loss",
}  # fmt: skip
BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "multilabel_soft_margin_loss"}


def softmax_before_loss(e: Evidence) -> Iterator[Finding]:
    """Look for softmax or log-softmax before a loss that applies its own."""
    called = _main_call(e)
    if called is not None and called.name == "cross_entropy" and called.input.ndim >= 2:
        rows = called.input.float()
        if _adds_up(rows, 1):
            seen = called.source == "softmax"
            yield _twice(seen, float(rows.min()), float(rows.max()), "the loss's inputs", _without(e))
            return
        if _adds_up(rows.exp(), 1) and bool((rows <= 1e-6).all()):
            yield _log_twice()
            return
    if e.network is None or called is not None:
        return
    if not applies_own_softmax(e.subject.loss_fn, e.network.classes):
        return
    if e.network.probabilities:
        yield _twice(True, 0.0, 1.0, "the network's outputs", _without(e))
    elif e.network.log_probabilities:
        yield _log_twice()


def _adds_up(rows: Tensor, axis: int) -> bool:
    total = rows.sum(axis)
    return rows.shape[1] > 1 and bool((rows >= 0).all()) and float((total - 1).abs().max()) < 1e-3


def _twice(seen: bool, low: float, high: float, what: str, fix: str | None) -> Finding:
    return finding(
        "softmax-before-loss",
        "definite",
        f"{what} lie between {low:.3f} and {high:.3f} and add up to 1 in every "
        f"row{', coming out of softmax' if seen else ''}; the loss is a cross-entropy, which applies its own "
        "softmax. With k classes it cannot fall below ln(1 + (k − 1)/e), which is 1.46 for 10.",
        "the network's output, before loss_fn",
        fix and f"{fix}\nlogits.softmax(1)  # only where you want to show probabilities",
    )


def _log_twice() -> Finding:
    return finding(
        "softmax-before-loss",
        "hint",
        "the loss's inputs are log-probabilities (their exponentials add up to 1 in every row), and the loss applies "
        "log-softmax itself. The second one changes nothing, but with any further step between them it does.",
        "the network's output, before loss_fn",
        "Use NLLLoss with log-softmax, or CrossEntropyLoss without it.",
    )


def applies_own_softmax(loss_fn: Callable[[Tensor, Tensor], Tensor], classes: int) -> bool:
    """Say whether a loss does not change when the same number is added to all logits of an image."""
    if classes < 2:
        return False
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, classes, generator=generator)
    labels = torch.arange(12) % classes
    try:
        with torch.no_grad():
            plain, moved = loss_fn(logits, labels), loss_fn(logits + 3.0, labels)
            other = loss_fn(torch.roll(logits, 1, 1), labels)
    except Exception:  # somebody's loss may want other labels, or another device
        return False
    same = torch.allclose(plain, moved, rtol=1e-3, atol=1e-4)
    return bool(same and not torch.allclose(plain, other, rtol=1e-3, atol=1e-4))


def wrong_loss(e: Evidence) -> Iterator[Finding]:
    """Look for regressions, likelihoods of what is no log-probability, and losses of the wrong sign."""
    called = _main_call(e)
    if called is not None:
        yield from _by_name(e, called)
    pull = e.training.pull
    if pull is not None and pull.images >= 4 and pull.wrong_way > 0.7 and pull.right < 0:
        yield finding(
            "wrong-loss",
            "definite",
            f"the loss grows with the right class's logit for {percent(pull.wrong_way, 0)} of the images: minimising "
            "it makes the network choose wrong classes",
            "loss_fn",
            "Remove the minus sign, or compute the loss as\nloss = torch.nn.functional.cross_entropy(logits, labels)",
        )
    elif called is None and e.network is not None and _punishes_certainty(e.subject.loss_fn, e.network.classes):
        yield finding(
            "wrong-loss",
            "likely",
            "loss_fn gives logits that are right by a margin of 20 more than twice the loss of logits that are all "
            "0: it "
            "wants outputs near fixed values, as a regression does",
            "loss_fn",
        )
    elif e.network is not None and e.network.classes == 1 and not _is_binary(e, called):
        always_0 = called is not None and called.name == "cross_entropy"
        yield finding(
            "wrong-loss",
            "definite" if len(e.data.counts) > 2 or always_0 else "likely",
            f"the network has one output for {len(e.data.counts)} classes"
            + (", and the cross-entropy of one output is 0 whatever it is" if always_0 else ""),
            "the network's output",
            "Give the network as many outputs as there are classes, and use torch.nn.CrossEntropyLoss().",
        )


def _punishes_certainty(loss_fn: Callable[[Tensor, Tensor], Tensor], classes: int) -> bool:
    if classes < 2:
        return False
    labels = torch.arange(4 * classes) % classes
    right = 20.0 * torch.nn.functional.one_hot(labels, classes).float()
    try:
        with torch.no_grad():
            sure, guess = loss_fn(right, labels), loss_fn(torch.zeros_like(right), labels)
    except Exception:  # somebody's loss may want other labels, or another device
        return False
    return bool(sure.mean() > 2 * guess.mean() > 0)


def _is_binary(e: Evidence, called: LossCall | None) -> bool:
    """Say whether one output is enough: two classes, and a loss that does not share out a probability among several."""
    shared = e.training.error if called is None else called.name in ("cross_entropy", "nll_loss")
    return len(e.data.counts) == 2 and not shared


def _main_call(e: Evidence) -> LossCall | None:
    """Return the first loss that trained, before any that only helps it."""
    calls = e.training.seen.losses
    return next((call for call in calls if call.trains), next(iter(calls), None))


def _by_name(e: Evidence, called: LossCall) -> Iterator[Finding]:
    if called.name in REGRESSIONS:
        target = called.target
        numbers = isinstance(target, Tensor) and target.shape != called.input.shape
        single = len(e.data.counts) == 2 and called.input.numel() == len(called.input) and not numbers
        what = "class numbers" if numbers or (_are_numbers(target) and not single) else "targets of one column a class"
        yield finding(
            "wrong-loss",
            # The squared error of one-hot targets is Brier's score: it works, if slowly with many classes.
            "definite" if what == "class numbers" else "hint" if called.name == "mse_loss" else "likely",
            f"the loss is {REGRESSIONS[called.name]} (torch's {called.name}) against {what}",
            "loss_fn",
        )
    elif called.name in BINARY and called.input.ndim == 2 and called.input.shape[1] > 2:
        yield finding(
            "wrong-loss",
            "hint",  # it works: the classes are k questions of yes or no
            f"the loss is {called.name}: each of the {called.input.shape[1]} outputs is judged by itself, as if an "
            "image could belong to several classes or to no class",
            "loss_fn",
        )
    elif called.name == "nll_loss" and called.input.ndim == 2:
        total = called.input.float().exp().sum(1)
        if float((total - 1).abs().median()) > 0.02:
            # Probabilities instead of their logarithms, or raw logits.
            probable = _adds_up(called.input.float(), 1)
            yield finding(
                "wrong-loss",
                "definite",
                "NLLLoss expects log-probabilities, whose exponentials add up to 1; here they add up to "
                f"{float(total.median()):.3g} (median){', because they are probabilities' if probable else ''}. The "
                "loss has no lower end: it falls as the outputs grow",
                "loss_fn",
            )
    elif called.name == "kl_div":
        total = called.input.float().exp().sum(-1)
        if float((total - 1).abs().median()) > 0.02:
            yield finding("wrong-loss", "likely", "kl_div is given values that are no log-probabilities", "loss_fn")


def _are_numbers(target: object) -> bool:
    return isinstance(target, Tensor) and (target.ndim == 1 or float(target.max()) > 1.5)


def output_activation(e: Evidence) -> Iterator[Finding]:
    """Look for an activation on the logits."""
    called = _main_call(e)
    maker = e.network.output_maker if e.network is not None else ""
    if called is not None and called.source and called.name in ("cross_entropy", "multi_margin_loss"):
        maker = called.source
    if called is not None and called.name == "binary_cross_entropy_with_logits" and _is_squashed(e, called):
        yield finding(
            "output-activation",
            "definite",
            f"sigmoid is applied twice: the loss, {called.name}, applies its own, and its inputs lie between "
            f"{float(called.input.min()):.3f} and {float(called.input.max()):.3f}, coming out of sigmoid. It can't "
            "fall below 0.31 for images that are, and 0.69 for images that aren't, of the class",
            "the network's output",
            _without(e) or "Give the loss the logits: remove the sigmoid, or use BCELoss.",
        )
        return
    if called is not None and called.name in BINARY:
        return  # a sigmoid belongs there
    if maker in BOUNDING:
        name = BOUNDING[maker]
        soft = maker in ("gelu", "silu", "leaky_relu", "elu", "selu")
        yield finding(
            "output-activation",
            "likely" if soft else "definite",
            f"the last operation before the loss is {name}, so the logits are {_bounds(maker)}",
            "the network's output",
            _without(e),
        )


def _is_squashed(e: Evidence, called: LossCall) -> bool:
    made = e.network.output_maker if e.network is not None else ""
    return called.source.startswith("sigmoid") or made.startswith("sigmoid")


def _without(e: Evidence) -> str | None:
    """Say which of the user's layers to remove, where the activation is a layer of its own."""
    layer = e.network.output_layer if e.network is not None else ""
    module = dict(e.subject.model.named_modules()).get(layer)
    if not layer or module is None or [*module.parameters()] or [*module.children()]:
        return None
    return f"Remove {in_code(layer)}, a {type(module).__name__}."


def _bounds(maker: str) -> str:
    if maker in ("sigmoid", "sigmoid_", "hardsigmoid"):
        return "between 0 and 1"
    if maker in ("tanh", "tanh_", "softsign", "hardtanh"):
        return "between −1 and 1"
    if maker in ("relu", "relu_", "softplus", "relu6", "clamp_min", "abs", "square", "exp"):
        return "never negative"
    return "cut off"


MIN_SCALE = 0.01  # of a loss, beside the mean of cross-entropy


def loss_reduction(e: Evidence) -> Iterator[Finding]:
    """Look for a sum over the batch, or a second division by its size."""
    doubled, pull = e.training.doubled, e.training.pull
    called = _main_call(e)
    if called is not None and called.name in REGRESSIONS:
        return
    summed = doubled is not None and 1.7 < doubled < 2.3
    divided = doubled is not None and 0.4 < doubled < 0.6
    if pull is not None and pull.images >= 8 and pull.wrong_way < 0.5:
        summed = summed and pull.scale > 0.4 * pull.images if doubled is not None else pull.scale > 0.4 * pull.images
        divided = divided and pull.scale < 2.5 / pull.images if doubled is not None else pull.scale < 2.5 / pull.images
    # Gradients that are accumulated are divided too, but over a hundred batches only rarely.
    tiny = pull is not None and pull.images >= 8 and 0 < pull.scale < MIN_SCALE and not summed
    if summed or divided or tiny:
        evidence = f"the gradient for a batch taken twice is {doubled:.2f} times that for the batch" if doubled else ""
        scale = f"the gradient at the logits is {pull.scale:.3g} times that of the mean" if pull is not None else ""
        adapts = isinstance(e.subject.optimizer, torch.optim.Adam | torch.optim.RMSprop | torch.optim.Adagrad)
        what = "a sum over the batch" if summed else "divided by the number of images twice"
        what = (
            "divided by far more than the images of a batch, perhaps all of the data set"
            if tiny and not divided
            else what
        )
        yield finding(
            "loss-reduction",
            # Adam divides by the gradient's size, so a loss that is small for every batch makes no difference to it.
            "hint"
            if (divided or tiny) and adapts
            else "definite"
            if doubled is not None and pull is not None
            else "likely",
            f"{'; '.join(filter(None, (evidence, scale)))} (1 for a mean): the loss is {what}",
            "loss_fn" if e.training.own else "step, where the loss is computed",
        )


def ignored_classes(e: Evidence) -> Iterator[Finding]:
    """Look for classes whose images don't move the loss, as a class weight of 0 or ``ignore_index`` leaves them."""
    classes = e.network.classes if e.network is not None else 0
    if classes < 2:
        return
    logits, labels = torch.zeros(4 * classes, classes, requires_grad=True), torch.arange(4 * classes) % classes
    try:
        [gradient] = torch.autograd.grad(e.subject.loss_fn(logits, labels).sum(), logits)
    except Exception:  # somebody's loss may want other labels, or another device
        return
    moved = set(labels[gradient.abs().sum(1) > 0].tolist())
    ignored = [c for c in range(classes) if c in e.data.counts and c not in moved]
    if moved and ignored:
        yield finding(
            "dead-classes",
            "definite",
            f"the loss ignores class {a_few(map(str, ignored))}: for its images the gradient at the logits is 0",
            "loss_fn",
            "Give each class a weight above 0; of whole numbers, // makes many of them 0.",
        )


RULES = (softmax_before_loss, wrong_loss, output_activation, loss_reduction, ignored_classes)
