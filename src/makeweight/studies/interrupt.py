"""Ctrl-C and SIGTERM: the first one asks for an orderly end, the second one ends at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interruption:
    """Whether to stop, and the exit code then."""

    signal_number: int | None = None

    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self.signal_number is not None

    @property
    def exit_code(self) -> int:
        """Return 130 for Ctrl-C and 143 for SIGTERM, as shells do."""
        return 128 + (self.signal_number or signal.SIGINT)


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Catch SIGINT and SIGTERM while the block runs."""
    state = Interruption()

    def on_signal(number: int, _: FrameType | None) -> None:
        if state.requested():
            raise SystemExit(128 + number)
        state.signal_number = number

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield state
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
