"""How a study, a training or a tuning ends in the terminal: what it found, and what comes next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.cli.output import complain, print_json, print_next, print_text, put, remark, say, stdout
from makeweight.cli.tables import print_summary, print_table
from makeweight.wording import confidence, percent, plural

if TYPE_CHECKING:
    from makeweight.report.summary import StudySummary
    from makeweight.report.tuning import TuningSummary
    from makeweight.store.rows import JobRow
    from makeweight.store.store import Store

Stopped = Callable[[], bool]


def end_study(folder: Path, as_json: bool, ran: bool, stopped: Stopped) -> int:
    """Show a study's table, its best network and the next commands, and write its report; 1 if a training failed."""
    from makeweight.face.running import unfinished
    from makeweight.report.summary import summarise
    from makeweight.report.tables import to_record

    halfway = stopped() and bool(unfinished(folder))
    path = _report(folder, ran, halfway)
    summary = summarise(folder)  # after the report, which looks at the test images
    if as_json:
        print_json({**to_record(summary), "report": path and str(path)})
    else:
        print_summary(stdout(), summary)
        if summary.networks and path:
            put(f"report: {path}")
        if not stopped():
            _conclude(summary, folder)
    if halfway:
        _say_how_to_go_on(summary, folder)
    return 1 if summary.failures else 0


def _conclude(summary: StudySummary, folder: Path) -> None:
    """Name the best network, and what can be done with it."""
    from makeweight.jobs.network import slug
    from makeweight.report.analysis import analyse
    from makeweight.report.verdict import headline

    if summary.best is None:
        return
    put()
    print_text(stdout(), headline(analyse(summary)), "bold")
    label = summary.best.label
    network = f"{folder.name}/{slug(label)}"
    several = ("compare", folder.name), "which differences are real"
    alone = ("diagnose", network), "whether something is wrong"
    print_next(
        folder.parent,
        several if len(summary.networks) > 1 else alone,
        (("features", network), f"what {label} looks at"),
        (("export", network), f"{label} as one file"),
    )


def _say_how_to_go_on(summary: StudySummary, folder: Path) -> None:
    """Say what is done of a study that was stopped, and the command that does the rest."""
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        begun = [(row.job, store.epochs(row.job.key)) for row in store.jobs() if row.state == "pending"]
    saved = [f"{job.label} after epoch {len(e)} of {job.recipe.epochs}" for job, e in begun if e]
    remark(f"stopped with {summary.jobs_done} of {summary.jobs_total} trainings done.")
    if saved:
        remark(f"saved: {', '.join(saved)}")
    remark(f"to go on: {shlex.join(['makeweight', *sys.argv[1:]])}")


def _report(folder: Path, again: bool, halfway: bool) -> Path | None:
    """Write the report if there is something new, or none yet; drawing takes too long for what was asked to stop."""
    from makeweight.face.gather import gather, with_images
    from makeweight.report.page.page import REPORT, write_report

    path = folder / REPORT
    if halfway:
        return path if path.exists() else None
    return (
        write_report(with_images(gather(folder), folder, remark, inside=True), folder)
        if again or not path.exists()
        else path
    )


def end_training(folder: Path, as_json: bool, ran: bool, stopped: Stopped) -> int:
    """Show the result of one training and the next commands; 1 if it failed."""
    from makeweight.designs.demand import demand, on_device, sentences
    from makeweight.designs.limits import limits_of
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        study, row = store.study(), store.jobs()[0]
        limits = limits_of(study.settings)
        if row.result is None:
            if stopped():
                epochs = len(store.epochs(row.job.key))
                remark(f"stopped after epoch {epochs} of {row.job.recipe.epochs}. The same command goes on from there.")
            else:
                complain(f"training failed: {row.reason}")
            return 1
        if not ran:
            remark(f"this network is already trained; its result is in {folder}. Give another --seed to train again.")
        architecture = row.job.architecture
        device = on_device(architecture, limits)
        record = {**_training_record(store, row), **asdict(device), "limits": asdict(limits)}
    if as_json:
        print_json(record)
    else:
        _show_training(record, (*sentences(device, limits)[1:], *limits.usage(demand(architecture, limits))))
        print_next(
            folder.parent,
            (("diagnose", record["run"]), "whether something is wrong"),
            (("features", record["run"]), "what it looks at"),
            (("export", record["run"]), "as one file"),
        )
    return 0


