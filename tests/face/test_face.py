"""What ``import makeweight`` offers: studies, networks, runs and tunings from Python, on the digits."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import makeweight as mw
from makeweight.data.dataset import PreparedDataset
from makeweight.errors import DataNotFound, InvalidValue

SHORT = {"epochs": 3, "batch_size": 64, "precision": "fp32"}


@pytest.fixture(scope="module")
def found(digits: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> mw.Study:
    folder = tmp_path_factory.mktemp("face")
    return mw.study(digits, ["fcn", "cnn"], ["2K", "3K"], seeds=2, recipe=SHORT, name="small", store=folder)


@pytest.fixture(scope="module")
def run(found: mw.Study) -> mw.Run:
    return found["cnn-3k"].best


def test_all_names_are_listed_documented_and_there() -> None:
    assert set(mw.__all__) <= set(dir(mw))
    for name in dir(mw):
        assert getattr(mw, name) is not None
    for name in ("load_data", "design", "study", "train", "tune"):
        assert ">>>" in (inspect.getdoc(getattr(mw, name)) or "")
    with pytest.raises(AttributeError, match=r"no attribute 'stduy'. It has: .*study"):
        _ = mw.stduy


def test_a_study_is_run_and_opened(found: mw.Study) -> None:
    again = mw.open("small", store=found.folder.parent)
    assert [network.label for network in again] == ["FCN 2K", "FCN 3K", "CNN 2K", "CNN 3K"]
    assert len(again) == 4
    assert "4 of 4" not in repr(again)
    assert "8 of 8 trainings done" in repr(again)
    assert again.verdict.headline in repr(again)
    assert "test accuracy %" in repr(again.table())
    assert again.report().is_file()


def test_the_same_call_finds_what_is_trained(found: mw.Study, digits: PreparedDataset) -> None:
    before = {run.key: run.row.result for network in found for run in network.runs}
    again = mw.study(
        digits, ["fcn", "cnn"], ["2K", "3K"], seeds=2, recipe=SHORT, name="small", store=found.folder.parent
    )
    assert {run.key: run.row.result for network in again for run in network.runs} == before


def test_tables_and_objects_have_html(found: mw.Study, run: mw.Run, digits: PreparedDataset) -> None:
    shown = (found, found.table(), found.verdict, mw.design("cnn", "3K", digits), digits, run.features())
    for thing in shown:
        html = thing._repr_html_()
        assert html.startswith("<")
        assert "<script" not in html


def test_numbers_come_as_a_data_frame(found: mw.Study) -> None:
    frame = found.to_pandas()
    assert list(frame["weights"]) == [network.runs[0].weights for network in found]
    assert frame["test_accuracy_mean"].between(0, 1).all()


def test_figures_are_drawn_by_name(found: mw.Study) -> None:
    assert isinstance(found.plot.curves(), Figure)
    assert isinstance(found.plot.curves("cnn-3k"), Figure)
    assert isinstance(found.plot("verdict-matrix", theme="dark"), Figure)
    assert {"curves", "accuracy_against_weights", "interactive"} <= set(dir(found.plot))
    assert found.plot.interactive("costs").to_plotly_json()["data"]
    with pytest.raises(InvalidValue, match=r"no figure 'curve'.*There are: .*curves"):
        found.plot.curve()


def test_pictures_of_every_kind_are_classified(run: mw.Run, digits: PreparedDataset, tmp_path: Path) -> None:
    image = digits.test_images().images[0, 0]
    Image.fromarray(image).save(tmp_path / "digit.png")
    pictures = [tmp_path / "digit.png", Image.fromarray(image), image, np.stack([image] * 3, axis=2)]
    answers = run.predict(pictures)
    assert len({answer.guesses[0].label for answer in answers}) == 1
    assert all(len(answer.guesses) == 3 for answer in answers)
    with pytest.raises(ValueError, match=r"float64 and shape \(8, 8\) is no picture: give uint8"):
        run.predict(image / 255)


def test_a_run_is_looked_into_diagnosed_and_exported(run: mw.Run, tmp_path: Path) -> None:
    assert "stem" in repr(run.features(layer="stem", sample=[0, 1]))
    assert all(isinstance(figure, Figure) for figure in run.features(layer="stem").figures().values())
    assert isinstance(run.diagnose(seconds=2), mw.Diagnosis)
    assert run.export("c", int8=True, folder=tmp_path / "c").faithful
    assert run.network(_images(run)).shape == (2, 10)


def _images(run: mw.Run) -> Any:
    import torch

    return torch.zeros(2, *run.data.image_shape)


def test_networks_and_runs_are_compared(found: mw.Study) -> None:
    assert "CNN 3K" in repr(mw.compare(found["cnn-3k"], found["fcn-3k"]))
    assert "CNN 3K seed 0" in repr(mw.compare(found["cnn-3k"][0], found["cnn-3k"][1]))


def test_one_training_takes_options_and_fields_of_the_recipe(digits: PreparedDataset, tmp_path: Path) -> None:
    run = mw.train("cnn", "3K", digits, kernel=5, store=tmp_path, **SHORT)
    assert {layer.kernel for layer in run.row.job.architecture.layers if hasattr(layer, "kernel")} >= {5}
    with pytest.raises(ValueError, match=r"kernel=5 is not possible: fcn has the options depth, .* fields epochs"):
        mw.train("fcn", "2K", digits, kernel=5, store=tmp_path)


def test_a_tuning_is_run_and_asked(digits: PreparedDataset, tmp_path: Path) -> None:
    tuned = mw.tune("fcn", "2K", digits, trials=2, fixed=SHORT, store=tmp_path)
    assert len(tuned.trials().rows) == 2
    assert tuned.winner.label == "FCN 2K"
    assert "2 trials ended" in repr(tuned)
    assert "<table" in tuned._repr_html_()


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: mw.load_data("fashion"), FileNotFoundError, r"no data set and no path 'fashion'. The data sets are:"),
        (lambda: mw.design("cnn", "abc", "digits"), ValueError, "budget 'abc'"),
        (lambda: mw.design("cnn", "20", "digits"), ValueError, "at least"),
        (lambda: mw.design("cnn", data="digits"), ValueError, "give budget=100K"),
        (lambda: mw.design(kernel=3), ValueError, "kernel belongs to a family: give family"),
        (lambda: mw.open("nothing", store="nowhere"), ValueError, "no study 'nothing'"),
        (lambda: mw.study("digits", ["cmn"]), ValueError, "choose from: fcn"),
        (lambda: mw.study("digits", workers=0), ValueError, "workers 0 is not possible"),
        (lambda: mw.tune("fcn", "2K", "digits", time="soon"), ValueError, "time 'soon'"),
    ],
)
def test_errors_are_pythons_own_and_name_the_argument(call: Callable[[], Any], kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        call()
    assert "--" not in str(caught.value)


def test_a_data_set_that_is_missing_is_a_missing_file() -> None:
    with pytest.raises(DataNotFound):
        mw.load_data("nowhere/at/all")


def test_preparing_data_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr("makeweight.face.console.QUIET_SECONDS", -1.0)  # a line each time
    random = np.random.default_rng(0)
    mw.load_data((random.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2), name="noise")
    assert ": 40 of 40\n" in capsys.readouterr().err


SCRIPT = """
import sys
import makeweight as mw
print("begins")
study = mw.study("digits", ["fcn"], ["2K"], seeds=2, recipe={"epochs": 2}, store=sys.argv[1], workers=2)
print(study["fcn-2k"].best.seed in (0, 1))
"""


def test_a_plain_script_without_a_main_guard_trains_once(tmp_path: Path, environment: dict[str, str]) -> None:
    script = tmp_path / "plain.py"
    script.write_text(SCRIPT)
    ran = subprocess.run(
        [sys.executable, script, tmp_path / "studies"], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "begins\nTrue\n"), ran.stderr


PICTURES = """
import sys
import makeweight as mw
print("begins")
print(mw.load_data(sys.argv[1], workers=2).classes)
"""


def test_a_plain_script_reads_pictures_in_processes(tmp_path: Path, environment: dict[str, str]) -> None:
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(40):
            Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(
                tmp_path / "pets" / name / f"{i}.png"
            )
    script = tmp_path / "plain.py"
    script.write_text(PICTURES)
    ran = subprocess.run(
        [sys.executable, script, tmp_path / "pets"], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "begins\n2\n"), ran.stderr
