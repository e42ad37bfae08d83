"""Export a finished run: write it, score what was written, and say all that in a model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from makeweight.data.dataset import LabelledImages, PreparedDataset
from makeweight.designs.chips import Chip
from makeweight.errors import InvalidValue
from makeweight.export.c.check import check_on, require_tools
from makeweight.export.c.selftest import choose_examples
from makeweight.export.card import model_card
from makeweight.export.deployment import Deployment, Int8, deployment_of
from makeweight.export.facts import Probabilities
from makeweight.export.finetune import fine_tune
from makeweight.export.formats import NAME, format_named
from makeweight.export.record import to_record
from makeweight.export.records import Artefact, ExportReport, Int8Verdict, Origin
from makeweight.export.verdict import int8_verdict
from makeweight.export.verify import Checked, OnScored, accuracy_change, verify
from makeweight.files import placed, write_whole
from makeweight.jobs.environment import describe_environment
from makeweight.stats.classes import class_scores, confusion
from makeweight.stats.intervals import accuracy_interval
from makeweight.store.rows import JobRow
from makeweight.store.store import Store, done
from makeweight.training.precision import Hardware
from makeweight.wording import percent, plural

PURPOSE = "check of exported files"  # why the test images were opened, for Store.record_test_access
CARD, REPORT = "README.md", "report.json"
MAX_CONFUSED = 3  # pairs of classes that the card names
Say = Callable[[str], None]


def export_run(
    store: Store,
    row: JobRow,
    data: PreparedDataset,
    folder: Path,
    *,
    format_: str = "onnx",
    int8: Int8 | None = None,
    chip: Chip | None = None,
    name: str = NAME,
    seeds: int = 1,
    say: Say = lambda line: None,
    progress: OnScored = lambda what, done, total: None,
) -> ExportReport:
    """Export a finished run into a folder, with a model card and a report for machines beside the files.

    The whole test set is opened; the caller records that: see PURPOSE.

    Parameters
    ----------
    store : Store
        Open for reading or writing; nothing is written.
    row : JobRow
        The run.
    data : PreparedDataset
        What the study was trained on; see `makeweight.inspection.data.study_data`.
    folder : pathlib.Path
        Made whole where it is not there; files of an earlier export are replaced, once the new ones are complete.
    format_ : str
        A name in `makeweight.export.formats.FORMATS`.
    int8 : Int8, optional
        Write a quantised version as well, and compare.
    chip : Chip, optional
        Compile the int8 C program for this chip too, and run it in an emulator.
    name : str
        Of the files, and in C the prefix of all that they define: a C identifier.
    seeds : int
        Finished runs that this one was chosen from, for the card.
    say : callable
        Called with a line of text before each step.
    progress : callable
        Called while files are scored with what is scored, how many images are done, and how many there are.

    Raises
    ------
    InvalidValue
        If there is no such format, the name can't stand in C, or the folder holds a README.md of somebody else.
    MissingExtra
        If the format or the chip needs packages or programs that are not installed; nothing is written then.
    StoreError
        If the run is not finished, its file is missing or damaged, or the folder cannot be written.
    """
    format_chosen = format_named(format_, int8, name)
    format_chosen.require()
    require_chip(chip, format_, int8 is not None)
    _refuse_card_of_others(folder)
    deployment = _for_int8(deployment_of(store, row, data), row, data, int8, say)
    test = data.test_images()
    say(f"writing {deployment.facts.network}, seed {row.job.seed}, to {folder}")
    with placed(folder, first=REPORT) as aside:
        examples = choose_examples(test, deployment.answer) if format_chosen.selftest else None
        artefacts = format_chosen.write(deployment, aside, int8 is not None, name, examples)
        others = _others(aside, artefacts)
        say(f"scoring {plural(len(artefacts), 'file')} on {len(test.labels):,} test images")
        checked = verify(deployment, artefacts, test, progress)
        on_chip = None
        if chip is not None:
            say(f"compiling for {chip} and running it in an emulator")
            source, predicted = artefacts[-1].files[0], checked.answers[-1].argmax(1)
            on_chip = check_on(chip, source, row.job.architecture, test.images, predicted)
        report = replace(
            report_of(store, row, deployment, checked, test, folder, seeds), others=others, on_chip=on_chip
        )
        write_whole(aside / CARD, model_card(report, row).encode())
        write_whole(aside / REPORT, json.dumps(to_record(report), indent=2, allow_nan=False).encode())
    return report


def _for_int8(deployment: Deployment, row: JobRow, data: PreparedDataset, int8: Int8 | None, say: Say) -> Deployment:
    if int8 is None or not int8.fine_tuning:
        return deployment if int8 is None else replace(deployment, int8=int8)
    say(f"fine-tuning with weights of {int8.bits} bits for {plural(int8.fine_tuning, 'epoch')}")
    network = fine_tune(
        deployment.module.network, row.job, data, int8.bits, int8.fine_tuning,
        lambda epoch, accuracy: say(f"epoch {epoch}/{int8.fine_tuning}: validation {percent(accuracy)}"),
    )  # fmt: skip
    return replace(deployment, int8=int8, fine_tuned=network)


def require_chip(chip: Chip | None, format_: str, int8: bool) -> None:
    """Make sure that there is what a chip is checked with.

    Raises
    ------
    InvalidValue
        If no int8 C program is written.
    MissingExtra
        If its compiler or emulator isn't installed.
    """
    if chip is not None:
        if format_ != "c" or not int8:
            raise InvalidValue(f"chip={chip} is for the int8 program in C: add format=c and int8=True.")
        require_tools(chip)


def _others(folder: Path, artefacts: Sequence[Artefact]) -> tuple[str, ...]:
    """Return what was written that no artefact counts as its own, such as the self-test of a device."""
    own = {file for artefact in artefacts for file in artefact.files}
    return tuple(
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path not in own)
    )


def _refuse_card_of_others(folder: Path) -> None:
    """Refuse to replace a README.md that no export wrote: beside that of an export is a report."""
    if (folder / CARD).exists() and not (folder / REPORT).exists():
        raise InvalidValue(f"{folder / CARD} is not of an earlier export and stays. Give another folder, with -o DIR.")


def report_of(
    store: Store,
    row: JobRow,
    deployment: Deployment,
    checked: Checked,
    test: LabelledImages,
    folder: Path,
    seeds: int,
) -> ExportReport:
    """Say what is known of a run's files that were written and scored."""
    labels, classes = np.asarray(test.labels), deployment.facts.classes
    verdict = _verdict(checked, test)
    best = checked.answers[-1 if verdict and verdict.wins else 0]
    predicted = best.argmax(1)[None]
    return ExportReport(
        folder=folder,
        facts=deployment.facts,
        origin=_origin(store, row, checked.reference, seeds),
        test_images=len(labels),
        pytorch=checked.pytorch,
        files=checked.files,
        int8=verdict,
        classes=class_scores(predicted, labels, classes),
        confused=_most_confused(confusion(predicted, labels, classes)),
        overconfidence=float(best.max(1).mean() - (predicted[0] == labels).mean()),
        conditions=_conditions(),
    )


def _verdict(checked: Checked, test: LabelledImages) -> Int8Verdict | None:
    if len(checked.files) < 2:
        return None
    change = accuracy_change(checked.answers[1], checked.answers[0], np.asarray(test.labels))
    return int8_verdict(checked.files[0], checked.files[1], change)


def _origin(store: Store, row: JobRow, reference: Probabilities, seeds: int) -> Origin:
    stored, result = store.predictions(row), done(row)
    return Origin(
        seeds=seeds,
        family=row.job.family,
        macs=row.macs,
        validation_accuracy=result.validation_accuracy,
        trained_in=result.environment.precision,
        accuracy=accuracy_interval(stored.correct[None]),
        same_class=float((stored.logits.argmax(1) == reference.argmax(1)).mean()),
    )


def _most_confused(counts: np.ndarray) -> tuple[tuple[int, int, int], ...]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSED]
    pairs = (np.unravel_index(place, wrong.shape) for place in order)
    return tuple((int(true), int(taken), int(wrong[true, taken])) for true, taken in pairs if wrong[true, taken])


def _conditions() -> str:
    machine = describe_environment(Hardware("cpu", "fp32", 1))
    return f"{machine.processor}, 1 thread; torch {machine.torch}, makeweight {machine.makeweight}"
