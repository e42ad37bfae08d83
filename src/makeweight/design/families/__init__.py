"""The families of networks: one file each, found by name."""

from __future__ import annotations

from makeweight.design.families.base import Family, Knob, Options, Skeleton, options_from
from makeweight.design.families.cnn import CNN
from makeweight.design.families.fcn import FCN
from makeweight.design.families.lenet import LENET
from makeweight.errors import InvalidValue

FAMILIES: dict[str, Family] = {family.name: family for family in (FCN, CNN, LENET)}

__all__ = ["FAMILIES", "Family", "Knob", "Options", "Skeleton", "family_named", "options_from"]


def family_named(name: str) -> Family:
    """Find a family.

    Raises
    ------
    InvalidValue
        If there is none of this name.
    """
    try:
        return FAMILIES[name]
    except KeyError:
        raise InvalidValue(f"unknown family {name!r}. Choose from: {', '.join(FAMILIES)}.") from None
