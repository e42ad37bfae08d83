"""From a structure's real-valued profile to whole widths: grids around it, one width solved exactly for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.cost import totals
from makeweight.designs.demand import least_demand
from makeweight.designs.families import Skeleton
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.merit import merit
from makeweight.designs.shapes import place
from makeweight.designs.structures import Floats, Ints, architectures

MAX_ROWS = 1_200  # widths looked at for each solved knob: keeps a search under 50 ms
MAX_VARIED = 5  # knobs varied besides the solved one; deeper networks keep the rest at the profile
REACHES = (1.25, 2.0, 6.0)  # how far from the profile to look, as a factor up and down, until a row is full
FULL = 0.995  # share of the budget that a network must use where nothing else limits it
DEVICE_STEP = 4  # widths of a program for a device are multiples of it: its kernels take 4 int8 values at once

# Penalties, in units of (natural logarithm of a width's ratio to the profile)²: a step off the profile by 15 % is
# worth a width that the processor likes; a halving of the errors is worth a good deal more.
UNALIGNED = 0.02
UNFILLED = 4.0
MERIT = 2.0


@dataclass(frozen=True, slots=True)
class Space:
    """What whole widths may be: a skeleton's, within a budget and limits."""

    skeleton: Skeleton
    budget: int
    limits: Limits = NO_LIMITS

    @property
    def step(self) -> int:
        """What widths are a multiple of."""
        return DEVICE_STEP if self.limits.on_device else 1

    @property
    def minima(self) -> Ints:
        """Smallest widths, (knobs,)."""
        return np.array([-(-knob.minimum // self.step) * self.step for knob in self.skeleton.knobs], dtype=np.int64)

    def count(self, rows: Ints) -> Ints:
        """Weights and MACs of each row of widths, (2, rows)."""
        counted = totals(place(architectures(self.skeleton, rows).layers, self._input()))
        return np.array([np.broadcast_to(n, len(rows)) for n in counted])

    def most(self) -> Ints:
        """Budget and limit of MACs, (2, 1)."""
        macs = self.limits.max_macs
        return np.array([[self.budget], [np.iinfo(np.int64).max if macs is None else macs]])

    def used(self, rows: Ints) -> Floats:
        """Share of each limit that each row of widths uses, (limits, rows); above 1 where it breaks one."""
        return np.vstack([self.count(rows) / self.most(), self._on_device(rows, replace(self.limits, max_macs=None))])

    def too_large(self, rows: Ints) -> NDArray[np.bool_]:
        """Whether a row of widths takes too much flash or time, (rows,)."""
        return np.any(self._on_device(rows, replace(self.limits, max_macs=None, max_ram=None)) > 1, axis=0)  # type: ignore[no-any-return]

    def _on_device(self, rows: Ints, limits: Limits) -> Floats:
        used = least_demand(architectures(self.skeleton, rows), limits)
        shares = [np.broadcast_to(used[name] / most, len(rows)) for name, most in limits.most().items()]
        return np.array(shares).reshape(-1, len(rows))

    def merits(self, rows: Ints) -> Floats:
        """Merit of each row of widths."""
        return np.broadcast_to(merit(place(architectures(self.skeleton, rows).layers, self._input())), len(rows))

    def _input(self) -> tuple[int, int, int]:
        return self.skeleton.build(tuple(self.minima.tolist())).input_shape


def best_widths(space: Space, profile: Floats, kept: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...] | None:
    """Find the widths nearest to a profile, and best for the processor, that fill what the limits allow.

    Parameters
    ----------
    profile : (knobs,) float
        Preferred widths.
    kept : callable
        A last exact check of widths, for limits that rows only bound from below.

    Returns
    -------
    tuple of int or None
        With the weights alone limited, at least ``FULL`` of the budget, or the fullest that there is; None where no
        widths keep to all limits.
    """
    rows = np.empty((0, len(profile)), dtype=np.int64)
    for reach in REACHES:
        rows = np.concatenate([rows, _filled(space, profile, reach)])
        if len(rows) and (space.used(rows).max() >= FULL):
            break
    smallest = space.minima[None, :]
    if not len(rows) and _allowed(space.skeleton, smallest).all() and (space.used(smallest) <= 1).all():
        rows = smallest
    return next((w for w in _in_order(space, rows, profile) if kept(w)), None) if len(rows) else None


def _in_order(space: Space, rows: Ints, profile: Floats) -> list[tuple[int, ...]]:
    filled = space.used(rows).max(axis=0)
    distance = np.log(rows / profile) ** 2 + UNALIGNED * _misalignment(rows)
    score = distance.sum(axis=1) + UNFILLED * (1 - filled) - MERIT * space.merits(rows)
    score[filled < min(FULL, filled.max())] += 1e6  # the fullest where none is full
    order = np.lexsort((*rows.T, score))[:64]  # ties by the smallest widths: deterministic
    return [tuple(row) for row in rows[order].tolist()]


def next_weights(space: Space, profile: Floats) -> int | None:
    """Smallest number of weights above the budget that some widths around a profile have exactly."""
    above: list[int] = []
    for knob in range(len(profile)):
        rows = _grid(space, profile, REACHES[-1], knob)
        rows[:, knob] = largest(space, rows, knob) + space.step
        weights = space.count(rows)[0][_allowed(space.skeleton, rows)]
        above += weights[weights > space.budget].tolist()
    return min(above, default=None)


def _filled(space: Space, profile: Floats, reach: float) -> Ints:
    """Widths around a profile, one of them as large as the limits let it be, (rows, knobs)."""
    filled = []
    for knob, rule in enumerate(space.skeleton.knobs):
        rows = _grid(space, profile, reach, knob)
        ceiling = np.full(len(rows), max(profile[knob] * reach + 1, space.minima[knob]))
        if rule.follows is not None:
            ceiling = np.minimum(ceiling, rows[:, rule.follows] * rule.highest)
        rows[:, knob] = np.minimum(ceiling // space.step * space.step, largest(space, rows, knob))
        rows = rows[_allowed(space.skeleton, rows)]
        if len(rows):
            filled.append(rows[(space.used(rows) <= 1).all(axis=0)])
    return np.concatenate(filled) if filled else np.empty((0, len(profile)), dtype=np.int64)


def largest(space: Space, rows: Ints, knob: int) -> Ints:
    """For each row, the largest width of one knob that keeps to budget and MACs; one step below the smallest if none.

    Both are polynomials of degree two in a width, which three exact counts give.
    """
    step, least = space.step, space.minima[knob]
    counts = []
    for steps in range(3):
        rows[:, knob] = least + steps * step
        counts.append(space.count(rows))
    rest = counts[0] - space.most()
    once, twice = counts[1] - counts[0], counts[2] - counts[0]
    square = (twice - 2 * once) // 2  # f(2) − f(0) = 2·linear + 4·square and f(1) − f(0) = linear + square
    slope = once - square
    root = np.sqrt(np.maximum(slope.astype(float) ** 2 - 4.0 * square * rest, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        curved = np.floor((root - slope) / (2.0 * square))
    steps = np.where(square == 0, -rest // np.maximum(slope, 1), np.nan_to_num(curved)).astype(np.int64)
    # The root is rounded: correct it by exact counts.
    steps += square * (steps + 1) ** 2 + slope * (steps + 1) + rest <= 0
    steps -= square * steps**2 + slope * steps + rest > 0
    most = np.where(rest > 0, -1, steps).min(axis=0)
    return np.asarray(least + step * (_halved(space, rows, knob, most) if space.limits.of_chip else most))


def _halved(space: Space, rows: Ints, knob: int, most: Ints) -> Ints:
    """Find the steps up to ``most`` that also keep to flash and time, which aren't polynomials, by bisection."""
    low, high = np.full_like(most, -1), most + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        rows[:, knob] = space.minima[knob] + space.step * np.maximum(middle, 0)
        large = space.too_large(rows)
        open_ = high - low > 1
        high, low = np.where(open_ & large, middle, high), np.where(open_ & ~large, middle, low)
    return low


def _grid(space: Space, profile: Floats, reach: float, solved: int) -> Ints:
    """All combinations of likely widths, (rows, knobs); the solved knob stands at its smallest."""
    varied = [i for i in range(len(profile)) if i != solved][-MAX_VARIED:]
    count = int(MAX_ROWS ** (1 / max(len(varied), 1)))
    step, minima = space.step, space.minima
    values = [
        _likely(target, least, reach, count, step) if i in varied else [max(least, round(target / step) * step)]
        for i, (target, least) in enumerate(zip(profile.tolist(), minima.tolist(), strict=True))
    ]
    values[solved] = [int(minima[solved])]
    return np.array(list(product(*values)), dtype=np.int64)


def _likely(target: float, minimum: int, factor: float, most: int, step: int) -> list[int]:
    """Widths around a target, those that the processor likes first."""
    low, high = (max(minimum, int(edge) // step * step) for edge in (target / factor, target * factor + step))
    everything = np.arange(low, high + 1, step)
    distance = np.log(everything / target) ** 2 + UNALIGNED * _misalignment(everything)
    nearest = everything[np.argsort(distance, kind="stable")[: (most + 1) // 2]]
    # The rest are spread over the range, so that a wide search really is wide.
    spread = np.linspace(low, high, most - len(nearest)) // step * step
    return sorted({*nearest.tolist(), *spread.astype(int).tolist()})


def _misalignment(widths: Ints) -> NDArray[np.float64]:
    """0 for a multiple of 16, or of 8 below 32; 0.5 for other multiples of 8, or of 4 below 16; else 1.

    oneDNN keeps channels in blocks of 16 (AVX512); 32/64 channels trained 1.6 times as fast as 30/60.
    """
    liked = (widths % 16 == 0) | ((widths % 8 == 0) & (widths < 32))
    half = (widths % 8 == 0) | ((widths % 4 == 0) & (widths < 16))
    return np.where(liked, 0.0, np.where(half, 0.5, 1.0))


def _allowed(skeleton: Skeleton, rows: Ints) -> NDArray[np.bool_]:
    allowed = np.ones(len(rows), dtype=bool)
    for i, knob in enumerate(skeleton.knobs):
        allowed &= rows[:, i] >= knob.minimum
        if knob.follows is not None:
            followed = rows[:, knob.follows]
            allowed &= (rows[:, i] >= followed * knob.lowest) & (rows[:, i] <= followed * knob.highest)
    return allowed
