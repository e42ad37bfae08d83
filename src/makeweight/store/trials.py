"""The trials of a tuning, as Optuna keeps them in the study's folder; they can be read at any time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import InvalidValue, StoreError
from makeweight.files import whole
from makeweight.store.database import BUSY_SECONDS
from makeweight.store.rows import check, checked

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

TUNING_DATABASE = "tuning.db"
INTERRUPTED = "interrupted; its point was tried again"
DAMAGED = "its row is damaged"
# What Optuna, which decodes rows without looking, and our own checks raise over damaged ones.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RecursionError)
FAMILY = "family"  # the hyperparameter that chooses among several families
FIRST_RUNG = 33  # percent of its schedule that every trial is trained for, so all can be compared there


@dataclass(frozen=True)
class TrialRow:
    """The state of one trial."""

    number: int
    state: str  # running, complete, pruned, failed or waiting
    point: dict[str, Any]  # its hyperparameters
    validation_accuracy: float | None  # of its last epoch, 0 to 1; of a pruned trial in mid-schedule
    shares: dict[int, float]  # validation accuracy by percent of the schedule
    weights: int | None
    macs: int | None
    length: float  # of its schedule, in multiples of the family's default one
    epochs: int | None  # of its schedule
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
        """Whether it was interrupted; the trial that took over its point counts instead."""
        return self.reason == INTERRUPTED


@dataclass(frozen=True)
class _Share:
    percent: int  # of a trial's schedule
    accuracy: float


@dataclass(frozen=True)
class _Asked:
    trials: int | None
    seconds: float | None


@dataclass(frozen=True)
class _Settings:
    """Settings that reports and a search that goes on need."""

    dataset: str
    family: str
    effort: str
    budget: int
    limits: dict[str, Any]
    seed: int
    split_seed: int
    fixed: dict[str, Any]


@dataclass(frozen=True)
class TuningRow:
    """A tuning: settings, trials and outcome."""

    settings: dict[str, Any]
    asked: tuple[int | None, float | None]  # trials and seconds
    trials: tuple[TrialRow, ...]
    candidates: dict[int, tuple[float, ...]]  # validation accuracies of the confirming seeds, by trial
    winner: int | None  # number of the trial
    seconds: float  # wall time of all sessions

    def setting(self, name: str) -> Any:
        """Return a setting.

        Raises
        ------
        StoreError
            If the tuning has none of that name.
        """
        if name not in self.settings:
            raise StoreError(f"the tuning's settings are damaged: they have no {name}. Restore tuning.db from a copy.")
        return self.settings[name]


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
    """Create the tables under another name, so readers only ever see the file whole."""
    with whole(path) as unfinished:
        storage = _storage(unfinished)
        storage.remove_session()
        storage.engine.dispose()


def _storage(path: Path) -> RDBStorage:
    from optuna.storages import RDBStorage

    def connect() -> sqlite3.Connection:  # a URL can't hold every path
        return sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)

    return RDBStorage("sqlite:///tuning.db", engine_kwargs={"creator": connect})


def damaged(path: Path, error: BaseException) -> StoreError:
    """Return the error for a file of trials that can't be used."""
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    return StoreError(
        f"the trials in {path} cannot be used: {cause}. Check disk and rights; if the file is damaged, restore it "
        "from a copy, or start a tuning of another name."
    )


def has_trials(folder: Path) -> bool:
    """Whether a study's folder holds a tuning."""
    return (folder / TUNING_DATABASE).is_file()


