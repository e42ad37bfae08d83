"""One contestant in its own process: builds, warms up, then trains a leg for each ``go`` on stdin.

Answers one JSON line for itself and one for each leg. Everything else that a library prints goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any, TextIO

from benchmarks.memory import peak_rss
from benchmarks.peers import PEERS, trainer_of
from benchmarks.peers.setting import Trainer, setting_of
from benchmarks.workloads import Workload

GO = "go"


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workload", help="JSON")
    parser.add_argument("--threads", type=int, required=True)
    asked = parser.parse_args()
    answers = _own_stdout()
    try:
        trainer = trainer_of(asked.peer, setting_of(Workload.from_json(asked.workload), asked.threads))
        warm_up = _timed(trainer)  # whole, so that every shape of batch is compiled
    except Exception as error:  # whatever it is: this contestant is out, and the others go on
        _answer(answers, {"failed": f"{type(error).__name__}: {error}"})
        return
    _answer(answers, {"weights": trainer.weights, "precision": trainer.precision, "warm_up": warm_up})
    for line in sys.stdin:
        if line.strip() == GO:
            _answer(answers, _timed(trainer))


def _timed(trainer: Trainer) -> dict[str, Any]:
    start = time.monotonic()  # the same clock in all processes
    outcome = trainer.leg()
    end = time.monotonic()
    return {
        "seconds": end - start if outcome.seconds is None else outcome.seconds,
        "started": start,
        "ended": end,
        "loss": outcome.loss,
        "peak_rss_mb": round(peak_rss(), 1),
    }


def _own_stdout() -> TextIO:
    """Keep stdout for the answers, and send what others print to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: TextIO, record: dict[str, Any]) -> None:
    answers.write(json.dumps(record) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
