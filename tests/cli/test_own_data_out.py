"""Out as a file: a network of the user's own data, in colour, not square, with names that are meant to do harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from makeweight.data import meta
from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.job import Assignment, run_job
from makeweight.jobs.result import Result
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.plan import job_for
from makeweight.training.precision import Hardware

NAMES = ("<script>alert(1)</script>", "gr\u202een\x1b[2J", '=blue|"quoted"', "never\ntested")
COLOURS = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200), (220, 220, 60)])


def images_of(labels: np.ndarray) -> np.ndarray:
    """A coloured square somewhere on a bright background, (n, 3, 14, 11)."""
    rng = np.random.default_rng(len(labels))
    images = rng.integers(215, 256, (len(labels), 3, 14, 11), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2, 7), rng.integers(2, 5)
        image[:, top : top + 5, left : left + 4] = COLOURS[label][:, None, None]
    return images


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """Prepared as the cache has it; no test image is of the last class."""
    folder = tmp_path_factory.mktemp("own") / "shapes"
    folder.mkdir()
    parts = {"train": np.arange(240) % 4, "test": np.arange(60) % 3}
    arrays = {}
    for part, labels in parts.items():
        arrays[f"{part}_images"] = meta.write_array(folder / f"{part}_images.npy", images_of(labels))
        arrays[f"{part}_labels"] = meta.write_array(folder / f"{part}_labels.npy", labels.astype(np.int64))
    meta.write(folder, meta.Meta("/home/somebody/secret/my shapes", (3, 14, 11), NAMES, arrays))
    return open_prepared(folder)


@pytest.fixture
def study(own: PreparedDataset, tmp_path: Path) -> Path:
    design = fit(family_named("cnn"), Task(own.image_shape, own.classes), 2_000)
    job = job_for(design, own, {"epochs": 6, "batch_size": 16, "precision": "fp32"}, split_seed=0, seed=0)
    *_, result = run_job(Assignment(job, own.path, Hardware("cpu", "fp32", 1)))
    assert isinstance(result, Result)
    folder = tmp_path / "studies" / "own"
    with Store.create(folder) as store:
        store.plan(StudyRow("own", "{}", own.name, own.digest, own.class_names, str(own.path)), [job])
        store.finish(job.key, result)
    return folder


def test_own_colour_images_come_out_as_a_file_that_answers(cli: Callable, study: Path, own: PreparedDataset) -> None:
    ran = cli("export", "cnn-2k", "--int8", "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert (record["image_shape"], record["dataset"], record["test_images"]) == ([3, 14, 11], "my shapes", 60)
    whole, small = record["files"]
    assert whole["same_class"] == 1
    assert whole["accuracy"]["mean"] == record["run_accuracy"]["mean"] > 0.9
    assert small["same_class"] > 0.9
    assert record["classes"][3]["recall"] is None  # not tested
    assert [scores["name"] for scores in record["classes"]] == list(NAMES)

    card = Path("export-cnn-2k/README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---\n", 2)[1])["datasets"] == ["my shapes"]
    for harmful in ("<script>", "\x1b", "\u202e", "never\ntested", "somebody", "nan"):
        assert harmful not in card
    assert "14 × 11 colour pixels" in card
    assert "dark on a bright background" in card
    assert "my shapes, the user's own data." in card

    image = own.test_images().images[4]
    Image.fromarray(image.transpose(1, 2, 0)).save("green.png")
    for model in ("export-cnn-2k/model.onnx", "export-cnn-2k/model-int8.onnx", "own"):
        [answer] = json.loads(cli("predict", model, "green.png", "--json").out)["images"]
        assert answer["top"][0]["class"] == NAMES[1]
        assert len(answer["top"]) == 3
    shown = cli("predict", "own", "green.png", "--invert")
    assert "green.png looks bright on dark; the training images are dark on bright: leave out --invert." in shown.err
    assert "\x1b" not in shown.out
