"""What the user's validation really compared: predictions and labels, read off what happened in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.outputs import chosen_by, rows_of
from makeweight.diagnosis.probes.training import Validated
from makeweight.wording import join_words


@dataclass(frozen=True)
class Compared:
    """The comparison of a validation, done again with the logits' largest place along the classes."""

    images: int
    accuracy: float  # of the network, as it should be
    shift: int | None  # by how many classes predictions are off for most images
    shifted: float  # for what share
    renumbered: float = 0.0  # of the network, if the labels' classes are renumbered as suits it best
    numbers: str = ""  # how, for some classes: "1→10, 2→1"


def compared(e: Evidence) -> Compared | None:
    """Compare again in the last validation; None where there is none, or it compared in a way that was not seen."""
    return compare_again(e.training.validated[-1]) if e.training.validated else None


def compare_again(validated: Validated) -> Compared | None:
    """Match the labels that a validation compared with, pass by pass, to the logits of the pass."""
    passes = [f.output for f in validated.seen.forwards if f.output is not None and f.output.ndim in (1, 2)]
    outputs = [rows_of(output) for output in passes]
    if len({output.shape[1] for output in outputs}) != 1:
        return None
    pairs, labels = list(validated.seen.comparisons), list[Tensor]()
    for output in outputs:
        place = next((i for i, pair in enumerate(pairs) if _labels(pair, output) is not None), None)
        if place is None:
            break
        marks = _labels(pairs.pop(place), output)
        assert marks is not None
        labels.append(marks.cpu())
    together = torch.cat(outputs)
    if not labels and len(outputs) > 1:  # all batches were joined before they were compared
        labels = [marks.cpu() for pair in pairs if (marks := _labels(pair, together)) is not None][:1]
    if not labels:
        return None
    wanted = torch.cat(labels)
    predicted, classes = chosen_by(together).cpu()[: len(wanted)], max(2, together.shape[1])
    renumbered, numbers = _renumbered(predicted, wanted, classes)
    differences = (predicted - wanted) % classes
    share = torch.bincount(differences, minlength=classes).double() / len(differences)
    most = int(share.argmax())
    shift = most if most <= classes // 2 else most - classes
    odd = most != 0 and float(share[most]) > max(0.35, renumbered - 0.05) and abs(shift) == 1
    return Compared(len(wanted), float(share[0]), shift if odd else None, float(share[most]), renumbered, numbers)


def _renumbered(predicted: Tensor, wanted: Tensor, classes: int) -> tuple[float, str]:
    """Find the numbering of the labels' classes with which most predictions are right."""
    table = torch.zeros(classes, classes)
    inside = (wanted >= 0) & (wanted < classes)
    table.index_put_((wanted[inside], predicted[inside]), torch.ones(int(inside.sum())), accumulate=True)
    labels, answers = linear_sum_assignment(table.numpy(), maximize=True)
    moved = [f"{a}→{b}" for a, b in zip(labels, answers, strict=True) if a != b and table[a].sum() > 0]
    return float(table[labels, answers].sum()) / len(wanted), join_words(moved, most=3)


def _labels(pair: tuple[Tensor, Tensor], output: Tensor) -> Tensor | None:
    """Tell which side of a comparison holds the labels: the one that is no prediction of this pass."""
    sides = [side.flatten() for side in pair]
    single = output.shape[1] == 1  # then numbers and truth values stand for classes too
    if any(len(side) != len(output) or (_is_no_class(side) and not single) for side in sides):
        return None
    sides = [side.long() for side in sides]
    for picks in _picks(output):
        for side, other in (sides, sides[::-1]):
            if torch.equal(side.to(picks.device), picks):
                return other
    return None


def _is_no_class(side: Tensor) -> bool:
    return side.is_floating_point() or side.dtype == torch.bool


def _picks(output: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a validation may have taken for predictions, rightly or wrongly."""
    if output.shape[1] == 1:
        return (output[:, 0] > 0).long(), (output[:, 0] > 0.5).long()
    return output.argmax(1), output.argmin(1)
