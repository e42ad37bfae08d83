"""What came of a tuning: trials by their end, the winner, and by how much choosing flattered it."""

from __future__ import annotations

import statistics
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from makeweight.errors import StoreError
from makeweight.html import Column, Table
from makeweight.report.summary import REPORTED_ON, NetworkSummary, StudySummary, summarise
from makeweight.stats.frontier import pareto
from makeweight.stats.intervals import Interval
from makeweight.store.trials import FIRST_RUNG, TrialRow, TuningRow, read_tuning
from makeweight.wording import confidence, percent, percentage, plural, points, value_text

MIN_TRIALS = 8  # for importances; of fewer the best quarter is one trial
BEST_SHARE = 0.25
HARDER_TEST = "; this data set's test images are 0.8 points harder for every network, and for nearest neighbours"


@dataclass(frozen=True)
class Selection:
    """The winner's accuracy at three looks, each less flattered than the one before; 0 to 1."""

    searching: float  # the one score by which it was among the best of all trials
    confirming: float  # mean of new seeds, same validation images
    seeds: int  # how many those are
    testing: Interval  # of the refitted networks on the test images: other images, more to train on


@dataclass(frozen=True)
class TuningSummary:
    """A tuning as it stands."""

    name: str
    dataset: str
    family: str
    budget: int
    trials: tuple[TrialRow, ...]  # begun, without those that were cut off and tried again
    interrupted: int  # how many those are
    frontier: tuple[int, ...]  # numbers of complete trials that none beats in both accuracy and MACs
    tuning: TuningRow
    network: NetworkSummary | None  # the winner's, once it is tested

    @property
    def counts(self) -> dict[str, int]:
        """Trials by state."""
        return dict(Counter(trial.state for trial in self.trials))

    @property
    def compared(self) -> list[TrialRow]:
        """Trials that reached the first rung of the search's schedule, the shortest."""
        reached = [t for t in self.trials if t.early_accuracy is not None]
        shortest = min((t.length for t in reached), default=1.0)
        return [t for t in reached if t.length == shortest]

    @property
    def rejected(self) -> int:
        """Trials whose point had no network, or one above the budget; the solver leaves none."""
        over = [t for t in self.trials if t.state != "running" and (t.weights is None or t.weights > self.budget)]
        return len(over)

    @property
    def best(self) -> TrialRow | None:
        """The winner, and before there is one the complete trial with the best score."""
        if self.tuning.winner is not None:
            return next(t for t in self.trials if t.number == self.tuning.winner)
        complete = [t for t in self.trials if t.state == "complete"]
        return max(complete, key=lambda t: t.validation_accuracy or 0.0, default=None)

    @property
    def selection(self) -> Selection | None:
        """The selection effect, once the winner is tested."""
        best = self.best
        if self.network is None or best is None or best.validation_accuracy is None:
            return None
        confirmed = self.tuning.candidates[best.number]
        mean = statistics.mean(confirmed)
        return Selection(best.validation_accuracy, mean, len(confirmed), self.network.test_accuracy)


def summarise_tuning(folder: Path, study: StudySummary | None = None) -> TuningSummary:
    """Read a tuning, and the study that it belongs to where that has not been read.

    Raises
    ------
    StoreError
        If the folder holds none, or it cannot be read.
    """
    tuning = read_tuning(folder)
    if tuning is None or not tuning.settings:
        raise StoreError(f"the study in {folder} was not tuned. Tune one with: makeweight tune")
    study = study or summarise(folder)
    trials = tuple(t for t in tuning.trials if not t.interrupted and t.state != "waiting")
    network = study.networks[0] if tuning.winner is not None and study.networks else None
    return TuningSummary(
        name=study.name,
        dataset=study.dataset,
        family=tuning.setting("family"),
        budget=tuning.setting("budget"),
        trials=trials,
        interrupted=sum(t.interrupted for t in tuning.trials),
        frontier=_frontier(trials),
        tuning=tuning,
        network=network if study.jobs_done == study.jobs_total else None,
    )


def _frontier(trials: tuple[TrialRow, ...]) -> tuple[int, ...]:
    complete = [t for t in trials if t.state == "complete" and t.macs and t.validation_accuracy is not None]
    on = pareto(np.array([t.macs for t in complete], dtype=float), np.array([t.validation_accuracy for t in complete]))
    return tuple(trial.number for trial, inside in zip(complete, on, strict=True) if inside)


def importances(summary: TuningSummary) -> dict[str, float]:
    """Return the share of each hyperparameter in what sets the best trials apart, largest first; they add up to 1.

    PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255), as Optuna has it, for the best quarter of the trials by their
    accuracy at the first rung, the one place where pruned trials can be compared with complete ones. Empty for less
    than ``MIN_TRIALS``, or where nothing differs.
    """
    import optuna

    compared = summary.compared
    if len(compared) < MIN_TRIALS:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials([
        optuna.trial.create_trial(params=t.point, distributions=t.ranges, value=t.early_accuracy) for t in compared
    ])  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()} if sum(shares.values()) > 0 else {}


