"""``makeweight features`` on a real study: figures, tables, pictures of one's own, and clear refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.layers import Conv2d
from makeweight.designs.solver import fit
from makeweight.inspection.activations import PURPOSE
from makeweight.store.store import FINAL_SCORE, Store
from makeweight.studies.lock import study_lock

LAYERS = fit(family_named("cnn"), Task((1, 8, 8), 10), 2_000).architecture.layers  # of the study's CNN 2K
STEM, *_, LAST = [layer for layer in LAYERS if isinstance(layer, Conv2d)]


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, where the commands look for it, that nobody has looked into."""
    folder = Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))
    with Store.create(folder) as store, store._database.transaction() as connection:
        connection.execute("DELETE FROM test_access WHERE purpose != ?", (FINAL_SCORE,))
    return folder


def record_of(ran: Any) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def accesses(study: Path, seed: int = 0) -> list[str]:
    with Store.open(study) as store:
        [key] = [r.job.key for r in store.jobs() if (r.job.family, r.job.budget, r.job.seed) == ("cnn", 2_000, seed)]
        rows = store._database.read("SELECT purpose FROM test_access WHERE job = ? ORDER BY purpose", key)
    return [purpose for (purpose,) in rows]


def test_figures_of_a_network_are_drawn_and_told(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("features", "cnn-2k")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("CNN 2K, seed 0, run ")
    files = sorted(path.name for path in (tmp_path / "features-cnn-2k").iterdir())
    assert {"overview.png", "first-filters.png", "maps-stem.png", "responses-stem.png"} < set(files)
    assert sorted(line.removeprefix("features-cnn-2k/") for line in lines if line.endswith(".png")) == files
    [stem] = [line.split() for line in lines if line.strip().startswith("stem ")]
    assert stem[1:9] == ["stem.activation", str(STEM.out_channels), "×", "8", "×", "8", "3", "×"]
    assert sum(line.strip().startswith("test image ") for line in lines) == 10
    assert f"[{len(files)}/{len(files)}] CNN 2K: what {LAST.name} responds to" in ran.err
    assert accesses(study) == ["feature maps", "final score of the job"]
    assert accesses(study, seed=1) == ["final score of the job"]


def test_one_filter_of_one_layer_as_json(cli: Callable, study: Path, tmp_path: Path) -> None:
    arguments = ("features", "small/cnn-2k#1", "--layer", "stem", "--filter", "3", "--sample", "5", "--json")
    record = record_of(cli(*arguments, "--output", tmp_path / "new folder" / "deep", "--format", "svg"))
    assert (record["network"], record["seed"]) == ("CNN 2K", 1)
    assert [file.rpartition("/")[2] for file in record["files"]] == ["responses-stem.svg"]
    assert Path(record["files"][0]).read_text().startswith("<?xml")
    [layer] = record["layers"]
    assert (layer["layer"], layer["shape"], layer["sees"]) == ("stem", [STEM.out_channels, 8, 8], [3, 3])
    assert layer["low"] <= layer["mean"] <= layer["high"]
    [response] = record["responses"]
    assert (response["layer"], response["filter"], len(response["test_images"])) == ("stem", 3, 8)
    assert response["strengths"] == sorted(response["strengths"], reverse=True)
    [sample] = record["samples"]
    assert sample["name"] == "test image 5"
    assert sum(sample["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert max(sample["probabilities"], key=sample["probabilities"].get) == sample["predicted"]


def test_a_picture_of_ones_own_is_read_and_an_inverted_one_noticed(cli: Callable, study: Path, tmp_path: Path) -> None:
    paper = np.full((40, 40), 255, np.uint8)
    paper[8:32, 18:22] = 0
    Image.fromarray(paper).save(tmp_path / "one.png")
    arguments = ("features", "cnn-2k", "--image", "one.png", "--layer", "stem", "--filter", "0", "--json")
    by_itself, inverted, plain = (cli(*arguments, *how) for how in ((), ("--invert",), ("--no-invert",)))
    assert "one.png is dark on bright and the data set is bright on dark: inverted (--no-invert" in by_itself.err
    assert "one.png" not in inverted.err
    assert "one.png looks dark on bright; the data set is bright on dark: leave out --no-invert." in plain.err
    [sample] = record_of(inverted)["samples"]
    assert (sample["name"], sample["truth"]) == ("one.png", None)
    assert sample == record_of(by_itself)["samples"][0]
    assert sample["probabilities"] != record_of(plain)["samples"][0]["probabilities"]


def test_images_may_be_named_in_several_ways_at_once(cli: Callable, study: Path, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    arguments = ("--layer", "logits", "--filter", "0", "--sample", "2", "--sample", "0", "--image", "black.png")
    record = record_of(cli("features", "fcn-2k", *arguments, "--per-class", "--json"))
    names = [sample["name"] for sample in record["samples"]]
    assert names[:3] == ["test image 2", "test image 0", "black.png"]
    assert len(names) == 3 + 10


def test_a_study_that_runs_is_looked_at_all_the_same(cli: Callable, study: Path) -> None:
    for _ in range(2):
        with study_lock(study):
            ran = cli("features", "cnn-2k", "--layer", "stem", "--filter", "1")
        assert ran.code == 0, ran.err
    assert accesses(study).count(PURPOSE) == 2
    looks = cli("show", "small", "--looks").out
    assert "2 × feature maps" in looks


REFUSED = {
    "layer": (("--layer", "conv9"), "there is no layer 'conv9' to look at. There are: stem, stage1.conv,"),
    "filter": (
        ("--layer", "stem", "--filter", str(STEM.out_channels)),
        f"filter {STEM.out_channels} is not possible: layer 'stem' has {STEM.out_channels}, from 0 to ",
    ),
    "filter alone": (("--filter", "4"), "--filter 4 needs its layer"),
    "negative filter": (("--layer", "stem", "--filter", "-1"), "filter -1 is not possible"),
    "sample": (("--sample", "100000"), "sample 100000 is not possible: give 0 to "),
    "image": (("--image", "none.png"), "the picture none.png cannot be opened"),
    "folder": (("--image", "studies"), "the picture studies is a folder"),
    "text": (("--image", "studies/small/study.db"), "it is no picture in a format that makeweight reads"),
    "invert": (("--invert",), "--invert and --no-invert are for pictures of your own"),
    "format": (("--format", "gif"), "format 'gif' is not possible: give one of"),
    "theme": (("--theme", "blue"), "theme 'blue' is not possible"),
    "output": (("--layer", "stem", "--filter", "0", "--output", "studies/small/study.db/x"), "cannot write"),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_possible_is_refused(
    cli: Callable, study: Path, arguments: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    ran = cli("features", "cnn-2k", *arguments)
    assert (ran.code, ran.out) == (2, "")
    *_, error = ran.err.splitlines()
    assert error.startswith("error: ")
    assert expected in error
    assert "Traceback" not in ran.err
    assert not (tmp_path / "features-cnn-2k").exists()


def test_the_command_itself_says_what_it_can_do(run_command: Callable, tmp_path: Path) -> None:
    ran = run_command("features", "--help", cwd=tmp_path)
    assert ran.returncode == 0
    for option in ("--layer", "--sample", "--image", "--per-class", "--filter", "--invert", "--theme", "--data"):
        assert option in ran.stdout
