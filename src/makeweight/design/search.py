"""The search over widths: grids around the preferred profile, one knob solved exactly to fill the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from makeweight.design.cost import FLOAT_BYTES
from makeweight.design.families.base import Skeleton
from makeweight.design.limits import Limits
from makeweight.design.polynomial import ActivationPeak, CostPolynomial, Ints

MOST_ROWS = 2_500  # widths looked at for each solved knob: keeps a search under 50 ms
MOST_VARIED = 5  # knobs varied besides the solved one; deeper networks keep the rest at the profile

# Penalties, in units of (natural logarithm of a width's ratio to the profile)²: a step off the profile by 15 % is
# worth a width that the processor likes.
UNALIGNED = 0.02
UNFILLED = 4.0
NEARLY = 0.97  # of the most weights that limits allow: the last 3 % are not worth a lopsided network


@dataclass(frozen=True, slots=True)
class Candidate:
    """Widths with their weights."""

    widths: tuple[int, ...]
    weights: int


class SearchRange(Enum):
    """How far from the profile to look: (factor up and down, share of the budget to be content with)."""

    NEAR = (1.25, 0.995)
    WIDE = (2.0, 0.995)
    ANY = (6.0, 0.995)

    @property
    def factor(self) -> float:
        """How far a width may be from the profile's."""
        return self.value[0]

    @property
    def good_enough(self) -> float:
        """Share of the budget from which no wider range is searched."""
        return self.value[1]


def best_widths(skeleton: Skeleton, polynomial: CostPolynomial, budget: int, reach: SearchRange) -> Candidate | None:
    """Find the widths nearest to the profile, and best for the processor, that fill the budget.

    Returns
    -------
    Candidate or None
        The fullest one where none is full; None where nothing fits.
    """
    profile = _profile(skeleton, polynomial, budget)
    rows = _filled_rows(skeleton, [(polynomial, budget)], profile, reach)
    if not len(rows):
        return None
    return _nearest(rows, polynomial, budget, profile, reach.good_enough)


def best_widths_within(skeleton: Skeleton, polynomial: CostPolynomial, budget: int, limits: Limits) -> Candidate | None:
    """Find widths that fill the budget as far as other limits let them; None where the smallest break one.

    Full ones are taken as near to the profile as there are. Where none is full, the profile is scaled down until it
    keeps to all limits, and what is found around it, nearly as full as the fullest, is taken by its distance again.
    """
    macs, peak = CostPolynomial.of(skeleton, lambda cost: cost.macs), ActivationPeak.of(skeleton)

    def within(rows: Ints) -> NDArray[np.bool_]:
        kept = polynomial.value(rows) <= budget
        if limits.max_macs is not None:
            kept &= macs.value(rows) <= limits.max_macs
        if limits.max_activation_bytes is not None:
            kept &= peak.value(rows) // FLOAT_BYTES * limits.bytes_a_value <= limits.max_activation_bytes
        return np.asarray(kept)

    profile, found = _profile(skeleton, polynomial, budget), list[Ints]()
    for reach in SearchRange:
        rows = _filled_rows(skeleton, [(polynomial, budget)], profile, reach)
        rows = rows[within(rows)]
        if len(rows) and polynomial.value(rows).max() >= reach.good_enough * budget:
            return _nearest(rows, polynomial, budget, profile, reach.good_enough)
        found.append(rows)
    if not within(polynomial.origin[None, :]).all():
        return None
    found.append(polynomial.origin[None, :])
    scaled = _scaled(
        skeleton, polynomial, lambda widths: bool(within(np.floor(widths).astype(np.int64)[None, :]).all())
    )
    counted = [(polynomial, budget)] if limits.max_macs is None else [(polynomial, budget), (macs, limits.max_macs)]
    for reach in SearchRange:
        rows = _filled_rows(skeleton, counted, scaled, reach)
        found.append(rows[within(rows)])
    rows = np.unique(np.concatenate(found), axis=0)
    fullest = float(polynomial.value(rows).max()) / budget
    return _nearest(rows, polynomial, budget, scaled, NEARLY * fullest)


def _nearest(
    rows: Ints, polynomial: CostPolynomial, budget: int, profile: NDArray[np.float64], good_enough: float
) -> Candidate:
    weights = polynomial.value(rows)
    fill = weights / budget
    enough = min(good_enough, float(fill.max()))
    score = _penalty(rows, profile) + UNFILLED * (1 - fill)
    score[fill < enough] = np.inf
    best = int(np.lexsort((*rows.T, score))[0])  # ties by the smallest widths: deterministic
    return Candidate(tuple(rows[best].tolist()), int(weights[best]))


