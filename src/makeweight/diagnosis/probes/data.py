"""Facts about images and labels, without the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

NEIGHBOUR_IMAGES = 1_500
ROLLS = (-2, -1, 1, 2)  # by how many places labels may have slipped


@dataclass(frozen=True)
class Relation:
    """How much answers have to do with labels, every class counting alike.

    The strength is the mean over the classes of (recall − share of the answers) / (1 − share of the answers): 0 by
    chance, and 1 if all are right.
    """

    strength: float
    error: float  # standard error of it by chance


@dataclass(frozen=True)
class DataFacts:
    """What images and labels are like."""

    count: int
    shape: tuple[int, ...]  # of one image
    bad_images: int  # with NaN or infinite values
    constant_images: int
    low: float
    high: float
    mean: float
    sd: float
    duplicates: int  # images that are equal to an earlier one
    counts: dict[int, int]  # images of each label
    order: float  # how often the label changes from one image to the next, over how often by chance; 1 is shuffled
    neighbour: float | None  # accuracy of the nearest neighbour among other images, 0 to 1; None where undefined
    class_mean: float | None  # of the nearest class mean, on images that did not make the means
    linear: float | None  # of a ridge regression onto the classes, likewise
    relations: tuple[Relation, ...]  # of labels with what these three answer, in this order; empty where undefined
    rolled: tuple[int, float] | None  # a shift of the labels that makes the neighbour's accuracy far better
    noisy_part: tuple[float, float] | None  # neighbour's accuracy in the worse and the better half of the rows
    chance: float  # share of the most frequent class
    better_axes: tuple[str, float] | None  # a reading of the axes that is smoother, and by what factor
    noise: float  # roughness over that of the same pixels in any order; 1 for noise
    wrapped: float  # by what factor images are smoother when values are shifted around a byte's end; 1 for none


def data_facts(images: Tensor, labels: Tensor, most: int) -> DataFacts:
    """Measure a sample of at most ``most`` images, and all labels.

    Parameters
    ----------
    images : torch.Tensor
        (n, c, h, w) or (n, features).
    labels : torch.Tensor
        (n,)
    most : int
        Images.
    """
    order = torch.linspace(0, len(images) - 1, min(most, len(images))).long()
    chosen, marks = images[order].detach().cpu().double(), labels[order].detach().cpu()
    flat = chosen.flatten(1)
    finite = torch.isfinite(flat).all(1)
    sound = flat[finite]
    values = sound if len(sound) else torch.zeros(1, 1, dtype=torch.double)
    bad = len(flat) - len(sound)
    rolls = {shift: torch.roll(labels.detach().cpu(), shift)[order][finite] for shift in ROLLS}
    neighbour = _accuracies(sound.float(), marks[finite], rolls) if len(sound) >= 50 else _UNDEFINED
    whole = chosen[finite]
    return DataFacts(
        count=len(images),
        shape=tuple(images.shape[1:]),
        bad_images=bad,
        constant_images=int((values.amax(1) == values.amin(1)).sum()),
        low=float(values.min()),
        high=float(values.max()),
        mean=float(values.mean()),
        sd=float(values.std()),
        duplicates=len(sound) - len(torch.unique(sound.float(), dim=0)) if len(sound) else 0,
        counts=_counts(labels),
        order=_order(labels),
        chance=max(_counts(marks).values()) / len(marks),
        better_axes=better_axes(images) if whole.ndim == 4 and len(whole) else None,
        wrapped=_wrapped(whole) if whole.ndim == 4 and len(whole) else 1.0,
        noise=_noise(whole) if whole.ndim == 4 and len(whole) else 0.0,
        **neighbour,
    )


_UNDEFINED: dict[str, Any] = {
    "neighbour": None, "class_mean": None, "linear": None, "relations": (), "rolled": None, "noisy_part": None,
}  # fmt: skip


def _counts(labels: Tensor) -> dict[int, int]:
    numbers = labels.detach().cpu().double()
    numbers = numbers[torch.isfinite(numbers)].long()
    classes, counts = torch.unique(numbers, return_counts=True)
    return {int(label): int(count) for label, count in zip(classes, counts, strict=True)} or {0: 1}


def _order(labels: Tensor) -> float:
    labels = labels.detach().cpu()
    shares = torch.tensor(list(_counts(labels).values()), dtype=torch.double) / len(labels)
    expected = float(1 - (shares**2).sum())
    changes = float((labels[1:] != labels[:-1]).double().mean())
    return changes / expected if expected > 0 else 1.0


def _accuracies(flat: Tensor, labels: Tensor, rolls: dict[int, Tensor]) -> dict[str, Any]:
    """Compare each image of one half with those of the other."""
    scale = flat.std()
    flat = (flat - flat.mean()) / (scale if scale > 0 else 1.0)
    count = min(len(flat), NEIGHBOUR_IMAGES)
    rows = torch.linspace(0, len(flat) - 1, count).long()
    distances = torch.cdist(flat[rows], flat[rows])
    # A copy of an image would be its own neighbour, and hide that the labels say nothing.
    distances[distances < 0.01 * float(distances.mean())] = float("inf")
    distances.fill_diagonal_(float("inf"))
    nearest = distances.argmin(1)
    right = labels[rows] == labels[rows][nearest]
    accuracy = float(right.double().mean())
    wanted = labels[1::2]
    means, linear = _by_class_mean(flat, labels), _by_linear_model(flat, labels)
    return {
        "neighbour": accuracy,
        "class_mean": float((means == wanted).double().mean()),
        "linear": float((linear == wanted).double().mean()),
        "relations": (relation(labels[rows][nearest], labels[rows]), relation(means, wanted), relation(linear, wanted)),
        "rolled": _rolled(nearest, {shift: moved[rows] for shift, moved in rolls.items()}, accuracy),
        "noisy_part": _parts(right),
    }


def _rolled(nearest: Tensor, rolls: dict[int, Tensor], accuracy: float) -> tuple[int, float] | None:
    for shift, moved in rolls.items():
        agreement = float((moved == moved[nearest]).double().mean())
        if agreement > accuracy + 0.2:
            return shift, agreement
    return None


def _parts(right: Tensor) -> tuple[float, float]:
    """Accuracy in the two halves of the rows, the worse one first."""
    half = len(right) // 2
    first, second = float(right[:half].double().mean()), float(right[half:].double().mean())
    return min(first, second), max(first, second)


def relation(answers: Tensor, labels: Tensor) -> Relation:
    """Compare the recall of each class with what answers that know nothing of the images would have.

    >>> relation(torch.zeros(100), (torch.arange(100) < 5).long()).strength  # always the commonest of 95 and 5
    0.0
    """
    strengths, variances = [], []
    for label in torch.unique(labels):
        of_class, share = answers[labels == label] == label, float((answers == label).double().mean())
        rest = max(1 - share, 1 / len(labels))
        strengths.append((float(of_class.double().mean()) - share) / rest)
        variances.append(share * (1 - share) / len(of_class) / rest**2)
    return Relation(sum(strengths) / len(strengths), sum(variances) ** 0.5 / len(variances))


def _by_class_mean(flat: Tensor, labels: Tensor) -> Tensor:
    """Answers of the nearest class mean of every other image, for the rest."""
    means = torch.stack([flat[::2][labels[::2] == label].mean(0) for label in torch.unique(labels[::2])])
    nearest: Tensor = torch.unique(labels[::2])[torch.cdist(flat[1::2], means).argmin(1)]
    return nearest


def linear_accuracy(flat: Tensor, labels: Tensor) -> float:
    """Accuracy of a ridge regression fitted on every other image, on the rest."""
    return float((_by_linear_model(flat, labels) == labels[1::2]).double().mean())


def _by_linear_model(flat: Tensor, labels: Tensor) -> Tensor:
    """Answers of a ridge regression onto one column a class, fitted on every other image, for the rest."""
    classes, numbers = torch.unique(labels, return_inverse=True)
    inputs = torch.cat([flat, torch.ones(len(flat), 1)], dim=1).double()
    wanted = torch.nn.functional.one_hot(numbers, len(classes)).double()
    seen, asked = inputs[::2], inputs[1::2]
    # In the space of images where they are fewer than features.
    gram = seen @ seen.T
    ridge = 0.01 * float(gram.diagonal().mean()) + 1e-9
    weights = torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=torch.double), wanted[::2])
    answers: Tensor = classes[(asked @ seen.T @ weights).argmax(1)]
    return answers


def roughness(images: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels, along the rougher axis: torn rows are smooth along the other."""
    down = (images[:, :, 1:] - images[:, :, :-1]).abs()
    across = (images[..., 1:] - images[..., :-1]).abs()
    return max(float(down.mean()) if down.numel() else 0.0, float(across.mean()) if across.numel() else 0.0)


