"""How a running tuning looks: a line per trial, and on a terminal a bar for the whole; all on stderr."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from makeweight.face.progress import Screen
from makeweight.wording import percent, plural

if TYPE_CHECKING:
    from makeweight.tuning.search import TrialEnded
    from makeweight.tuning.session import TuningEvent


class TuningView:
    """Shows the events of a tuning."""

    def __init__(self, trials: int | None, seconds: float | None) -> None:
        self._trials, self._seconds, self._begun = trials, seconds, time.monotonic()
        self._ended, self._best = 0, 0.0
        self._screen = Screen("tuning", trials or seconds)
        self._say = self._screen.say

    def shown(self) -> AbstractContextManager[object]:
        """Keep the bars while the block runs."""
        return self._screen.shown()

    def show(self, event: TuningEvent) -> None:
        """Show one event."""
        from makeweight.studies import runner
        from makeweight.tuning import search, session

        match event:
            case session.Recovered(trials):
                self._say(f"{plural(trials, 'trial')} cut off; the same points are tried again")
            case search.TrialStarted(number, job):
                self._screen.add(job.key, f"trial {number}", job.recipe.epochs)
            case search.TrialEpoch(_, job, record) | runner.JobEpoch(job, record):
                note = f"epoch {record.epoch}/{job.recipe.epochs}  {percent(record.validation_accuracy)}"
                self._screen.update(job.key, completed=record.epoch, note=note)
            case search.TrialEnded():
                self._end_trial(event)
            case search.SearchStopping(running) | runner.Stopping(running):
                self._say(
                    f"stopping: {plural(running, 'training')} will stop after the epoch. Press again to stop at once."
                )
            case session.Promoted(trials):
                if trials:
                    self._say(f"search over; the best go on as {plural(trials, 'trial')} on a longer schedule")
            case session.Refitting(epochs):
                self._say(f"now training on the validation images too, for {plural(epochs, 'epoch')}; then testing")
            case session.Confirming(candidates):
                named = ", ".join(map(str, candidates))
                self._say(f"retraining trial {named} with new seeds, still scored on validation images")
            case session.Chosen(trial, accuracies):
                listed = ", ".join(percent(accuracy) for accuracy in accuracies)
                self._say(f"chosen: trial {trial}, validation {listed} with new seeds")
            case runner.JobStarted(job, epoch):
                self._screen.add(job.key, job.label, job.recipe.epochs, epoch)
            case runner.JobTrained(job, trained):
                self._screen.remove(job.key)
                self._say(f"{job.label}: validation {percent(trained.validation_accuracy)}")
            case runner.JobDone(job, result):
                self._screen.remove(job.key)
                self._say(
                    f"{job.label}: validation {percent(result.validation_accuracy)}, "
                    f"test {percent(result.test_accuracy)}"
                )
            case runner.JobFailed(job, reason) | runner.JobRetried(job, reason):
                self._screen.remove(job.key)
                how = "failed" if isinstance(event, runner.JobFailed) else "will run again"
                self._say(f"{job.label} {how}: {reason}")

    def _end_trial(self, event: TrialEnded) -> None:
        self._ended += 1
        self._screen.remove(event.job.key)
        accuracy = event.validation_accuracy
        scored = "" if accuracy is None else f", validation {percent(accuracy)}"
        mark = ""
        if event.state == "complete" and accuracy is not None and accuracy > self._best:
            self._best, mark = accuracy, " *"
        why = f" ({event.reason})" if event.reason else ""
        of = f"/{self._trials}" if self._trials else ""
        self._say(f"[{self._ended}{of}] trial {event.number} {event.state}{scored}{mark}, {event.seconds:.1f} s{why}")
        done = self._ended if self._trials else time.monotonic() - self._begun
        self._screen.update(completed=done, note=f"best {percent(self._best)}")
