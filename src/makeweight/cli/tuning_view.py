"""How a running tuning looks: one line a trial, and on a terminal a bar for the whole; all on stderr."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from makeweight.cli.output import remark, stderr
from makeweight.cli.progress import job_label

if TYPE_CHECKING:
    from makeweight.tuning.search import TrialEnded
    from makeweight.tuning.session import TuningEvent


class TuningView:
    """Shows the events of a tuning."""

    def __init__(self, trials: int | None, seconds: float | None) -> None:
        self._trials, self._seconds, self._begun = trials, seconds, time.monotonic()
        self._ended, self._best = 0, 0.0
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        if stderr().is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
            self._bars = Progress(*columns, console=stderr(), transient=True)
            self._all = self._bars.add_task("tuning", total=trials or seconds, note="")

    def shown(self) -> AbstractContextManager[object]:
        """Keep the bars on the screen while the block runs."""
        return self._bars or nullcontext()

    def show(self, event: TuningEvent) -> None:
        """Show one event."""
        from makeweight.study import runner
        from makeweight.tuning import search, session

        match event:
            case session.Recovered(trials):
                self._say(f"{trials} trials were cut off; their points are tried again")
            case search.TrialStarted(number, job):
                self._start(job.key, f"trial {number}", job.recipe.epochs)
            case search.TrialEpoch(_, job, record) | runner.JobEpoch(job, record):
                self._advance(job.key, f"epoch {record.epoch}/{job.recipe.epochs}  {record.validation_accuracy:.2%}")
            case search.TrialEnded():
                self._end_trial(event)
            case search.SearchStopping(running) | runner.Stopping(running):
                self._say(f"stopping: {running} running trainings end after their epoch. Once more to stop at once.")
            case session.Confirming(candidates):
                named = ", ".join(map(str, candidates))
                self._say(f"search over; training trial {named} again with new seeds, still on validation images")
            case session.Chosen(trial, accuracies):
                listed = ", ".join(f"{accuracy:.2%}" for accuracy in accuracies)
                self._say(f"chosen: trial {trial}, validation {listed} with new seeds")
                self._say("now it is trained on the validation images too, and then tested")
            case runner.JobStarted(job, epoch):
                self._start(job.key, job_label(job), job.recipe.epochs, epoch)
            case runner.JobTrained(job, trained):
                self._end(job.key)
                self._say(f"{job_label(job)}: validation {trained.validation_accuracy:.2%}")
            case runner.JobDone(job, result):
                self._end(job.key)
                self._say(
                    f"{job_label(job)}: validation {result.validation_accuracy:.2%}, test {result.test_accuracy:.2%}"
                )
            case runner.JobFailed(job, reason):
                self._end(job.key)
                self._say(f"{job_label(job)} failed: {reason}")
            case runner.JobRetried(job, reason):
                self._end(job.key)
                self._say(f"{job_label(job)} will run again: {reason}")

    def _end_trial(self, event: TrialEnded) -> None:
        self._ended += 1
        self._end(event.job.key)
        accuracy = event.validation_accuracy
        found = "" if accuracy is None else f", validation {accuracy:.2%}"
        mark = ""
        if event.state == "complete" and accuracy is not None and accuracy > self._best:
            self._best, mark = accuracy, " *"
        why = f" ({event.reason})" if event.reason else ""
        of = f"/{self._trials}" if self._trials else ""
        self._say(f"[{self._ended}{of}] trial {event.number} {event.state}{found}{mark}, {event.seconds:.1f} s{why}")
        if self._bars:
            done = self._ended if self._trials else time.monotonic() - self._begun
            self._bars.update(self._all, completed=done, note=f"best {self._best:.2%}")

    def _start(self, key: str, label: str, epochs: int, epoch: int = 0) -> None:
        if self._bars:
            self._tasks[key] = self._bars.add_task(label, total=epochs, completed=epoch, note="")

    def _advance(self, key: str, note: str) -> None:
        if self._bars and key in self._tasks:
            self._bars.update(self._tasks[key], advance=1, note=note)

    def _end(self, key: str) -> None:
        if self._bars and key in self._tasks:
            self._bars.remove_task(self._tasks.pop(key))

    def _say(self, line: str) -> None:
        if self._bars:
            self._bars.console.print(line, markup=False)
        else:
            remark(line)
