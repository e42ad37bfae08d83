"""``makeweight features``: what a trained network sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, print_table, remark, stdout
from makeweight.cli.references import GRAMMAR, NetworkReference, find_network
from makeweight.errors import InvalidValue, StoreError

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.inspection.records import Inspection, Sample, Subject
    from makeweight.report.figures.drawing import Drawing

EXAMPLES = (
    "Examples: makeweight features cnn-10k   |   makeweight features cnn-10k --image shoe.jpg --invert   |   "
    "makeweight features cnn-10k --layer stem --filter 3   |   makeweight features cnn-10k --sample 17 --theme dark"
)
LAYER_HEADINGS = (
    ("layer", False),
    ("shown after", False),
    ("shape", False),
    ("sees", False),
    ("smallest", True),
    ("mean", True),
    ("largest", True),
    ("zero %", True),
)
SAMPLE_HEADINGS = (("image", False), ("class", False), ("taken for", False), ("%", True), ("right", False))
NOTE = "Values over all images and places; zero: cut off by the activation. Computed in float32 on the processor."


def features(
    run: Annotated[str, typer.Argument(help=f"{GRAMMAR}; without a seed, its run of the lowest.", show_default=False)],
    layer: Annotated[list[str] | None, typer.Option(help="Layers to show; by default all convolutions.")] = None,
    sample: Annotated[list[int] | None, typer.Option(help="Test images to show, by number.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="Pictures of your own to show.")] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Show the first test image of each class; the default.")
    ] = False,
    filter_: Annotated[
        list[int] | None, typer.Option("--filter", help="Only what this filter of a --layer responds to.")
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Turn bright into dark in each --image.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder for the files.", show_default="features-NETWORK")] = None,
    format_: options.FigureFormat = "png",
    theme: options.Theme = "light",
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Draw what a network sees: feature maps, first filters, and the test images that filters respond to most."""
    options.check_figure(format_, theme)
    if filter_ and not layer:
        raise InvalidValue(f"--filter {filter_[0]} needs the layer that it belongs to: give --layer NAME as well.")
    if invert and not image:
        raise InvalidValue("--invert is for pictures of your own: give --image FILE as well.")
    network = find_network(store, run)
    inspection = _inspect(network, data, (sample, image, per_class, invert), layer, filter_)
    files = _draw(inspection, bool(filter_), output or Path(f"features-{network.file_name}"), format_, theme)
    if as_json:
        print_json({**_record(inspection), "study": str(network.folder), "files": [str(file) for file in files]})
    else:
        _show(inspection, files)


def _inspect(
    network: NetworkReference,
    data_dir: Path | None,
    images: tuple[list[int] | None, list[Path] | None, bool, bool],
    layers: list[str] | None,
    filters: list[int] | None,
) -> Inspection:
    from makeweight.inspection.activations import inspect
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store
    from makeweight.study.looks import record_look

    with Store.open(network.folder) as store:
        study = store.study()
        if study is None:
            raise StoreError(f"the study in {network.folder} has not been planned. Run it with: makeweight study")
        data = study_data(study, data_dir, remark)
        subjects = _subjects(data, *images)
        remark(f"looking into {network.label}, seed {network.rows[0].job.seed}")
        found = inspect(store, network.rows[0], data, subjects, layers, filters)
    record_look(network.folder, [network.rows[0].job.key], remark)
    return found


def _subjects(
    data: PreparedDataset, samples: list[int] | None, pictures: list[Path] | None, per_class: bool, invert: bool
) -> list[Subject]:
    """Bring together the images asked for, in the order of the options."""
    from makeweight.data.picture import read_picture
    from makeweight.inspection.subjects import chosen_tests, first_of_each_class, of_picture

    subjects = list(chosen_tests(data, samples or ()))
    for path in pictures or ():
        picture = read_picture(path, data.image_shape, invert=invert)
        if picture.looks_inverted(data.training_images().images[:1_000]):
            remedy = "leave out --invert" if invert else "try --invert"
            remark(f"{path} looks like dark on bright; the data set is bright on dark: {remedy}.")
        subjects.append(of_picture(picture))
    if per_class or not subjects:
        subjects += first_of_each_class(data)
    return subjects


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
    print(f"{inspection.network}, seed {inspection.seed}, run {inspection.run}")
    print_table(stdout(), LAYER_HEADINGS, list(_layer_cells(inspection)))
    print_table(stdout(), SAMPLE_HEADINGS, [_sample_cells(s, inspection.class_names) for s in inspection.samples])
    print(NOTE)
    print(*files, sep="\n")


def _layer_cells(inspection: Inspection) -> Iterator[tuple[str, ...]]:
    for layer in inspection.layers:
        numbers = (f"{value:.3f}" for value in (layer.low, layer.mean, layer.high))
        shape, sees = (" × ".join(map(str, sizes)) for sizes in (layer.shape, layer.sees))
        yield layer.layer, layer.shown, shape, sees, *numbers, f"{100 * layer.zeros:.1f}"


def _sample_cells(sample: Sample, class_names: tuple[str, ...]) -> tuple[str, ...]:
    truth = "" if sample.truth is None else class_names[sample.truth]
    right = "" if sample.truth is None else "yes" if sample.truth == sample.predicted else "no"
    sure = f"{100 * sample.probabilities[sample.predicted]:.1f}"
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
                "layer": found.layer,
                "filter": number,
                "test_images": indices.tolist(),
                "strengths": strengths.tolist(),
                "boxes": boxes.tolist(),
            }
            for found in inspection.responses
            for number, indices, strengths, boxes in zip(
                found.filters, found.indices, found.strengths, found.boxes, strict=True
            )
        ],
    }
