"""MakeweightError and one named class per failure.

Every message states the rule, the value that breaks it, and the remedy; the command line prints it
as one line and exits with :attr:`MakeweightError.exit_code`.
"""

from __future__ import annotations


class MakeweightError(Exception):
    """Base of every failure that makeweight explains; never raised itself."""

    exit_code = 2


class InvalidValue(MakeweightError):
    """A value given by the user breaks a stated rule."""


class GeometryError(MakeweightError):
    """A layer does not fit the shape that reaches it."""


class InfeasibleBudget(MakeweightError):
    """No network of the family fills the budget.

    Attributes
    ----------
    smallest : int or None
        The smallest budget of weights, from the one asked for upwards, that works.
    """

    def __init__(self, message: str, smallest: int | None = None) -> None:
        super().__init__(message)
        self.smallest = smallest


class InfeasibleLimits(MakeweightError):
    """No network of the family keeps to the limits beside the weights.

    Attributes
    ----------
    nearest : dict
        For each limit that binds (macs, activation_bytes), the smallest value that works.
    """

    def __init__(self, message: str, nearest: dict[str, int]) -> None:
        super().__init__(message)
        self.nearest = nearest


class BudgetExceeded(MakeweightError):
    """An architecture asked for exactly has more weights than its budget."""


class DataNotFound(MakeweightError):
    """A data set is neither prepared nor reachable from any source."""


class DataFormatError(MakeweightError):
    """A data file is not what its format promises."""


class DataMismatch(MakeweightError):
    """Data or software differ from what a stored result was made with."""


class StoreError(MakeweightError):
    """The study's store cannot be read or written."""


class StudyLocked(StoreError):
    """Another process is running the study."""


class RunFailed(MakeweightError):
    """A study could not be started from the dashboard; the message is the command's own."""


class StudyFileError(MakeweightError):
    """A study file breaks the schema; names file, key and allowed values."""


class TrainingDiverged(MakeweightError):
    """The loss became NaN or infinite."""

    exit_code = 1


class ExecutorError(MakeweightError):
    """The workers cannot be started or kept alive."""


class TuningFailed(MakeweightError):
    """A search ended without a network to choose."""


class UnsupportedHardware(MakeweightError):
    """A device or precision was asked for by name and is not there."""


class MissingExtra(MakeweightError):
    """A package or a program is not installed that only some commands need."""
