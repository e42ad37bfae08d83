"""What a study is to contain, from the command line or a TOML file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from makeweight.data.catalog import CATALOG
from makeweight.design.budget import parse_budget
from makeweight.design.families import FAMILIES
from makeweight.design.limits import HOW_TO_WRITE, ActivationType, Limits, parse_limit
from makeweight.errors import MakeweightError, StudyFileError
from makeweight.training.recipe import Recipe

# The networks of the report that makeweight started from.
REPORT_BUDGETS = {"fcn": (50_000, 100_000, 200_000), "cnn": (10_000, 20_000, 50_000, 100_000)}
OTHER_BUDGETS = (10_000, 20_000, 50_000, 100_000)
MOST_SEEDS = 1_000


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


def _dataset(value: object) -> object:
    if value not in CATALOG:
        raise ValueError(f"choose from: {', '.join(CATALOG)}")
    return value


def _limit(value: object, kind: Literal["macs", "bytes"]) -> int:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(HOW_TO_WRITE[kind])
    try:
        return parse_limit(value, kind)
    except MakeweightError:
        raise ValueError(HOW_TO_WRITE[kind]) from None


class StudySpec(BaseModel):
    """A study: each family at each budget with each seed, on one data set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Annotated[str, BeforeValidator(_dataset)] | None = None  # of the catalogue; None: FashionMNIST, or `data`
    data: str | None = None  # path of the user's own images, or with `dataset` of its original files
    image_size: str | None = None  # of the user's own images
    channels: Annotated[int, Field(strict=True)] | None = None
    skip_unreadable: Annotated[bool, Field(strict=True)] = False
    families: Annotated[tuple[Annotated[str, BeforeValidator(_family)], ...], Field(min_length=1)] = ("fcn", "cnn")
    # None: the report's budgets of each family.
    budgets: Annotated[tuple[Annotated[int, BeforeValidator(_budget)], ...], Field(min_length=1)] | None = None
    seeds: Annotated[int, Field(strict=True, ge=1, le=MOST_SEEDS)] = 3  # how many, counted from 0
    split_seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0
    tuned: Annotated[bool, Field(strict=True)] = False  # networks and recipes that makeweight tune found
    # Of every network, for one image, besides its weights; None: no limit.
    max_macs: Annotated[int, BeforeValidator(partial(_limit, kind="macs"))] | None = None
    max_activation_bytes: Annotated[int, BeforeValidator(partial(_limit, kind="bytes"))] | None = None
    activation_type: ActivationType = "int8"  # of max_activation_bytes
    recipe: dict[str, Any] = {}  # fields of the recipe, and tables of them by family

    @property
    def limits(self) -> Limits:
        """Limits beside the weights."""
        return Limits(self.max_macs, self.max_activation_bytes, self.activation_type)

    def budgets_of(self, family: str) -> tuple[int, ...]:
        """Budgets of a family, in weights."""
        return self.budgets or REPORT_BUDGETS.get(family, OTHER_BUDGETS)

    def recipe_changes(self, family: str) -> dict[str, Any]:
        """Return what the study changes in a family's default recipe; the family's own table wins."""
        for_all = {name: value for name, value in self.recipe.items() if not isinstance(value, dict)}
        return {**for_all, **self.recipe.get(family, {})}

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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
    return spec


def _check_recipe(spec: StudySpec, source: str) -> None:
    fields = {field.name: field for field in dataclasses.fields(Recipe)}
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
            if name not in fields:
                raise StudyFileError(f"{source}: unknown key {table}.{name}. Allowed: {', '.join(fields)}.")
            _check_field(source, f"{table}.{name}", value, name)


def _check_field(source: str, key: str, value: object, name: str) -> None:
    default = getattr(Recipe(), name)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[type(default)]
        raise StudyFileError(f"{source}: {key} = {value!r} is not possible: give {kind}, for example {default!r}.")
    try:
        Recipe(**{name: value})  # type: ignore[arg-type]
    except MakeweightError as error:
        raise StudyFileError(f"{source}: {key}: {error}") from None