def tuning_sentences(summary: TuningSummary) -> tuple[str, ...]:
    """Say in words what was tried, what won, and by how much choosing flattered it."""
    counts, tuning, best = summary.counts, summary.tuning, summary.best
    sentences = [
        f"{plural(len(summary.trials), 'trial')} in {tuning.seconds:.0f} s: {counts.get('complete', 0)} ran to their "
        f"end, {counts.get('pruned', 0)} were ended early, {counts.get('failed', 0)} failed; {summary.rejected} were "
        "rejected for their size, because widths come from the budget."
    ]
    if tuning.candidates:
        listed = "; ".join(
            f"trial {number} {percent(statistics.mean(accuracies))}" for number, accuracies in tuning.candidates.items()
        )
        seeds = len(next(iter(tuning.candidates.values())))
        sentences.append(
            f"The best were trained again with {plural(seeds, 'new seed')}, on validation images: {listed}."
        )
    if best is not None and tuning.winner is not None:
        sentences.append(f"Trial {best.number} won, with {best.weights:,} weights and {best.macs:,} MACs an image.")
    elif best is not None and best.validation_accuracy is not None:
        accuracy = percent(best.validation_accuracy)
        sentences.append(f"The best so far is trial {best.number}, validation accuracy {accuracy}; nothing is chosen.")
    selection = summary.selection
    if selection is not None and summary.network is not None:
        epochs = summary.network.recipe.epochs
        sentences.append(
            f"Selection effect: {points(selection.searching - selection.confirming, signed=True)} points of validation "
            f"accuracy: {percent(selection.searching)} when it won the search, {percent(selection.confirming)} with "
            f"{plural(selection.seeds, 'new seed')}."
        )
        tested = selection.testing
        sentences.append(
            f"Test accuracy: {percent(tested.mean)} ({confidence(tested.low, tested.high)}), opened once, after the "
            f"choice, by networks trained for {plural(epochs, 'epoch')}, on the validation images too. Its distance "
            "from the validation accuracy is no selection effect, because the images are others"
            f"{HARDER_TEST if summary.dataset == REPORTED_ON else ''}."
        )
    shares = importances(summary)
    if shares:
        listed = ", ".join(f"{name} ({percent(share, 0)})" for name, share in list(shares.items())[:3])
        sentences.append(f"What set the best quarter of the trials apart most: {listed}.")
    return tuple(sentences)


def winner_table(summary: TuningSummary) -> Table | None:
    """List the best trial's hyperparameters beside what was searched and how much each mattered."""
    best, shares = summary.best, importances(summary)
    if best is None:
        return None
    rows = [
        (name, value_text(value), _range(best.ranges[name]), *([percent(shares.get(name, 0), 0)] if shares else []))
        for name, value in best.point.items()
    ]
    columns = [Column("hyperparameter", False), Column(f"trial {best.number}", True), Column("searched", True, 2)]
    columns += [Column("importance", True, 1)] if shares else []
    return Table("winner", "The best trial's hyperparameters", tuple(columns), tuple(rows))


def trials_table(summary: TuningSummary) -> Table:
    """List all trials with their hyperparameters."""
    names = list(dict.fromkeys(name for trial in summary.trials for name in trial.point))
    columns = (
        Column("trial", True), Column("end", False), Column("validation accuracy %", True), Column("weights", True),
        Column("MACs", True), Column("epochs", True), Column("seconds", True), *(Column(name, True) for name in names),
    )  # fmt: skip
    note = f"A trial that was ended early has the accuracy of its last epoch, from {FIRST_RUNG} % of its schedule on."
    return Table("trials", "All trials", columns, tuple(_trial_row(trial, names) for trial in summary.trials), (note,))


def _trial_row(trial: TrialRow, names: list[str]) -> tuple[str, ...]:
    accuracy = percentage(trial.validation_accuracy)
    sizes = ("–" if size is None else f"{size:,}" for size in (trial.weights, trial.macs))
    values = (value_text(trial.point[name]) if name in trial.point else "–" for name in names)
    epochs = "–" if trial.epochs is None else str(trial.epochs)
    return str(trial.number), trial.state, accuracy, *sizes, epochs, f"{trial.seconds:.1f}", *values


def _range(values: Any) -> str:
    if hasattr(values, "choices"):
        return value_text(values.choices)
    return f"{value_text(values.low)} to {value_text(values.high)}{', logarithmic' if values.log else ''}"


def tuning_record(summary: TuningSummary) -> dict[str, Any]:
    """Everything about a tuning as one JSON object."""
    best, network, selection, counts = summary.best, summary.network, summary.selection, summary.counts
    return {
        "study": summary.name,
        "dataset": summary.dataset,
        "family": summary.family,
        "budget": summary.budget,
        "best": {"hyperparameters": best.point, "trial": best.number} if best else None,
        "weights": best.weights if best else None,
        "macs": best.macs if best else None,
        "epochs": network.recipe.epochs if network else best.epochs if best else None,
        "validation_accuracy": selection.confirming if selection else best.validation_accuracy if best else None,
        "test_accuracy": network.test_accuracy.mean if network else None,
        "test_accuracies": [run.test_accuracy for run in network.runs] if network else None,
        "test_accuracy_ci95": [network.test_accuracy.low, network.test_accuracy.high] if network else None,
        "selection": {
            "search_validation": selection.searching,
            "confirmed_validation": selection.confirming,
            "test": selection.testing.mean,
        } if selection else None,
        "candidates": {str(n): list(accuracies) for n, accuracies in summary.tuning.candidates.items()},
        "searched": {name: _range(values) for name, values in best.ranges.items()} if best else None,
        "importances": importances(summary),
        "frontier": list(summary.frontier),
        "trials_done": counts.get("complete", 0),
        "trials_pruned": counts.get("pruned", 0),
        "trials_failed": counts.get("failed", 0),
        "trials_rejected": summary.rejected,
        "trials_interrupted": summary.interrupted,
        "wall_seconds": summary.tuning.seconds,
        "settings": summary.tuning.settings,
    }  # fmt: skip
