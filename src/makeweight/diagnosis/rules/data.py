"""Faults of images, labels and their split."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import Finding, finding
from makeweight.diagnosis.validation import compared
from makeweight.wording import percent


def bad_values(e: Evidence) -> Iterator[Finding]:
    """Look for NaN, infinite and constant images."""
    d = e.data
    looked = min(d.count, len(e.subject.images))
    if d.bad_images:
        yield finding(
            "inputs-bad-values",
            "definite",
            f"{d.bad_images} of the {looked} images looked at hold NaN or infinite values; there may be none",
            "images",
        )
    elif d.constant_images > max(1, 0.02 * looked) or d.sd == 0:
        yield finding(
            "inputs-bad-values",
            "hint" if d.noise > NOISE else "definite" if d.constant_images > 0.1 * looked or d.sd == 0 else "likely",
            f"{d.constant_images} images have one and the same value everywhere; there should be hardly any",
            "images",
            "Find them: images.flatten(1).std(1) == 0. Usual causes are files that could not be read, an empty "
            "array that was never filled, and integer division by 255.",
        )
    labels = e.subject.labels
    if labels.is_floating_point() and not bool(torch.isfinite(labels).all()):
        yield finding("inputs-bad-values", "definite", "some labels are NaN or infinite", "labels")


def off_by_one(e: Evidence) -> Iterator[Finding]:
    """Look for labels from 1 to k, and for validation with other class numbers than training."""
    counts, classes = e.data.counts, e.network.classes if e.network is not None else 0
    low, high = min(counts), max(counts)
    if classes > 1 and low >= 1 and high >= classes:
        yield finding(
            "labels-off-by-one",
            "definite",
            f"labels go from {low} to {high}, and {classes} outputs stand for the classes 0 to {classes - 1}",
            "labels",
        )
    elif classes > 1 and low == 1 and high == classes - 1 and len(counts) == classes - 1:
        yield finding(
            "labels-off-by-one",
            "definite" if e.data.count >= 10 * classes else "likely",
            f"no image has the label 0, and each of 1 to {high} occurs: output 0 of {classes} can never be right",
            "labels",
        )
    elif classes > 1 and (high >= classes or low < 0):
        yield finding(
            "labels-off-by-one",
            "definite",
            f"labels go from {low} to {high}, and {classes} outputs allow 0 to {classes - 1}",
            "labels",
            "Number the classes from 0, or give the network one output for each.",
        )
    binary = any(call.name.startswith("binary_cross_entropy") for call in e.training.seen.losses[:1])
    if classes == 1 and binary and len(counts) == 2 and (low, high) != (0, 1):
        yield finding(
            "labels-off-by-one",
            "definite",
            f"the labels are {low} and {high}; a single output stands for the classes 0 and 1",
            "labels",
            f"labels = (labels == {high}).float()",
        )
    comparison = compared(e)
    learned = e.above_chance(e.training.accuracy_after) > 0.11
    if comparison is not None and comparison.shift is not None and learned:
        yield finding(
            "labels-off-by-one",
            "definite",
            f"in validation {percent(comparison.shifted, 0)} of the predictions are the label {comparison.shift:+d}, "
            f"and {percent(comparison.accuracy, 0)} the label itself, while {percent(e.training.accuracy_after, 0)} of "
            "the training images are right",
            "labels of the validation",
            "Use the same class numbers for training and validation.",
        )


# Of all programs of the corpus 1.0 is the most; Fashion-MNIST plus 100 in uint8 has 1.37, times 1.5 has 1.12.
WRAPPED = 1.08
NOISE = 0.8  # of the roughness of the same pixels in any order; Fashion-MNIST has 0.26, the digits 0.71


NOTHING = 0.035  # strength of a relation that is as good as none, beyond three standard errors
UNSURE = 0.08  # standard error of a strength, above which too few images of a class were looked at


def _unrelated(e: Evidence) -> bool:
    """Whether neither neighbours nor class means nor a linear model know more of the labels than chance."""
    room = NOTHING, NOTHING + 0.055, NOTHING + 0.055
    return bool(e.data.relations) and all(
        r.strength < 3 * r.error + more for r, more in zip(e.data.relations, room, strict=True)
    )


def _is_skewed(e: Evidence) -> bool:
    """Whether a class is so rare that few of its images could be looked at."""
    counts = e.data.counts.values()
    return max(counts) >= 4 * min(counts)


def misaligned(e: Evidence) -> Iterator[Finding]:
    """Look for labels that images which look alike do not share."""
    d = e.data
    if e.training.relabelled > 0.05:
        yield finding(
            "labels-misaligned",
            "definite",
            f"inside the step the loss is given the label of another image for {percent(e.training.relabelled, 0)} of "
            "the first batch",
            "labels in the step",
        )
    if d.neighbour is None or d.linear is None or d.class_mean is None or d.sd == 0:
        return
    chance = sum((n / d.count) ** 2 for n in d.counts.values())
    best, near = max(d.neighbour, d.linear, d.class_mean), d.relations[0]
    if d.rolled is not None and d.neighbour < 0.6:
        shift, agreement = d.rolled
        yield finding(
            "labels-misaligned",
            "definite",
            f"the most similar image has the same label in {percent(d.neighbour, 0)} of cases, but in "
            f"{percent(agreement, 0)} when the labels are moved by {shift:+d} places",
            "labels",
            f"labels = torch.roll(labels, {shift})  # and find where images and labels are paired",
        )
    elif _unrelated(e):
        sorted_labels = " The labels are sorted by class and the images do not seem to be." if d.order < 0.5 else ""
        yield finding(
            "labels-misaligned",
            "hint"
            if d.noise > NOISE or d.better_axes is not None or near.error > UNSURE
            else "likely"
            if _is_skewed(e)
            else "definite",
            f"the most similar image has the same label in {percent(d.neighbour, 0)} of cases, and a linear model is "
            f"right for {percent(d.linear, 0)}. Averaged over the classes and corrected for chance, the most "
            f"similar image agrees in {percent(near.strength, 0)} ± {percent(near.error, 0)}.{sorted_labels}",
            "labels",
        )
    elif d.noisy_part is not None and d.noisy_part[0] < chance + 0.2 and d.noisy_part[1] > d.noisy_part[0] + 0.25:
        yield finding(
            "labels-misaligned",
            "definite",
            f"in one half of the rows the most similar image has the same label in {percent(d.noisy_part[0], 0)} of "
            f"cases, in the other in {percent(d.noisy_part[1], 0)}: the pairing goes wrong from some row on",
            "labels",
        )
    elif best < 0.5 * (1 + chance) and d.class_mean > d.neighbour + 0.08 and not _is_skewed(e):
        # Neighbours average over little, class means over much: where noise is in the labels, they come apart.
        yield finding(
            "labels-misaligned",
            "likely",
            f"class means are right for {percent(d.class_mean, 0)} of the images, and the most similar image has the "
            f"same label in only {percent(d.neighbour, 0)} of cases: a good part of the labels is wrong",
            "labels",
        )


def misaligned_validation(e: Evidence) -> Iterator[Finding]:
    """Look for validation labels whose classes are numbered otherwise than in training, or that are unrelated."""
    again, learned = compared(e), e.above_chance(e.training.accuracy_after) > 0.33
    if again is None or again.images < 100 or again.shift is not None or not learned:
        return
    if again.renumbered > max(again.accuracy + 0.2, 1.6 * again.accuracy):
        yield finding(
            "labels-misaligned",
            "definite" if again.renumbered > again.accuracy + 0.3 else "likely",
            f"in validation {percent(again.accuracy, 0)} of the predictions are the label, and "
            f"{percent(again.renumbered, 0)} if the classes are renumbered ({again.numbers}): their order differs from "
            "that in training",
            "labels of the validation",
            "numbers = {name: i for i, name in enumerate(sorted(training_classes))}  # once, for both\n"
            "Folders that are sorted as text come as 1, 10, 2.",
        )
    elif again.accuracy < e.data.chance + 0.06:
        yield finding(
            "labels-misaligned",
            "likely",
            f"after some training {percent(e.training.accuracy_after, 0)} of training images are right, and "
            f"{percent(again.accuracy, 0)} of the validation images, which is chance",
            "labels of the validation",
        )


def axis_order(e: Evidence) -> Iterator[Finding]:
    """Look for torn rows and mixed axes."""
    d = e.data
    if d.better_axes is not None and d.better_axes[1] > 1.35:
        reading, factor = d.better_axes
        yield finding(
            "wrong-axis-order",
            "definite" if factor > 1.8 else "likely",
            f"neighbouring pixels differ {factor:.1f} times as much as they would if the axes were read otherwise: "
            f"these look like {reading}",
            "images",
        )
    elif d.noise > NOISE and d.neighbour is not None and _unrelated(e):
        yield finding(
            "wrong-axis-order",
            "definite",
            f"images are {percent(d.noise, 0)} as rough as the same pixels in any order, and images that are alike "
            "share no label: each seems to be made of pixels of many images",
            "images",
            "Move axes with permute or transpose, as in images.permute(2, 0, 1) from (h, w, n); reshape only cuts "
            "anew.",
        )
    elif e.network is not None and e.network.flow.torn > 1.5:
        yield finding(
            "wrong-axis-order",
            "likely",
            f"what reaches the first convolution is {e.network.flow.torn:.1f} times as rough as the images "
            "themselves: the network tears their rows before it looks at them",
            "the network's first layers",
        )


def validation_axes(e: Evidence) -> Iterator[Finding]:
    """Compare the mean validation image with the mean training image, and with that turned or mirrored."""
    inputs = _validation_inputs(e)
    if inputs is None or inputs.ndim != 4 or inputs.shape[2] != inputs.shape[3]:
        return
    training, other = e.subject.images.float().mean(0).cpu(), inputs.float().mean(0).cpu()
    if training.shape != other.shape:
        return
    likenesses = {
        "height and width swapped": training.transpose(1, 2),
        "upside down": training.flip(1),
        "left and right swapped": training.flip(2),
        "channels in reverse order": training.flip(0),
    }
    as_read = _likeness(training, other)
    name, best = max(((n, _likeness(t, other)) for n, t in likenesses.items()), key=lambda item: item[1])
    if best > 0.9 and best - as_read > 0.1:
        yield finding(
            "wrong-axis-order",
            "definite" if best - as_read > 0.2 else "likely",
            f"the mean of the validation images correlates by {as_read:.2f} with that of the training images, and by "
            f"{best:.2f} with that with {name}",
            "images, or those of validate",
            "Read and prepare training and validation images with the same function.",
        )


def _validation_inputs(e: Evidence) -> Tensor | None:
    first = e.training.validated[:1]
    return first[0].inputs(e.subject.images.shape[1:]) if first else None


def _likeness(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def validation_scale(e: Evidence) -> Iterator[Finding]:
    """Compare the scale of validation and training images."""
    inputs = _validation_inputs(e)
    if inputs is None or not inputs.is_floating_point() or not e.subject.images.is_floating_point():
        return
    training = e.subject.images.float()
    means, spreads = zip(*((float(x.float().mean()), float(x.float().std())) for x in (training, inputs)), strict=True)
    if not all(map(math.isfinite, (*means, *spreads))) or min(spreads) <= 0:
        return
    ratio = max(spreads) / min(spreads)
    if ratio > 1.6 or abs(means[0] - means[1]) > 0.6 * max(spreads):
        yield finding(
            "inputs-not-normalised",
            "definite" if ratio > 2.5 else "likely",
            f"training images have mean {means[0]:.3g} and standard deviation {spreads[0]:.3g}, and validation images "
            f"{means[1]:.3g} and {spreads[1]:.3g}",
            "images, or those of validate",
            "Normalise both with the mean and the standard deviation of the training images.",
        )


def normalised(e: Evidence) -> Iterator[Finding]:
    """Look at the scale of what reaches the first weights."""
    d, first = e.data, e.network.first_input if e.network is not None else None
    layer, mean, sd, high = first if first is not None else ("images", d.mean, d.sd, max(abs(d.low), abs(d.high)))
    where = "images" if abs(sd - d.sd) < 0.05 * d.sd else f"what reaches {layer}"
    seen = f"mean {mean:.3g}, standard deviation {sd:.3g}, largest value {high:.3g}"
    if not math.isfinite(sd) or d.sd == 0:
        return
    if sd > 20 or (high > 100 and sd > 4) or abs(mean) > 50:
        yield finding(
            "inputs-not-normalised",
            "definite",
            f"{where}: {seen}; initial weights expect a standard deviation near 1 (He et al. 2015). These look like "
            "bytes",
            where,
        )
    elif sd > 2.4 or abs(mean) > max(3.0, 3 * sd):
        yield finding(
            "inputs-not-normalised",
            "likely",
            f"{where}: {seen}; initial weights expect a mean near 0 and a standard deviation near 1 (He et al. 2015). "
            "Usual causes are no division at all, or a normalisation that was applied twice",
            where,
        )
    elif sd < 0.05:
        yield finding(
            "inputs-not-normalised",
            "definite" if sd < 0.02 else "likely",
            f"{where}: {seen}; initial weights expect a standard deviation near 1 (He et al. 2015). A usual cause "
            "is that values were divided by 255 twice",
            where,
        )
    if d.better_axes is None and e.above_chance(d.neighbour or 0) > 0.11 and (d.wrapped > WRAPPED or d.noise > NOISE):
        why = f"{d.wrapped:.2f} times as rough as with all values shifted around the end of a byte"
        if d.wrapped <= WRAPPED:
            why = f"{percent(d.noise, 0)} as rough as the same pixels in any order, where pictures are far smoother"
        yield finding(
            "inputs-not-normalised",
            "likely" if d.wrapped > WRAPPED else "hint",
            f"images are {why}: black turns into white where uint8 arithmetic overflows",
            "images",
            "images = images.float()  # before anything is subtracted or multiplied",
        )


def not_shuffled(e: Evidence) -> Iterator[Finding]:
    """Look for images that are sorted by class."""
    if e.data.order < 0.35 and e.data.count >= 50 and len(e.data.counts) > 1:
        yield finding(
            "data-not-shuffled",
            "likely",
            f"the label changes from one image to the next {percent(e.data.order, 0)} as often as in a shuffled order",
            "images and labels",
        )


def duplicates(e: Evidence) -> Iterator[Finding]:
    """Look for images that occur more than once."""
    looked = min(e.data.count, 2_000)
    share = e.data.duplicates / looked
    if share > 0.02 and e.data.constant_images < e.data.duplicates:
        yield finding(
            "duplicate-images",
            # The user augmented on purpose, it seems, where the validation has no copies of them.
            "hint" if _validation_inputs(e) is not None else "definite" if share > 0.05 else "likely",
            f"{e.data.duplicates} of {looked} images looked at are equal to another one, pixel by pixel "
            f"({percent(share, 0)}; natural sets have far less than 2 %)",
            "images",
        )


def overlap(e: Evidence) -> Iterator[Finding]:
    """Look for images that validation shares with training."""
    trained = {_digest(row) for row in _rows(e.subject.images)}
    passes = [f for f in e.training.seen.forwards if f.with_gradients]  # and none of a validation in a step
    trained |= {_digest(row) for f in passes for row in _rows(f.input.cpu())}
    for validated in e.training.validated[:1]:
        asked = [_digest(row) for f in validated.seen.forwards for row in _rows(f.input.cpu())]
        if len(asked) < 10:
            continue
        share = sum(digest in trained for digest in asked) / len(asked)
        if share > 0.01:
            yield finding(
                "split-overlap",
                "definite" if share > 0.04 else "likely",
                f"{percent(share, 0)} of the {len(asked):,} images that validate() shows to the network are equal to "
                "training images, pixel by pixel",
                "validate and images",
            )
        elif e.training.copied > 0.08:
            yield finding(
                "split-overlap",
                "definite" if e.training.copied > 0.3 else "likely",
                f"{percent(e.training.copied, 0)} of the images that validate() shows to the network are far more like "
                "one training image, shifted, mirrored or with some noise, than like others",
                "validate and images",
                "Split first, and augment the training images alone, afterwards.",
            )


def random_validation(e: Evidence) -> Iterator[Finding]:
    """Look for validation images that come out differently each time."""
    own, others = e.training.redrawn or (0.0, 0.0)
    if own > others + 0.1:
        yield finding(
            "random-validation",
            "likely",
            f"validate() ran twice, on changed images: an image correlates by {own:.2f} with itself in the other run, "
            f"and by {others:.2f} with another image",
            "validate: its transforms",
        )


def _rows(images: Tensor) -> Iterator[bytes]:
    flat = images.detach().flatten(1).float().contiguous()
    # A few places are enough to tell images apart, and make this fast for large ones.
    if flat.shape[1] > 1_024:
        flat = flat[:, :: flat.shape[1] // 1_024].contiguous()
    for row in flat.numpy():
        yield row.tobytes()


def _digest(row: bytes) -> int:
    return hash(row)


def imbalance(e: Evidence) -> Iterator[Finding]:
    """Look for rare classes."""
    counts = e.data.counts
    if len(counts) < 2 or e.data.count < 50:
        return
    rare, common = min(counts, key=lambda c: counts[c]), max(counts, key=lambda c: counts[c])
    ratio = counts[common] / counts[rare]
    if ratio >= 4:
        weighed = getattr(e.subject.loss_fn, "weight", None) is not None
        learned = e.training.recalls.get(rare, 0.0) > 0.5 * e.training.accuracy_after  # rare and yet predicted
        yield finding(
            "class-imbalance",
            "hint" if weighed or learned or ratio < 6 else "likely" if ratio < 20 or _unrelated(e) else "definite",
            f"class {common} has {counts[common]:,} images and class {rare} has {counts[rare]:,}, {ratio:.0f} times "
            f"fewer{'; the loss weighs classes' if weighed else ''}",
            "labels",
        )


RULES = (
    bad_values, off_by_one, misaligned, misaligned_validation, axis_order, validation_axes, normalised,
    validation_scale, not_shuffled, duplicates, overlap, random_validation, imbalance,
)  # fmt: skip
