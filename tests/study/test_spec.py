"""Study files: what they may say, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from makeweight.data.catalog import CATALOG
from makeweight.designs.families import FAMILIES
from makeweight.designs.limits import Limits
from makeweight.errors import StudyFileError
from makeweight.studies.spec import StudySpec, make_spec, read_study_file

FAMILY_NAMES = ", ".join(FAMILIES)
BAD = {
    "unknown key": (
        "seedz = 3",
        [
            "'seedz'",
            "dataset, data, image_size, channels, scale, layout, label, follow_links, skip_unreadable, families, "
            "budgets, seeds, split_seed, tuned, "
            "max_macs, max_ram, ram_type, chip, max_flash, max_ms, recipe, vary",
        ],
    ),
    "unknown family": ('families = ["fcn", "rnn"]', ["families.1 = 'rnn'", FAMILY_NAMES]),
    "family that is no list": ('families = "fcn"', ["families = 'fcn'"]),
    "no family": ("families = []", ["families"]),
    "unknown data set": ('dataset = "imagenet"', ["dataset = 'imagenet'", ", ".join(CATALOG)]),
    "data set that is a number": ("dataset = 3", ["dataset = 3", ", ".join(CATALOG)]),
    "unit of a budget": ('budgets = ["10K", "12Q"]', ["budgets.1 = '12Q'", "100K, 0.1M, 100_000 or 100000"]),
    "budget of nothing": ("budgets = [0]", ["budgets.0 = 0", "above 0"]),
    "negative budget": ("budgets = [-5]", ["budgets.0 = -5", "100K"]),
    "budget that is a truth": ("budgets = [true]", ["budgets.0 = True", "100K"]),
    "budget with a fraction": ("budgets = [0.5]", ["budgets.0 = 0.5", "100K"]),
    "no budget": ("budgets = []", ["budgets"]),
    "no seed": ("seeds = 0", ["seeds = 0", "1"]),
    "too many seeds": ("seeds = 1001", ["seeds = 1001", "1000"]),
    "seeds in words": ("seeds = 'three'", ["seeds = 'three'", "integer"]),
    "seeds as text": ("seeds = '3'", ["seeds = '3'", "integer"]),
    "seeds as a truth": ("seeds = true", ["seeds = True", "integer"]),
    "negative split seed": ("split_seed = -1", ["split_seed = -1", "0"]),
    "limit of nothing": ("max_macs = 0", ["max_macs = 0", "above 0 as 5M"]),
    "limit that is a truth": ("max_macs = true", ["max_macs = True", "above 0 as 5M"]),
    "unit of a limit": ("max_macs = '5KiB'", ["max_macs = '5KiB'", "above 0 as 5M"]),
    "limit with a fraction": ("max_ram = 0.5", ["max_ram = 0.5", "64KiB (65,536 bytes)"]),
    "program of two bytes a value": ("ram_type = 'fp16'", ["ram_type = 'fp16'", "int8"]),
    "recipe that is no table": ("recipe = 3", ["recipe = 3"]),
    "typo in the recipe": ("[recipe]\nepoch = 3", ["recipe.epoch", "epochs", "learning_rate"]),
    "typo in a family's recipe": ("[recipe.cnn]\nepoch = 3", ["recipe.cnn.epoch", "epochs", "learning_rate"]),
    "recipe of an unknown family": ("[recipe.rnn]\nepochs = 3", ["recipe.rnn", FAMILY_NAMES]),
    "text for a whole number": ('[recipe]\nepochs = "many"', ["recipe.epochs = 'many'", "whole number"]),
    "fraction for a whole number": ("[recipe]\nepochs = 2.5", ["recipe.epochs = 2.5", "whole number"]),
    "truth for a number": ("[recipe]\nlearning_rate = true", ["recipe.learning_rate = True", "a number"]),
    "number for a truth": ("[recipe]\nflip = 1", ["recipe.flip = 1", "true or false"]),
    "number for a text": ("[recipe.fcn]\noptimizer = 1", ["recipe.fcn.optimizer = 1", "a text"]),
    "list for a number": ("[recipe]\nepochs = [1, 2]", ["recipe.epochs = [1, 2]", "whole number"]),
    "unknown optimizer": ('[recipe]\noptimizer = "lion"', ["recipe.optimizer", "'lion'", "adamw, sgd"]),
    "recipe value out of range": ("[recipe]\nepochs = 0", ["recipe.epochs", "0", "1 to"]),
    "recipe value that is not a number": ("[recipe]\nlearning_rate = nan", ["recipe.learning_rate", "nan", "above 0"]),
    "typo in what is varied": ("[vary]\nkernle = [3]", ["vary.kernle", "kernel", "learning_rate"]),
    "option of another family": (
        "families = ['fcn']\n[vary]\nkernel = [3]",
        ["vary.kernel is an option of cnn", "the study has fcn only"],
    ),
    "varied value that breaks a rule": ("[vary]\nkernel = [3, 0]", ["vary.kernel = 0", "from 1 to 15"]),
    "varied text for a number": ("[vary]\nkernel = ['big']", ["vary.kernel = 'big'", "from 1 to 15"]),
    "varied recipe out of range": ("[vary]\nepochs = [2, 0]", ["vary.epochs", "0", "1 to"]),
    "varied list": ("[vary]\nkernel = [[3]]", ["vary.kernel = [3]", "from 1 to 15"]),
    "no value to vary": ("[vary]\nkernel = []", ["vary.kernel = []"]),
    "a value in place of a list": ("[vary]\nkernel = 3", ["vary.kernel = 3"]),
    "set and varied": ("[recipe]\nepochs = 3\n[vary]\nepochs = [3, 4]", ["epochs is both set and varied"]),
    "set for a family and varied": (
        "[recipe.cnn]\nepochs = 3\n[vary]\nepochs = [4]",
        ["epochs is both set and varied"],
    ),
    "not TOML": ("seeds 3", ["not TOML", "line 1"]),
    "the same key twice": ("seeds = 1\nseeds = 2", ["not TOML", "overwrite"]),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_a_mistake_is_told_with_file_key_and_what_is_allowed(tmp_path: Path, text: str, expected: list[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(StudyFileError) as caught:
        read_study_file(file)
    for part in (str(file), *expected):
        assert part in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe\x00seeds")
    with pytest.raises(StudyFileError, match=rf"{file} is not TOML"):
        read_study_file(file)


@pytest.mark.parametrize(
    ("value", "reason"), [("9" * 5_000, "is not TOML: Exceeds the limit"), ("[" * 2_000, "is nested too deeply")]
)
def test_numbers_and_nesting_without_end_are_refused(tmp_path: Path, value: str, reason: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"seeds = {value}")
    with pytest.raises(StudyFileError, match=rf"{file} {reason}"):
        read_study_file(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match=r"cannot read .*none\.toml: No such file"):
        read_study_file(tmp_path / "none.toml")
    with pytest.raises(StudyFileError, match="Is a directory"):
        read_study_file(tmp_path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'dataset = "digits"\nfamilies = ["cnn", "fcn"]\nbudgets = ["2K", 3_000, "0.01M"]\nseeds = 5\nsplit_seed = 7\n'
        'max_macs = "5M"\nmax_ram = 65_536\nram_type = "fp32"\n'
        "[recipe]\nepochs = 3\nlearning_rate = 1\n[recipe.cnn]\nepochs = 4\nflip = true\n"
    )
    spec = make_spec(read_study_file(file), str(file))
    assert (spec.dataset, spec.families, spec.seeds, spec.split_seed) == ("digits", ("cnn", "fcn"), 5, 7)
    assert spec.budgets_of("fcn") == spec.budgets_of("cnn") == (2_000, 3_000, 10_000)
    assert spec.limits == Limits(5_000_000, 65_536, "fp32")
    assert spec.recipe_changes("fcn") == {"epochs": 3, "learning_rate": 1}
    assert spec.recipe_changes("cnn") == {"epochs": 4, "learning_rate": 1, "flip": True}
    assert spec.recipe_changes("lenet") == spec.recipe_changes("fcn")


def test_without_a_file_it_is_the_report_s_grid() -> None:
    spec = StudySpec()
    assert (spec.dataset, spec.data, spec.seeds) == (None, None, 3)
    grid = {family: spec.budgets_of(family) for family in spec.families}
    assert grid == {"fcn": (50_000, 100_000, 200_000), "cnn": (10_000, 20_000, 50_000, 100_000)}
    assert spec.budgets_of("lenet")


def test_the_same_study_has_the_same_text() -> None:
    one = make_spec({"seeds": 2, "recipe": {"epochs": 3, "crop": 1}}, "here")
    other = make_spec({"recipe": {"crop": 1, "epochs": 3}, "seeds": 2}, "there")
    assert one.to_json() == other.to_json()
