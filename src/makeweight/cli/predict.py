"""``makeweight predict``: what a trained network takes pictures for."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import complain, print_json, print_table, remark, stdout
from makeweight.cli.pictures import find_pictures, is_file
from makeweight.cli.references import GRAMMAR, find_network
from makeweight.errors import InvalidValue, StoreError

if TYPE_CHECKING:
    from makeweight.export.classifier import Classifier, Prediction

EXAMPLES = (
    "Examples: makeweight predict cnn-10k shirt.png   |   "
    "makeweight predict export-cnn-10k/model.onnx photos/ --top 1   |   "
    "makeweight predict cnn-10k 'scans/*.jpg' --invert --csv > answers.csv   |   "
    "cat shoe.png | makeweight predict cnn-10k - --json"
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that starts so is computed by spreadsheets
MOST_BESIDE = 4  # classes in one row of the table
MOST_NAME = 200  # characters of a picture's name that are shown
MOST_ERROR = 10_000  # of a reason, which holds a path
UNKNOWN_BACKGROUND = (
    "The data of the study are not at hand, so it goes unnoticed where pictures are bright on dark or dark on bright "
    "and the training images the other way round."
)


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE.onnx",
            help=f"{GRAMMAR}; without a seed, its run of the best validation accuracy. Or a file of makeweight export, "
            "which needs nothing else.",
            show_default=False,
        ),
    ],
    image: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures, folders (with sub-folders), patterns, or - for one from stdin.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes to show of each.")] = 3,
    invert: Annotated[bool, typer.Option("--invert", help="Turn bright into dark in each picture.")] = False,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Classify pictures, and print the most probable classes of each with their probabilities.

    A picture is turned upright, made gray or RGB as the network needs it, scaled to fit, and centred on black. One that
    cannot be read gets a line of its own with the reason, and the others are answered all the same. Exit code 1: some
    could not be read; 2: none could.
    """
    if as_json and as_csv:
        raise InvalidValue("--json and --csv exclude each other: give one of them.")
    found = find_pictures(image)
    classifier = _classifier(store, model)
    if found.ignored:
        remark(f"left out, because their names are not those of pictures: {found.ignored:,} of the folders' files")
    from makeweight.export.classifier import classify

    predictions = []
    for prediction in classify(classifier, found.sources, top, invert):
        _say(prediction, invert)
        predictions.append(prediction)
    _print(classifier, predictions, min(top, len(classifier.class_names)), as_json, as_csv)
    failed = sum(prediction.error is not None for prediction in predictions)
    raise typer.Exit(0 if not failed else 1 if failed < len(predictions) else 2)


def _classifier(store_folder: Path, model: str) -> Classifier:
    from makeweight.export.classifier import from_file, from_run
    from makeweight.export.guard import PICKLED
    from makeweight.store.store import Store

    if model.lower().endswith((".onnx", *PICKLED)) or is_file(model):
        return from_file(Path(model))
    network = find_network(store_folder, model)
    with Store.open(network.folder) as store:
        study = store.study()
        if study is None:
            raise StoreError(f"the study in {network.folder} has not been planned. Run it with: makeweight study")
        classifier = from_run(store, network.best, study)
    if classifier.border is None:
        remark(UNKNOWN_BACKGROUND)
    return classifier


def _say(prediction: Prediction, invert: bool) -> None:
    from makeweight.export.text import visible

    if prediction.error is not None:
        complain(visible(prediction.error, MOST_ERROR))
    if prediction.unlike is not None:
        other = "bright on dark" if prediction.unlike == "dark on bright" else "dark on bright"
        remedy = "leave out --invert" if invert else "try --invert"
        image = visible(prediction.image, MOST_NAME)
        remark(f"{image} looks {prediction.unlike}; the training images are {other}: {remedy}.")


def _print(classifier: Classifier, predictions: list[Prediction], top: int, as_json: bool, as_csv: bool) -> None:
    if as_json:
        print_json({"network": classifier.name, "images": [_record(prediction) for prediction in predictions]})
    elif as_csv:
        _print_csv(predictions, top)
    else:
        _show(classifier, predictions, top)


def _record(prediction: Prediction) -> dict[str, Any]:
    if prediction.error is not None:
        return {"image": prediction.image, "error": prediction.error}
    guesses = [{"label": g.label, "class": g.name, "probability": g.probability} for g in prediction.guesses]
    return {"image": prediction.image, "top": guesses, "background_differs": prediction.unlike is not None}


def _print_csv(predictions: list[Prediction], top: int) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    places = range(1, top + 1)
    writer.writerow(["image", *(f"{name}_{i}" for i in places for name in ("class", "probability")), "error"])
    for prediction in predictions:
        guesses = [cell for guess in prediction.guesses for cell in (_inert(guess.name), f"{guess.probability:.6f}")]
        guesses += [""] * (2 * top - len(guesses))
        writer.writerow([_inert(prediction.image), *guesses, _inert(prediction.error or "")])


def _inert(cell: str) -> str:
    """Keep spreadsheets from computing a cell."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _show(classifier: Classifier, predictions: list[Prediction], top: int) -> None:
    from makeweight.export.text import visible

    answered = [prediction for prediction in predictions if prediction.error is None]
    if not answered:
        return
    rows = [
        (
            visible(prediction.image, MOST_NAME),
            *(cell for guess in prediction.guesses for cell in (visible(guess.name), f"{100 * guess.probability:.1f}")),
        )
        for prediction in answered
    ]
    if top > MOST_BESIDE:
        top, rows = 1, [below for row in rows for below in _below_each_other(row)]
    headings = [("image", False), *((heading, heading == "%") for _ in range(top) for heading in ("class", "%"))]
    print_table(stdout(), headings, rows)
    print(f"By {visible(classifier.name)}.")


def _below_each_other(row: tuple[str, ...]) -> list[tuple[str, ...]]:
    """One row for each class, the first with the picture's name."""
    return [(row[0] if i == 1 else "", *row[i : i + 2]) for i in range(1, len(row), 2)]
