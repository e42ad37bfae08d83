"""What the user's validation really compared: predictions and labels, read off what happened in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.probes.training import Validated


@dataclass(frozen=True)
class Compared:
    """The comparison of a validation, done again with the logits' largest place along the classes."""

    images: int
    accuracy: float  # of the network, as it should be
    shift: int | None  # by how many classes predictions are off for most images
    shifted: float  # for what share


def compared(e: Evidence) -> Compared | None:
    """Compare again in the last validation; None where there is none, or it compared in a way that was not seen."""
    return compare_again(e.training.validated[-1]) if e.training.validated else None


def compare_again(validated: Validated) -> Compared | None:
    """Match the labels that a validation compared with, pass by pass, to the logits of the pass."""
    outputs = [f.output for f in validated.seen.forwards if f.output is not None and f.output.ndim == 2]
    pairs = list(validated.seen.comparisons)
    predictions, labels = [], []
    for output in outputs:
        chosen = output.argmax(1)
        place = next((i for i, pair in enumerate(pairs) if _labels(pair, output) is not None), None)
        if place is None:
            break
        marks = _labels(pairs.pop(place), output)
        assert marks is not None
        predictions.append(chosen.cpu())
        labels.append(marks.cpu())
    if not labels and len(outputs) > 1 and pairs:  # all batches were joined before they were compared
        together = torch.cat(outputs)
        marks = next((m for pair in pairs if (m := _labels(pair, together)) is not None), None)
        if marks is not None:
            predictions, labels = [together.argmax(1).cpu()], [marks.cpu()]
    if not labels:
        return None
    predicted, wanted = torch.cat(predictions), torch.cat(labels)
    classes = outputs[0].shape[1]
    differences = (predicted - wanted) % classes
    share = torch.bincount(differences, minlength=classes).double() / len(differences)
    most = int(share.argmax())
    shift = most if most <= classes // 2 else most - classes
    odd = most != 0 and float(share[most]) > 0.35 and abs(shift) == 1
    return Compared(len(wanted), float(share[0]), shift if odd else None, float(share[most]))


def _labels(pair: tuple[Tensor, Tensor], output: Tensor) -> Tensor | None:
    """Tell which side of a comparison holds the labels: the one that is no prediction of this pass."""
    sides = [side.flatten() for side in pair if not side.is_floating_point() and side.dtype != torch.bool]
    if len(sides) != 2 or any(len(side) != len(output) for side in sides):
        return None
    for picks in (output.argmax(1), output.argmin(1)):
        for side, other in (sides, sides[::-1]):
            if torch.equal(side.to(picks.device), picks):
                return other
    return None
