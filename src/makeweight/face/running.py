"""Run a plan: show on stderr what happens, and save what runs when interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.store.store import Store
from makeweight.studies.interrupt import Interruption, interruption
from makeweight.studies.session import Machine, StudyPlan, run_study

if TYPE_CHECKING:
    from makeweight.face.progress import StudyView, TrainView
    from makeweight.face.tuning_view import TuningView
    from makeweight.jobs.result import Job
    from makeweight.studies.runner import RunnerEvent
    from makeweight.tuning.session import TuningEvent, TuningPlan

    Plan = StudyPlan | TuningPlan


def finish(plan: Plan, machine: Machine, done: Callable[[], str]) -> None:
    """Run a plan to its end; Ctrl-C, or a notebook's stop button, saves and stops.

    Parameters
    ----------
    done : callable
        Says how far it got, after an interruption.

    Raises
    ------
    KeyboardInterrupt
        After all that ran has been saved.
    """
    # Only the main thread gets signals; elsewhere nothing can be interrupted.
    main = threading.current_thread() is threading.main_thread()
    with interruption() if main else nullcontext(Interruption()) as interrupted:
        for _ in watched(plan, machine, interrupted.requested):
            pass
    if interrupted.requested():
        raise KeyboardInterrupt(f"{done()} Run the same again to go on.")


def watched(plan: Plan, machine: Machine, stop_requested: Callable[[], bool]) -> Iterator[RunnerEvent | TuningEvent]:
    """Run what is missing of a study, training or tuning; show each event, and pass it on."""
    events: Iterator[RunnerEvent | TuningEvent]
    if isinstance(plan, StudyPlan):
        events = run_study(plan, machine, stop_requested)
    else:
        from makeweight.tuning.session import run_tuning

        events = run_tuning(plan, machine, stop_requested)
    for first in events:  # at most once; if nothing is missing, nothing is timed
        view = _view(plan, machine)
        with view.shown():
            view.show(first)  # type: ignore[arg-type]  # a view takes the events of its own kind of plan
            yield first
            for event in events:
                view.show(event)  # type: ignore[arg-type]
                yield event


def unfinished(folder: Path) -> list[Job]:
    """List a study's trainings that aren't done."""
    with Store.open(folder) as store:
        return [row.job for row in store.jobs() if row.state != "done"]


def _view(plan: Plan, machine: Machine) -> StudyView | TrainView | TuningView:
    if not isinstance(plan, StudyPlan):
        from makeweight.face.tuning_view import TuningView

        return TuningView(plan.trials_at_most, plan.seconds)
    from makeweight.face.progress import StudyView, TrainView
    from makeweight.studies.estimate import pace_of

    waiting = unfinished(plan.folder)
    pace = pace_of(plan, machine, waiting)
    return TrainView(pace) if plan.alone else StudyView(pace, len(plan.jobs) - len(waiting), len(plan.jobs))
