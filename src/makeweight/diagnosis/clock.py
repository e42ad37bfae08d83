"""The time that a diagnosis may take, shared out among its probes."""

from __future__ import annotations

import time


class Clock:
    """Counts down."""

    def __init__(self, seconds: float) -> None:
        self._begun, self._seconds = time.monotonic(), seconds

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds to the end; negative behind it."""
        return self._seconds - self.spent

    def part(self, share: float) -> Clock:
        """Return a clock for a share of what is left."""
        return Clock(max(0.0, self.left) * share)
