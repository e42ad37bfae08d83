"""Networks and their finished trainings: predictions, features, diagnosis and export."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue
from makeweight.face.console import counting
from makeweight.face.console import remark as say
from makeweight.html import lines_html
from makeweight.jobs.network import NetworkId, slug
from makeweight.report.summary import NetworkSummary, summarise_runs
from makeweight.store.rows import JobRow, ResultRow, StudyRow
from makeweight.store.store import Store, done
from makeweight.wording import confidence, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from makeweight.data.picture import Picture
    from makeweight.diagnosis.findings import Diagnosis
    from makeweight.export.classifier import Classifier, PictureInput, Prediction
    from makeweight.export.facts import Shape
    from makeweight.export.records import ExportReport
    from makeweight.inspection.records import Inspection
    from makeweight.nets.build import Network as Module
    from makeweight.training.records import EpochRecord


@dataclass(frozen=True)
class Run:
    """One finished training of one network."""

    folder: Path  # of its study
    row: JobRow
    seeds: int = 1  # finished trainings of the same network

    @property
    def key(self) -> str:
        """Digest of everything that the training depends on."""
        return self.row.job.key

    @property
    def seed(self) -> int:
        """Random seed for weights, image order and augmentation."""
        return self.row.job.seed

    @property
    def label(self) -> str:
        """Network and seed: CNN 10K seed 0."""
        return f"{self.row.job.network_id.label} seed {self.seed}"

    @property
    def weights(self) -> int:
        """Trainable weights."""
        return self.row.weights

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.row.macs

    @property
    def test_accuracy(self) -> float:
        """Share of the test images classified correctly, 0 to 1."""
        return self._result.test_accuracy

    @property
    def validation_accuracy(self) -> float:
        """Share of the validation images classified correctly, 0 to 1."""
        return self._result.validation_accuracy

    @property
    def epochs(self) -> tuple[EpochRecord, ...]:
        """Loss, accuracy and speed of each epoch."""
        with Store.open(self.folder) as store:
            return store.epochs(self.key)

    @property
    def data(self) -> PreparedDataset:
        """The data that it was trained on."""
        return self._data(None)

    @property
    def classifier(self) -> Classifier:
        """Its network as a classifier of pictures, with class names."""
        from makeweight.export.classifier import from_run

        with Store.open(self.folder) as store:
            return from_run(store, self.row, self._study())

    @property
    def network(self) -> Module:
        """The trained network as a torch module in float32, in evaluation mode."""
        from makeweight.nets.load import load_network

        with Store.open(self.folder) as store:
            return load_network(self.row.job.architecture, store.weights(self.row)).eval()

    def predict(self, pictures: Any, *, top: int = 3, invert: bool | None = None) -> list[Prediction]:
        """Classify pictures.

        Parameters
        ----------
        pictures : path, PIL image, array, or a list of them
            Arrays are uint8 of shape (h, w) or (h, w, 3). Pictures are scaled to fit and centred on black.
        top : int
            Classes to return per picture.
        invert : bool, optional
            Invert every picture, or none; by default gray pictures that are dark on bright, if the training images are
            bright on dark.

        Returns
        -------
        list of Prediction
            Guesses, the most probable first, or the reason why a picture can't be read.
        """
        return predictions(self.classifier, pictures, top, invert)

    def features(
        self,
        pictures: Any = None,
        *,
        layer: str | Sequence[str] | None = None,
        sample: int | Sequence[int] | None = None,
        filters: Sequence[int] | None = None,
        per_class: bool = False,
        invert: bool | None = None,
        files: Path | None = None,
    ) -> Features:
        """Look into the network: feature maps, first filters, and the test images that filters respond to most.

        Parameters
        ----------
        pictures : path, PIL image, array, or a list of them, optional
            Your own pictures; by default the first test image of each class.
        layer : str or sequence of str, optional
            By default all convolutions.
        sample : int or sequence of int, optional
            Test images, by number.
        filters : sequence of int, optional
            Filters of ``layer``; the test images that they respond to most are found.
        per_class : bool
            Show the first test image of each class besides the images asked for.
        invert : bool, optional
            As for :meth:`predict`.
        files : path, optional
            Folder with the original files of the data set, or your own images, if they aren't in the cache.
        """
        from makeweight.data.picture import border_brightness
        from makeweight.inspection.activations import inspect
        from makeweight.inspection.data import chosen_tests, first_of_each_class, of_picture
        from makeweight.studies.looks import record_look

        data = self._data(files)
        some = data.training_images().images[:1_000]
        like = border_brightness(some) if invert is None else None
        sources = [_source(picture, number) for number, picture in enumerate(_listed(pictures))]
        own = [source.read(data.image_shape, bool(invert), like) for source in sources]
        subjects = [*chosen_tests(data, _listed(sample)), *map(of_picture, own)]
        if per_class or not subjects:
            subjects += first_of_each_class(data)
        say(f"looking into {self.row.job.network_id.label}, seed {self.seed}")
        with Store.open(self.folder) as store:
            inspection = inspect(store, self.row, data, subjects, _listed(layer) or None, filters)
        record_look(self.folder, [self.key], say)
        return Features(inspection, tuple(filter(None, (_note(picture, some, invert) for picture in own))))

    def diagnose(self, *, seconds: float = 60, files: Path | None = None) -> Diagnosis:
        """Say why the network underperforms, in up to ``seconds`` of processor time."""
        from makeweight.diagnosis.diagnose import judged
        from makeweight.diagnosis.stored import subject_of_run

        with Store.open(self.folder) as store:
            return judged(subject_of_run(store, self.row, self._data(files)), seconds)

    def export(
        self,
        format: str = "onnx",
        *,
        int8: bool = False,
        bits: int | None = None,
        qat: int | None = None,
        chip: str | None = None,
        name: str = "model",
        folder: str | os.PathLike[str] | None = None,
        files: Path | None = None,
    ) -> ExportReport:
        """Write the network as a file that runs elsewhere, and score that file on the whole test set.

        Parameters
        ----------
        format : str
            "onnx", "torch", "tflite" or "c".
        int8 : bool
            Quantise as well.
        bits : int, optional
            Of a weight in int8: 8, the default, or for ``format="c"`` 6 or 4.
        qat : int, optional
            Epochs of quantisation-aware fine-tuning for int8: a copy of the network is trained on with its weights
            rounded. By default 5 with fewer than 8 bits, and none with 8.
        chip : str, optional
            For ``format="c"`` in int8: a core and perhaps its clock, "cortex-m4@80MHz", for which the program is also
            compiled, linked and run in an emulator.
        name : str
            Of the files. In C also the prefix of all that they define, so that networks of different names go into one
            firmware: a C identifier of at most 24 letters.
        folder : path, optional
            By default export-NETWORK in the current folder.
        files : path, optional
            As for :meth:`features`.
        """
        from makeweight.designs.chips import parse_chip
        from makeweight.export.deployment import int8_from
        from makeweight.export.formats import format_named
        from makeweight.export.session import PURPOSE, export_run, require_chip
        from makeweight.studies.looks import record_look

        small = int8_from(int8, bits, qat)
        format_named(format, small, name).require()
        on = None if chip is None else parse_chip(chip)
        require_chip(on, format, int8)
        target = Path(f"export-{self.row.job.network_id.slug}") if folder is None else Path(folder)
        data = self._data(files)
        with Store.open(self.folder) as store, counting() as view:
            report = export_run(
                store, self.row, data, target, format_=format, int8=small, chip=on, name=name, seeds=self.seeds,
                say=say, progress=view.say,
            )  # fmt: skip
        record_look(self.folder, [self.key], say, PURPOSE)
        return report

    @property
    def _result(self) -> ResultRow:
        return done(self.row)

    def _data(self, files: Path | None) -> PreparedDataset:
        from makeweight.inspection.data import study_data

        return study_data(self._study(), files, say)

    def _study(self) -> StudyRow:
        with Store.open(self.folder) as store:
            return store.study()

    def __repr__(self) -> str:
        return (
            f"{self.label}: {self.weights:,} weights, {self.macs:,} MACs, validation "
            f"{percent(self.validation_accuracy)}, test {percent(self.test_accuracy)}; run {self.key[:12]} in "
            f"{self.folder}"
        )


@dataclass(frozen=True)
class Network:
    """One network of a study, with a training for each seed."""

    folder: Path
    label: str  # "CNN 10K"
    rows: tuple[JobRow, ...]  # by seed, finished, at least one

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its trainings, by seed."""
        return tuple(Run(self.folder, row, len(self.rows)) for row in self.rows)

    @property
    def best(self) -> Run:
        """The training with the best validation accuracy; of equal ones the lowest seed."""
        return max(self.runs, key=lambda run: run.validation_accuracy)

    @property
    def file_name(self) -> str:
        """The label as part of a file's name: cnn-10k."""
        return slug(self.label)

    @property
    def summary(self) -> NetworkSummary:
        """Accuracy with its interval, cost, curves and answers, over its seeds."""
        return summarise_runs(self.folder, self.rows)

    def __getitem__(self, seed: int) -> Run:
        for run in self.runs:
            if run.seed == seed:
                return run
        raise InvalidValue(f"{self.label} has no finished run of seed {seed}. It has: {', '.join(self._seeds)}.")

    @property
    def _seeds(self) -> list[str]:
        return [str(row.job.seed) for row in self.rows]

    def __repr__(self) -> str:
        summary = self.summary
        accuracy = summary.test_accuracy
        return (
            f"{self.label}: {summary.weights:,} weights, {summary.macs:,} MACs, test {percent(accuracy.mean)} "
            f"({confidence(accuracy.low, accuracy.high)}), seeds {', '.join(self._seeds)}"
        )


