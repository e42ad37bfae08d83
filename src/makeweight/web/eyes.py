"""Networks that are kept loaded, to look at one image after the other while somebody draws it."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue, StoreError
from makeweight.inspection.records import Inspection, LayerMaps, Responses, Sample, Subject
from makeweight.inspection.subjects import chosen_tests, first_of_each_class
from makeweight.report.page.sprites import LEVELS, palette
from makeweight.report.summary import network_label
from makeweight.store.rows import JobRow
from makeweight.store.store import Store
from makeweight.web.answers import finite

MOST_EYES = 6
MOST_RESPONSES = 64  # answers of one network that are kept


class Eye:
    """One trained network that looks at images. Colours keep their scale from image to image."""

    def __init__(self, folder: Path, row: JobRow) -> None:
        import torch

        from makeweight.design.receptive import receptive_fields
        from makeweight.inspection.activations import chosen_taps, first_filters, look
        from makeweight.inspection.data import study_data
        from makeweight.nets.load import load_network

        torch.set_num_threads(1)  # of one image two threads make nothing faster, and a study may be running
        with Store.open(folder) as store:
            study = store.study()
            if study is None:
                raise StoreError(f"the study in {folder} has not been planned. Run it with: makeweight study")
            self.data: PreparedDataset = study_data(study)
            load = _loader(row, store.weights(row), load_network)
        self.row = row
        self._look = look
        self._network, self._searcher = load(), load()  # the search must not hold up who draws
        self._taps = chosen_taps(row.job.architecture)
        self._fields = receptive_fields(row.job.architecture)
        self._drawing, self._searching = threading.Lock(), threading.Lock()
        self._found: OrderedDict[tuple[str, int], Responses] = OrderedDict()
        samples, maps = look(self._network, first_of_each_class(self.data), self._taps)
        self._scales = tuple(layer.scale for layer in maps)
        self.inspection = Inspection(
            network=network_label(row.job.family, row.job.budget),
            run=row.job.key[:12], seed=row.job.seed, class_names=self.data.class_names, samples=samples,
            layers=maps, filters=first_filters(self._network), responses=(),
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Return what the page must know before the first image."""
        test = self.data.test_images()
        return {
            "classes": list(self.data.class_names),
            "image": list(self.data.image_shape),
            "tests": len(test.labels),
            "filters": self.inspection.filters is not None,
            "firsts": [int(s.name.rpartition(" ")[2]) for s in self.inspection.samples],
            "palette": palette().tolist(),
            "layers": [
                {
                    "name": layer.layer, "kind": layer.kind.replace("_", " "), "shown": layer.shown,
                    "shape": list(layer.shape), "sees": list(layer.sees), "scale": list(scale),
                }
                for layer, scale in zip(self.inspection.layers, self._scales, strict=True)
            ],
        }  # fmt: skip

    def see(self, pixels: NDArray[np.uint8]) -> bytes:
        """Look at an image of the user's."""
        return self._answer(Subject("", pixels, None))

    def see_test(self, number: int) -> bytes:
        """Look at a test image.

        Raises
        ------
        InvalidValue
            If there is no such test image.
        """
        [subject] = chosen_tests(self.data, [number])
        return self._answer(subject)

    def pixels_from(self, content: bytes) -> NDArray[np.uint8]:
        """Read the raw bytes of an image in the data's shape.

        Raises
        ------
        InvalidValue
            If they are more or fewer.
        """
        c, h, w = self.data.image_shape
        if len(content) != c * h * w:
            raise InvalidValue(f"an image of {c} × {h} × {w} has {c * h * w:,} bytes, and these are {len(content):,}.")
        return np.frombuffer(content, np.uint8).reshape(c, h, w)

    def responses(self, layer: str, number: int) -> dict[str, Any]:
        """Find the test images that a filter responds to most: some seconds, and then it is known.

        Raises
        ------
        InvalidValue
            If there is no such layer or filter here.
        """
        tap = next((tap for tap in self._taps if tap.layer == layer), None)
        if tap is None or not 0 <= number < tap.shape[0]:
            raise InvalidValue(f"there is no filter {number} of a layer {layer!r} to look at.")
        with self._searching:
            found = self._found.get((layer, number)) or self._search(layer, number)
            self._found[layer, number] = found
            while len(self._found) > MOST_RESPONSES:
                self._found.popitem(last=False)
        labels = self.data.test_images().labels[found.indices[0]]
        return {
            "images": [
                {"number": int(i), "class": self.data.class_names[int(label)], "strength": float(strength),
                 "box": box.tolist(), "pixels": base64.b64encode(pixels.tobytes()).decode()}
                for i, label, strength, box, pixels in zip(
                    found.indices[0], labels, found.strengths[0], found.boxes[0], found.pixels[0], strict=True
                )
            ]
        }  # fmt: skip

    def _search(self, layer: str, number: int) -> Responses:
        from makeweight.inspection.responses import find_responses

        [tap] = (tap for tap in self._taps if tap.layer == layer)
        [found] = find_responses(self._searcher, self.data.test_images().images, [tap], [number])
        return found

    def _answer(self, subject: Subject) -> bytes:
        with self._drawing:  # what is recorded belongs to one pass at a time
            [sample], maps = self._look(self._network, [subject], self._taps)
        return pack(sample, maps, self._scales)


def pack(sample: Sample, maps: tuple[LayerMaps, ...], scales: tuple[tuple[float, float], ...]) -> bytes:
    """Write an answer as bytes: a page paints it without decoding anything.

    The length of a JSON header (4 bytes, little-endian), the header, the image (c, h, w), and of each layer the maps
    (filters, h, w), a byte a value: its place on the layer's scale, from 0 to 63.
    """
    header = {
        "truth": sample.truth,
        "probabilities": [round(float(p), 5) for p in sample.probabilities],
        "layers": [{"low": layer.low, "high": layer.high, "zeros": layer.zeros} for layer in maps],
    }
    text = json.dumps(finite(header), allow_nan=False).encode()
    levels = (_levels(layer.maps[0], *scale).tobytes() for layer, scale in zip(maps, scales, strict=True))
    return b"".join([struct.pack("<I", len(text)), text, sample.pixels.tobytes(), *levels])


def _levels(maps: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    shares = np.nan_to_num((maps - low) / (high - low))
    return np.asarray(np.clip(shares * LEVELS, 0, LEVELS - 1), dtype=np.uint8)


def _loader(row: JobRow, weights: Any, load_network: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: load_network(row.job.architecture, weights)


Name = tuple[Path, str, str]  # study's folder, network and seed


class Eyes:
    """The networks that were looked into last."""

    def __init__(self, opened: Callable[[Path, str], None]) -> None:
        """Keep networks; ``opened`` is told of each whose test images are opened: folder and run."""
        self._opened = opened
        self._kept: OrderedDict[Name, Eye] = OrderedDict()
        self._lock = threading.Lock()

    def named(self, folder: Path, network: str, seed: str, find: Callable[[], JobRow]) -> Eye:
        """Return the eye of a finished run, found and loaded at the first call.

        A run keeps its result for ever, so a name needs no second look at the store.

        Raises
        ------
        StoreError, DataMismatch, DataNotFound
            If its weights or its data are not to be had.
        """
        name = folder, network, seed
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                found = Eye(folder, find())
                self._opened(folder, found.row.job.key)
            self._kept[name] = found
            self._kept.move_to_end(name)
            while len(self._kept) > MOST_EYES:
                self._kept.popitem(last=False)
        return found
