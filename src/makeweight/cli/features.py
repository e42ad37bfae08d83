"""``makeweight features``: what a trained network sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options, texts
from makeweight.cli.output import examples, print_json, put, remark, say, stdout, with_flags
from makeweight.cli.tables import print_table
from makeweight.errors import InvalidValue
from makeweight.face.references import GRAMMAR, find_network
from makeweight.html import Column
from makeweight.wording import percentage

if TYPE_CHECKING:
    from makeweight.inspection.records import Inspection, Sample
    from makeweight.report.figures.style import Drawing

EXAMPLES = examples(
    "makeweight features cnn-10k",
    "makeweight features cnn-10k --image shoe.jpg --invert",
    "makeweight features cnn-10k --layer stem --filter 3",
    "makeweight features cnn-10k --sample 17 --theme dark",
)
LAYER_COLUMNS = (
    Column("layer", False),
    Column("shown after", False, 5),
    Column("shape", True, 1),
    Column("sees", True, 2),
    Column("smallest", True, 4),
    Column("mean", True),
    Column("largest", True, 3),
    Column("zero %", True),
)
SAMPLE_COLUMNS = (
    Column("image", False),
    Column("class", False),
    Column("predicted", False),
    Column("%", True, 1),
    Column("right", False, 2),
)
NOTE = "Values over all images and positions; zero: cut off by the activation. Computed in float32 on the CPU."


def features(
    run: Annotated[
        str, typer.Argument(help=f"{GRAMMAR}; without a seed, the run with the lowest.", show_default=False)
    ],
    layer: Annotated[list[str] | None, typer.Option(help="Layers to show; by default all convolutions.")] = None,
    sample: Annotated[list[int] | None, typer.Option(help="Test images to show, by number.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="Pictures of your own to show.")] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Show the first test image of each class (the default).")
    ] = False,
    filter_: Annotated[
        list[int] | None, typer.Option("--filter", help="Show only what this filter of a --layer responds to.")
    ] = None,
    invert: options.Invert = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the files.", show_default="features-NETWORK")] = None,
    format_: options.FigureFormat = "png",
    theme: options.Theme = "light",
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Draw what a network sees: feature maps, first filters, and the test images that filters respond to most."""
    texts.check_figure(format_, theme)
    if filter_ and not layer:
        raise InvalidValue(f"--filter {filter_[0]} needs its layer: add --layer NAME.")
    if invert is not None and not image:
        raise InvalidValue("--invert and --no-invert are for pictures of your own: add --image FILE.")
    network = find_network(store, run)
    seen = network.runs[0].features(
        image, layer=layer, sample=sample, filters=filter_, per_class=per_class, invert=invert, files=data
    )
    inspection = seen.inspection
    for note in seen.notes:
        remark(with_flags(note))
    files = _draw(inspection, bool(filter_), output or Path(f"features-{network.file_name}"), format_, theme)
    if as_json:
        print_json({**_record(inspection), "study": str(network.folder), "files": [str(file) for file in files]})
    else:
        _show(inspection, files)


def _draw(inspection: Inspection, only_responses: bool, folder: Path, format_: str, theme: Any) -> list[Path]:
    from makeweight.report.figures.feature_drawings import feature_drawings, response_drawings
    from makeweight.report.figures.style import make_folder, save_drawing

    drawings: list[Drawing] = list((response_drawings if only_responses else feature_drawings)(inspection))
    make_folder(folder)
    files = []
    for number, drawing in enumerate(drawings, 1):
        remark(f"[{number}/{len(drawings)}] {drawing.title}")
        files.append(folder / f"{drawing.name}.{format_}")
        save_drawing(drawing, files[-1], theme)
    return files


def _show(inspection: Inspection, files: list[Path]) -> None:
    put(f"{inspection.network}, seed {inspection.seed}, run {inspection.run}")
    print_table(stdout(), LAYER_COLUMNS, list(_layer_cells(inspection)))
    print_table(stdout(), SAMPLE_COLUMNS, [_sample_cells(s, inspection.class_names) for s in inspection.samples])
    say(NOTE)
    put(*files)


def _layer_cells(inspection: Inspection) -> Iterator[tuple[str, ...]]:
    for layer in inspection.layers:
        numbers = (f"{value:.3f}" for value in (layer.low, layer.mean, layer.high))
        shape, sees = (" × ".join(map(str, sizes)) for sizes in (layer.shape, layer.sees))
        yield layer.layer, layer.shown, shape, sees, *numbers, percentage(layer.zeros, 1)


def _sample_cells(sample: Sample, class_names: tuple[str, ...]) -> tuple[str, ...]:
    truth = "" if sample.truth is None else class_names[sample.truth]
    right = "" if sample.truth is None else "yes" if sample.truth == sample.predicted else "no"
    sure = percentage(sample.probabilities[sample.predicted], 1)
    return sample.name, truth, class_names[sample.predicted], sure, right


def _record(inspection: Inspection) -> dict[str, Any]:
    names = inspection.class_names
    return {
        "network": inspection.network,
        "run": inspection.run,
        "seed": inspection.seed,
        "layers": [
            {
                "layer": layer.layer,
                "kind": layer.kind,
                "shown_after": layer.shown,
                "shape": list(layer.shape),
                "sees": list(layer.sees),
                "low": layer.low,
                "mean": layer.mean,
                "high": layer.high,
                "zero_share": layer.zeros,
            }
            for layer in inspection.layers
        ],
        "samples": [
            {
                "name": sample.name,
                "truth": None if sample.truth is None else names[sample.truth],
                "predicted": names[sample.predicted],
                "probabilities": dict(zip(names, map(float, sample.probabilities), strict=True)),
            }
            for sample in inspection.samples
        ],
        "responses": [
            {
                "layer": responses.layer,
                "filter": number,
                "test_images": indices.tolist(),
                "strengths": strengths.tolist(),
                "boxes": boxes.tolist(),
            }
            for responses in inspection.responses
            for number, indices, strengths, boxes in zip(
                responses.filters, responses.indices, responses.strengths, responses.boxes, strict=True
            )
        ],
    }
