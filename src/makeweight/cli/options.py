"""Arguments that several commands share, and how their text is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from makeweight.errors import InvalidValue

Family = Annotated[str, typer.Option("--family", "-f", help="fcn, cnn or lenet.", show_default=False)]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", "-d", help="Name of a data set; see: makeweight data list", show_default="fashion-mnist"),
]
Files = Annotated[
    Path | None, typer.Option("--data", help="Folder with the data set's original files; also MAKEWEIGHT_DATA.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Your own images: a folder with one sub-folder a class, or .npz, .csv, idx or CIFAR files. With --dataset "
        "the folder with its original files; also MAKEWEIGHT_DATA.",
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIDE|HxW",
        help="Of your own images, to which they are scaled.",
        show_default="a common size up to 64 pixels, else 32",
    ),
]
Channels = Annotated[
    int | None, typer.Option(help="Of your own images: 1 (gray) or 3.", show_default="3 where any has colour")
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out those of your own images that cannot be read.")
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder that holds the studies.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; may be given several times."),
]
Workers = Annotated[int | None, typer.Option(help="Trainings side by side; by default one for each processor.")]
Threads = Annotated[int | None, typer.Option(help="Threads of each training.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Executor = Annotated[str, typer.Option(help="local, or ray for the machines of a Ray cluster (docs/cluster.md).")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="auto|HOST:PORT",
        help="The cluster that this machine belongs to.",
        show_default="a Ray of its own on this machine",
    ),
]
Precision = Annotated[
    str | None, typer.Option(help="auto (measured), fp32 or bf16.", show_default="the recipe's, auto")
]
FigureFormat = Annotated[str, typer.Option("--format", help="png, svg or pdf.")]
Theme = Annotated[str, typer.Option(help="light or dark.")]

# Hyperparameters of an architecture.
Depth = Annotated[int | None, typer.Option(help="fcn: hidden layers.", show_default="2")]
Width = Annotated[
    str | None, typer.Option(help="Exact widths, one for all layers or one each: 223 or 16,24,48. No filling then.")
]
ActivationOption = Annotated[str | None, typer.Option("--activation", help="relu, leaky_relu, prelu or gelu.")]
Slope = Annotated[float | None, typer.Option(help="a > 0 of leaky ReLU max(x, ax); the start of PReLU's.")]
Norm = Annotated[str | None, typer.Option(help="fcn, cnn: batch or none.", show_default="batch")]
Dropout = Annotated[float | None, typer.Option(help="fcn, cnn: rate, 0 to below 1.", show_default="by the budget")]
InputDropout = Annotated[float | None, typer.Option(help="fcn: rate for the pixels.", show_default="0.1")]
Kernel = Annotated[int | None, typer.Option(help="cnn, lenet: filter size in pixels.")]
Stride = Annotated[int | None, typer.Option(help="cnn: stride of the first filter.")]
Padding = Annotated[int | None, typer.Option(help="cnn: padding in pixels; by default the size is kept.")]
Blocks = Annotated[int | None, typer.Option(help="cnn: residual blocks in the second stage.")]
Taper = Annotated[float | None, typer.Option(help="fcn: width of a hidden layer, relative to the one before.")]
Stages = Annotated[int | None, typer.Option(help="cnn: stages, each at half the resolution.", show_default="3")]
Growth = Annotated[float | None, typer.Option(help="cnn: filters of a stage, relative to the one before.")]
Head = Annotated[str | None, typer.Option(help="cnn: max, average (global pooling) or flatten.", show_default="max")]
PoolOption = Annotated[str | None, typer.Option("--pool", help="cnn, lenet: max or average.")]

# Limits beside the weights.
MaxMacs = Annotated[str | None, typer.Option(help="Multiply-accumulates an image: 5M.", show_default="no limit")]
MaxActivationBytes = Annotated[
    str | None,
    typer.Option(help="Peak of input + output + shortcut over the layers: 64K is 65,536.", show_default="no limit"),
]
_ACTIVATION_TYPE_HELP = "Bytes of an activation: int8 (1) or fp32 (4)."
ActivationType = Annotated[str, typer.Option(help=_ACTIVATION_TYPE_HELP)]
ActivationTypeOfStudy = Annotated[  # None where a study file may say it
    str | None, typer.Option("--activation-type", help=_ACTIVATION_TYPE_HELP, show_default="int8")
]

MOST_NAME = 80
MOST_PATH = 4_096  # PATH_MAX of Linux; the system refuses to look at a longer one
_NAME = re.compile(rf"\w[\w.+-]{{0,{MOST_NAME - 1}}}")


def given(**values: Any) -> dict[str, Any]:
    """Keep the options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def widths(text: str | None) -> tuple[int, ...] | None:
    """Read exact widths: one number, or several with commas."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidValue(
            f"width {text!r} is not possible: give one number or several, as in 223 or 16,24,48."
        ) from None


def input_shape(text: str) -> tuple[int, int, int]:
    """Read an input shape: 1x28x28 is 1 channel, height 28, width 28."""
    match = re.fullmatch(r"(\d{1,6})[x×,](\d{1,6})[x×,](\d{1,6})", text.strip().lower())
    if match is None:
        raise InvalidValue(f"input {text!r} is not possible: write channels, height and width as in 1x28x28.")
    c, h, w = (int(part) for part in match.groups())
    return c, h, w


def recipe_changes(settings: list[str] | None, **direct: Any) -> dict[str, Any]:
    """Read ``FIELD=VALUE`` texts into recipe fields of the right type; options given directly win."""
    import dataclasses

    from makeweight.training.recipe import Recipe

    defaults = {field.name: field.default for field in dataclasses.fields(Recipe)}
    changes: dict[str, Any] = {}
    for text in settings or ():
        name, separator, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not separator or name not in defaults:
            raise InvalidValue(
                f"--set {text!r} is not possible: write FIELD=VALUE with a field of: {', '.join(defaults)}."
            )
        changes[name] = _parse(name, value.strip(), defaults[name])
    return {**changes, **given(**direct)}


def _parse(name: str, text: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        return type(default)(text)  # type: ignore[call-arg]
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[type(default)]
        raise InvalidValue(f"--set {name}={text} is not possible: give {kind}, for example {default}.") from None


def check_figure(format_: str, theme: str) -> None:
    """Check the options that every command with figures has.

    Raises
    ------
    InvalidValue
        If there is no such format or theme.
    """
    from makeweight.report.figures.style import FORMATS, THEMES

    for option, value, allowed in (("format", format_, FORMATS), ("theme", theme, THEMES)):
        if value not in allowed:
            raise InvalidValue(f"{option} {value!r} is not possible: give one of {', '.join(allowed)}.")


def study_folder(store: Path, name: str) -> Path:
    """Return the folder of a study by its name.

    Raises
    ------
    InvalidValue
        If the name would not be a plain folder name.
    """
    if _NAME.fullmatch(name) is None:
        shown = name if len(name) <= MOST_NAME else name[:MOST_NAME] + "…"
        raise InvalidValue(
            f"study name {shown!r} is not possible: use letters, digits, '.', '_', '+' and '-', {MOST_NAME} at most."
        )
    return store / name


def is_study(store: Path, name: str) -> bool:
    """Say whether a text is the name of a study."""
    return _NAME.fullmatch(name) is not None and (store / name / "study.db").is_file()


def find_study(store: Path, name: str | None) -> Path:
    """Find a study by name or by the path of its folder; without a name, the one changed last.

    Raises
    ------
    InvalidValue
        If there is none.
    """
    if name is None:
        found = sorted(store.glob("*/study.db"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise InvalidValue(f"there is no study in {store}. Run one with: makeweight study")
        return found[-1].parent
    if len(name) <= MOST_PATH and (Path(name) / "study.db").is_file():
        return Path(name)
    folder = study_folder(store, name)
    if not (folder / "study.db").is_file():
        known = ", ".join(sorted(path.parent.name for path in store.glob("*/study.db"))) or "none yet"
        raise InvalidValue(f"there is no study {name!r} in {store}. There are: {known}.")
    return folder
