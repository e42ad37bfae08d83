"""``makeweight compare`` on a real study."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from makeweight.store.store import Store

LABELS = ["FCN 2K", "FCN 3K", "CNN 2K", "CNN 3K"]


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def test_all_pairs_of_a_study_are_compared_and_corrected(cli: Callable, study: Path) -> None:
    ran = cli("compare", "small", "--json")
    assert ran.code == 0, ran.err
    comparisons = json.loads(ran.out)["comparisons"]
    assert [(c["a"], c["b"]) for c in comparisons] == [(a, b) for i, a in enumerate(LABELS) for b in LABELS[i + 1 :]]
    for c in comparisons:
        assert c["ci95"][0] <= c["difference"] <= c["ci95"][1]
        assert c["p_value"] <= c["p_holm"] <= min(1, 6 * c["p_value"]) + 1e-12
        assert c["shown"] == (c["p_holm"] < 0.05)
        assert c["seeds"] == [2, 2]
    shown = cli("compare", "small")
    for label in LABELS:
        assert label in shown.out
    assert "Holm 1979" in shown.out


def test_one_run_each_is_compared_with_the_seeds_spread_assumed(cli: Callable, study: Path) -> None:
    [c] = json.loads(cli("compare", "cnn-3k#0", "fcn-2k#1", "--json").out)["comparisons"]
    with Store.open(study) as store:
        correct = {(r.job.family, r.job.budget, r.job.seed): store.predictions(r).correct for r in store.jobs()}
    a, b = correct["cnn", 3_000, 0], correct["fcn", 2_000, 1]
    assert c["difference"] == pytest.approx(a.mean() - b.mean())
    assert c["p_value"] > binomtest(int((a & ~b).sum()), int((a != b).sum())).pvalue
    assert "assumed spread of the training seeds" in c["covers"]
    assert (c["a"], c["b"], c["test_images"]) == ("CNN 3K seed 0", "FCN 2K seed 1", len(a))
    assert np.isclose(c["p_holm"], c["p_value"])


def test_the_verdict_is_a_sentence(cli: Callable, study: Path) -> None:
    sentence = cli("compare", "cnn-2k", "fcn-3k").out.splitlines()[-1]
    assert sentence.startswith(("FCN 3K is better than CNN 2K by ", "CNN 2K against FCN 3K: no difference shown"))
    assert "95 %" in sentence


def test_two_trainings_of_one_network_are_not_better_and_worse(cli: Callable, study: Path) -> None:
    ran = cli("compare", "cnn-3k#0", "cnn-3k#1")
    assert "is better" not in ran.out
    assert "are trainings of one network, and neither is a better one" in " ".join(ran.out.split())


def test_networks_of_two_studies_are_told_apart(cli: Callable, study: Path, finished) -> None:
    other = study.parent / "other"
    shutil.copytree(finished.folder, other)
    ran = cli("compare", "small/fcn-2k#0", "other/fcn-2k#1", "--json")
    [c] = json.loads(ran.out)["comparisons"]
    assert (c["a"], c["b"]) == ("FCN 2K seed 0", "FCN 2K seed 1")
    ran = cli("compare", "small/fcn-2k#0", "other/cnn-2k", "--json")
    assert json.loads(ran.out)["comparisons"][0]["covers"] == "test images, and an assumed spread of the training seeds"


def test_networks_of_one_label_are_named_with_their_studies(cli: Callable, study: Path, other: Path) -> None:
    shutil.copytree(other, study.parent / "other")
    [c] = json.loads(cli("compare", "small/fcn-2k", "other/fcn-2k", "--json").out)["comparisons"]
    assert (c["a"], c["b"], c["seeds"]) == ("small/FCN 2K", "other/FCN 2K", [2, 1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "fcn-2k"), "'fcn-2k' is not a study in studies"),
        (("compare", "fcn-2k", "fcn-2k"), "have a training in common"),
        (("compare", "fcn-2k", "fcn-2k#1"), "have a training in common"),
        (("compare", "fcn-2k", "fcn-9k"), "there is no network 'fcn-9k'"),
        (("compare", "fcn-2k", "cnn-2k#7"), "has no finished run of seed 7"),
        (("compare", "../x"), "is not a study in studies"),
    ],
)
def test_what_cannot_be_compared_is_said(cli: Callable, study: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    *_, error = ran.err.splitlines()
    assert words in error
    assert ran.err.count("error: ") == 1


def test_different_data_are_not_compared(cli: Callable, study: Path, write_fashion: Callable) -> None:
    data = write_fashion("fashion")
    for seed in (0, 1):
        done = cli(
            "train",
            "--family",
            "fcn",
            "--budget",
            "2K",
            "-d",
            "fashion-mnist",
            "--data",
            data,
            "--epochs",
            "1",
            "--seed",
            seed,
        )
        assert done.code == 0, done.err
    trained = next(path.name for path in study.parent.iterdir() if path.name.startswith("train-"))
    ran = cli("compare", "small/fcn-2k", trained)
    assert ran.code == 2
    assert "were tested on different data" in ran.err
