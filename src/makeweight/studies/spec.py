"""What a study contains, from the command line or a TOML file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from makeweight.data.catalog import CATALOG
from makeweight.designs.budget import parse_budget
from makeweight.designs.chips import parse_chip
from makeweight.designs.families import FAMILIES, family_named
from makeweight.designs.limits import HOW_TO_WRITE, Limits, NumberType, parse_limit, parse_milliseconds
from makeweight.errors import MakeweightError, StudyFileError
from makeweight.jobs.network import Variant
from makeweight.training.recipe import Recipe

MAX_SEEDS = 1_000
RECIPE_FIELDS = {field.name: None for field in dataclasses.fields(Recipe)}.keys()


def _budget(value: object) -> int:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("write a budget as 100K, 0.1M, 100_000 or 100000")
    try:
        return parse_budget(value)
    except MakeweightError as error:
        raise ValueError(str(error)) from error


def _family(value: object) -> object:
    if value not in FAMILIES:
        raise ValueError(f"choose from: {', '.join(FAMILIES)}")
    return value


def _default_families() -> tuple[str, ...]:
    return tuple(family.name for family in FAMILIES.values() if family.in_default_study)


def _dataset(value: object) -> object:
    if value not in CATALOG:
        raise ValueError(f"choose from: {', '.join(CATALOG)}")
    return value


def _chip(value: object) -> str:
    return str(parse_chip(str(value)))


def _limit(value: object, kind: Literal["macs", "bytes"]) -> int:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(HOW_TO_WRITE[kind])
    try:
        return parse_limit(value, kind)
    except MakeweightError:
        raise ValueError(HOW_TO_WRITE[kind]) from None


class StudySpec(BaseModel):
    """A study: each family at each budget in each variant with each seed, on one data set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Annotated[str, BeforeValidator(_dataset)] | None = None  # in the catalogue; None: FashionMNIST, or `data`
    data: str | None = None  # path of the user's own images, or, with `dataset`, of its original files
    image_size: str | None = None  # of the user's own images, as HEIGHTxWIDTH or one side
    channels: Annotated[int, Field(strict=True)] | None = None  # of the user's own images: 1 or 3
    scale: str | None = None  # what the numbers of the user's own images mean
    layout: str | None = None  # what the axes of arrays, or folders, mean
    label: str | None = None  # the column of a table that has the label
    follow_links: Annotated[bool, Field(strict=True)] = False  # read what symbolic links lead to
    skip_unreadable: Annotated[bool, Field(strict=True)] = False  # leave out pictures that can't be read
    # Each is crossed with every budget; the default: FCNs and CNNs.
    families: tuple[Annotated[str, BeforeValidator(_family)], ...] = Field(
        default_factory=_default_families, min_length=1
    )
    # In weights, as 100K, 0.1M or 100_000; None: each family's own.
    budgets: Annotated[tuple[Annotated[int, BeforeValidator(_budget)], ...], Field(min_length=1)] | None = None
    seeds: Annotated[int, Field(strict=True, ge=1, le=MAX_SEEDS)] = 3  # how many, counted from 0
    split_seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0  # of the division into training and validation
    tuned: Annotated[bool, Field(strict=True)] = False  # use the networks and recipes that makeweight tune found
    # Of every network, per image, besides its weights; None: no limit.
    max_macs: Annotated[int, BeforeValidator(partial(_limit, kind="macs"))] | None = None
    # Bytes of the exported C program, as 32K or 32768.
    max_ram: Annotated[int, BeforeValidator(partial(_limit, kind="bytes"))] | None = None
    ram_type: NumberType = "int8"  # the program that max_ram is for
    chip: Annotated[str, BeforeValidator(_chip)] | None = None  # a core and its clock, as cortex-m4@80MHz
    # Bytes of weights and code on that chip.
    max_flash: Annotated[int, BeforeValidator(partial(_limit, kind="bytes"))] | None = None
    # Milliseconds an image on that chip.
    max_ms: Annotated[float, BeforeValidator(parse_milliseconds)] | None = None
    recipe: dict[str, Any] = {}  # fields of the recipe, and tables of them by family
    # Options of families and fields of the recipe, each with the values to try: the grid has every combination.
    vary: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = {}

    @property
    def limits(self) -> Limits:
        """Limits besides the weights."""
        return Limits(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Limits)})

    def budgets_of(self, family: str) -> tuple[int, ...]:
        """Budgets of a family, in weights."""
        return self.budgets or family_named(family).budgets

    def recipe_changes(self, family: str) -> dict[str, Any]:
        """Return the study's changes to a family's default recipe; the family's own table wins."""
        for_all = {name: value for name, value in self.recipe.items() if not isinstance(value, dict)}
        return {**for_all, **self.recipe.get(family, {})}

    def variants_of(self, family: str) -> tuple[Variant, ...]:
        """Every combination of what is varied; options that a family lacks aren't varied for it."""
        known = {info.name for info in family_named(family).infos} | RECIPE_FIELDS
        values = [[(name, value) for value in dict.fromkeys(self.vary[name])] for name in self.vary if name in known]
        return tuple(product(*values))

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def read_study_file(path: Path) -> dict[str, Any]:
    """Read a TOML study file and check its keys and values.

    Raises
    ------
    StudyFileError
        Names the file, the key and the allowed values.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyFileError(f"cannot read {path}: {error.strerror}. Give the path of a TOML file.") from error
    except RecursionError as error:
        raise StudyFileError(f"{path} is nested too deeply for a study. Write its values on one level.") from error
    except ValueError as error:  # no TOML, no UTF-8, or a number of more than 4,300 digits
        raise StudyFileError(f"{path} is not TOML: {error}. See the example in `makeweight study --help`.") from error
    make_spec(values, str(path))
    return values


def make_spec(values: dict[str, Any], source: str) -> StudySpec:
    """Check keys and values, and make the record.

    Parameters
    ----------
    source : str
        Where the values come from: a file's path, or ``command line``; named in the error.

    Raises
    ------
    StudyFileError
        Names the source, the key and the allowed values.
    """
    try:
        spec = StudySpec.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise StudyFileError(
                f"{source}: unknown key {key!r}. Allowed: {', '.join(StudySpec.model_fields)}."
            ) from None
        problem = first["msg"].removeprefix("Value error, ").removesuffix(".")
        raise StudyFileError(f"{source}: {key} = {first['input']!r} is not possible: {problem}.") from None
    _check_recipe(spec, source)
    check_vary(spec, source)
    return spec


def check_vary(spec: StudySpec, source: str) -> None:
    """Check every varied name and value; the families check combinations.

    Raises
    ------
    StudyFileError
        Names the source, the name and the allowed ones or the rule.
    """
    for name, values in spec.vary.items():
        infos = [info for family in spec.families for info in family_named(family).infos if info.name == name]
        if not infos and name not in RECIPE_FIELDS:
            others = [f.name for f in FAMILIES.values() if any(info.name == name for info in f.infos)]
            if others:
                raise StudyFileError(
                    f"{source}: vary.{name} is an option of {', '.join(others)}, and the study has "
                    f"{', '.join(spec.families)} only. Add one of those families, or vary something else."
                )
            options = dict.fromkeys(info.name for family in spec.families for info in family_named(family).infos)
            raise StudyFileError(
                f"{source}: unknown key vary.{name}. Allowed: {', '.join([*options, *RECIPE_FIELDS])}."
            )
        if name in spec.recipe or any(name in table for table in spec.recipe.values() if isinstance(table, dict)):
            raise StudyFileError(f"{source}: {name} is both set and varied. Remove it from recipe or from vary.")
        for value in values:
            for info in infos:
                if not info.allows(value):
                    raise StudyFileError(f"{source}: vary.{name} = {value!r} is not possible: {info.rule}.")
            if not infos:
                check_field(source, f"vary.{name}", value, name)


def _check_recipe(spec: StudySpec, source: str) -> None:
    tables = {"recipe": {name: value for name, value in spec.recipe.items() if not isinstance(value, dict)}}
    for name, value in spec.recipe.items():
        if isinstance(value, dict):
            if name not in FAMILIES:
                raise StudyFileError(
                    f"{source}: unknown table [recipe.{name}]. Allowed families: {', '.join(FAMILIES)}."
                )
            tables[f"recipe.{name}"] = value
    for table, values in tables.items():
        for name, value in values.items():
            if name not in RECIPE_FIELDS:
                raise StudyFileError(f"{source}: unknown key {table}.{name}. Allowed: {', '.join(RECIPE_FIELDS)}.")
            check_field(source, f"{table}.{name}", value, name)


def check_field(source: str, key: str, value: object, name: str) -> None:
    """Check a value for a field of the recipe.

    Raises
    ------
    StudyFileError
        Names the source, the key and the rule.
    """
    default = getattr(Recipe(), name)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[type(default)]
        raise StudyFileError(f"{source}: {key} = {value!r} is not possible: give {kind}, for example {default!r}.")
    try:
        Recipe(**{name: value})  # type: ignore[arg-type]
    except MakeweightError as error:
        raise StudyFileError(f"{source}: {key}: {error}") from None
