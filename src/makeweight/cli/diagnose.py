"""``makeweight diagnose``: say why a network underperforms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options
from makeweight.cli.datasets import ready
from makeweight.cli.output import print_json, remark, stdout
from makeweight.cli.references import GRAMMAR, find_network
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.diagnosis.subject import Subject

EXAMPLES = (
    "Examples: makeweight diagnose cnn-10k   |   makeweight diagnose train.py:make_model   |   "
    "makeweight diagnose train.py:make_model --dataset digits --json   |   in Python: makeweight.diagnose(model, "
    "loss_fn, optimizer, images, labels, step=…, validate=…), and makeweight.Watch around a loop"
)


def diagnose(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE.py:FUNCTION",
            help=f"A finished run ({GRAMMAR}), or a function that makes a model, or a dictionary of model, loss_fn, "
            "optimizer, images, labels, step and validate; the file is run.",
            show_default=False,
        ),
    ],
    seconds: Annotated[float, typer.Option(help="How long it may take, about.", min=1, max=3_600)] = 30,
    dataset: options.Dataset = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Say why a network underperforms: what is wrong, how sure that is, what was seen, and what to do."""
    from makeweight.diagnosis.diagnose import judged

    file, _, function = what.rpartition(":")
    if function and file.endswith(".py"):
        from makeweight.diagnosis.program import subject_of_program

        subject = subject_of_program(what, lambda: ready(dataset, data, image_size, channels, skip_unreadable))
    elif what.endswith(".py"):
        raise InvalidValue(f"{what} names no function: write {what}:make_model, with the name of yours.")
    else:
        subject = _of_run(what, store, data)
    remark(f"looking for up to {seconds:.0f} s …")
    diagnosis = judged(subject, seconds)
    if as_json:
        print_json({"what": what, **diagnosis.to_json()})
    else:
        stdout().print(diagnosis)
        stdout().print("\n".join(["", "Looked at:", *(f"- {line}" for line in diagnosis.checked)]), markup=False)
    raise typer.Exit(int(any(found.certainty != "hint" for found in diagnosis.findings)))


def _of_run(what: str, store: Path, data: Path | None) -> Subject:
    from makeweight.diagnosis.stored import subject_of_run
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    reference = find_network(store, what)
    with Store.open(reference.folder) as opened:
        study = opened.study()
        assert study is not None  # a network was found in it
        return subject_of_run(opened, reference.rows[0], study_data(study, data, progress=remark))
