"""Studies and single trainings: run, open and query them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.data.catalog import CATALOG, DEFAULT
from makeweight.data.dataset import PreparedDataset
from makeweight.data.prepare import plain_name
from makeweight.designs.budget import parse_budget
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits, NumberType, parse_limits
from makeweight.errors import InvalidValue, MissingExtra, StoreError, install_command
from makeweight.face.console import remark as say
from makeweight.face.data import load_data
from makeweight.face.designs import Budget, solved, task_of
from makeweight.face.folders import find_study, name_of, study_folder
from makeweight.face.gather import gather, with_images
from makeweight.face.plots import Plots
from makeweight.face.running import finish
from makeweight.face.runs import Network, Run, networks_of
from makeweight.html import Table
from makeweight.jobs.network import slug
from makeweight.report.analysis import Comparison, analyse, compare_all
from makeweight.report.side_by_side import side_by_side
from makeweight.report.summary import NetworkSummary, StudySummary, summarise
from makeweight.report.tables import networks_table, to_record
from makeweight.report.verdict import Verdict, headline, verdict
from makeweight.store.store import Store
from makeweight.studies.plan import job_for, plan
from makeweight.studies.session import Machine, StudyPlan, refuse_other_data
from makeweight.studies.spec import make_spec

if TYPE_CHECKING:
    from makeweight.report.contents import Contents

STORE = Path("studies")
DEFAULT_NAME = "fashion"


class Study:
    """A study on disk, finished or not; everything is read on access."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """Name of the study and of its folder."""
        return self.folder.name

    @property
    def summary(self) -> StudySummary:
        """All results, by network."""
        return summarise(self.folder)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Networks with a finished training, in the order of the table."""
        return networks_of(self.folder)

    def table(self) -> Table:
        """Accuracy and cost of each network."""
        return networks_table(self.summary)

    @property
    def verdict(self) -> Verdict:
        """What the study shows, in words and with intervals."""
        return verdict(analyse(self.summary))

    @property
    def plot(self) -> Plots:
        """Its figures: ``study.plot.curves()``."""
        return Plots(self.folder, self._contents)

    def to_pandas(self) -> Any:
        """Return the networks as a pandas DataFrame, in full precision.

        Raises
        ------
        MissingExtra
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtra(
                f"a DataFrame needs pandas, which is not installed. Run: {install_command('pandas')}"
            ) from None
        return pandas.DataFrame(to_record(self.summary)["networks"])

    def comparisons(self) -> tuple[Comparison, ...]:
        """Every network against every other, corrected for all pairs."""
        return compare_all(self.summary.networks)

    def report(self) -> Path:
        """Write the report as one offline HTML page, and return its path."""
        from makeweight.report.page.page import write_report

        return write_report(with_images(gather(self.folder), self.folder, say, inside=True), self.folder)

    def __getitem__(self, name: str) -> Network:
        networks = {slug(network.label): network for network in self.networks}
        if slug(name) not in networks:
            known = ", ".join(networks) or "none with a finished training yet"
            raise InvalidValue(f"there is no network {name!r} in the study {self.name}. There are: {known}.")
        return networks[slug(name)]

    def __iter__(self) -> Iterator[Network]:
        return iter(self.networks)

    def __len__(self) -> int:
        return len(self.networks)

    def _contents(self) -> Contents:
        return with_images(gather(self.folder), self.folder, say)

    def _state(self) -> str:
        summary = self.summary
        failed = f", {len(summary.failures)} failed" if summary.failures else ""
        return f"{summary.jobs_done} of {summary.jobs_total} trainings done{failed}"

    def __repr__(self) -> str:
        summary = self.summary
        return f"Study {self.name!r} of {summary.dataset}: {self._state()}. {headline(analyse(summary))}"

    def _repr_html_(self) -> str:
        from makeweight.html import lines_html

        return lines_html([repr(self)]) + self.table()._repr_html_()


def study(
    data: Any = None,
    families: Sequence[str] | str | None = None,
    budgets: Sequence[Budget] | Budget | None = None,
    seeds: int = 3,
    *,
    split_seed: int = 0,
    max_macs: Budget | None = None,
    max_ram: Budget | None = None,
    ram_type: NumberType = "int8",
    chip: str | None = None,
    max_flash: Budget | None = None,
    max_ms: float | str | None = None,
    tuned: bool = False,
    recipe: Mapping[str, Any] | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    name: str | None = None,
    store: str | Path = STORE,
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    executor: str = "local",
    ray_address: str | None = None,
) -> Study:
    """Train each family at each budget with each seed, and compare them. The same call resumes a stopped study.

    Parameters
    ----------
    data
        As :func:`makeweight.load_data` takes it; by default FashionMNIST.
    families, budgets : sequences, optional
        By default "fcn" and "cnn", at their usual budgets.
    seeds : int
        Number of training seeds.
    split_seed : int
        Random seed for the validation split.
    max_macs, max_ram, ram_type, chip, max_flash, max_ms
        Limits of every network besides its weights; see :func:`makeweight.design`.
    tuned : bool
        Use the networks and recipes that ``makeweight tune`` found.
    recipe : mapping, optional
        Fields of the recipe to change; also by family, as a mapping each.
    vary : mapping, optional
        Options and recipe fields with several values each; every combination is trained.
    name, store
        Where the study's folder is; by default its name says what was asked for.
    workers, threads, device, executor, ray_address
        Where to train; by default one worker of one thread per processor.

    Raises
    ------
    KeyboardInterrupt
        When interrupted, after everything running has been saved.
    StudyFileError, InvalidValue, InfeasibleBudget
        Before anything is trained.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> example = study("digits", ["fcn"], ["2K"], seeds=1, recipe={"epochs": 3}, name="example", store=mkdtemp())
    >>> [network.label for network in example]
    ['FCN 2K']
    """
    asked = {
        "families": None if families is None else tuple(_listed(families)),
        "budgets": None if budgets is None else tuple(_listed(budgets)),
        "seeds": seeds, "split_seed": split_seed or None, "max_macs": max_macs, "max_ram": max_ram,
        "ram_type": None if ram_type == "int8" else ram_type, "chip": chip, "max_flash": max_flash, "max_ms": max_ms,
        "tuned": tuned or None,
        "recipe": None if recipe is None else dict(recipe), "vary": None if vary is None else dict(vary),
    }  # fmt: skip
    machine = Machine(workers, threads, device, executor, ray_address)
    return run(plan_study(asked, load_data(DEFAULT if data is None else data), name, Path(store)), machine)


def plan_study(asked: Mapping[str, Any], data: PreparedDataset, name: str | None, store: Path) -> StudyPlan:
    """Plan a study; what is asked for is named as in a study file, and None leaves the default.

    Raises
    ------
    StudyFileError, InvalidValue, InfeasibleBudget, DataMismatch
        If it cannot be.
    """
    values = {key: value for key, value in asked.items() if value is not None}
    place = _place(data)
    spec = make_spec({**values, **place}, "study")
    named = {} if place == {"dataset": DEFAULT} else place
    recipe, vary = values.get("recipe", {}), values.get("vary", {})
    plain = {key: value for key, value in values.items() if key not in ("recipe", "vary")}
    folder = study_folder(store, name or default_name({**plain, **named}, dict(recipe), spec.limits, dict(vary)))
    refuse_other_data(folder, data)
    return StudyPlan(folder, folder.name, spec.to_json(), data, plan(spec, data))


def run(planned: StudyPlan, machine: Machine) -> Study:
    """Run what is missing of a planned study."""
    result = Study(planned.folder)
    finish(planned, machine, lambda: f"Stopped: {result._state()}.")
    return result


def train(
    family: str,
    budget: Budget | None = None,
    data: Any = DEFAULT,
    *,
    widths: int | tuple[int, ...] | None = None,
    seed: int = 0,
    split_seed: int = 0,
    max_macs: Budget | None = None,
    max_ram: Budget | None = None,
    ram_type: NumberType = "int8",
    chip: str | None = None,
    max_flash: Budget | None = None,
    max_ms: float | str | None = None,
    name: str | None = None,
    store: str | Path = STORE,
    threads: int | None = None,
    device: str = "auto",
    **settings: Any,
) -> Run:
    """Train one network and score it on the test images, once, at the end. The same call resumes, or finds the result.

    Parameters
    ----------
    family, budget, data, widths, max_macs, max_ram, ram_type, chip, max_flash, max_ms
        See :func:`makeweight.design`.
    seed, split_seed : int
        Random seeds: for weights, image order and augmentation; for the validation split.
    name, store
        Where its folder is; by default the name consists of the family and the run's key.
    threads, device
        Where to train.
    **settings
        Options of the family (``kernel=5``) and fields of the recipe (``epochs=12``).

    Raises
    ------
    KeyboardInterrupt
        When interrupted, after the last epoch has been saved.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> run = train("fcn", "2K", "digits", epochs=3, store=mkdtemp())
    >>> run.weights
    1992
    """
    prepared = load_data(data)
    limits = parse_limits(max_macs, max_ram, ram_type, chip, max_flash, max_ms)
    if name is not None:
        refuse_other_data(study_folder(Path(store), name), prepared)
    options, changes = divided(family, settings)
    weights = None if budget is None else parse_budget(budget)
    chosen = solved(family, weights, widths, task_of(prepared), options, limits)
    said = {"width": widths, **limits.asked()}
    asked = {key: value for key, value in said.items() if value is not None} | settings
    planned = plan_training(
        chosen, prepared, changes, seed=seed, split_seed=split_seed, name=name, store=Path(store), asked=asked
    )
    finish(planned, Machine(1, threads, device), lambda: "Stopped.")
    with Store.open(planned.folder) as opened:
        row = opened.jobs()[0]
    if row.result is None:
        raise StoreError(f"training failed: {row.reason}")
    return Run(planned.folder, row)


def plan_training(
    chosen: Any, data: PreparedDataset, changes: dict[str, Any], *, seed: int, split_seed: int, name: str | None,
    store: Path, asked: Mapping[str, Any],
) -> StudyPlan:  # fmt: skip
    """Plan one training in its own folder; its variant records what was asked for."""
    job = job_for(chosen, data, changes, split_seed=split_seed, seed=seed, variant=tuple(asked.items()))
    folder = study_folder(store, name or f"train-{job.family}-{job.key[:12]}")
    said = {"family": job.family, "budget": job.budget, "seed": seed, "limits": asdict(chosen.limits)}
    return StudyPlan(folder, folder.name, json.dumps({"train": said}), data, [job], alone=True)


def divided(family: str, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Separate options of a family from fields of the recipe.

    Raises
    ------
    InvalidValue
        If a name is neither; the error lists the names.
    """
    from makeweight.training.recipe import Recipe

    of_family = [info.name for info in family_named(family).infos]
    of_recipe = [field.name for field in fields(Recipe)]
    for name in settings:
        if name not in of_family + of_recipe:
            raise InvalidValue(
                f"{name}={settings[name]!r} is not possible: {family} has the options {', '.join(of_family)}, and a "
                f"recipe the fields {', '.join(of_recipe)}."
            )
    options = {name: value for name, value in settings.items() if name in of_family}
    return options, {name: value for name, value in settings.items() if name not in of_family}


