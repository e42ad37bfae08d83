"""``makeweight predict``: classify pictures with a trained network."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import complain, examples, print_json, remark, say, stdout
from makeweight.cli.pictures import find_pictures, is_file
from makeweight.cli.tables import fit, print_table
from makeweight.errors import InvalidValue
from makeweight.face.references import GRAMMAR, find_network
from makeweight.html import Column
from makeweight.text import MAX_SHOWN, csv_text, visible
from makeweight.wording import percentage

if TYPE_CHECKING:
    from makeweight.export.classifier import Classifier, Prediction

EXAMPLES = examples(
    "makeweight predict cnn-10k shirt.png",
    "makeweight predict export-cnn-10k/model.onnx photos/ --top 1",
    "makeweight predict cnn-10k 'scans/*.jpg' --invert --csv > answers.csv",
    "cat shoe.png | makeweight predict cnn-10k - --json",
)
MAX_BESIDE = 4  # classes in one row of the table
MAX_NAME = 200  # characters of a picture's name that are shown
MAX_ERROR = 10_000  # of a reason, which holds a path
UNKNOWN_BACKGROUND = "The study's data aren't here, so pictures with bright and dark swapped go unnoticed."


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
            help="Pictures, folders (with sub-folders), patterns, or - for stdin.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes to show per picture.")] = 3,
    invert: options.Invert = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Classify pictures, and print the most probable classes of each with their probabilities.

    Pictures are turned upright, converted to gray or RGB, inverted if they are dark on bright and the training images
    bright on dark, scaled to fit, and centred on black. If one can't be read, the reason is printed, and the others are
    classified. Exit code 1: some couldn't be read; 2: none could.
    """
    if as_json and as_csv:
        raise InvalidValue("--json and --csv exclude each other: give one of them.")
    pictures = find_pictures(image)
    classifier = _classifier(store, model)
    if pictures.ignored:
        remark(f"skipped, because their names aren't those of pictures: {pictures.ignored:,} of the folders' files")
    from makeweight.export.classifier import classify

    predictions = []
    for prediction in classify(classifier, pictures.sources, top, invert):
        _say(prediction, invert)
        predictions.append(prediction)
    _print(classifier, predictions, min(top, len(classifier.class_names)), as_json, as_csv)
    failed = sum(prediction.error is not None for prediction in predictions)
    raise typer.Exit(0 if not failed else 1 if failed < len(predictions) else 2)


def _classifier(store_folder: Path, model: str) -> Classifier:
    from makeweight.export.classifier import from_file
    from makeweight.export.guard import PICKLED

    if model.lower().endswith((".onnx", *PICKLED)) or is_file(model):
        return from_file(Path(model))
    classifier = find_network(store_folder, model).best.classifier
    if classifier.border is None:
        remark(UNKNOWN_BACKGROUND)
    return classifier


def _say(prediction: Prediction, invert: bool | None) -> None:
    image = visible(prediction.image, MAX_NAME)
    if prediction.error is not None:
        complain(visible(prediction.error, MAX_ERROR))
    if prediction.unlike is not None:
        other = "bright on dark" if prediction.unlike == "dark on bright" else "dark on bright"
        remedy = {None: "try --invert", True: "leave out --invert", False: "leave out --no-invert"}[invert]
        remark(f"{image} looks {prediction.unlike}; the training images are {other}: {remedy}.")
    if prediction.inverted and invert is None:
        remark(f"{image} is dark on bright, the training images are bright on dark: inverted (--no-invert forbids it).")


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
    return {
        "image": prediction.image,
        "top": guesses,
        "inverted": prediction.inverted,
        "background_differs": prediction.unlike is not None,
    }


def _print_csv(predictions: list[Prediction], top: int) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    places = range(1, top + 1)
    writer.writerow(["image", *(f"{name}_{i}" for i in places for name in ("class", "probability")), "error"])
    for prediction in predictions:
        guesses = [cell for guess in prediction.guesses for cell in (csv_text(guess.name), f"{guess.probability:.6f}")]
        guesses += [""] * (2 * top - len(guesses))
        writer.writerow([csv_text(prediction.image), *guesses, csv_text(prediction.error or "")])


def _show(classifier: Classifier, predictions: list[Prediction], top: int) -> None:
    answered = [prediction for prediction in predictions if prediction.error is None]
    if not answered:
        return
    rows = [(visible(prediction.image, MAX_NAME), *_cells(prediction)) for prediction in answered]
    columns = [Column("image", False), *(Column("class", False), Column("%", True)) * top]
    if top > MAX_BESIDE or not fit(columns, rows, stdout().width):
        columns, rows = columns[:3], [below for row in rows for below in _below_each_other(row)]
    print_table(stdout(), columns, rows)
    say(f"By {visible(classifier.name, MAX_SHOWN)}.")


def _cells(prediction: Prediction) -> Iterator[str]:
    for guess in prediction.guesses:
        yield visible(guess.name, MAX_SHOWN)
        yield percentage(guess.probability, 1)


def _below_each_other(row: tuple[str, ...]) -> list[tuple[str, ...]]:
    """One row for each class, the first with the picture's name."""
    return [(row[0] if i == 1 else "", *row[i : i + 2]) for i in range(1, len(row), 2)]
