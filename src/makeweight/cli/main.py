"""The command ``makeweight``: all commands, and how errors and exit codes leave."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

import makeweight
from makeweight.cli import (
    compare,
    data,
    design,
    diagnose,
    export,
    features,
    figure,
    measure,
    predict,
    report,
    resume,
    serve,
    show,
    study,
    train,
    tune,
)
from makeweight.cli.output import complain
from makeweight.errors import MakeweightError

app = typer.Typer(
    name="makeweight",
    help="Find the best image classifier that fits your weight budget, and prove it.",
    epilog="Start with: makeweight study   (the seven networks of the report, on FashionMNIST)",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("design", epilog=design.EXAMPLES)(design.design)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("tune", epilog=tune.EXAMPLES)(tune.tune)
app.command("study", epilog=study.EXAMPLES)(study.study)
app.command("resume", epilog=resume.EXAMPLES)(resume.resume)
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.command("show", epilog=show.EXAMPLES)(show.show)
app.command("measure", epilog=measure.EXAMPLES)(measure.measure)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("figure", epilog=figure.EXAMPLES)(figure.figure)
app.command("diagnose", epilog=diagnose.EXAMPLES)(diagnose.diagnose)
app.command("features", epilog=features.EXAMPLES)(features.features)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.add_typer(data.app, name="data")


def _print_version(value: bool) -> None:
    if value:
        print(makeweight.__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; results go to stdout, everything else to stderr."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding (LC_ALL=C) must not turn a × into a traceback.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(_run())


def _run() -> int:
    try:
        code = int(app(standalone_mode=False) or 0)
        sys.stdout.flush()
        return code
    except MakeweightError as error:
        complain(str(error))
        return error.exit_code
    except TyperException as error:
        if error.format_message():  # a command without arguments has printed its help, and has no message
            complain(f"{error.format_message()} See: makeweight --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted.")
        return 130
    except (BrokenPipeError, SystemExit) as ended:
        # Where the reader has gone (`| head`), typer and rich exit with 1, which here means failed trainings.
        if isinstance(ended, SystemExit) and ended.code != 1:
            raise
        # Without this, Python complains again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") + ".")
        return 2
