"""The trials of a tuning, as Optuna keeps them in the study's folder; reading them needs no search to be running."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import StoreError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study

TUNING_DATABASE = "tuning.db"
INTERRUPTED = "interrupted; its point was tried again"
FIRST_RUNG = 33  # percent of its schedule up to which every trial is trained, so that all can be compared there


@dataclass(frozen=True)
class TrialRow:
    """One trial as it stands."""

    number: int
    state: str  # running, complete, pruned, failed or waiting
    point: dict[str, Any]  # its hyperparameters
    validation_accuracy: float | None  # of its last epoch, 0 to 1; of a pruned trial in mid-schedule
    shares: dict[int, float]  # validation accuracy by percent of the schedule
    weights: int | None
    macs: int | None
    activation_bytes: int | None  # float32
    seconds: float  # of training and validation
    reason: str  # why it failed or was pruned
    dropped: tuple[str, ...]  # hyperparameters that no network within budget and limits has
    ended: float | None  # seconds after the first trial began
    ranges: dict[str, Any] = field(repr=False)  # Optuna's distribution of each hyperparameter

    @property
    def early_accuracy(self) -> float | None:
        """Validation accuracy at the first rung, where trials that were pruned later can be compared with the rest."""
        return next((self.shares[share] for share in sorted(self.shares) if share >= FIRST_RUNG), None)

    @property
    def interrupted(self) -> bool:
        """Whether it was cut off through no fault of its own, and is counted by the trial that took its point."""
        return self.reason == INTERRUPTED


@dataclass(frozen=True)
class TuningRow:
    """A tuning: what was asked, its trials, and what came of it."""

    settings: dict[str, Any]
    asked: tuple[int | None, float | None]  # trials and seconds
    trials: tuple[TrialRow, ...]
    candidates: dict[int, tuple[float, ...]]  # validation accuracies of the confirming seeds, by trial
    winner: int | None  # number of the trial
    seconds: float  # wall time of all sessions


def open_storage(folder: Path) -> RDBStorage:
    """Open, or make, the SQLite file of a folder's trials.

    Raises
    ------
    StoreError
        If it cannot be read or written.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / TUNING_DATABASE
    try:
        if not path.exists():
            _make(path)
        return _storage(path)
    except (SQLAlchemyError, RuntimeError, OSError) as error:
        raise damaged(path, error) from error


def _make(path: Path) -> None:
    """Make the tables under another name: whoever finds the file finds it whole, and makes none of them itself."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)  # of a process that was killed
    storage = _storage(unfinished)
    storage.remove_session()
    storage.engine.dispose()
    unfinished.replace(path)


def _storage(path: Path) -> RDBStorage:
    from optuna.storages import RDBStorage

    return RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 30}})


def damaged(path: Path, error: BaseException) -> StoreError:
    """Say that the file of trials cannot be used."""
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    return StoreError(
        f"the trials in {path} cannot be used: {cause}. Check disk and rights; if the file is damaged, restore it "
        "from a copy, or start a tuning of another --name."
    )


def has_trials(folder: Path) -> bool:
    """Say whether a study's folder holds a tuning."""
    return (folder / TUNING_DATABASE).is_file()


def read_tuning(folder: Path) -> TuningRow | None:
    """Read a folder's tuning; None where there is none.

    Raises
    ------
    StoreError
        If the file cannot be read.
    """
    if not has_trials(folder):
        return None
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    storage = open_storage(folder)
    try:
        names = [study.study_name for study in storage.get_all_studies()]
        return _tuning(optuna.load_study(study_name=names[0], storage=storage)) if names else None
    except SQLAlchemyError as error:
        raise damaged(folder / TUNING_DATABASE, error) from error
    finally:
        storage.engine.dispose()


def _tuning(study: Study) -> TuningRow:
    trials = study.get_trials(deepcopy=False)
    begun = min((t.datetime_start.timestamp() for t in trials if t.datetime_start), default=0.0)
    attributes = study.user_attrs
    return TuningRow(
        settings=attributes.get("settings", {}),
        asked=tuple(attributes.get("asked", (None, None))),
        trials=tuple(_row(trial, begun) for trial in trials),
        candidates={int(number): tuple(found) for number, found in attributes.get("confirmed", {}).items()},
        winner=attributes.get("winner"),
        seconds=attributes.get("seconds", 0.0),
    )


_STATES = {"FAIL": "failed"}


def _row(trial: Any, begun: float) -> TrialRow:
    shares, attributes = trial.intermediate_values, trial.user_attrs
    value = trial.value if trial.value is not None else shares.get(max(shares, default=0))
    return TrialRow(
        number=trial.number,
        state=_STATES.get(trial.state.name, trial.state.name.lower()),
        point=dict(trial.params),
        validation_accuracy=value,
        shares=dict(shares),
        weights=attributes.get("weights"),
        macs=attributes.get("macs"),
        activation_bytes=attributes.get("activation_bytes"),
        seconds=attributes.get("seconds", 0.0),
        dropped=tuple(attributes.get("dropped", ())),
        reason=attributes.get("reason", ""),
        ended=trial.datetime_complete.timestamp() - begun if trial.datetime_complete else None,
        ranges=dict(trial.distributions),
    )
