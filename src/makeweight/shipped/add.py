"""Put a finished network into the zoo: its weights as they are stored, its card, and its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from makeweight.data.catalog import CATALOG
from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue
from makeweight.export.card import model_card
from makeweight.export.deployment import Deployable, Deployment, deployment_of
from makeweight.export.records import Artefact
from makeweight.export.session import CARD, report_of
from makeweight.export.usage import Usage
from makeweight.export.verify import OnScored, verify
from makeweight.files import whole, write_whole, writing_to
from makeweight.nets.load import load_network
from makeweight.shipped.record import FILE, ShippedNetwork, ShippedRun
from makeweight.shipped.remake import command_of
from makeweight.shipped.score import correct
from makeweight.store.rows import JobRow
from makeweight.store.store import Store, done
from makeweight.text import markdown_text
from makeweight.wording import percent

PURPOSE = "check of files for the zoo"  # why the test images were opened, for Store.record_test_access


def add_network(
    store: Store,
    rows: Sequence[JobRow],
    data: PreparedDataset,
    folder: Path,
    *,
    method: str = "plain",
    note: str = "",
    command: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress: OnScored = lambda what, done, total: None,
) -> ShippedNetwork:
    """Write a network's folder of the zoo, whole, in place of an earlier one; the test images are opened.

    Parameters
    ----------
    store : Store
        Open for reading.
    rows : sequence of JobRow
        The network's finished runs, by seed.
    data : PreparedDataset
        What they were trained on.
    folder : path
        Its name becomes the network's.
    method, note : str
        How it was trained, in a word, and what else to know.
    command : str, optional
        What makes it again, where no ``makeweight study`` does.

    Raises
    ------
    InvalidValue
        If the data are the user's own, no command is known that makes the network again, or the folder holds something
        else.
    StoreError
        If weights are missing or damaged, or the folder can't be written.
    """
    if data.name not in CATALOG:
        raise InvalidValue(
            f"networks of {data.name} can't be in the zoo: everyone must be able to score them again, so it takes "
            "those of a data set that has a name. See: makeweight data list"
        )
    if folder.exists() and not (folder / FILE).is_file():
        raise InvalidValue(f"{folder} exists and isn't a network of the zoo. Give another name, or another folder.")
    command = " ".join(command.split()) if command else command_of(store.study(), rows, data)
    best = max(rows, key=lambda row: done(row).validation_accuracy)
    deployment = deployment_of(store, best, data)
    say(f"writing {rows[0].job.network_id.label} to {folder}")
    with writing_to(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with whole(folder) as aside:
        aside.mkdir()
        runs = tuple(_placed(store, row, data, aside) for row in rows)
        network = _network(folder, rows[0], runs, deployment, method, note, command)
        card = _card(store, best, data, deployment, network, aside, progress)
        write_whole(aside / CARD, card.encode())
        write_whole(aside / FILE, network.to_json().encode())
    return network


def _placed(store: Store, row: JobRow, data: PreparedDataset, folder: Path) -> ShippedRun:
    """Write the weights of a run, byte by byte as the store has them."""
    module, key = load_network(row.job.architecture, store.weights(row)), row.job.key
    run = ShippedRun(row.job.seed, correct(module, data), done(row), store.scores(key), store.epochs(key))
    write_whole(folder / run.file, store.weights_content(row))
    return run


def _network(
    folder: Path, row: JobRow, runs: tuple[ShippedRun, ...], deployment: Deployment, method: str, note: str,
    command: str,
) -> ShippedNetwork:  # fmt: skip
    job, facts = row.job, deployment.facts
    return ShippedNetwork(
        folder=folder,
        name=folder.resolve().name,
        method=method,
        note=note,
        command=command,
        family=job.family,
        budget=job.budget,
        weights=row.weights,
        macs=row.macs,
        dataset=facts.dataset,
        data_digest=job.data_digest,
        split_seed=job.split_seed,
        class_names=facts.class_names,
        border=facts.border,
        variant=dict(job.variant),
        recipe=job.recipe,
        architecture=job.architecture,
        runs=runs,
    )


def _card(
    store: Store, best: JobRow, data: PreparedDataset, deployment: Deployment, network: ShippedNetwork, folder: Path,
    progress: OnScored,
) -> str:  # fmt: skip
    """Score the file of the best run, opened again, and write the card of an export about it."""
    run, test = network.best, data.test_images()
    answer = Deployable(network.module(run, folder)).eval().answer
    artefact = Artefact((folder / run.file,), "float32", f"PyTorch {torch.__version__}", answer)
    checked = verify(deployment, [artefact], test, progress)
    report = report_of(store, best, deployment, checked, test, network.folder, len(network.runs))
    return model_card(report, best, _usage(network), _made(network))


def _usage(network: ShippedNetwork) -> Usage:
    return Usage(
        library="makeweight",
        tags=("safetensors",),
        before="With makeweight, which has this network in its zoo:",
        language="python",
        code=f'import makeweight as mw\nprint(mw.zoo["{network.name}"].predict("picture.png"))',
        after=f"`makeweight zoo copy {network.name}` makes a study of it, for `predict`, `features`, `export` and the "
        "other commands; `makeweight verify` scores the weights of all seeds again.",
    )


def _made(network: ShippedNetwork) -> list[tuple[str, str]]:
    results = ((f"seed {run.seed}", run.result) for run in network.runs)
    runs = [(s, f"validation {percent(r.validation_accuracy)}, test {percent(r.test_accuracy)}") for s, r in results]
    escaped = network.command.replace("|", r"\|")  # a table's cell, even in code
    note = [("note", markdown_text(network.note))] if network.note else []
    return [("method", markdown_text(network.method)), *note, ("command", f"`{escaped}`"), *runs]
