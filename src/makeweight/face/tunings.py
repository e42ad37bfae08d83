"""Tunings: a search for the best hyperparameters of a family under a budget."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from makeweight.data.catalog import DEFAULT
from makeweight.data.dataset import PreparedDataset
from makeweight.designs.budget import parse_budget
from makeweight.designs.families import FAMILIES, Family, family_named
from makeweight.designs.limits import Limits, NumberType, parse_limits
from makeweight.errors import InvalidValue
from makeweight.face.data import load_data
from makeweight.face.designs import Budget
from makeweight.face.folders import name_of, study_folder
from makeweight.face.running import finish
from makeweight.face.runs import Network
from makeweight.face.studies import STORE, Study
from makeweight.html import Table, lines_html
from makeweight.report.tuning import TuningSummary, summarise_tuning, trials_table, winner_table
from makeweight.studies.session import Machine
from makeweight.tuning.lengths import DEFAULT_EFFORT, EFFORTS, EffortName
from makeweight.tuning.session import TuningPlan
from makeweight.wording import abbreviate, plural

ANY = "any"
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600}


class Tuning(Study):
    """A tuning on disk, finished or not; the winner's networks form a study."""

    @property
    def tuning(self) -> TuningSummary:
        """Trials, the winner, and the selection effect."""
        return summarise_tuning(self.folder)

    def trials(self) -> Table:
        """Every trial."""
        return trials_table(self.tuning)

    @property
    def winner(self) -> Network:
        """The network that won, trained on the validation images too and tested once.

        Raises
        ------
        InvalidValue
            If there is no winner yet.
        """
        networks = self.networks
        if not networks:
            raise InvalidValue(f"the tuning {self.name} has no winner yet. Run it again to resume.")
        return networks[0]

    def __repr__(self) -> str:
        summary = self.tuning
        ended = summary.counts.get("complete", 0) + summary.counts.get("pruned", 0)
        won = f" Winner: {self.winner!r}" if self.networks else ""
        return f"Tuning {self.name!r} of {summary.tuning.setting('dataset')}: {plural(ended, 'trial')} ended.{won}"

    def _repr_html_(self) -> str:
        table = winner_table(self.tuning)
        return lines_html([repr(self)]) + ("" if table is None else table._repr_html_())


def tune(
    family: str | Sequence[str],
    budget: Budget | None = None,
    data: Any = DEFAULT,
    *,
    trials: int | None = None,
    time: str | float | None = None,
    effort: EffortName = DEFAULT_EFFORT,
    seed: int = 0,
    split_seed: int = 0,
    max_macs: Budget | None = None,
    max_ram: Budget | None = None,
    ram_type: NumberType = "int8",
    chip: str | None = None,
    max_flash: Budget | None = None,
    max_ms: float | str | None = None,
    fixed: Mapping[str, Any] | None = None,
    name: str | None = None,
    store: str | Path = STORE,
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    executor: str = "local",
    ray_address: str | None = None,
) -> Tuning:
    """Search the best hyperparameters for a budget, confirm them with new seeds, train on all images, test once.

    The same call resumes a stopped tuning.

    Parameters
    ----------
    family : str or sequence of str
        One, several, or "any": then the family is searched too.
    budget, data, max_macs, max_ram, ram_type, chip, max_flash, max_ms
        See :func:`makeweight.design`.
    trials : int, optional
        Of the search; by default the effort's, and with ``time`` as many as fit.
    time : str or float, optional
        Time for everything: "90s", "10m", "1.5h", or seconds. More time buys longer schedules, of up to 200 epochs.
    effort : {"quick", "standard", "max"}
        Without ``time``: 20, 60 or 120 trials, and a last schedule of 1, 6 or 33 times the default.
    seed, split_seed : int
        Random seeds: for the search; for the validation split.
    fixed : mapping, optional
        Options and recipe fields to fix instead of searching.
    name, store, workers, threads, device, executor, ray_address
        See :func:`makeweight.study`.

    Raises
    ------
    KeyboardInterrupt
        When interrupted, after everything running has been saved.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> tuning = tune("fcn", "2K", "digits", trials=2, fixed={"epochs": 3}, name="searched", store=mkdtemp())
    >>> len(tuning.trials().rows)
    2
    """
    limits = parse_limits(max_macs, max_ram, ram_type, chip, max_flash, max_ms)
    weights = limits.budget(None if budget is None else parse_budget(budget))
    if weights is None:
        raise InvalidValue("no budget: give budget=100K, or max_flash=64K of a chip.")
    prepared = load_data(data)
    held = dict(fixed or {})
    folder = study_folder(Path(store), name or default_name(prepared.name, family, weights, limits, held, effort))
    seconds = None if time is None else parse_seconds(str(time))
    planned = plan_tuning(folder, prepared, family, weights, limits, trials, seconds, effort, seed, split_seed, held)
    machine, result = Machine(workers, threads, device, executor, ray_address), Tuning(folder)
    finish(planned, machine, lambda: f"Stopped after {plural(len(result.tuning.trials), 'trial')}.")
    return result


def plan_tuning(
    folder: Path, data: PreparedDataset, family: str | Sequence[str], budget: int, limits: Limits, trials: int | None,
    seconds: float | None, effort: EffortName, seed: int, split_seed: int, fixed: dict[str, Any],
) -> TuningPlan:  # fmt: skip
    """Plan a search.

    Raises
    ------
    InvalidValue
        If a family or the effort is unknown, or both time and an effort are given.
    """
    if effort not in EFFORTS:
        raise InvalidValue(f"effort {effort!r} is unknown. Choose from: {', '.join(EFFORTS)}.")
    if seconds is not None and effort != DEFAULT_EFFORT:
        raise InvalidValue(f"time and effort={effort} are given, and both set the trainings' length. Give one.")
    return TuningPlan(
        folder=folder,
        name=folder.name,
        dataset=data,
        families=families_named(family),
        budget=budget,
        limits=limits,
        trials=trials,
        seconds=seconds,
        effort=effort,
        seed=seed,
        split_seed=split_seed,
        fixed=fixed,
    )


def families_named(names: str | Sequence[str]) -> tuple[Family, ...]:
    """Look up one family, several (a list, or with commas between them), or any that can be tuned.

    Raises
    ------
    InvalidValue
        If one is unknown.

    >>> [family.name for family in families_named("any")]
    ['fcn', 'cnn', 'mobile']
    """
    if names == ANY:
        return tuple(family for family in FAMILIES.values() if family.tunable)
    return tuple(map(family_named, dict.fromkeys(names.split(",") if isinstance(names, str) else names)))


def parse_seconds(text: str) -> float:
    """Parse a duration: 90s, 10m, 1.5h, or plain seconds.

    Raises
    ------
    InvalidValue
        If the text isn't a duration above 0.

    >>> parse_seconds("1.5h")
    5400.0
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smh]?)", text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise InvalidValue(f"time {text!r} is not possible: give a number above 0 with s, m or h, for example 10m.")
    return seconds


def default_name(
    dataset: str, family: str | Sequence[str], budget: int, limits: Limits, fixed: Mapping[str, Any], effort: str
) -> str:
    """Name a tuning after what is searched, so the same call finds it again."""
    named = family if isinstance(family, str) else "-".join(family)
    parts = ["tune", *([] if dataset == DEFAULT else [dataset]), named, abbreviate(budget), *limits.labels()]
    parts += [] if effort == DEFAULT_EFFORT else [effort]
    parts += [f"{key}{value}" for key, value in sorted(fixed.items())]
    return name_of(parts)
