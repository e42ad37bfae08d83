"""The families and their options as arguments of a command, read from the families themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from makeweight.cli.texts import present
from makeweight.designs.families import FAMILIES, Family, family_named
from makeweight.designs.families.base import OptionInfo
from makeweight.errors import InvalidValue
from makeweight.wording import join_words

PANEL = "Options of families"


def _named(families: Iterable[str]) -> Any:
    return typer.Option("--family", "-f", help=f"{join_words(families, 'or')}.", show_default=False)


FamilyName = Annotated[str, _named(FAMILIES)]
OptionalFamilyName = Annotated[str | None, _named(FAMILIES)]
TunableFamilyName = Annotated[str | None, _named((*(f.name for f in FAMILIES.values() if f.tunable), "any"))]
DEFAULT_FAMILIES = ",".join(family.name for family in FAMILIES.values() if family.in_default_study)


def with_family_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each option of a family; those used become its argument ``chosen``.

    Parameters
    ----------
    command : callable
        Has keyword arguments alone, ``family`` (a name, or None) and ``chosen`` (values by option) among them.

    Raises
    ------
    InvalidValue
        If an option of a family has the name of one of the command's own.
    """
    own = inspect.signature(command, eval_str=True)
    flags = {name: _flag(name, infos) for name, infos in _options_by_name().items()}
    if taken := own.parameters.keys() & flags.keys():
        raise InvalidValue(f"--{min(taken)} is an option of {command.__name__} and of a family. Rename the family's.")

    @functools.wraps(command)
    def run(family: str | None, **arguments: Any) -> None:
        texts = present(**{name: arguments.pop(name) for name in flags})
        command(family=family, chosen=_chosen(family, texts), **arguments)

    others = [parameter for name, parameter in own.parameters.items() if name != "chosen"]
    run.__signature__ = own.replace(parameters=[*others, *flags.values()])  # type: ignore[attr-defined]  # typer's
    return run


def _options_by_name() -> dict[str, dict[str, OptionInfo]]:
    """Each option of any family, as the families that have it describe it."""
    by_name: dict[str, dict[str, OptionInfo]] = {}
    for family in FAMILIES.values():
        for info in family.infos:
            by_name.setdefault(info.name, {})[family.name] = info
    return by_name


def _flag(name: str, infos: Mapping[str, OptionInfo]) -> inspect.Parameter:
    """Make an option's parameter, a text, as its type may differ between families."""
    any_info = next(iter(infos.values()))
    choices = dict.fromkeys(choice for info in infos.values() for choice in info.choices)
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        metavar="|".join(choices) or f"<{any_info.kind.__name__}>",
        help=_help(infos),
        show_default=_defaults(infos),
        rich_help_panel=PANEL,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def _help(infos: Mapping[str, OptionInfo]) -> str:
    texts = _grouped({family: info.help for family, info in infos.items()})
    if len(texts) == 1 and len(infos) == len(FAMILIES):
        return next(iter(texts))
    return " ".join(f"{', '.join(families)}: {text}" for text, families in texts.items())


def _defaults(infos: Mapping[str, OptionInfo]) -> str:
    usual = {name: f"usually {info.default}" if info.tries else f"{info.default}" for name, info in infos.items()}
    texts = _grouped({name: info.unset or usual[name] for name, info in infos.items()})
    if len(texts) == 1:
        return next(iter(texts))
    return "; ".join(f"{join_words(families)}: {text}" for text, families in texts.items())


def _grouped(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Families by what is said of them."""
    groups: dict[str, list[str]] = {}
    for family, text in texts.items():
        groups.setdefault(text, []).append(family)
    return groups


def _chosen(family: str | None, texts: Mapping[str, str]) -> dict[str, Any]:
    if family is None:
        if texts:
            raise InvalidValue(f"--{min(texts).replace('_', '-')} is an option of a family. Add --family.")
        return {}
    return parse(family_named(family), texts)


def parse(family: Family, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read options of a family from texts.

    Raises
    ------
    InvalidValue
        If the family wants a number and a text isn't one.

    >>> parse(family_named("fcn"), {"depth": "3", "taper": "0.5"})
    {'depth': 3, 'taper': 0.5}
    """
    infos = {info.name: info for info in family.infos}
    return {name: _value(infos[name], text) if name in infos else text for name, text in texts.items()}


def _value(info: OptionInfo, text: str) -> Any:
    try:
        return info.kind(text)
    except ValueError:
        raise InvalidValue(f"{info.name} {text!r} is not possible: {info.rule}.") from None
