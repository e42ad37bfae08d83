"""The structures of a family, and what each can reach within limits while its widths are still real numbers.

A structure is a family's network without its widths. Its profile, the widths' preferred ratios, is scaled from its
smallest network to one beyond all limits, on a grid that no limit moves. Weights, MACs, RAM and merit rise along it, so
what limits allow is one point on it; the structure's merit there is the best that it has at or below that point.
A looser limit moves the point up: it never lowers the merit of a structure, nor that of the best structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.demand import least_demand
from makeweight.designs.families import Family, Skeleton, options_from
from makeweight.designs.families.base import OptionInfo
from makeweight.designs.limits import Limits
from makeweight.designs.merit import features, merit_of
from makeweight.designs.reach import Reach, reach
from makeweight.designs.shapes import place
from makeweight.errors import GeometryError, InvalidValue

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
OCTAVES = np.arange(0, 31.0)  # of the scale, above the smallest network's: beyond the largest budget


@dataclass(frozen=True, eq=False)
class Structure:
    """One profile of one structure."""

    options: Mapping[str, Any]  # of the family: those held fixed, and those chosen here
    skeleton: Skeleton
    smallest_scale: float  # the largest at which every width is at its minimum
    weights: Floats  # (octaves,) log2 along the profile
    merits: Floats  # the best up to each point
    demands: Callable[[Limits], Mapping[str, Floats]]  # log2 of what the limits limit, counted when it is asked for

    @property
    def minimum(self) -> tuple[int, ...]:
        """The smallest widths."""
        return tuple(knob.minimum for knob in self.skeleton.knobs)

    def profile(self, octave: float) -> Floats:
        """Widths as real numbers at a point of the profile, (knobs,)."""
        return np.asarray(_widths(self.skeleton, self.smallest_scale, np.array([octave]))[0])

    def point(self, budget: int, limits: Limits) -> float:
        """Octave that budget and limits allow; minus infinity where the smallest network breaks one."""
        used = self.demands(limits)
        kept = [(budget, self.weights), *((most, used[name]) for name, most in limits.most().items())]
        return min(_crossing(most, along) for most, along in kept)

    def merit_at(self, octave: float) -> float:
        """Return the best merit at or below a point of the profile."""
        return float(np.interp(octave, OCTAVES, self.merits)) if np.isfinite(octave) else -np.inf


def architectures(skeleton: Skeleton, rows: NDArray[Any]) -> Architecture:
    """Networks of many widths at once: (rows, knobs) become an architecture whose widths are arrays of (rows,)."""
    return skeleton.build(tuple(rows.T))


def structures(family: Family, task: Task, fixed: Mapping[str, Any]) -> tuple[Structure, ...]:
    """List the structures that fit a task and are whole, the family's usual one first.

    Whole is one whose every weight is live and whose every pixel is read. Where options that are held fixed leave none
    whole, those that lose something are listed.

    Parameters
    ----------
    fixed : mapping
        Options that are given; of the others, each that the family lets the solver choose takes all its values.

    Raises
    ------
    InvalidValue, GeometryError
        If no structure of these options exists or fits the images: as the usual one says.
    """
    return _structures(family, task, tuple(sorted(fixed.items())))


@lru_cache(maxsize=256)
def _structures(family: Family, task: Task, fixed: tuple[tuple[str, Any], ...]) -> tuple[Structure, ...]:
    options_from(family, dict(fixed))  # says which value is not possible
    free = [info for info in family.infos if info.tries and info.name not in dict(fixed)]
    shapes, ratios = ([i for i in free if i.ratios_only is only] for only in (False, True))
    possible: list[tuple[dict[str, Any], bool]] = []
    problem: Exception | None = None
    for chosen in _combinations(shapes):
        options = {**chosen, **dict(fixed)}
        try:
            possible.append((options, _reach(family, task, options).whole))
        except (GeometryError, InvalidValue) as error:
            problem = problem or error
    if not possible:
        assert problem is not None
        raise problem
    whole = [options for options, is_whole in possible if is_whole] or [options for options, _ in possible]
    profiles = list(_combinations(ratios))
    return tuple(structure for options in whole for structure in _profiles(family, task, options, profiles))


def _reach(family: Family, task: Task, options: dict[str, Any]) -> Reach:
    skeleton = family.skeleton(task, options_from(family, options), None)
    return reach(skeleton.build(tuple(knob.minimum for knob in skeleton.knobs)))


def _combinations(infos: list[OptionInfo]) -> Iterator[dict[str, Any]]:
    for values in product(*(info.tries for info in infos)):
        yield dict(zip((info.name for info in infos), values, strict=True))


def _profiles(family: Family, task: Task, options: dict[str, Any], ratios: list[dict[str, Any]]) -> Iterator[Structure]:
    """Count all profiles of a structure in one pass: they differ in ratios alone."""
    variants = [{**options, **chosen} for chosen in ratios]
    skeletons = [family.skeleton(task, options_from(family, chosen), None) for chosen in variants]
    scales = [min(knob.minimum / knob.ratio for knob in s.knobs) for s in skeletons]
    rows = np.concatenate([_widths(s, scale, OCTAVES) for s, scale in zip(skeletons, scales, strict=True)])
    built = architectures(skeletons[0], rows)
    seen = features(place(built.layers, task.input_shape))

    def split(values: Any) -> Floats:
        return np.asarray(np.broadcast_to(values, len(rows)).reshape(len(variants), -1))

    @cache
    def demands(limits: Limits) -> Mapping[str, Floats]:
        # The wider of two networks may take less: four filters at a time are faster than three one by one.
        counted = least_demand(built, limits)
        return {name: np.maximum.accumulate(split(np.log2(used)), axis=1) for name, used in counted.items()}

    counted = (split(seen["weights"]), split(merit_of(seen)))
    for i, (chosen, skeleton, scale, weights, merits) in enumerate(
        zip(variants, skeletons, scales, *counted, strict=True)
    ):
        best = np.maximum.accumulate(merits)
        yield Structure(chosen, skeleton, scale, weights, best, partial(_row, demands, i))


def _row(demands: Callable[[Limits], Mapping[str, Floats]], i: int, limits: Limits) -> Mapping[str, Floats]:
    return {name: along[i] for name, along in demands(limits.kinds()).items()}


def _widths(skeleton: Skeleton, smallest: float, octaves: Floats) -> Floats:
    ratios, minima = (np.array([float(getattr(k, name)) for k in skeleton.knobs]) for name in ("ratio", "minimum"))
    return np.asarray(np.maximum(ratios * (smallest * 2.0**octaves)[:, None], minima))


def _crossing(most: float, used: Floats) -> float:
    limit = np.log2(most)
    if limit < used[0] - 1e-9:
        return -np.inf
    return float(np.interp(limit, used, OCTAVES))
