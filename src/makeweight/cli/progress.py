"""How a running study looks: bars on a terminal, one line a training elsewhere; all on stderr."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from makeweight.cli.output import remark, stderr
from makeweight.design.budget import format_budget
from makeweight.study.plan import expected_cost

if TYPE_CHECKING:
    from makeweight.jobs.result import Job
    from makeweight.study.runner import JobEpoch, RunnerEvent


def job_label(job: Job) -> str:
    """Short name of a job: FCN 100K seed 0."""
    return f"{job.family.upper()} {format_budget(job.budget)} seed {job.seed}"


class StudyView:
    """Shows the events of a study's run."""

    def __init__(self, jobs: Iterable[Job], done: int) -> None:
        self._jobs = {job.key: job for job in jobs}
        self._total, self._done = len(self._jobs) + done, done
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        if stderr().is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
            self._bars = Progress(*columns, TimeRemainingColumn(), console=stderr(), transient=True)
            work = sum(expected_cost(job) for job in self._jobs.values())
            self._all = self._bars.add_task("study", total=work, note=f"{done}/{self._total}")

    def shown(self) -> AbstractContextManager[object]:
        """Keep the bars on the screen while the block runs."""
        return self._bars or nullcontext()

    def show(self, event: RunnerEvent) -> None:
        """Show one event."""
        from makeweight.study import runner

        match event:
            case runner.JobStarted(job, epoch):
                self._start(job, epoch)
            case runner.JobEpoch():
                self._advance(event)
            case runner.JobDone(job, result):
                self._end(job)
                seconds = sum(e.train_seconds + e.validation_seconds for e in result.epochs)
                self._say(
                    f"[{self._done}/{self._total}] {job_label(job)}: test accuracy {result.test_accuracy:.2%}, "
                    f"validation {result.validation_accuracy:.2%}, {seconds:.1f} s"
                )
            case runner.JobFailed(job, reason):
                self._end(job)
                self._say(f"[{self._done}/{self._total}] {job_label(job)} failed: {reason}")
            case runner.JobRetried(job, reason):
                self._remove(job)
                self._say(f"{job_label(job)} will run again: {reason}")
            case runner.Stopping(running):
                self._say(f"stopping: {running} running trainings save their epoch. Once more to stop at once.")

    def _start(self, job: Job, epoch: int) -> None:
        if epoch:
            self._say(f"{job_label(job)} goes on after epoch {epoch} of {job.recipe.epochs}")
        if self._bars:
            self._tasks[job.key] = self._bars.add_task(
                job_label(job), total=job.recipe.epochs, completed=epoch, note=""
            )
            self._bars.advance(self._all, expected_cost(job) * epoch / job.recipe.epochs)

    def _advance(self, event: JobEpoch) -> None:
        if self._bars:
            note = f"epoch {event.record.epoch}/{event.job.recipe.epochs}  {event.record.validation_accuracy:.2%}"
            self._bars.update(self._tasks[event.job.key], advance=1, note=note)
            self._bars.advance(self._all, expected_cost(event.job) / event.job.recipe.epochs)

    def _end(self, job: Job) -> None:
        self._done += 1
        self._remove(job)
        if self._bars:
            self._bars.update(self._all, note=f"{self._done}/{self._total}")

    def _remove(self, job: Job) -> None:
        if self._bars and job.key in self._tasks:
            self._bars.remove_task(self._tasks.pop(job.key))

    def _say(self, line: str) -> None:
        if self._bars:
            self._bars.console.print(line, markup=False)
        else:
            remark(line)


class TrainView:
    """Shows the epochs of one training, a line each, with the best one marked."""

    def __init__(self) -> None:
        self._best = -1.0
        self._seconds: list[float] = []

    def show(self, event: RunnerEvent) -> None:
        """Show one event."""
        from makeweight.study import runner

        match event:
            case runner.JobStarted(job, epoch):
                resumed = f", going on after epoch {epoch}" if epoch else ""
                remark(f"{job_label(job)}: {job.recipe.epochs} epochs in batches of {job.recipe.batch_size}{resumed}")
            case runner.JobEpoch():
                self._line(event)
            case runner.JobFailed(job, reason):
                remark(f"{job_label(job)} failed: {reason}")
            case runner.JobRetried(job, reason):
                remark(f"{job_label(job)} runs again: {reason}")
            case runner.Stopping():
                remark("stopping after this epoch, which is saved. Once more to stop at once.")

    def _line(self, event: JobEpoch) -> None:
        record, epochs = event.record, event.job.recipe.epochs
        best = record.validation_accuracy > self._best
        self._best = max(self._best, record.validation_accuracy)
        self._seconds.append(record.train_seconds + record.validation_seconds)
        left = sum(self._seconds) / len(self._seconds) * (epochs - record.epoch)
        remark(
            f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}  training loss {record.training_loss:.4f}  "
            f"validation accuracy {record.validation_accuracy:.2%}{' *' if best else '  '}  "
            f"{record.images_per_second:,.0f} images/s  {left:.0f} s left"
        )
