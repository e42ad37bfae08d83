"""``makeweight diagnose``: say why a network underperforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, print_text, remark, stdout
from makeweight.errors import InvalidValue
from makeweight.face.references import GRAMMAR, find_network

EXAMPLES = examples(
    "makeweight diagnose cnn-10k",
    "makeweight diagnose train.py:make_model",
    "makeweight diagnose train.py:make_model --dataset digits --json",
    note="In Python: makeweight.diagnose(model, loss_fn, optimizer, images, labels, step=…, validate=…), or "
    "makeweight.Watch around a loop.",
)


@options.with_groups
def diagnose(
    *,
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE.py:FUNCTION",
            help=f"A finished run ({GRAMMAR}), or a function that returns a model, or a dictionary of model, loss_fn, "
            "optimizer, images, labels, step and validate; the file is executed.",
            show_default=False,
        ),
    ],
    seconds: Annotated[float, typer.Option(help="Processor time that it may take.", min=1, max=3_600)] = 60,
    images: options.Images,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Say why a network underperforms: what is wrong, how certain, the evidence, and the fix."""
    file, _, function = what.rpartition(":")
    if what.endswith(".py"):
        raise InvalidValue(f"{what} names no function: write {what}:make_model, with the name of yours.")
    remark(f"looking for up to {seconds:.0f} s, usually far less …")
    if function and file.endswith(".py"):
        from makeweight.diagnosis.diagnose import judged
        from makeweight.diagnosis.program import subject_of_program

        diagnosis = judged(subject_of_program(what, images.ready), seconds)
    else:
        diagnosis = find_network(store, what).runs[0].diagnose(seconds=seconds, files=images.data)
    if as_json:
        print_json({"what": what, **diagnosis.to_json()})
    else:
        lines = [*str(diagnosis).splitlines(), "", "Looked at:", *(f"- {line}" for line in diagnosis.checked)]
        for line in lines:
            print_text(stdout(), line, indent="      " if line.startswith(" ") else "  ")
    raise typer.Exit(int(any(finding.certainty != "hint" for finding in diagnosis.findings)))
