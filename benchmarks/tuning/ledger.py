"""The clock of a search and its trials, one line each, as it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# Unfinished: the time was up. Rejected: too large, and not trained.
State = Literal["complete", "pruned", "failed", "rejected", "unfinished"]


@dataclass(frozen=True, slots=True)
class Line:
    """The search after one more trial has ended."""

    spent: float  # CPU seconds of the process since the search began
    wall: float  # seconds on the wall since then
    begun: int  # trials so far, this one and the rejected ones with it
    rejected: int  # of them
    best: float | None  # validation accuracy of the complete trials so far, 0 to 1
    state: State
    accuracy: float | None  # of this trial, where it is complete
    weights: int | None  # of its network
    reason: str  # why it is not complete
    point: dict[str, Any]  # its hyperparameters


@dataclass
class Ledger:
    """Counts CPU seconds of this process, in which everything happens: proposing, designing, training, validating."""

    seconds: float  # to spend
    facts: dict[str, Any] = field(default_factory=dict)  # about the search, by name
    lines: list[Line] = field(default_factory=list)
    _cpu: float = 0.0
    _wall: float = 0.0

    def start(self) -> None:
        """Begin to count; imports and reading the images come before."""
        self._cpu, self._wall = time.process_time(), time.monotonic()

    def spent(self) -> float:
        """CPU seconds since the start, of all threads."""
        return time.process_time() - self._cpu

    def left(self) -> float:
        """Seconds that are left of the budget; below 0 when it is overdrawn."""
        return self.seconds - self.spent()

    def add(
        self,
        state: State,
        point: Mapping[str, Any],
        accuracy: float | None = None,
        weights: int | None = None,
        reason: str = "",
    ) -> None:
        """Write a trial that has ended."""
        if accuracy is not None:
            accuracy = round(accuracy, 6)  # Keras gives float32: as many hits must be the same number for all
        before = self.lines[-1] if self.lines else None
        best = before.best if before else None
        if state == "complete" and accuracy is not None:
            best = accuracy if best is None else max(best, accuracy)
        self.lines.append(
            Line(
                spent=round(self.spent(), 3),
                wall=round(time.monotonic() - self._wall, 3),
                begun=len(self.lines) + 1,
                rejected=(before.rejected if before else 0) + (state == "rejected"),
                best=best,
                state=state,
                accuracy=accuracy if state == "complete" else None,
                weights=weights,
                reason=reason,
                point=dict(point),
            )
        )

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**self.facts, "lines": [asdict(line) for line in self.lines]}
