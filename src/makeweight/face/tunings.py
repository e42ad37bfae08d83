"""Tunings: a search for the best hyperparameters of a family under a budget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from makeweight.data.catalog import DEFAULT
from makeweight.data.dataset import PreparedDataset
from makeweight.designs.budget import parse_budget
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits, NumberType, parse_limits
from makeweight.errors import InvalidValue
from makeweight.face.data import load_data
from makeweight.face.designs import Budget
from makeweight.face.folders import MAX_NAME, study_folder
from makeweight.face.running import finish
from makeweight.face.runs import Network
from makeweight.face.studies import STORE, Study
from makeweight.html import Table, lines_html
from makeweight.report.tuning import TuningSummary, summarise_tuning, trials_table, winner_table
from makeweight.studies.session import Machine
from makeweight.tuning.session import TuningPlan
from makeweight.wording import abbreviate, plural

DEFAULT_TRIALS = 60
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
    family: str,
    budget: Budget,
    data: Any = DEFAULT,
    *,
    trials: int | None = None,
    time: str | float | None = None,
    seed: int = 0,
    split_seed: int = 0,
    max_macs: Budget | None = None,
    max_ram: Budget | None = None,
    ram_type: NumberType = "int8",
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
    family, budget, data, max_macs, max_ram, ram_type
        See :func:`makeweight.design`.
    trials : int, optional
        By default 60; with ``time``, as many as fit.
    time : str or float, optional
        Time for search and confirmation: "90s", "10m", "1.5h", or seconds.
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
    prepared, weights, limits = load_data(data), parse_budget(budget), parse_limits(max_macs, max_ram, ram_type)
    held = dict(fixed or {})
    folder = study_folder(Path(store), name or default_name(prepared.name, family, weights, limits, held))
    seconds = None if time is None else parse_seconds(str(time))
    planned = plan_tuning(folder, prepared, family, weights, limits, trials, seconds, seed, split_seed, held)
    machine, result = Machine(workers, threads, device, executor, ray_address, keep=True), Tuning(folder)
    finish(planned, machine, lambda: f"Stopped after {plural(len(result.tuning.trials), 'trial')}.")
    return result


def plan_tuning(
    folder: Path, data: PreparedDataset, family: str, budget: int, limits: Limits, trials: int | None,
    seconds: float | None, seed: int, split_seed: int, fixed: dict[str, Any],
) -> TuningPlan:  # fmt: skip
    """Plan a search; of 60 trials, unless their number or a time is set."""
    return TuningPlan(
        folder=folder,
        name=folder.name,
        dataset=data,
        family=family_named(family),
        budget=budget,
        limits=limits,
        trials=trials or (DEFAULT_TRIALS if seconds is None else None),
        seconds=seconds,
        seed=seed,
        split_seed=split_seed,
        fixed=fixed,
    )


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


def default_name(dataset: str, family: str, budget: int, limits: Limits, fixed: Mapping[str, Any]) -> str:
    """Name a tuning after what is searched, so the same call finds it again."""
    parts = ["tune", *([] if dataset == DEFAULT else [dataset]), family, abbreviate(budget), *limits.labels()]
    parts += [f"{key}{value}" for key, value in sorted(fixed.items())]
    return re.sub(r"[^\w.+-]", "-", "-".join(parts))[:MAX_NAME]
