"""``makeweight export``: a trained network as a file that runs elsewhere, checked on the whole test set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import complain, examples, print_json, remark
from makeweight.face.references import GRAMMAR, find_network

EXAMPLES = examples(
    "makeweight export cnn-10k",
    "makeweight export cnn-10k --int8",
    "makeweight export fashion/cnn-100k#1 -o deploy",
    "makeweight export cnn-10k --format c --int8 --chip cortex-m4@80MHz",
    "makeweight export cnn-10k --format c --int8 --bits 4",
    "makeweight export cnn-10k --format c --name digits",
    "makeweight export fcn-50k --format torch",
    "makeweight export cnn-10k --format tflite --int8",
)
UNFAITHFUL = "{} does not compute what the network does (a probability is off by {:.2g}): don't use it."


def export(
    run: Annotated[
        str,
        typer.Argument(help=f"{GRAMMAR}; without a seed, its run of the best validation accuracy.", show_default=False),
    ],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="onnx: for ONNX Runtime and others. torch: a torch.export program. tflite: for LiteRT, on phones and "
            "microcontrollers. c: C99 for microcontrollers.",
        ),
    ] = "onnx",
    int8: Annotated[
        bool,
        typer.Option("--int8", help="onnx, tflite, c: also quantise, on training images, and say whether that pays."),
    ] = False,
    bits: Annotated[
        int | None,
        typer.Option(help="c with --int8: bits of a weight: 8, 6 or 4.", show_default="8"),
    ] = None,
    qat: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS",
            help="With --int8: first train a copy on with its weights rounded (quantisation-aware fine-tuning).",
            show_default="0, with 6 or 4 bits 5",
        ),
    ] = None,
    chip: Annotated[
        str | None,
        typer.Option(
            metavar="CORE@MHz",
            help="c with --int8: also compile it for this core, as cortex-m4@80MHz, and run it in an emulator.",
            show_default="none",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the files; in C also the prefix of all that they define, a C identifier.")
    ] = "model",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the files.", show_default="export-NETWORK")
    ] = None,
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Write a trained network as one file, preprocessing inside, with a model card, and score it on the whole test set.

    The file takes uint8 images and gives probabilities. Each file is opened again and compared with PyTorch: accuracy
    with its 95 % interval, the share of test images with the same class, the time of one image on one thread. int8 is
    recommended if its file is smaller, its median latency no longer, and its loss of accuracy half a point at most
    (upper end of the interval). C is compiled for the check, which needs gcc or clang; there int8 is recommended if its
    flash is smaller, unless a loss of more than half a point is shown.
    Exit code 1: a file doesn't compute what the network does.
    """
    from makeweight.cli.export_view import show_export
    from makeweight.export.deployment import int8_from
    from makeweight.export.formats import format_named
    from makeweight.export.record import to_record

    format_named(format_, int8_from(int8, bits, qat), name).require()
    network = find_network(store, run)
    if len(network.rows) > 1:
        remark(
            f"{network.label} has {len(network.rows)} runs; seed {network.best.seed} has the best validation accuracy"
        )
    report = network.best.export(
        format_, int8=int8, bits=bits, qat=qat, chip=chip, name=name, folder=output, files=data
    )
    if as_json:
        print_json({"study": str(network.folder), "folder": str(report.folder), **to_record(report)})
    else:
        show_export(report)
    if report.on_chip and not report.on_chip.agrees:
        complain(f"the program for {report.on_chip.chip} gives other classes than on this machine: don't use it.")
    for file in report.files:
        if not file.faithful:
            complain(UNFAITHFUL.format(file.name, file.largest_difference))
    raise typer.Exit(int(not report.faithful))