def _training_record(store: Store, row: JobRow) -> dict[str, Any]:
    from makeweight.stats.intervals import accuracy_interval, batch_sd
    from makeweight.store.store import done

    result, correct = done(row), store.predictions(row).correct
    interval = accuracy_interval(correct[None])
    return {
        "run": row.job.key[:12],
        "network": row.job.network_id.label,
        "family": row.job.family,
        "budget": row.job.budget,
        "weights": row.weights,
        "macs": row.macs,
        "seed": row.job.seed,
        "epochs": row.job.recipe.epochs,
        "validation_accuracy": result.validation_accuracy,
        "test_accuracy": interval.mean,
        "test_accuracy_ci95": [interval.low, interval.high],
        "test_batch_sd": batch_sd(correct),
        "train_seconds": round(result.train_seconds, 3),
        "images_per_second": round(result.images_per_second, 1),
        "precision": result.environment.precision,
        "threads": result.environment.threads,
        "data_digest": row.job.data_digest,
        "folder": str(store.folder),
    }


def _show_training(record: dict[str, Any], usage: Iterable[str]) -> None:
    low, high = record["test_accuracy_ci95"]
    say(
        f"test accuracy {percent(record['test_accuracy'])} ({confidence(low, high)}; Wilson, one seed), "
        f"validation {percent(record['validation_accuracy'])}",
        f"{record['weights']:,} weights, {record['macs']:,} MACs, {record['train_seconds']:.1f} s, "
        f"{record['images_per_second']:,.0f} images/s in {record['precision']} on {record['threads']} "
        f"thread{'s' * (record['threads'] > 1)}",
        *usage,
    )
    put(f"run {record['run']} in {record['folder']}")


def end_tuning(folder: Path, as_json: bool, ran: bool, stopped: Stopped) -> int:
    """Show a tuning as it stands, and write its report; 1 if there is no winner."""
    from makeweight.report.tuning import summarise_tuning, tuning_record

    summary = summarise_tuning(folder)  # before anything is written: a study that wasn't tuned is refused
    path = _report(folder, ran, stopped() and summary.network is None)
    if as_json:
        print_json({**tuning_record(summary), "report": path and str(path)})
    else:
        _show_tuning(summary)
        if path:
            put(f"report: {path}")
    if stopped():
        remark(f"stopped after {plural(len(summary.trials), 'trial')}. The same command goes on.")
    return 0 if summary.network is not None else 1


def _show_tuning(summary: TuningSummary) -> None:
    """Print the winner, how it was found, and how far choosing flattered it."""
    from makeweight.report.tuning import winner_table

    best, network, selection, counts = summary.best, summary.network, summary.selection, summary.counts
    table = winner_table(summary)
    if best is not None and table is not None:
        print_table(stdout(), table.columns, table.rows)
        say(f"weights: {best.weights:,} of {summary.budget:,}; MACs: {best.macs:,}")
    if network is not None and selection is not None:
        interval, seeds = network.test_accuracy, len(network.runs)
        say(
            f"test accuracy: {percent(interval.mean)} ({confidence(interval.low, interval.high)}; "
            f"mean of {plural(seeds, 'seed')}, trained for {plural(network.recipe.epochs, 'epoch')}, on the validation "
            "images too; their first score on test images)",
            f"selection effect: validation {percent(selection.searching)} when it won the search, "
            f"{percent(selection.confirming)} confirmed with {plural(selection.seeds, 'new seed')}",
        )
    say(
        f"trials: {counts.get('complete', 0)} done, {counts.get('pruned', 0)} pruned, "
        f"{counts.get('failed', 0)} failed, {summary.rejected} rejected for size, "
        f"{summary.interrupted} interrupted and tried again; {summary.tuning.seconds:.0f} s in all"
    )