@dataclass(frozen=True)
class Features:
    """What a network sees of some images."""

    inspection: Inspection
    notes: tuple[str, ...] = ()  # about pictures that are, or should be, inverted

    def figures(self, theme: str = "light") -> dict[str, Figure]:
        """Draw everything, by name."""
        from makeweight.report.figures.feature_drawings import feature_drawings
        from makeweight.report.figures.style import drawing

        with drawing(theme):  # type: ignore[arg-type]
            return {drawn.name: drawn.draw() for drawn in feature_drawings(self.inspection)}

    def _repr_html_(self) -> str:
        from makeweight.report.figures.feature_drawings import feature_drawings
        from makeweight.report.figures.style import drawing, to_svg

        with drawing():
            return "".join(to_svg(drawn.draw()) for drawn in feature_drawings(self.inspection)) + lines_html(
                [repr(self), *self.notes]
            )

    def __repr__(self) -> str:
        layers = ", ".join(layer.layer for layer in self.inspection.layers)
        return f"What {self.inspection.network}, seed {self.inspection.seed}, sees: {layers}; .figures() draws them"


def predictions(classifier: Classifier, pictures: Any, top: int, invert: bool | None) -> list[Prediction]:
    """Classify pictures; see :meth:`Run.predict`."""
    from makeweight.export.classifier import classify

    return list(classify(classifier, [_source(p, i) for i, p in enumerate(_listed(pictures))], top, invert))


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple | range) else [value]


