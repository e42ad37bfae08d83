"""The command ``makeweight``: how errors and exit codes leave."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import warnings
from types import FrameType
from typing import TextIO, cast

from makeweight.cli.output import complain, remark, with_flags
from makeweight.errors import DataWarning, MakeweightError


def main() -> None:
    """Run the command line; results go to stdout, everything else to stderr."""
    # Before torch is imported. Threads that wait actively take the processor from those that they wait for: on a busy
    # machine `makeweight verify cnn-2k` took 47 to 54 s with them, and 25 to 28 s without (2 cores, AMD EPYC).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding (LC_ALL=C) must not turn a × into a traceback.
        cast("TextIO", stream).reconfigure(errors="replace")  # type: ignore[attr-defined]
    warnings.showwarning = _tell
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # last of all
    try:
        sys.exit(_run())
    except KeyboardInterrupt:  # before there is a command, or while an error is told
        sys.exit(_interrupted())
    finally:
        signal.signal(signal.SIGINT, _end_at_once)


def _open_closed_streams() -> None:
    """Open /dev/null in place of a stream that is closed: Python has None there, and a file would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the stream's own
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode))


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    """Print a warning of ours as a line, and others with their place in the program."""
    ours = issubclass(category, DataWarning)
    remark(f"warning: {message}" if ours else warnings.formatwarning(message, category, filename, lineno).rstrip())


def _end_at_once(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


def _interrupted() -> int:
    complain("interrupted.")
    return 130


def _run() -> int:
    import typer
    from typer.exceptions import TyperException

    try:
        from makeweight.cli.app import app  # here, as a user's own family may be wrong

        code = int(app(standalone_mode=False) or 0)
        sys.stdout.flush()
        return code
    except MakeweightError as error:
        complain(with_flags(str(error)))
        return error.exit_code
    except TyperException as error:
        if error.format_message():  # empty if a command without arguments has printed its help
            complain(f"{error.format_message()} See: makeweight --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except (BrokenPipeError, SystemExit) as ended:
        # Where the reader has gone (`| head`), typer and rich exit with 1, which here means failed trainings.
        if isinstance(ended, SystemExit) and ended.code != 1:
            raise
        # Without this, Python complains again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") + ".")
        return 2