def next_weights(skeleton: Skeleton, polynomial: CostPolynomial, budget: int) -> int:
    """Smallest budget above this one that some widths fill exactly."""
    found: list[int] = []
    profile = _profile(skeleton, polynomial, budget)
    for knob in range(len(profile)):
        rows = _grid(skeleton, profile, SearchRange.ANY, knob)
        rows[:, knob] = polynomial.largest(rows, knob, budget) + 1
        weights = polynomial.value(rows)[_allowed(skeleton, rows)]
        found += weights[weights > budget].tolist()
    return min(found)


def _profile(skeleton: Skeleton, polynomial: CostPolynomial, budget: int) -> NDArray[np.float64]:
    """Scale the preferred ratios until the budget is full, as real numbers."""

    def fits(widths: NDArray[np.float64]) -> bool:
        d = widths - polynomial.origin
        return bool(polynomial.constant + d @ polynomial.linear + (d @ polynomial.quadratic) @ d <= budget)

    return _scaled(skeleton, polynomial, fits, most=float(budget))


def _scaled(
    skeleton: Skeleton, polynomial: CostPolynomial, fits: Callable[[NDArray[np.float64]], bool], most: float = 1e6
) -> NDArray[np.float64]:
    """Scale the preferred ratios up as far as they fit."""
    ratios = np.array([knob.ratio for knob in skeleton.knobs])
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(np.maximum(ratios * middle, polynomial.origin)) else (low, middle)
    return np.asarray(np.maximum(ratios * low, polynomial.origin))


def _filled_rows(
    skeleton: Skeleton,
    counted: Sequence[tuple[CostPolynomial, int]],
    profile: NDArray[np.float64],
    reach: SearchRange,
) -> Ints:
    """Widths around a profile, one of them as large as all that is counted lets it be, (rows, knobs)."""
    found = []
    for knob in range(len(profile)):
        rows = _grid(skeleton, profile, reach, knob)
        ceiling = np.full(len(rows), profile[knob] * reach.factor + 1)
        rule = skeleton.knobs[knob]
        if rule.follows is not None:
            ceiling = np.minimum(ceiling, rows[:, rule.follows] * rule.highest)
        rows[:, knob] = np.minimum.reduce([ceiling, *(cost.largest(rows, knob, most) for cost, most in counted)])
        kept = np.logical_and.reduce([cost.value(rows) <= most for cost, most in counted])
        found.append(rows[_allowed(skeleton, rows) & kept])
    return np.unique(np.concatenate(found), axis=0)


def _grid(skeleton: Skeleton, profile: NDArray[np.float64], reach: SearchRange, solved: int) -> Ints:
    """All combinations of likely widths, (rows, knobs); the solved knob stands at its smallest."""
    varied = [i for i in range(len(profile)) if i != solved][-MOST_VARIED:]
    each = int(MOST_ROWS ** (1 / max(len(varied), 1)))
    values = [
        _likely(profile[i], knob.minimum, reach.factor, each) if i in varied else [max(knob.minimum, round(profile[i]))]
        for i, knob in enumerate(skeleton.knobs)
    ]
    values[solved] = [skeleton.knobs[solved].minimum]
    return np.array(list(product(*values)), dtype=np.int64)


def _likely(target: float, minimum: int, factor: float, most: int) -> list[int]:
    """Widths around a target, those that the processor likes first."""
    low, high = max(minimum, int(target / factor)), max(minimum, int(target * factor) + 1)
    everything = np.arange(low, high + 1)
    distance = np.log(everything / target) ** 2 + UNALIGNED * _misalignment(everything)
    order = np.argsort(distance, kind="stable")
    nearest = everything[order[: (most + 1) // 2]]
    # The rest are spread over the range, so that a wide search really is wide.
    spread = np.linspace(low, high, most - len(nearest)).round().astype(int)
    return sorted({*nearest.tolist(), *spread.tolist()})


def _misalignment(widths: Ints) -> NDArray[np.float64]:
    """0 for a multiple of 16, or of 8 below 32; 0.5 for other multiples of 8, or of 4 below 16; else 1.

    oneDNN keeps channels in blocks of 16 (AVX512); 32/64 channels trained 1.6 times as fast as 30/60.
    """
    liked = (widths % 16 == 0) | ((widths % 8 == 0) & (widths < 32))
    half = (widths % 8 == 0) | ((widths % 4 == 0) & (widths < 16))
    return np.where(liked, 0.0, np.where(half, 0.5, 1.0))


def _penalty(rows: Ints, profile: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = np.log(rows / profile) ** 2 + UNALIGNED * _misalignment(rows)
    return np.asarray(distance.sum(axis=1))


def _allowed(skeleton: Skeleton, rows: Ints) -> NDArray[np.bool_]:
    allowed = np.ones(len(rows), dtype=bool)
    for i, knob in enumerate(skeleton.knobs):
        allowed &= rows[:, i] >= knob.minimum
        if knob.follows is not None:
            followed = rows[:, knob.follows]
            allowed &= (rows[:, i] >= followed * knob.lowest) & (rows[:, i] <= followed * knob.highest)
    return allowed
