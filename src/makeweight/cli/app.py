"""All commands."""

from __future__ import annotations

from typing import Annotated

import typer

from makeweight.cli import (
    compare,
    data,
    design,
    diagnose,
    doctor,
    export,
    features,
    figure,
    measure,
    predict,
    report,
    resume,
    serve,
    study,
    train,
    tune,
    verify,
    zoo,
)
from makeweight.cli.output import put

app = typer.Typer(
    name="makeweight",
    help="Find the best image classifier that fits your weight budget, and prove it.",
    epilog="Start with: makeweight study   (seven networks on FashionMNIST)",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command, _examples in (
    (design.design, design.EXAMPLES), (train.train, train.EXAMPLES), (tune.tune, tune.EXAMPLES),
    (study.study, study.EXAMPLES), (resume.resume, resume.EXAMPLES), (serve.serve, serve.EXAMPLES),
    (report.show, report.SHOW_EXAMPLES), (measure.measure, measure.EXAMPLES), (compare.compare, compare.EXAMPLES),
    (figure.figure, figure.EXAMPLES), (diagnose.diagnose, diagnose.EXAMPLES), (features.features, features.EXAMPLES),
    (export.export, export.EXAMPLES), (predict.predict, predict.EXAMPLES), (report.report, report.EXAMPLES),
    (verify.verify, verify.EXAMPLES), (doctor.doctor, doctor.EXAMPLES),
):  # fmt: skip
    app.command(_command.__name__, epilog=_examples)(_command)
app.add_typer(data.app, name="data")
app.add_typer(zoo.app, name="zoo")


def _print_version(value: bool) -> None:
    if value:
        from makeweight.face.doctor import about

        put(about())
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print versions and machine, to paste into a report.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass
