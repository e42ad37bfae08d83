"""Name, arguments and docstring of a family's classifier: all from the family's record."""

from __future__ import annotations

import dataclasses
import textwrap
from inspect import Parameter, Signature
from typing import Any

from makeweight.designs.families import Family
from makeweight.designs.families.base import OptionInfo
from makeweight.training.recipe import Recipe

NO_AUGMENTATION = {"flip": False, "crop": 0, "erase": 0.0}  # of rows that aren't images
RECIPE = tuple(f.name for f in dataclasses.fields(Recipe) if f.name not in ("validation", "class_weight"))

_DOCUMENT = """{kind} that uses a budget of weights as far as it can and never exceeds it.

{summary}.{x}

Parameters
----------
budget : int or str
    Maximum of trainable weights: 100_000, "100K", "0.1M".
max_macs : int, str or None
    Maximum of multiply–accumulate operations per row: 5_000_000, "5M". None: no limit.
max_ram : int, str or None
    Maximum RAM of the exported C program, in bytes: 65_536, "64K". None: no limit.
ram_type : {{"int8", "fp32"}}
    The program that ``max_ram`` is for.
{shape}{options}
{recipe}
    Fields of :class:`~makeweight.training.recipe.Recipe`. None: the family's default for so many rows;
    {precision}.
validation : float
    Share of the rows, 0 to below 1, held out to be monitored in ``history_``. It influences nothing.
class_weight : mapping, "balanced" or None
    Factors on the sample weights, by class.
random_state : int, RandomState or None
    The same integer gives the same weights bit by bit, with the same rows, versions and number of threads.

Attributes
----------
classes_ : ndarray
    (k,) the classes in the order of ``predict_proba``.
architecture_ : Architecture
    The network's structure.
network_ : Network
    The trained module; it takes standardised rows.
history_ : tuple of EpochRecord
    A record per epoch; validation is NaN if nothing is held out.
n_features_in_ : int
    Columns of X; c·h·w for images.

Notes
-----
Each {standardised} is standardised by the training data. See
:class:`~makeweight.estimators.base.BudgetClassifier` for why there is no ``partial_fit``.
"""
_IMAGES = """

X has the shape (n, c, h, w), (n, h, w), or (n, c·h·w) with its images laid out channel by channel, row by row."""
_IMAGE_SHAPE = """image_shape : (int, int, int) or None
    Channels, height and width of the images of flat X. None: as X shows, or one channel of a square.
"""
_BF16 = "of precision, bf16 if the processor is faster at it"
_FP32 = 'of precision, "fp32": the 8 bits of bf16 are enough for a pixel, but features may differ by less'


def class_name(family: Family) -> str:
    """Name a family's classifier: CNNClassifier."""
    return f"{family.name.upper()}Classifier"


def signature(family: Family) -> Signature:
    """Return the signature of a family's constructor; ``None`` leaves a choice to the family."""
    shape = () if family.takes_vectors else ("image_shape",)
    chosen = (*shape, *(info.name for info in family.infos), *_recipe_fields(family))
    return Signature(
        [
            Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
            Parameter("budget", Parameter.POSITIONAL_OR_KEYWORD, default=100_000),
            *(_keyword(name) for name in ("max_macs", "max_ram")),
            _keyword("ram_type", "int8"),
            *map(_keyword, chosen),
            _keyword("validation", 0.0),
            *(_keyword(name) for name in ("class_weight", "random_state")),
        ]
    )


def document(family: Family) -> str:
    """Write the docstring of a family's classifier."""
    images = not family.takes_vectors
    return _DOCUMENT.format(
        kind=_sentence(family.kind),
        summary=_sentence(family.summary),
        x=_IMAGES if images else "",
        shape=_IMAGE_SHAPE if images else "",
        options="\n".join(map(_about, family.infos)),
        recipe=textwrap.fill(", ".join(_recipe_fields(family)), 116),
        precision=_BF16 if images else _FP32,
        standardised="channel" if images else "feature",
    )


def _recipe_fields(family: Family) -> tuple[str, ...]:
    return tuple(name for name in RECIPE if not (family.takes_vectors and name in NO_AUGMENTATION))


def _keyword(name: str, default: Any = None) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default)


def _about(info: OptionInfo) -> str:
    kind = "{" + ", ".join(f'"{choice}"' for choice in info.choices) + "}" if info.choices else info.kind.__name__
    chosen = "chosen for the budget" if info.tries else info.unset or info.default
    return f"{info.name} : {kind} or None\n    {info.help} None: {chosen}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
