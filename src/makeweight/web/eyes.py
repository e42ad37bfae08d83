"""Networks that stay loaded, to look at one image after the other while somebody draws it."""

from __future__ import annotations

import base64
import json
import struct
import threading
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue
from makeweight.inspection.data import chosen_tests, first_of_each_class
from makeweight.inspection.records import InputImage, Inspection, LayerMaps, Responses, Sample
from makeweight.report.page.sprites import LEVELS, palette
from makeweight.store.rows import JobRow
from makeweight.store.store import Store
from makeweight.web.answers import finite

MAX_RESPONSES = 64  # answers of one network that are kept


class Eye:
    """One trained network that looks at images. The colour scale is the same for all images."""

    def __init__(self, folder: Path, row: JobRow) -> None:
        import torch

        from makeweight.designs.receptive import receptive_fields
        from makeweight.inspection.activations import chosen_taps, first_filters, look
        from makeweight.inspection.data import study_data
        from makeweight.nets.load import load_network

        torch.set_num_threads(1)  # two are no faster for one image, and a study may be running
        with Store.open(folder) as store:
            self.data: PreparedDataset = study_data(store.study())
            load = partial(load_network, row.job.architecture, store.weights(row))
        self._look = look
        self._network, self._searcher = load(), load()  # the search must not hold up the drawing
        self._taps = chosen_taps(row.job.architecture)
        self._fields = receptive_fields(row.job.architecture)
        self._drawing, self._searching = threading.Lock(), threading.Lock()
        self._search = lru_cache(MAX_RESPONSES)(self._find_responses)
        samples, maps = look(self._network, first_of_each_class(self.data), self._taps)
        self._scales = tuple(layer.scale for layer in maps)
        self.inspection = Inspection(
            network=row.job.network_id.label,
            run=row.job.key[:12], seed=row.job.seed, class_names=self.data.class_names, samples=samples,
            layers=maps, filters=first_filters(self._network), responses=(),
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Return what the page needs before the first image."""
        test = self.data.test_images()
        return {
            "classes": list(self.data.class_names),
            "image": list(self.data.image_shape),
            "tests": len(test.labels),
            "filters": self.inspection.filters is not None,
            "firsts": [int(np.argmax(test.labels == sample.truth)) for sample in self.inspection.samples],
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
        """Look at an image from the user."""
        return self._answer(InputImage("", pixels, None))

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
        """Find the test images that a filter responds to most; this takes seconds once, and is then kept.

        Raises
        ------
        InvalidValue
            If there is no such layer or filter here.
        """
        tap = next((tap for tap in self._taps if tap.layer == layer), None)
        if tap is None or not 0 <= number < tap.shape[0]:
            raise InvalidValue(f"there is no filter {number} of a layer {layer!r} to look at.")
        with self._searching:
            strongest = self._search(layer, number)
        labels = self.data.test_images().labels[strongest.indices[0]]
        responses = strongest.indices[0], labels, strongest.strengths[0], strongest.boxes[0], strongest.pixels[0]
        return {
            "images": [
                {"number": int(i), "class": self.data.class_names[int(label)], "strength": float(strength),
                 "box": box.tolist(), "pixels": base64.b64encode(pixels.tobytes()).decode()}
                for i, label, strength, box, pixels in zip(*responses, strict=True)
            ]
        }  # fmt: skip

    def _find_responses(self, layer: str, number: int) -> Responses:
        from makeweight.inspection.responses import find_responses

        [tap] = (tap for tap in self._taps if tap.layer == layer)
        [strongest] = find_responses(self._searcher, self.data.test_images().images, [tap], [number])
        return strongest

    def _answer(self, subject: InputImage) -> bytes:
        with self._drawing:  # only one pass at a time may record
            [sample], maps = self._look(self._network, [subject], self._taps)
        return pack(sample, maps, self._scales)


def pack(sample: Sample, maps: tuple[LayerMaps, ...], scales: tuple[tuple[float, float], ...]) -> bytes:
    """Write an answer as bytes, which a page paints without decoding.

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
