"""MakeweightError and one named class per failure.

Every message states the rule, the value that breaks it, and the remedy. It names arguments as Python has them
(``workers=1``); the command line turns them into flags, prints one line and exits with
:attr:`MakeweightError.exit_code`. Where Python has a class for a failure, ours is one of it:

>>> issubclass(InvalidValue, ValueError), issubclass(DataNotFound, FileNotFoundError)
(True, True)
"""

from __future__ import annotations

import re
import shlex
import sys
import warnings

# An argument in a message; not in a name such as cnn-10k-kernel=5, in quotes, or as the value of a flag.
ARGUMENT = re.compile(r"(?<![\w'\"/-])(?<!--set )(?<!--vary )([a-z][a-z0-9_]*)=([^\s,;:)]*[^\s,;:).])")


class MakeweightError(Exception):
    """Base of every failure that makeweight explains; never raised itself."""

    exit_code = 2


class InvalidValue(MakeweightError, ValueError):
    """A value given by the user breaks a stated rule."""


class UnknownNetwork(InvalidValue, KeyError):
    """A network of that name isn't in the zoo."""

    __str__ = Exception.__str__  # KeyError shows its message as Python writes a string


class GeometryError(MakeweightError, ValueError):
    """A layer does not fit the shape that reaches it."""


class InfeasibleBudget(MakeweightError, ValueError):
    """No network of the family fills the budget.

    Attributes
    ----------
    smallest : int or None
        The smallest budget of weights, from the one asked for upwards, that works.
    """

    def __init__(self, message: str, smallest: int | None = None) -> None:
        super().__init__(message)
        self.smallest = smallest


class InfeasibleLimits(MakeweightError, ValueError):
    """No network of the family keeps to the limits beside the weights.

    Attributes
    ----------
    nearest : dict
        For each limit that binds (macs, ram, flash, ms), the smallest value that works.
    """

    def __init__(self, message: str, nearest: dict[str, float]) -> None:
        super().__init__(message)
        self.nearest = nearest


class BudgetExceeded(MakeweightError, ValueError):
    """An architecture asked for exactly has more weights than its budget."""


class DataNotFound(MakeweightError, FileNotFoundError):
    """A data set is neither prepared nor reachable from any source."""


class DataFormatError(MakeweightError):
    """A data file is not what its format promises."""


class DataWarning(UserWarning):
    """Data can be used, but say less than they seem to; told, never raised, whatever ``PYTHONWARNINGS`` says."""


warnings.simplefilter("default", DataWarning)


class DataMismatch(MakeweightError):
    """Data or software differ from what a stored result was made with."""


class StoreError(MakeweightError):
    """The study's store cannot be read or written."""


class StudyLocked(StoreError):
    """Another process is running the study."""


class RunFailed(MakeweightError):
    """A study could not be started from the dashboard; the message is the command's own."""


class StudyFileError(MakeweightError, ValueError):
    """A study file breaks the schema; names file, key and allowed values."""


class TrainingDiverged(MakeweightError, ArithmeticError):
    """The loss became NaN or infinite."""

    exit_code = 1


class ExecutorError(MakeweightError, RuntimeError):
    """The workers cannot be started or kept alive."""


class TuningFailed(MakeweightError, RuntimeError):
    """A search ended without a network to choose."""


class UnsupportedHardware(MakeweightError, RuntimeError):
    """A device or precision was asked for by name and is not there."""


class MissingExtra(MakeweightError, ImportError):
    """A package or a program is not installed that only some commands need."""


def install_command(package: str) -> str:
    """Say how to install a package into the Python that is running.

    >>> install_command("makeweight[web]").endswith("-m pip install 'makeweight[web]'")
    True
    """
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(package)}"