def better_axes(images: Tensor) -> tuple[str, float] | None:
    """Find a reading of the same numbers in which they are smooth, where the given one is not.

    Parameters
    ----------
    images : torch.Tensor
        (n, c, h, w), all of them: where images are mixed with each other, a sample could not be put right.

    Returns
    -------
    tuple of str and float, or None
        What was probably done, and by what factor neighbouring pixels differ more than they should.
    """
    n, c, h, w = images.shape
    images = images.detach().cpu()
    as_read = roughness(_some(images))
    readings = {
        "(n, h, w, c) read as (n, c, h, w)": images.reshape(n, h, w, c).permute(0, 3, 1, 2) if c > 1 else None,
        "(n, w, h) read as (n, h, w)": images.reshape(n, c, w, h) if h != w else None,
        "(n, h, w, c) given where (n, c, h, w) is expected": images.permute(0, 3, 1, 2) if w <= 4 < c else None,
        "(h, w, n), images last, read as (n, h, w)": images.reshape(h, w, n, c).permute(2, 3, 0, 1),
        "(c, n, h, w) read as (n, c, h, w)": images.reshape(c, n, h, w).transpose(0, 1) if c > 1 else None,
    }
    rougher = [(name, as_read / max(roughness(_some(r)), 1e-9)) for name, r in readings.items() if r is not None]
    length, factor = _row_length(_some(images))
    rougher.append((f"rows of {length} pixels read as rows of {w}", factor))
    best = max(rougher, key=lambda reading: reading[1])
    return best if best[1] > 1.3 else None


