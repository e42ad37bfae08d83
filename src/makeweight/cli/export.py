"""``makeweight export``: a trained network as a file that runs elsewhere, checked on the whole test set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options
from makeweight.cli.counting import counting
from makeweight.cli.output import complain, print_json, remark
from makeweight.cli.references import GRAMMAR, NetworkReference, find_network
from makeweight.errors import StoreError

if TYPE_CHECKING:
    from makeweight.export.records import ExportReport

EXAMPLES = (
    "Examples: makeweight export cnn-10k   |   makeweight export cnn-10k --int8   |   "
    "makeweight export report/cnn-100k#1 -o deploy   |   makeweight export cnn-10k --format c --int8   |   "
    "makeweight export fcn-50k --format torch"
)
UNFAITHFUL = "{} does not compute what the network does (a probability is off by {:.2g}): do not use it."


def export(
    run: Annotated[
        str,
        typer.Argument(help=f"{GRAMMAR}; without a seed, its run of the best validation accuracy.", show_default=False),
    ],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="onnx: for ONNX Runtime and others. torch: a torch.export program. c: C99 for microcontrollers.",
        ),
    ] = "onnx",
    int8: Annotated[
        bool, typer.Option("--int8", help="onnx, c: quantise as well, on training images, and say whether that wins.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the files.", show_default="export-NETWORK")
    ] = None,
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Write a trained network as one file, preprocessing inside, with a model card, and score it on the whole test set.

    The file takes uint8 images and gives probabilities. Each file is opened again and compared with PyTorch: accuracy
    with its 95 % interval, the share of test images of the same class, the time of one image on one thread. int8 is
    recommended where its file is smaller, its median latency is not longer, and the interval of its loss of accuracy
    ends at half a point at most. C is compiled to be checked, which needs gcc or clang; flash and RAM take the place of
    file and time. Exit code 1: a file does not do what the network does.
    """
    from makeweight.cli.export_view import show_export
    from makeweight.export.formats import format_named

    format_named(format_, int8).require()
    network = find_network(store, run)
    report = _export(network, data, output or Path(f"export-{network.file_name}"), format_, int8)
    if as_json:
        _print_record(network, report)
    else:
        show_export(report)
    for file in report.files:
        if not file.faithful:
            complain(UNFAITHFUL.format(file.name, file.largest_difference))
    raise typer.Exit(int(not report.faithful))


def _export(network: NetworkReference, data_dir: Path | None, folder: Path, format_: str, int8: bool) -> ExportReport:
    from makeweight.export.session import PURPOSE, export_run
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store
    from makeweight.study.looks import record_look

    row, seeds = network.best, len(network.rows)
    if seeds > 1:
        remark(f"{network.label} has {seeds} runs; seed {row.job.seed} has the best validation accuracy")
    with Store.open(network.folder) as store:
        study = store.study()
        if study is None:
            raise StoreError(f"the study in {network.folder} has not been planned. Run it with: makeweight study")
        data = study_data(study, data_dir, remark)
        with counting() as view:
            report = export_run(
                store, row, data, folder, format_=format_, int8=int8, seeds=seeds, say=remark, progress=view.say
            )
    record_look(network.folder, [row.job.key], remark, PURPOSE)
    return report


def _print_record(network: NetworkReference, report: ExportReport) -> None:
    from makeweight.export.record import to_record

    print_json({"study": str(network.folder), "folder": str(report.folder), **to_record(report)})
