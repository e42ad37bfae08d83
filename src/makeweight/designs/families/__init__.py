"""The families of networks: one file each, found by itself.

A family of your own is a Python file with ``FAMILY = Family(...)``: :func:`register` it, or name the file in the
environment variable ``MAKEWEIGHT_FAMILIES`` (several are separated like the folders of ``PATH``), which every command
and every process that a command starts reads.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
from importlib import import_module

from makeweight.designs.architecture import Task
from makeweight.designs.families.base import Family, Knob, Options, Skeleton, options_from
from makeweight.errors import InvalidValue

FAMILIES: dict[str, Family] = {}  # by name, in the order of their ranks

__all__ = ["FAMILIES", "Family", "Knob", "Options", "Skeleton", "described", "family_named", "options_from", "register"]


def register(family: Family) -> None:
    """Make a family known to everything in this process.

    Raises
    ------
    InvalidValue
        If another one has its name.
    """
    if FAMILIES.get(family.name, family) is not family:
        raise InvalidValue(f"there is another family {family.name!r}. Rename yours.")
    FAMILIES[family.name] = family
    ordered = sorted(FAMILIES.values(), key=lambda f: (f.rank, f.name))
    FAMILIES.clear()
    FAMILIES.update((family.name, family) for family in ordered)


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


def described(name: str) -> Family:
    """Return a family for its words and colours; neutral ones if it isn't registered, as in a study from elsewhere."""
    return FAMILIES.get(name, _UNREGISTERED)


def _refuse(task: Task, options: Options, budget: int | None) -> Skeleton:
    raise InvalidValue("a family that isn't registered can't be designed. Register it first.")


_UNREGISTERED = Family("unregistered", "a network", "a family that isn't registered", Options, _refuse)


def _load() -> None:
    for module in pkgutil.iter_modules(__path__):
        family = getattr(import_module(f"{__name__}.{module.name}"), "FAMILY", None)
        if family is not None:
            register(family)
    for path in filter(None, os.environ.get("MAKEWEIGHT_FAMILIES", "").split(os.pathsep)):
        register(_from_file(path))


def _from_file(path: str) -> Family:
    try:
        family = runpy.run_path(path).get("FAMILY")
    except OSError as error:
        raise InvalidValue(f"MAKEWEIGHT_FAMILIES names {path}, which cannot be read: {error.strerror}.") from None
    except Exception as error:  # whatever the user's code does
        raise InvalidValue(
            f"MAKEWEIGHT_FAMILIES names {path}, which fails: {type(error).__name__}: {error}."
        ) from error
    if not isinstance(family, Family):
        raise InvalidValue(f"MAKEWEIGHT_FAMILIES names {path}, which has no FAMILY = Family(...).")
    return family


_load()
