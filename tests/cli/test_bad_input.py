"""Bad input: one clear line on stderr, nothing on stdout, exit code 2."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from makeweight.studies.lock import study_lock

DESIGN = ("design", "--family", "cnn", "--budget", "20K")
TRAIN = ("train", "--family", "fcn", "--budget", "2K", "--dataset", "digits")
STUDY = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "1")
EVIL = "\u202egnp.exe"  # a mark that turns the rest of the line around

BAD = {
    "unknown family": (("design", "--family", "rnn", "--budget", "20K"), "unknown family 'rnn'. Choose from: fcn"),
    "unknown family of a study": ((*STUDY, "--families", "fcn,rnn"), "families.1 = 'rnn' is not possible"),
    "no family": ((*STUDY, "--families", ""), "families.0 = '' is not possible: choose from"),
    "unit of a budget": (("design", "--family", "fcn", "--budget", "12Q"), "budget '12Q' is not a number of weights"),
    "unit of a training's budget": ((*TRAIN, "--budget", "12Q"), "budget '12Q' is not a number of weights"),
    "unit of a study's budget": ((*STUDY, "--budgets", "2K,12Q"), "budgets.1 = '12Q'"),
    "budget of 100 weights": (("design", "--family", "fcn", "--budget", "100"), "the budget is 100. Use a budget of"),
    "budget of 20 weights in a study": ((*STUDY, "--budgets", "20"), "the budget is 20. Use a budget of"),
    "negative budget": (("design", "--family", "fcn", "--budget=-5"), "budget '-5' is not a number of weights"),
    "no budget": (("design", "--family", "fcn"), "neither budget nor widths"),
    "9×9 filter on a small map": (
        ("design", "--family", "lenet", "--kernel", "9", "--budget", "20K", "--input", "1x8x8"),
        "a 9×9 filter does not fit a 4×4 input",
    ),
    "9×9 filter on a 5×5 map": (
        ("design", "--family", "cnn", "--kernel", "9", "--padding", "0", "--input", "1x13x13",
         "--width", "8"),
        "a 9×9 filter does not fit a 5×5 input (n + 2p − f must be ≥ 0; 5 + 0 − 9 = −4). Use --padding 2 or",
    ),
    "form of images without images": (("design", "--budget", "20K", "--image-size", "5"), "it is for your own images"),
    "letter in a width": (("design", "--family", "fcn", "--width", "2x3"), "width '2x3' is not possible"),
    "too many widths": (("design", "--family", "fcn", "--width", "2,3,4,5"), "takes one width"),
    "more weights than the budget": (
        ("design", "--family", "fcn", "--width", "223", "--budget", "100K"), "227,247 weights"),
    "impossible input": ((*DESIGN, "--input", "28x28"), "input '28x28' is not possible"),
    "tiny input": ((*DESIGN, "--input", "1x2x2"), "sides from 8 to 224"),
    "one class": ((*DESIGN, "--classes", "1"), "1 classes are not supported"),
    "option of another family": (("design", "--family", "fcn", "--budget", "20K", "--kernel", "3"), "has no option"),
    "unknown data set": ((*TRAIN, "--dataset", "digit"), "Did you mean 'digits'?"),
    "unknown data set to get": (("data", "get", "imagenet"), "there is no data set 'imagenet'"),
    "folder for a data set without files": ((*TRAIN, "--data", "."), "needs no files"),
    "folder that is not there": (("data", "get", "mnist", "--data", "nowhere"), "nowhere is not a folder"),
    "unknown field of the recipe": ((*TRAIN, "--set", "epoch=3"), "'epoch=3'"),
    "setting without a value": ((*STUDY, "--set", "epochs"), "FIELD=VALUE"),
    "letter in a number of the recipe": ((*TRAIN, "--set", "epochs=many"), "give a whole number"),
    "no epochs": ((*TRAIN, "--epochs", "0"), "epochs 0 is not possible"),
    "learning rate that is not a number": ((*STUDY, "--set", "learning_rate=nan"), "learning_rate"),
    "unknown precision": ((*TRAIN, "--precision", "fp64"), "'fp64' is unknown. Choose from"),
    "unknown device": ((*STUDY, "--device", "tpu"), "device 'tpu' is unknown. Choose from: auto, cpu, cuda"),
    "no worker": ((*STUDY, "--workers", "0"), "workers 0 is not possible"),
    "letter in a seed": ((*TRAIN, "--seed", "one"), "--seed"),
    "negative seed": ((*TRAIN, "--seed", "-1"), "--seed"),
    "no seeds": ((*STUDY, "--seeds", "0"), "seeds = 0 is not possible"),
    "name that leads elsewhere": ((*STUDY, "--name", "../x"), "study name '../x' is not possible"),
    "name of dots": ((*STUDY, "--name", ".."), "study name '..' is not possible"),
    "name with a mark": ((*STUDY, "--name", EVIL), r"study name '\u202egnp.exe' is not possible"),
    "name of 10 kB": ((*STUDY, "--name", "a" * 10_000), "80 at most"),
    "name of 10 kB to show": (("show", "a" * 10_000), "80 at most"),
    "study file that is not there": (("study", "none.toml"), "cannot read none.toml"),
    "show without a study": (("show",), "there is no study in studies"),
    "report without a study": (("report",), "there is no study in studies"),
    "show of an unknown study": (("show", "mine"), "there is no study 'mine' in studies. There are: none yet"),
    "two formats": (("show", "--json", "--csv"), "exclude each other"),
    "unknown command": (("desing",), "No such command 'desing'"),
    "unknown option": (("show", "--jsn"), "No such option: --jsn"),
    "too many arguments": (("show", "one", "two"), "unexpected extra argument"),
    "option without its value": (("design", "--family"), "requires an argument"),
    "letter in a number of a family": ((*DESIGN, "--kernel", "x"), "kernel 'x' is not possible: give a whole number"),
    "option of a family, and no family": (("design", "--late-blocks", "1"), "--late-blocks is an option of a family"),
    "command without its option": (("train",), "Missing option"),
}  # fmt: skip


def assert_refused(ran, expected: str) -> None:
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.startswith("error: "), ran.err
    assert ran.err.endswith("\n")
    assert ran.err.count("\n") == 1
    assert expected in ran.err
    assert len(ran.err) < 600
    assert "\u202e" not in ran.err


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_one_clear_line(cli: Callable, arguments: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    assert_refused(cli(*arguments), expected)
    assert not (tmp_path / "studies").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("command", [TRAIN, STUDY])
def test_cuda_asked_for_by_name_is_not_replaced(cli: Callable, command: tuple[str, ...]) -> None:
    assert_refused(cli(*command, "--device", "cuda"), "torch finds no CUDA device. Use --device cpu or --device auto.")


@pytest.mark.parametrize("command", [TRAIN, STUDY])
def test_a_store_that_cannot_be_written_is_refused_before_any_training(
    cli: Callable, command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert_refused(cli(*command, "--store", tmp_path / "file" / "studies"), "Not a directory. Give a folder")


@pytest.mark.parametrize("command", [TRAIN, STUDY])
def test_a_second_runner_is_refused_with_the_first_one_s_process_id(
    cli: Callable, command: tuple[str, ...], tmp_path: Path
) -> None:
    with study_lock(tmp_path / "studies" / "mine"):
        assert_refused(cli(*command, "--name", "mine"), f"process {os.getpid()} is at work on the study")


def test_a_typo_in_a_study_file_names_file_and_key(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('familys = ["cnn"]\n')
    assert_refused(cli("study", "mine.toml"), "mine.toml: unknown key 'familys'. Allowed: dataset, data, image_size,")


@pytest.mark.parametrize("size", [0, 3, 15, 1_000, -1])
def test_truncated_images_are_refused(cli: Callable, write_fashion: Callable[..., Path], size: int) -> None:
    folder = write_fashion("files")
    images = folder / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:size])
    ran = cli("data", "get", "fashion-mnist", "--data", folder)
    assert (ran.code, ran.out) == (2, "")
    *progress, error = ran.err.splitlines()
    assert progress == ["preparing fashion-mnist"]
    assert error.startswith("error: ")
    assert str(images) in error


def test_a_name_of_another_study_is_listed(cli: Callable, finished) -> None:
    assert_refused(cli("show", "mine", "--store", finished.folder.parent), "There are: small.")


def test_a_damaged_store_is_one_clear_line(cli: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "mine"
    folder.mkdir(parents=True)
    (folder / "study.db").write_bytes(b"no database" * 1_000)
    assert_refused(cli("show"), "is not a makeweight store, or is damaged")


@pytest.mark.parametrize("command", [(), ("data",)])
def test_without_arguments_the_help_is_shown_and_no_error(cli: Callable, command: tuple[str, ...]) -> None:
    ran = cli(*command)
    assert ran.code == 2
    assert "Usage" in ran.out + ran.err
    assert "error" not in ran.out + ran.err


def test_a_training_does_not_take_the_place_of_a_study(cli: Callable, finished) -> None:
    store, name = finished.folder.parent, finished.folder.name
    assert_refused(cli(*TRAIN, "--store", store, "--name", name), "holds other trainings")
