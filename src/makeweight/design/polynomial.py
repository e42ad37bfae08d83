"""What a skeleton costs as functions of its widths, read off exact counts: weights, MACs, peak activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.design.cost import Cost, cost
from makeweight.design.families.base import Skeleton

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CostPolynomial:
    """weights(w) = constant + linear·d + Σ_{i≤j} quadratic[i, j]·d_i·d_j with d = w − origin; MACs the same way."""

    origin: Ints  # (knobs,)
    constant: int
    linear: Ints  # (knobs,)
    quadratic: Ints  # (knobs, knobs), upper triangle

    @staticmethod
    def of(skeleton: Skeleton, counted: Callable[[Cost], int] = lambda cost: cost.weights) -> CostPolynomial:
        """Interpolate through exact counts at the smallest widths and one or two steps above.

        Parameters
        ----------
        counted : callable, optional
            What of a network's cost: weights, or MACs.

        Raises
        ------
        GeometryError
            If a layer does not fit the images.
        """
        origin = np.array([knob.minimum for knob in skeleton.knobs], dtype=np.int64)
        n = len(origin)
        steps = np.eye(n, dtype=np.int64)

        def count(step: Ints) -> int:
            return counted(cost(skeleton.build(tuple((origin + step).tolist()))))

        constant = count(0 * steps[0])
        once = np.array([count(steps[i]) - constant for i in range(n)], dtype=np.int64)
        quadratic = np.zeros((n, n), dtype=np.int64)
        for i in range(n):
            # f(2) − f(0) = 2·linear + 4·quadratic and f(1) − f(0) = linear + quadratic
            quadratic[i, i] = (count(2 * steps[i]) - constant - 2 * once[i]) // 2
            for j in range(i + 1, n):
                quadratic[i, j] = count(steps[i] + steps[j]) - constant - once[i] - once[j]
        return CostPolynomial(origin, constant, once - np.diag(quadratic), quadratic)

    def value(self, widths: Sequence[int] | Ints) -> Ints:
        """Weights of one vector of widths, or of each row of a matrix (rows, knobs)."""
        d = np.asarray(widths, dtype=np.int64) - self.origin
        return np.asarray(self.constant + d @ self.linear + ((d @ self.quadratic) * d).sum(axis=-1))

    def largest(self, widths: Ints, knob: int, budget: int) -> Ints:
        """For each row of widths (rows, knobs), the largest width of one knob that keeps to the budget.

        Less than the knob's smallest width where none does.
        """
        rows = widths.copy()
        rows[:, knob] = self.origin[knob]
        d = rows - self.origin
        rest = self.value(rows) - budget
        slope = self.linear[knob] + d @ (self.quadratic[knob] + self.quadratic[:, knob])
        square = self.quadratic[knob, knob]
        if square == 0:
            step = -rest // np.maximum(slope, 1)
        else:
            root = np.sqrt(np.maximum(slope.astype(float) ** 2 - 4.0 * square * rest, 0))
            step = np.floor((root - slope) / (2 * square)).astype(np.int64)
            # The root is rounded: correct it by exact counts.
            step += square * (step + 1) ** 2 + slope * (step + 1) + rest <= 0
            step -= square * step**2 + slope * step + rest > 0
        return np.asarray(np.where(rest > 0, self.origin[knob] - 1, self.origin[knob] + step))


@dataclass(frozen=True, slots=True)
class ActivationPeak:
    """Peak activation bytes: the largest, over the layers, of a linear function of the widths."""

    origin: Ints  # (knobs,)
    constants: Ints  # (layers,)
    slopes: Ints  # (knobs, layers)

    @staticmethod
    def of(skeleton: Skeleton) -> ActivationPeak:
        """Read off exact counts at the smallest widths and one step above each; float32 bytes."""
        origin = np.array([knob.minimum for knob in skeleton.knobs], dtype=np.int64)

        def count(step: Ints) -> Ints:
            layers = cost(skeleton.build(tuple((origin + step).tolist()))).layers
            return np.array([layer.activation_bytes for layer in layers], dtype=np.int64)

        constants = count(0 * origin)
        return ActivationPeak(
            origin, constants, np.array([count(step) - constants for step in np.eye(len(origin), dtype=np.int64)])
        )

    def value(self, widths: Sequence[int] | Ints) -> Ints:
        """Bytes of one vector of widths, or of each row of a matrix (rows, knobs)."""
        d = np.asarray(widths, dtype=np.int64) - self.origin
        return np.asarray((self.constants + d @ self.slopes).max(axis=-1))
