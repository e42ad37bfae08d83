"""What a name on the command line means where a store holds several studies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def store(finished, other: Path, tmp_path: Path) -> Path:
    """Two studies: `other` has one of the networks of `small`, trained otherwise."""
    folder = tmp_path / "studies"
    shutil.copytree(finished.folder, folder / "small")
    shutil.copytree(other, folder / "other")
    return folder


def test_a_name_that_one_study_has_is_used_and_said(cli: Callable, store: Path) -> None:
    ran = cli("measure", "cnn-2k")
    assert ran.code == 0, ran.err
    assert "CNN 2K of the study small, data set digits" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "fcn-2k", "shirt.png", "--top", "1"),
        ("export", "fcn-2k"),
        ("features", "fcn-2k"),
        ("measure", "fcn-2k"),
        ("diagnose", "fcn-2k"),
        ("compare", "cnn-2k", "fcn-2k"),
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_several_have_is_listed_and_nothing_is_run(
    cli: Callable, store: Path, words: tuple[str, ...]
) -> None:
    (store.parent / "shirt.png").touch()
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    for study in ("small", "other"):
        assert f"  makeweight {' '.join(words).replace('fcn-2k', f'{study}/fcn-2k')}   (digits)\n" in ran.err
    assert ran.err.endswith("error: 'fcn-2k' may mean 2 networks. Run one of the commands above.\n")
    assert [path.name for path in store.parent.iterdir() if path != store] == ["shirt.png"]


def test_a_seed_that_one_of_them_has_is_enough(cli: Callable, store: Path) -> None:
    ran = cli("measure", "fcn-2k#1")
    assert ran.code == 0, ran.err
    assert "FCN 2K of the study small" in ran.err
    assert "makeweight measure 'other/fcn-2k#0'" in cli("measure", "fcn-2k#0").err


def test_the_name_of_a_study_of_one_network_is_that_network(cli: Callable, store: Path) -> None:
    ran = cli("measure", "other")
    assert ran.code == 0, ran.err
    assert "FCN 2K of the study other, data set digits" in ran.err
    ran = cli("measure", "small")
    assert ran.code == 2
    assert "makeweight measure small/cnn-3k" in ran.err


def test_a_study_that_cannot_be_read_is_named_and_hides_no_other(cli: Callable, store: Path) -> None:
    (store / "other" / "study.db").write_bytes(b"damaged")
    ran = cli("measure", "fcn-2k")
    assert ran.code == 0, ran.err
    assert "skipped, as they can't be read: other\n" in ran.err


@pytest.mark.parametrize(
    "words",
    [("show",), ("report",), ("figure", "--list"), ("figure", "curves-fcn-2k"), ("measure",), ("resume",)],
    ids=" ".join,
)
def test_the_study_changed_last_is_taken_with_its_name_and_data_said(
    cli: Callable, store: Path, words: tuple[str, ...]
) -> None:
    (store / "other" / "study.db").touch()
    ran = cli(*words)
    assert "study other, data set digits, the last changed of 2; name another to choose it\n" in ran.err


def test_the_only_study_is_said_too(cli: Callable, store: Path) -> None:
    shutil.rmtree(store / "other")
    ran = cli("show")
    assert ran.err == "study small, data set digits\n"


def test_a_list_of_figures_is_that_of_the_study_given(cli: Callable, store: Path) -> None:
    (store / "other" / "study.db").touch()
    assert "curves-cnn-3k" in cli("figure", "--list", "small").out
    assert "curves-cnn-3k" not in cli("figure", "--list", "other").out
    ran = cli("figure", "--list", "report")
    assert ran.code == 2
    assert "there is no study 'report' in studies. There are: other, small." in ran.err
    named = cli("figure", "curves-*", "small", "--list").out
    assert "curves-cnn-3k" in named
    assert "accuracy-against-weights" not in named