def _some(images: Tensor) -> Tensor:
    chosen = images[:: max(1, len(images) // 256)][:256].float()
    return chosen[torch.isfinite(chosen).flatten(1).all(1)]


def _row_length(images: Tensor) -> tuple[int, float]:
    """Find the row length at which pixels below each other are most alike, and how much more than at the given one."""
    n, c, h, w = images.shape
    if h < 6 or w < 6 or not len(images):
        return w, 1.0
    lines = images.reshape(n * c, h * w)

    def difference(length: int) -> float:
        return float((lines[:, length:] - lines[:, :-length]).abs().mean())

    as_read = difference(w)
    # Not down to a half: where an image has stripes, any short distance may do.
    others = {length: difference(length) for length in range(max(4, 2 * w // 3), 3 * w // 2 + 1) if length != w}
    best = min(others, key=lambda length: others[length])
    return best, as_read / max(others[best], 1e-9)


def _noise(images: Tensor) -> float:
    values = images[:256].flatten(1)
    order = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(0))
    return roughness(images[:256]) / max(float((values - values[:, order]).abs().mean()), 1e-9)


def _wrapped(images: Tensor) -> float:
    """Say how much smoother images are when their values are shifted cyclically, as after a byte's overflow."""
    values = images[:256]
    levels = torch.unique(values)
    if not 16 <= len(levels) <= 256:
        return 1.0
    steps = levels[1:] - levels[:-1]
    whole = (values - levels[0]) / steps.min()
    if float((whole - whole.round()).abs().max()) > 0.01 or float(whole.max()) > 255.5:
        return 1.0
    # Not at what lies behind: from there to an object the step is large, and small around the middle of a byte.
    behind = torch.mode(whole.flatten()).values
    pairs = [(whole[..., 1:], whole[..., :-1]), (whole[..., 1:, :], whole[..., :-1, :])]
    inside = [(a != behind) & (b != behind) for a, b in pairs]
    ones, others = (torch.cat([p[side][mask] for p, mask in zip(pairs, inside, strict=True)]) for side in (0, 1))
    if not len(ones):
        return 1.0
    around = 2 ** max(5, int(whole.max()).bit_length())  # 256, or less where a factor has left every second level out
    shifts = range(around // 32, around, around // 32)
    shifted = min(float(((ones + s) % around - (others + s) % around).abs().mean()) for s in shifts)
    return float((ones - others).abs().mean()) / max(shifted, 1e-9)
