"""What a report is made of, gathered from a study's store, its data and its networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    from makeweight.report.verdict import verdict

    analysis = analyse(summarise(folder))
    networks = analysis.summary.networks
    measured = all(network.measurement for network in networks)
    return Contents(
        analysis, verdict(analysis), missing=() if measured else (NOT_MEASURED.format(analysis.summary.name),)
    )


def with_test_images(contents: Contents, folder: Path, say: Say) -> Contents:
    """Add the test images where the data are at hand; where not, say what is left out, and go on."""
    try:
        return replace(contents, test_images=_data(folder, say).test_images().images)
    except MakeweightError as error:
        return _without(contents, f"Without the images of mistakes: {error}", say)


def with_inspections(contents: Contents, folder: Path, say: Say) -> Contents:
    """Add a look inside each network, at its run of the lowest seed, where data and weights are at hand."""
    from makeweight.cli.references import networks_of
    from makeweight.inspection.activations import inspect
    from makeweight.store.store import Store

    labels = {network.label for network in contents.analysis.summary.networks}
    networks = [network for network in networks_of(folder) if network.label in labels]
    found = []
    try:
        data = _data(folder, say)
        with Store.open(folder) as store:
            for number, network in enumerate(networks, 1):
                say(f"[{number}/{len(networks)}] looking into {network.label}")
                found.append(inspect(store, network.rows[0], data))
    except MakeweightError as error:
        return _without(contents, f"Without feature maps: {error}", say)
    record_look(folder, [network.rows[0].job.key for network in networks], say)
    return replace(contents, inspections=tuple(found))


def record_look(folder: Path, keys: Sequence[str], say: Say) -> None:
    """Record that test images were opened, where the study can be written and nobody is running it.

    Only one process may write a study, under its lock. To look is not worth waiting for hours, and looking changes no
    result, so where the lock or the rights are missing it goes on and says so.
    """
    from makeweight.inspection.activations import PURPOSE
    from makeweight.store.store import Store
    from makeweight.study.lock import study_lock

    try:
        with study_lock(folder), Store.create(folder) as store:
            for key in keys:
                store.record_test_access(key, PURPOSE)
    except StoreError as error:
        say(f"That the test images were opened is not recorded: {error}")


def _data(folder: Path, say: Say) -> PreparedDataset:
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        study = store.study()
    if study is None:
        raise StoreError(f"the study in {folder} has not been planned. Run it with: makeweight study")
    return study_data(study, progress=say)


def _without(contents: Contents, line: str, say: Say) -> Contents:
    say(line)
    return replace(contents, missing=(*contents.missing, line))
