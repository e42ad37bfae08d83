"""What a network's outputs choose: of several columns the largest, of a single one whether it is above its middle."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from makeweight.diagnosis.trace import tensors


def rows_of(output: Any) -> Tensor:
    """(n, k) of whatever a model returns; (n, 1) where it gives one number an image."""
    values = next(tensors(output))
    return values.flatten(1) if values.ndim > 1 else values.unsqueeze(1)


def chosen_by(rows: Tensor) -> Tensor:
    """(n,) class numbers that outputs (n, k) choose; of one column 0 or 1.

    A single output is a probability if all of them lie between 0 and 1, and a logit otherwise.

    >>> chosen_by(Tensor([[0.2], [0.7]])), chosen_by(Tensor([[-3.0], [0.7]]))
    (tensor([0, 1]), tensor([0, 1]))
    """
    if rows.shape[1] > 1:
        return rows.argmax(1)
    return (rows[:, 0] > (0.5 if are_probabilities(rows) else 0.0)).long()


def are_probabilities(rows: Tensor) -> bool:
    """Whether outputs of one column are probabilities and no logits."""
    return bool(((rows >= 0) & (rows <= 1)).all())
