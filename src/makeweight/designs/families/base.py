"""What a family is: everything about a kind of network, in one record.

Command line, playground, tuner, estimators, model card, verdict and figures read a :class:`Family`; the solver asks it
for skeletons and turns their knobs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.layers import ACTIVATIONS, Activation, ActivationName
from makeweight.errors import InvalidValue
from makeweight.wording import join_words

WIDEST_STEP = 4  # no layer is wider than 4× its neighbour
Marker = Literal["circle", "square", "triangle", "diamond"]


@dataclass(frozen=True, slots=True)
class Knob:
    """A width that the solver may choose.

    The width follows an earlier one: it lies between ``lowest`` and ``highest`` times that width.
    Neighbours are hidden layers; input and classes belong to the task and bind nothing.
    """

    name: str
    ratio: float  # the preferred width relative to the other knobs'
    minimum: int = 1
    follows: int | None = None  # index of the earlier knob
    lowest: float = 1 / WIDEST_STEP
    highest: float = WIDEST_STEP


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A network without its widths.

    ``build(widths)`` must give an architecture whose weights and MACs are polynomials of degree two in each width,
    which holds wherever a layer's weights are a product of its input's and its output's width. The solver also
    calls it with arrays instead of integers, to count thousands of networks at once: compute with the widths, and
    decide nothing by them.
    """

    knobs: tuple[Knob, ...]
    build: Callable[[tuple[int, ...]], Architecture]
    first_layer_dominates: bool = False  # a first-layer neuron may be too heavy to fill a budget with


@dataclass(frozen=True, slots=True)
class Search:
    """What a search under a budget may try for an option, and why."""

    reason: str
    choices: tuple[Any, ...] = ()  # or a range:
    low: float = 0
    high: float = 0
    step: float | None = None


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """One option of a family, as people meet it."""

    name: str
    default: Any  # None: chosen as `unset` says
    kind: type[int] | type[float] | type[str]
    label: str  # in a form
    help: str  # on the command line; begins with a capital and ends with a full stop
    unset: str  # what None means
    choices: tuple[str, ...]
    low: float  # of a number
    high: float
    includes_low: bool
    includes_high: bool
    search: Search | None
    tries: tuple[Any, ...]  # what the solver tries where the option is left free, the usual value first
    ratios_only: bool  # changes the knobs' ratios and nothing else

    @property
    def rule(self) -> str:
        """The values that are allowed, in words."""
        if self.choices:
            return f"choose {join_words(self.choices, 'or')}"
        number = "a whole number" if self.kind is int else "a number"
        if math.isinf(self.high):
            return f"give {number} above {self.low:g}"
        if not self.includes_high:
            return f"give {number} from {self.low:g} to below {self.high:g}"
        return f"give {number} from {self.low:g} to {self.high:g}"

    def allows(self, value: object) -> bool:
        """Whether a value obeys the rule."""
        if self.choices:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int if self.kind is int else int | float):
            return False
        if not math.isfinite(value):
            return False
        return (self.low <= value if self.includes_low else self.low < value) and (
            value <= self.high if self.includes_high else value < self.high
        )


def option(
    default: Any,
    label: str,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    low: float = 0,
    high: float = math.inf,
    includes_low: bool = True,
    includes_high: bool = True,
    kind: type[int] | type[float] | type[str] | None = None,
    unset: str = "",
    search: Search | None = None,
    tries: tuple[Any, ...] = (),
    ratios_only: bool = False,
) -> Any:
    """Declare a field of an :class:`Options` record; arguments are those of :class:`OptionInfo`."""
    kind = kind or (str if choices else type(default))
    rule = (choices, low, high, includes_low, includes_high)
    told = (kind, label, help, unset, *rule, search, tries, ratios_only)
    return field(default=default, metadata={"option": told})


@dataclass(frozen=True, slots=True)
class Options:
    """Hyperparameters that every family has; a family adds its own. All are checked by the rules they declare."""

    activation: ActivationName = option(
        "relu", "Activation", "Function between layers.", choices=ACTIVATIONS,
    )  # fmt: skip
    slope: float = option(
        0.01, "Slope of leaky ReLU", "a > 0 of leaky ReLU max(x, ax); where PReLU's starts.", includes_low=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for info in option_infos(type(self)):  # type: ignore[arg-type]  # mypy takes a class for one of its instances
            value = getattr(self, info.name)
            if not ((value is None and info.default is None) or info.allows(value)):
                shown = repr(value) if isinstance(value, str) else value
                raise InvalidValue(f"{info.name}={shown} is not possible: {info.rule}.")

    def activate(self, name: str) -> Activation:
        """Activation layer of these options."""
        return Activation(name, self.activation, self.slope)


@cache
def option_infos(options: type[Options]) -> tuple[OptionInfo, ...]:
    """Describe the options of a record, a family's own first, then those that every family has."""
    described = [OptionInfo(f.name, f.default, *f.metadata["option"]) for f in dataclasses.fields(options)]
    common = {f.name for f in dataclasses.fields(Options)}
    return tuple(sorted(described, key=lambda info: info.name in common))


@dataclass(frozen=True, slots=True)
class Reported:
    """What the course report that makeweight started from printed for a network (docs/why-75.md)."""

    accuracy: float  # on the test images, 0 to 1
    spread: float  # its "±", over test batches, 0 to 1
    minutes: str  # of training


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A kind of network: how it is built, and everything said about it."""

    name: str  # lower case; capitals make its name in tables and figures
    kind: str  # what one is, for a sentence: "a convolutional network"
    summary: str
    options: type[Options]
    skeleton: Callable[[Task, Any, int | None], Skeleton]  # task, options, budget (None: there is no limit)
    colour: str = "#CC79A7"  # sRGB, of its points and curves: Wong 2011, doi:10.1038/nmeth.1618
    marker: Marker = "diamond"
    rank: int = 100  # its place in lists; the others of a study are compared with the first
    budgets: tuple[int, ...] = (10_000, 20_000, 50_000, 100_000)  # of a study that names none
    in_default_study: bool = False
    takes_vectors: bool = False  # also works on rows of features that aren't images
    recipe: Mapping[str, Any] = field(default_factory=dict)  # fields of the recipe that differ from its defaults
    long_recipe: Mapping[str, Any] = field(default_factory=dict)  # likewise, from 20 epochs on
    longest: float = math.inf  # times its default epochs, beyond which nothing more was gained
    # Searches of recipe fields, instead of the usual ones.
    recipe_search: Mapping[str, Search] = field(default_factory=dict)
    reported: Mapping[int, Reported] = field(default_factory=dict)  # by budget

    @property
    def infos(self) -> tuple[OptionInfo, ...]:
        """Its options, described."""
        return option_infos(self.options)  # type: ignore[arg-type]  # as above

    @property
    def tunable(self) -> bool:
        """Whether any of its options may be searched."""
        return any(info.search for info in self.infos)


def options_from(family: Family, values: Mapping[str, Any]) -> Options:
    """Check options given by name against the family's, and make its record.

    Raises
    ------
    InvalidValue
        If the family has no such option, or the value breaks its rule.
    """
    known = [info.name for info in family.infos]
    for name in values:
        if name not in known:
            raise InvalidValue(f"family {family.name!r} has no option {name!r}. It has: {', '.join(known)}.")
    return family.options(**values)


Normalisation = Literal["batch", "none"]
NORMALISATIONS: tuple[Normalisation, ...] = ("batch", "none")
