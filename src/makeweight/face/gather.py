"""The contents of a report, gathered from a study's store, data and networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.errors import MakeweightError, StoreError

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.report.contents import Contents

Say = Callable[[str], None]
NOT_MEASURED = (
    "Latency, memory and size on disk aren't measured for all networks. To measure them: makeweight measure {} --all"
)
MISTAKES = "pictures of mistakes"  # why the test images were opened
NO_IMAGES = "Without images of mistakes and feature maps, because the data aren't here."


def gather(folder: Path) -> Contents:
    """Gather what the store knows about a study: no data, no torch, a second at most.

    Raises
    ------
    StoreError
        If there is no study in the folder, or its store cannot be read.
    """
    from makeweight.report.analysis import analyse
    from makeweight.report.contents import Contents
    from makeweight.report.summary import summarise
    from makeweight.report.tuning import summarise_tuning
    from makeweight.report.verdict import verdict
    from makeweight.store.trials import has_trials

    analysis = analyse(summarise(folder))
    networks = analysis.summary.networks
    measured = all(network.measurement for network in networks)
    missing = [] if measured else [NOT_MEASURED.format(analysis.summary.name)]
    tuning = None
    try:
        tuning = summarise_tuning(folder, analysis.summary) if has_trials(folder) else None
    except StoreError as error:  # the networks can still be shown
        missing.append(f"Without the tuning: {error}")
    return Contents(analysis, verdict(analysis), tuning=tuning, missing=tuple(missing))


def with_images(
    contents: Contents, folder: Path, say: Say, data_dir: Path | None = None, *, inside: bool = False
) -> Contents:
    """Add the test images if the data are here, and with ``inside`` a look into each network.

    Missing parts are reported and skipped: a report without pictures is better than none.
    """
    if not contents.analysis.summary.networks:
        return contents
    from makeweight.studies.looks import record_look

    try:
        data = _data(folder, data_dir, say)
        contents = replace(with_notes(contents, data), test_images=data.test_images().images)
    except MakeweightError as error:
        say(f"{NO_IMAGES} {error}")
        return replace(contents, missing=(*contents.missing, NO_IMAGES))
    firsts = [network.runs[0].key for network in contents.analysis.summary.networks]
    record_look(folder, firsts, say, MISTAKES)
    return _with_inspections(contents, folder, data, say) if inside else contents


def with_notes(contents: Contents, data: PreparedDataset) -> Contents:
    """Repeat in the verdict what was done to a user's own images, and what remains to be known of them."""
    from makeweight.report.verdict import Topic

    if not data.notes:
        return contents
    finding = Topic("Your images", tuple(f"{note[:1].upper()}{note[1:]}." for note in data.notes))
    return replace(contents, verdict=replace(contents.verdict, topics=(*contents.verdict.topics, finding)))


def _with_inspections(contents: Contents, folder: Path, data: PreparedDataset, say: Say) -> Contents:
    """Look into each network, at its readable run with the lowest seed."""
    from makeweight.face.runs import networks_of
    from makeweight.inspection.activations import inspect
    from makeweight.store.store import Store
    from makeweight.studies.looks import record_look

    read = {run.key for network in contents.analysis.summary.networks for run in network.runs}
    firsts = [(n.label, next((row for row in n.rows if row.job.key in read), None)) for n in networks_of(folder)]
    looks = [(label, row) for label, row in firsts if row]
    inspections, missing = [], list(contents.missing)
    with Store.open(folder) as store:
        for number, (label, row) in enumerate(looks, 1):
            say(f"[{number}/{len(looks)}] looking into {label}")
            try:
                inspections.append(inspect(store, row, data))
            except StoreError as error:  # the others can still be shown
                missing.append(f"Without feature maps of {label}: {error}")
                say(missing[-1])
    record_look(folder, [row.job.key for _, row in looks], say)
    return replace(contents, inspections=tuple(inspections), missing=tuple(missing))


def _data(folder: Path, data_dir: Path | None, say: Say) -> PreparedDataset:
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        return study_data(store.study(), data_dir, say)
