"""What a report is made of, gathered from a study's store, its data and its networks."""

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
    "Latency, memory and size on disk are not measured for all networks. To have them: makeweight measure {} --all"
)
NO_IMAGES = "Without the images of mistakes and the feature maps, because the data are not at hand."


def gather(folder: Path) -> Contents:
    """Bring together what the store knows of a study: no data, no torch, a second at most.

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
    return Contents(
        analysis,
        verdict(analysis),
        tuning=summarise_tuning(folder, analysis.summary) if has_trials(folder) else None,
        missing=() if measured else (NOT_MEASURED.format(analysis.summary.name),),
    )


def with_images(
    contents: Contents, folder: Path, say: Say, data_dir: Path | None = None, *, inside: bool = False
) -> Contents:
    """Add the test images where the data are at hand, and with ``inside`` a look into each network.

    What is not to be had is said and left out: a report without pictures is better than none.
    """
    if not contents.analysis.summary.networks:
        return contents
    try:
        data = _data(folder, data_dir, say)
        found = replace(contents, test_images=data.test_images().images)
    except MakeweightError as error:
        say(f"{NO_IMAGES} {error}")
        return replace(contents, missing=(*contents.missing, NO_IMAGES))
    return _with_inspections(found, folder, data, say) if inside else found


def _with_inspections(contents: Contents, folder: Path, data: PreparedDataset, say: Say) -> Contents:
    """Look into each network, at its run of the lowest seed that can be read."""
    from makeweight.cli.references import networks_of
    from makeweight.inspection.activations import inspect
    from makeweight.store.store import Store
    from makeweight.study.looks import record_look

    read = {run.key for network in contents.analysis.summary.networks for run in network.runs}
    firsts = [(n.label, next((row for row in n.rows if row.job.key in read), None)) for n in networks_of(folder)]
    looks = [(label, row) for label, row in firsts if row]
    found, missing = [], list(contents.missing)
    with Store.open(folder) as store:
        for number, (label, row) in enumerate(looks, 1):
            say(f"[{number}/{len(looks)}] looking into {label}")
            try:
                found.append(inspect(store, row, data))
            except StoreError as error:  # the others have something to show
                missing.append(f"Without feature maps of {label}: {error}")
                say(missing[-1])
    record_look(folder, [row.job.key for _, row in looks], say)
    return replace(contents, inspections=tuple(found), missing=tuple(missing))


def _data(folder: Path, data_dir: Path | None, say: Say) -> PreparedDataset:
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        study = store.study()
    if study is None:
        raise StoreError(f"the study in {folder} has not been planned. Run it with: makeweight study")
    return study_data(study, data_dir, say)