def open_study(name: str | Path, store: str | Path = STORE) -> Study:
    """Open a study by its name, or by the path of its folder.

    Raises
    ------
    InvalidValue
        If there is none; the error lists the names.
    """
    return Study(find_study(Path(store), str(name)))


def compare(a: Network | Run, b: Network | Run) -> Comparison:
    """Compare two networks, or two runs, image by image over the same test images.

    Raises
    ------
    DataMismatch
        If they were tested on different images.
    """
    comparison: Comparison = compare_all(side_by_side([_summary(a), _summary(b)]))[0]
    return comparison


def _summary(of: Network | Run) -> NetworkSummary:
    from dataclasses import replace

    if isinstance(of, Network):
        return of.summary
    network = Network(of.folder, of.label, (of.row,)).summary
    return replace(network, label=of.label)


def default_name(
    asked: Mapping[str, Any], recipe: Mapping[str, Any], limits: Limits, variants: Mapping[str, Any],
    file: Path | None = None,
) -> str:  # fmt: skip
    """Name a study after its file or what was asked for, so the same call finds it again."""
    said = {**asked, **recipe}
    if "data" in said:
        said["data"] = plain_name(Path(said["data"]).resolve().name)
    said.pop("seeds", None)  # more seeds are the same study
    of_limits = [said.pop(key) for key in asdict(limits) if key in said]
    parts = [*limits.labels()] if of_limits else []  # 64K alone would not say of what
    parts += [str(value) if isinstance(value, str) else "+".join(map(str, value)) if isinstance(value, tuple) else
             f"{key}{value}" for key, value in sorted(said.items())]  # fmt: skip
    parts += [f"{key}{'+'.join(map(str, values))}" for key, values in sorted(variants.items())]
    base = DEFAULT_NAME if file is None and not parts else file.stem if file else "study"
    return name_of([base, *parts])


def _place(data: PreparedDataset) -> dict[str, str]:
    """Say where the data are, in the words of a study file."""
    return {"dataset": data.name} if data.name in CATALOG else {"data": str(data.path)}


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | int) else list(value)
