"""How a running study looks: bars on a terminal, a line per training elsewhere; all on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from makeweight.face.console import FRAMES_PER_SECOND, is_live, remark, stderr
from makeweight.studies.pace import Pace
from makeweight.text import visible_lines
from makeweight.wording import duration, percent, plural

if TYPE_CHECKING:
    from rich.console import RenderableType

    from makeweight.jobs.result import Job
    from makeweight.studies.runner import JobEpoch, RunnerEvent

QUIET_SECONDS = 60.0  # between two lines about running trainings, without bars


class _Bars(Progress):
    """Bars that also move between events."""

    def __init__(self) -> None:
        self.before_frame: Callable[[], None] = lambda: None
        columns = TextColumn("{task.description}", markup=False), BarColumn(20), TextColumn("{task.fields[note]}")
        super().__init__(*columns, console=stderr(), transient=True, refresh_per_second=FRAMES_PER_SECOND)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Update the bars and draw them."""
        self.before_frame()
        return super().get_renderables()


class Screen:
    """On a terminal a bar for the whole and one for each running training, with lines above; elsewhere the lines."""

    def __init__(self, what: str, total: float | None, before_frame: Callable[[], None] = lambda: None) -> None:
        self.bars = _Bars() if is_live() else None
        self._tasks: dict[str, TaskID] = {}
        if self.bars:
            self._tasks[""] = self.bars.add_task(what, total=total, note="")
            self.bars.before_frame = before_frame  # not while the caller is still being made

    def shown(self) -> AbstractContextManager[object]:
        """Keep the bars while the block runs."""
        return self.bars or nullcontext()

    def add(self, key: str, label: str, total: int, completed: int = 0) -> None:
        """Add a training's bar."""
        if self.bars:
            self._tasks[key] = self.bars.add_task(label, total=total, completed=completed, note="")

    def update(self, key: str = "", **fields: Any) -> None:
        """Change a training's bar, or without a key that of the whole."""
        if self.bars and key in self._tasks:
            with suppress(KeyError):  # it has just been removed
                self.bars.update(self._tasks[key], **fields)

    def remove(self, key: str) -> None:
        """Take a training's bar away."""
        if self.bars and key in self._tasks:
            self.bars.remove_task(self._tasks.pop(key))

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        if self.bars:
            self.bars.console.print(Text(visible_lines(line)))
        else:
            remark(line)


class StudyView:
    """Shows the events of a study's run."""

    def __init__(self, pace: Pace, done: int, total: int) -> None:
        self._pace, self._done, self._total, self._said = pace, done, total, time.monotonic()
        self._running: dict[str, Job] = {}
        self.screen = Screen("study", 1.0, self._move)
        if not self.screen.bars:
            left = total - done
            self._say(f"{plural(left, 'training')}{self._left().removesuffix(' left')}")

    def shown(self) -> AbstractContextManager[object]:
        """Keep the bars while the block runs."""
        return self.screen.shown()

    def show(self, event: RunnerEvent) -> None:
        """Show one event."""
        from makeweight.studies import runner

        match event:
            case runner.JobStarted(job, epoch):
                self._start(job, epoch)
            case runner.JobEpoch():
                self._advance(event)
            case runner.JobDone(job, result):
                self._end(job)
                seconds = sum(e.train_seconds + e.validation_seconds for e in result.epochs)
                self._say(
                    f"[{self._done}/{self._total}] {job.label}: test accuracy {percent(result.test_accuracy)}, "
                    f"validation {percent(result.validation_accuracy)}, {duration(seconds, 1)}"
                )
            case runner.JobFailed(job, reason):
                self._end(job)
                self._say(f"[{self._done}/{self._total}] {job.label} failed: {reason}")
            case runner.JobRetried(job, reason):
                self._pace.retry(job)
                self._remove(job)
                self._say(f"{job.label} will run again: {reason}")
            case runner.Stopping(running):
                self._say(
                    f"stopping: {plural(running, 'training')} will finish and save the epoch. "
                    "Press again to stop at once."
                )

    def _start(self, job: Job, epoch: int) -> None:
        self._pace.start(job, epoch)
        if epoch:
            self._say(f"{job.label} goes on after epoch {epoch} of {job.recipe.epochs}")
        self._running[job.key] = job
        self.screen.add(job.key, job.label, job.recipe.epochs)

    def _advance(self, event: JobEpoch) -> None:
        job, record = event.job, event.record
        self._pace.epoch(job, record)
        note = f"epoch {record.epoch}/{job.recipe.epochs}  {percent(record.validation_accuracy)}"
        self.screen.update(job.key, note=note)
        if not self.screen.bars and time.monotonic() - self._said > QUIET_SECONDS:
            self._say(f"{job.label}: {note}{self._left()}")

    def _move(self) -> None:
        """Move all bars to where they should be now."""
        for job in list(self._running.values()):
            self.screen.update(job.key, completed=self._pace.epochs_done(job))
        self.screen.update(completed=self._pace.share, note=f"{self._done}/{self._total}{self._left()}")

    def _left(self) -> str:
        seconds = self._pace.seconds_left
        return "" if seconds is None else f", about {duration(seconds)} left"

    def _end(self, job: Job) -> None:
        self._done += 1
        self._pace.end(job)
        self._remove(job)

    def _remove(self, job: Job) -> None:
        self._running.pop(job.key, None)
        self.screen.remove(job.key)

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        self.screen.say(line)


class TrainView:
    """Shows the epochs of one training, a line each, the best one marked."""

    def __init__(self, pace: Pace) -> None:
        self._pace, self._best = pace, -1.0

    def shown(self) -> AbstractContextManager[object]:
        """Lines need no screen of their own."""
        return nullcontext()

    def show(self, event: RunnerEvent) -> None:
        """Show one event."""
        from makeweight.studies import runner

        match event:
            case runner.JobStarted(job, epoch):
                self._start(job, epoch)
            case runner.JobEpoch():
                self._line(event)
            case runner.JobFailed(job, reason):
                remark(f"{job.label} failed: {reason}")
            case runner.JobRetried(job, reason):
                self._pace.retry(job)
                remark(f"{job.label} runs again: {reason}")
            case runner.Stopping():
                remark("stopping after this epoch, which will be saved. Press again to stop at once.")

    def _start(self, job: Job, epoch: int) -> None:
        self._pace.start(job, epoch)
        resumed = f", going on after epoch {epoch}" if epoch else ""
        remark(f"{job.label}: {plural(job.recipe.epochs, 'epoch')} in batches of {job.recipe.batch_size}{resumed}")
        remark(f"about {duration(self._pace.seconds_left)}; * marks the best validation accuracy so far")

    def _line(self, event: JobEpoch) -> None:
        record, epochs = event.record, event.job.recipe.epochs
        self._pace.epoch(event.job, record)
        best = record.validation_accuracy > self._best
        self._best = max(self._best, record.validation_accuracy)
        remark(
            f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}  loss {record.training_loss:.4f}  "
            f"validation {percent(record.validation_accuracy)}{' *' if best else '  '}  "
            f"{record.images_per_second:,.0f} images/s  {duration(self._pace.seconds_left)} left"
        )