def read_tuning(folder: Path) -> TuningRow | None:
    """Read a folder's tuning; None if there is none.

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
    except (SQLAlchemyError, *_DAMAGE) as error:
        raise damaged(folder / TUNING_DATABASE, error) from error
    finally:
        storage.engine.dispose()


def require_whole(folder: Path) -> None:
    """Read a folder's tuning, before its search goes on.

    Raises
    ------
    StoreError
        If the file can't be read, or one of its trials is damaged.
    """
    tuning = read_tuning(folder)
    for trial in tuning.trials if tuning else ():
        if trial.reason.startswith(DAMAGED):
            raise damaged(folder / TUNING_DATABASE, InvalidValue(f"trial {trial.number}: {trial.reason}"))


def _tuning(study: Study) -> TuningRow:
    trials = study.get_trials(deepcopy=False)
    begun = min((t.datetime_start.timestamp() for t in trials if t.datetime_start), default=0.0)
    rows, attributes = tuple(_checked_row(trial, begun) for trial in trials), study.user_attrs
    trials_asked, seconds_asked = attributes.get("asked", (None, None))
    tuning = TuningRow(
        settings=attributes.get("settings", {}),
        asked=(trials_asked, seconds_asked),
        trials=rows,
        candidates={int(number): tuple(accuracies) for number, accuracies in attributes.get("confirmed", {}).items()},
        winner=attributes.get("winner"),
        seconds=attributes.get("seconds", 0.0),
    )
    _check_tuning(tuning)
    return tuning


def _check_tuning(tuning: TuningRow) -> None:
    """Check what is stored once for all trials.

    Raises
    ------
    InvalidValue
        If something is damaged.
    """
    check(TuningRow, {"settings": tuning.settings, "winner": tuning.winner, "seconds": tuning.seconds})
    check(_Asked, dict(zip(("trials", "seconds"), tuning.asked, strict=True)))
    check(_Settings, {name: tuning.settings[name] for name in _Settings.__annotations__ if name in tuning.settings})
    whole = {trial.number for trial in tuning.trials if trial.state == "complete"}
    confirmed = set(tuning.candidates)
    if not confirmed <= whole or tuning.winner not in {None, *confirmed} or not all(tuning.candidates.values()):
        raise InvalidValue(f"trial {tuning.winner} of {sorted(confirmed)} won; whole are {sorted(whole)}"[:200])
    for accuracies in tuning.candidates.values():
        for accuracy in accuracies:
            check(_Share, {"accuracy": accuracy})


def _checked_row(trial: FrozenTrial, begun: float) -> TrialRow:
    """Read a trial; a damaged one has failed."""
    try:
        return _row(trial, begun)
    except (ValueError, TypeError) as error:
        reason = f"{DAMAGED} ({error})"
        return TrialRow(trial.number, "failed", {}, None, {}, None, None, 1.0, None, 0.0, reason, (), None, {})


_STATES = {"FAIL": "failed"}


def _row(trial: FrozenTrial, begun: float) -> TrialRow:
    from optuna.trial import create_trial

    create_trial(params=trial.params, distributions=trial.distributions, value=0.0)  # refuses what is out of range
    shares, attributes = trial.intermediate_values, trial.user_attrs
    value = trial.value if trial.value is not None else shares.get(max(shares, default=0))
    for share, accuracy in shares.items():
        check(_Share, {"percent": share, "accuracy": accuracy})
    needed = trial.value, attributes.get("weights"), attributes.get("macs")
    if trial.state.name == "COMPLETE" and None in needed:
        raise InvalidValue("accuracy, weights or MACs are missing")
    return checked(TrialRow, {
        "number": trial.number,
        "state": _STATES.get(trial.state.name, trial.state.name.lower()),
        "point": dict(trial.params),
        "validation_accuracy": value,
        "shares": dict(shares),
        "weights": attributes.get("weights"),
        "macs": attributes.get("macs"),
        "length": attributes.get("length", 1.0),
        "epochs": attributes.get("epochs"),
        "seconds": attributes.get("seconds", 0.0),
        "dropped": tuple(attributes.get("dropped", ())),
        "reason": attributes.get("reason", ""),
        "ended": max(0.0, trial.datetime_complete.timestamp() - begun) if trial.datetime_complete else None,
        "ranges": dict(trial.distributions),
    })  # fmt: skip
