"""The record of a search: Optuna's study in the study's folder, which proposes points and is told the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.trial import Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from makeweight.errors import InvalidValue
from makeweight.store.trials import FIRST_RUNG, INTERRUPTED, TUNING_DATABASE, damaged, open_storage, require_whole
from makeweight.tuning.space import Point, SearchSpace

# Fixed, so that a search is what its command says. Successive halving (Li et al. 2020, "A System for Massively Parallel
# Hyperparameter Tuning"): at one third and two thirds of its schedule a trial goes on only if it is in the better half
# of those that came so far. Of 24 random FCNs of 100K weights, accuracy at a third has ρ = 0.90 with the final one but
# says little among the best: with the best third going on, the winner would often be lost (docs/tuning.md).
# Steps are percent of a trial's own schedule: a learning rate that has come down makes any accuracy look good.
STARTUP_TRIALS = 10  # Optuna's default: random points before the sampler has enough to learn from
REDUCTION = 2


class LivePruner(optuna.pruners.SuccessiveHalvingPruner):
    """Successive halving among the trials of one length that did not fail.

    Optuna's own also counts failed trials. An interrupted one would then compete with the trial that takes over its
    point, and if all promoted ones had failed, none would ever complete.
    """

    def prune(self, study: optuna.study.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether the trial should end; see Optuna's."""
        return super().prune(cast(optuna.study.Study, _Competing(study, trial)), trial)


class _Competing:
    def __init__(self, study: optuna.study.Study, trial: optuna.trial.FrozenTrial) -> None:
        self._study, self._length = study, trial.user_attrs.get("length")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(self, deepcopy: bool = True) -> list[optuna.trial.FrozenTrial]:
        trials = self._study.get_trials(deepcopy=deepcopy)
        return [t for t in trials if t.state != TrialState.FAIL and t.user_attrs.get("length") == self._length]


class TuningRecord:
    """The trials of one search.

    Parameters
    ----------
    folder : pathlib.Path
        The study's.
    settings : dict
        Everything that makes points comparable; a folder with other settings is refused.
    space : SearchSpace
        The hyperparameters.
    sampler, pruner : optuna objects, optional
        By default those that ``settings`` describe. Benchmarks compare others.

    Raises
    ------
    InvalidValue
        If the folder holds a search with other settings.
    StoreError
        If the file cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        space: SearchSpace,
        sampler: optuna.samplers.BaseSampler | None = None,
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> None:
        self._path = folder / TUNING_DATABASE
        self._space = space
        require_whole(folder)
        self._storage = open_storage(folder)
        with self._sound():
            self._study = optuna.create_study(
                storage=self._storage, study_name="tuning", direction="maximize", load_if_exists=True, pruner=pruner
                or LivePruner(min_resource=FIRST_RUNG, reduction_factor=REDUCTION),
            )  # fmt: skip
            self._refuse_other(folder, settings)
            self._study.set_user_attr("settings", settings)
            # A different seed for each session, or a restart would repeat the first points.
            count = len(self._study.get_trials(deepcopy=False))
            self._study.sampler = sampler or optuna.samplers.TPESampler(
                n_startup_trials=STARTUP_TRIALS, seed=settings.get("seed", 0) + count
            )

    def close(self) -> None:
        """Let go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def recover(self) -> int:
        """Mark trials left running by another process as failed, queue their points again, and return their number."""
        with self._sound():
            left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            for trial in left:
                # A process killed while asking chose only part of the point, unless the point was queued.
                self.interrupt(trial.number, {**trial.system_attrs.get("fixed_params", {}), **trial.params})
        return len(left)

    def enqueue(self, points: Iterable[Point]) -> None:
        """Queue points ahead of the sampler's; one that waits already isn't queued again."""
        waiting = self.waiting()
        with self._sound():
            for point in points:
                if point not in waiting:
                    self._study.enqueue_trial(point)

    def waiting(self) -> list[Point]:
        """Return the queued points."""
        with self._sound():
            queued = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            return [trial.system_attrs["fixed_params"] for trial in queued]

    def ask(self) -> Trial:
        """Start a trial at the next point."""
        with self._sound():
            trial = self._study.ask()
            self._space.suggest(trial)
            return trial

    def describe(self, trial: Trial, **attributes: Any) -> None:
        """Store facts about a trial."""
        with self._sound():
            for name, value in attributes.items():
                trial.set_user_attr(name, value)

    def report(self, trial: Trial, epoch: int, epochs: int, accuracy: float) -> bool:
        """Report a validation accuracy, and return whether the trial should end here."""
        with self._sound():
            percent = 100 * epoch // epochs
            if percent == 100 * (epoch - 1) // epochs:
                return False  # this percent is reported already: more than 100 epochs
            trial.report(accuracy, percent)
            return epoch < epochs and trial.should_prune()

    def complete(self, trial: Trial, accuracy: float) -> None:
        """End a trial that ran to its end."""
        with self._sound():
            self._study.tell(trial, accuracy)

    def prune(self, trial: Trial, reason: str) -> None:
        """End a trial early, keeping its reports."""
        with self._sound():
            trial.set_user_attr("reason", reason)
            self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, reason: str) -> None:
        """End a trial without a value."""
        with self._sound():
            trial.set_user_attr("reason", reason)
            self._study.tell(trial, state=TrialState.FAIL)

    def interrupt(self, number: int, point: Point) -> None:
        """End an interrupted trial, and queue its point."""
        with self._sound():
            trial = Trial(self._study, self._study.get_trials(deepcopy=False)[number]._trial_id)
            trial.set_user_attr("reason", INTERRUPTED)
            self._study.tell(number, state=TrialState.FAIL)
            self._study.enqueue_trial(point)

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """All trials, in order."""
        with self._sound():
            return self._study.get_trials(deepcopy=False)

    def keep(self, name: str, value: Any) -> None:
        """Store a fact about the search."""
        with self._sound():
            self._study.set_user_attr(name, value)

    def kept(self, name: str, default: Any = None) -> Any:
        """Return such a fact."""
        with self._sound():
            return self._study.user_attrs.get(name, default)

    def _refuse_other(self, folder: Path, settings: dict[str, Any]) -> None:
        before = self._study.user_attrs.get("settings", settings)
        other = [name for name in {**before, **settings} if before.get(name) != settings.get(name)]
        if other:
            self.close()
            raise InvalidValue(
                f"{folder} holds a tuning with another {other[0]}: {before.get(other[0])!r}, and now "
                f"{settings.get(other[0])!r}. Use the same to continue, or another name."
            )

    @contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            raise damaged(self._path, error.__cause__ or error) from error