def _note(picture: Picture, images: NDArray[np.uint8], invert: bool | None) -> str:
    """Say that a picture was inverted, or that it looks as if it should be; empty otherwise."""
    if picture.inverted and invert is None:
        return (
            f"{picture.name} is dark on bright and the data set is bright on dark: inverted (invert=False forbids it)."
        )
    if not picture.looks_inverted(images):
        return ""
    remedy = "try invert=True" if invert is None else f"leave out invert={invert}"
    return f"{picture.name} looks dark on bright; the data set is bright on dark: {remedy}."


def _source(picture: Any, number: int) -> PictureInput:
    from makeweight.data.picture import decode_picture, read_picture
    from makeweight.export.classifier import PictureInput

    if isinstance(picture, str | os.PathLike):
        path = Path(picture)

        def read_file(shape: Shape, invert: bool, like: float | None) -> Picture:
            return read_picture(path, shape, invert=invert, like=like)

        return PictureInput(str(picture), read_file)

    content, name = _png(picture), f"picture {number}"

    def read(shape: Shape, invert: bool, like: float | None) -> Picture:
        return decode_picture(content, name, shape, invert=invert, like=like)

    return PictureInput(name, read)


def _png(picture: Any) -> bytes:
    from PIL import Image

    if not isinstance(picture, Image.Image):
        array = np.asarray(picture)
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
            raise InvalidValue(
                f"an array of {array.dtype} and shape {array.shape} is no picture: give uint8 of (h, w) or (h, w, 3)."
            )
        picture = Image.fromarray(array)
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()


def networks_of(folder: Path) -> tuple[Network, ...]:
    """List a study's networks that have a finished training, in the order of the table.

    Raises
    ------
    StoreError
        If there is no study in the folder.
    """
    groups: dict[NetworkId, list[JobRow]] = {}
    with Store.open(folder) as store:
        for row in store.jobs():
            if row.result is not None:
                groups.setdefault(row.job.network_id, []).append(row)
    return tuple(
        Network(folder, network.label, tuple(sorted(groups[network], key=lambda row: row.job.seed)))
        for network in sorted(groups, key=lambda network: network.order)
    )
