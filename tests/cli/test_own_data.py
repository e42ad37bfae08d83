"""A folder of colour photographs, not square, from the check to the diagnosis, as a user would go."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.errors import InvalidValue

EXAMPLE = Path(__file__).parents[2] / "examples" / "photographs.py"
FAST = ("--set", "epochs=2", "--threads", "1")


@pytest.fixture(scope="session")
def all_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "photographs"
    runpy.run_path(str(EXAMPLE))["write_photographs"](folder)
    return folder


@pytest.fixture
def photographs(all_photographs: Path, tmp_path: Path) -> Path:
    """The first hundred pieces of each picture, in the folder where commands run."""
    for path in sorted(all_photographs.glob("*/0*.jpg")):
        target = tmp_path / "photographs" / path.relative_to(all_photographs)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path / "photographs"


def test_from_check_to_diagnosis(cli: Callable, photographs: Path, tmp_path: Path) -> None:
    checked = cli("data", "check", "photographs", "--sheet", "sheet.png")
    assert checked.code == 0, checked.err
    assert "photographs: 300 images of 3 classes" in checked.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 400

    data = ("--data", "photographs")
    designed = json.loads(cli("design", "-f", "cnn", "-b", "10K", *data, "--json").out)
    assert (designed["input_shape"], designed["classes"]) == ([3, 24, 32], 3)

    studied = cli(
        "study", *data, "--families", "fcn,cnn", "--budgets", "5K,10K", "--seeds", "1", "--name", "mine", *FAST
    )
    assert studied.code == 0, studied.err
    assert "photographs: images are 24 × 32 (height × width) in colour." in studied.err
    networks = json.loads(cli("show", "mine", "--json").out)["networks"]
    found = [(network["family"], network["budget"]) for network in networks]
    assert found == [("fcn", 5_000), ("fcn", 10_000), ("cnn", 5_000), ("cnn", 10_000)]
    assert min(network["test_accuracy_mean"] for network in networks) > 0.3

    for command in (
        ("features", "mine/cnn-10k", "--image", photographs / "temple" / "000.jpg"),
        ("report", "mine"),
        ("compare", "mine/cnn-10k", "mine/fcn-10k"),
        ("figure", "confusion-cnn-10k", "mine"),
    ):
        ran = cli(*command)
        assert ran.code == 0, ran.err
    assert cli("diagnose", "mine/cnn-10k", "--seconds", "5").code in (0, 1)  # two epochs may be too few
    tuned = cli("tune", "-f", "fcn", "-b", "5K", *data, "--trials", "2", "--set", "epochs=2", "--threads", "1")
    assert tuned.code == 0, tuned.err
    assert "studies/tune-photographs-fcn-5K-epochs2" in tuned.out


def test_the_same_training_is_found_again(cli: Callable, photographs: Path) -> None:
    train = ("train", "-f", "fcn", "-b", "5K", "--data", "photographs", *FAST)
    assert cli(*train).code == 0
    assert "already trained" in cli(*train).err


def test_a_study_finds_its_data_in_the_cache_when_the_folder_is_gone(cli: Callable, photographs: Path) -> None:
    assert cli("train", "-f", "fcn", "-b", "5K", "--data", "photographs", "--name", "mine", *FAST).code == 0
    shutil.rmtree(photographs)
    assert cli("features", "mine").code == 0, cli("features", "mine").err


def test_a_study_file_names_the_data(cli: Callable, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'data = "photographs"\nimage_size = "16x16"\nchannels = 1\nfamilies = ["fcn"]\nbudgets = ["3K"]\nseeds = 1\n'
    )
    planned = json.loads(cli("study", "own.toml", "--dry-run", "--json").out)
    assert [job["weights"] for job in planned["jobs"]] == [pytest.approx(3_000, rel=0.01)]
    designed = json.loads(
        cli(
            "design",
            "-f",
            "fcn",
            "-b",
            "3K",
            "--data",
            "photographs",
            "--image-size",
            "16",
            "--channels",
            "1",
            "--json",
        ).out
    )
    assert designed["input_shape"] == [1, 16, 16]


def test_unreadable_pictures_are_all_named_and_left_out_where_asked(cli: Callable, photographs: Path) -> None:
    for name in ("000", "007"):
        (photographs / "flower" / f"{name}.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    checked = cli("data", "check", "photographs")
    assert checked.code == 1
    assert "not usable: 2 entries" in checked.out
    train = ("train", "-f", "fcn", "-b", "5K", "--data", "photographs", *FAST)
    refused = cli(*train)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: 2 images cannot be used (flower/000.jpg: ")
    assert refused.err.count("\n") == 1
    assert cli(*train, "--skip-unreadable").code == 0


def test_a_check_as_json_has_everything(cli: Callable, photographs: Path) -> None:
    shutil.copy(photographs / "temple" / "099.jpg", photographs / "flower" / "x.jpg")
    record = json.loads(cli("data", "check", "photographs", "--json").out)
    assert record["classes"][0] == {"label": 0, "name": "flower", "images": 101}
    assert (record["usable"], record["copies"], record["conflict_count"]) == (True, 1, 1)
    assert record["image_shape"] == [3, 24, 32]


def test_prepare_says_what_it_made(cli: Callable, photographs: Path) -> None:
    record = json.loads(cli("data", "prepare", "photographs", "--image-size", "12x16", "--json").out)
    assert (record["image_shape"], record["images"]) == ([3, 12, 16], {"training": 270, "test": 30})
    assert record["class_names"] == ["flower", "portrait", "temple"]
    shown = json.loads(cli("data", "show", "--data", "photographs", "--json").out)
    assert [row["test"] for row in shown["classes"]] == [10, 10, 10]
    assert [row["validation"] for row in shown["classes"]] == [10, 10, 10]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--image-size", "32"), "it is for your own images that aren't prepared yet"),
        (("--dataset", "digits", "--channels", "3"), "it is for your own images that aren't prepared yet"),
        (("--data", "photographs", "--image-size", "0"), "each side is 1 to 1024 pixels"),
        (("--data", "photographs", "--image-size", "big"), "image size 'big' is not possible"),
        (("--data", "photographs", "--channels", "2"), "channels 2 is not possible"),
        (("--data", "nowhere"), "nowhere"),
        (("--data", "model.pt"), "pickle"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    cli: Callable, photographs: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x04.")
    ran = cli("train", "-f", "fcn", "-b", "5K", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_published_files_are_known_as_what_they_are(cli: Callable) -> None:
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip(f"Fashion-MNIST is not in {folder}; install Debian's dataset-fashion-mnist")
    ran = cli("data", "show", "--data", folder, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["name"] == "fashion-mnist"
    assert "published files of fashion-mnist" in ran.err


def test_an_npz_and_a_csv_train_as_well(cli: Callable, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)  # noqa: N806
    pixels = (X * 255 / 16).astype(np.uint8)
    np.savez(tmp_path / "digits.npz", X=pixels.reshape(-1, 8, 8), y=y)
    rows = np.column_stack([y, pixels])
    header = "label," + ",".join(f"pixel{i}" for i in range(64))
    np.savetxt(tmp_path / "digits.csv", rows, "%d", ",", header=header, comments="")
    found = [json.loads(cli("data", "prepare", name, "--json").out) for name in ("digits.npz", "digits.csv")]
    assert found[0]["digest"] == found[1]["digest"]
    ran = cli("train", "-f", "fcn", "-b", "5K", "--data", "digits.npz", *FAST, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["test_accuracy"] > 0.5


def test_a_check_says_which_given_parts_share_images(cli: Callable, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    labels = np.arange(40) % 2
    parts = {"train": slice(20), "val": slice(17, 30), "test": slice(30, 40)}
    arrays = {f"{part}_images": images[rows] for part, rows in parts.items()}
    np.savez(tmp_path / "own.npz", **arrays, **{f"{part}_labels": labels[rows] for part, rows in parts.items()})
    lines = cli("data", "check", "own.npz").out.splitlines()
    assert [line for line in lines if line.startswith(("leak", "copies"))] == [
        "leak: 3 validation images are also among those for training, so accuracy on them is not honest",
        "copies: 3 images are the same as an earlier one",
    ]


def test_arrays_from_python_train_by_the_path_of_what_was_prepared(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from sklearn.datasets import load_digits

    import makeweight

    digits = load_digits()
    names = [f"digit {label}" for label in range(10)]
    found = makeweight.load_data((digits.images / 16, digits.target), name="my digits", class_names=names)
    assert (found.name, found.image_shape, found.class_names) == ("my-digits", (1, 8, 8), tuple(names))
    ran = cli("train", "-f", "fcn", "-b", "5K", "--data", found.path, *FAST, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["data_digest"] == found.digest
    with pytest.raises(InvalidValue, match=r"class_names=.* it is for arrays"):
        makeweight.load_data(tmp_path, class_names=names)


def test_a_check_names_ten_things_that_are_wrong_at_once(cli: Callable, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    own = tmp_path / "own"

    def paint(where: str, first: int = 0, count: int = 12) -> None:
        (own / where).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            pixels = rng.integers(0, 256, (100, 104), dtype=np.uint8)
            Image.fromarray(pixels).convert("RGB").save(own / where / f"{number}.png")  # 1: gray saved as colour

    paint("train/Dog")
    paint("train/Cat", count=40)
    paint("train/Rare", count=3)
    paint("test/Dog", 50)
    paint("test/cat", 50)  # 2: another case
    paint("val/Dog", 70)
    paint("val/Bird", 70)  # 3: a class without training images
    paint("train/Cat/kittens", count=2)  # 4: sub-folders of a class
    paint("test", 90, 2)  # 5: no label
    (own / "train/Phone").mkdir()
    (own / "train/Phone/a.heic").write_bytes(b"x")  # 6: cannot be read, 7: and its class vanishes
    shutil.copy(own / "train/Dog/0.png", own / "test/Dog/0.png")  # 8: a copy in the test part
    shutil.copy(own / "train/Dog/1.png", own / "train/Cat/100.png")  # 9: two labels
    (own / "train/Dog/link.png").symlink_to("/etc/hostname")  # 10: a link out of the folder
    Image.new("RGB", (100, 104)).save(own / "train/Dog/black.png")  # 11: one colour
    paint("extra", count=1)  # 12: neither train, val nor test
    checked = cli("data", "check", "own")
    assert checked.code == 1
    for words in (
        "all images are gray, though they are stored in colour",
        "'Cat' (train) and 'cat' (test)",
        "no training images of 'Bird', which the validation part has",
        "Cat/ have sub-folders with pictures",
        "test/: 2 pictures without a label",
        "train/Phone/a.heic: ",
        "no picture of 'Phone' can be read",
        "leak: 1 test images",
        "conflict: 1 images",
        "train/Dog/link.png: the link leads out of the folder",
        "of one colour all over: 1 image",
        "extra/: 1 picture without a label: it is neither train, val nor test",
        "imbalance:",
        "contact sheet: own-check.png",
        "not usable as it is",
    ):
        assert words in checked.out.replace("\n", " "), (words, checked.out)
    with Image.open(tmp_path / "own-check.png") as sheet:
        assert sheet.width > 400


def test_the_arguments_that_say_what_is_meant_are_flags(cli: Callable, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a/x", "a/y", "b/x", "b/y"):
        folder = tmp_path / "own" / name
        folder.mkdir(parents=True)
        for number in range(4):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{number}.png")
    refused = cli("train", "-f", "fcn", "-b", "2K", "--data", "own", *FAST)
    assert refused.code == 2
    assert "--layout class for 2 classes" in refused.err
    prepared = cli("data", "prepare", "own", "--layout", "*/class", "--json")
    assert json.loads(prepared.out)["class_names"] == ["x", "y"]
    np.savez(tmp_path / "small.npz", X=rng.integers(0, 17, (20, 8, 8), dtype=np.uint8), y=np.arange(20) % 2)
    assert "--scale 0..16" in cli("data", "prepare", "small.npz").err
    assert cli("data", "prepare", "small.npz", "--scale", "0..16").code == 0


def test_what_a_format_has_no_use_for_is_refused(cli: Callable, tmp_path: Path) -> None:
    """It was passed over in silence, and each value made another prepared copy."""
    np.savez(tmp_path / "mine.npz", X=np.zeros((9, 8, 8), np.uint8), y=np.arange(9) % 3)
    (tmp_path / "mine.csv").write_text("label,p0,p1,p2,p3\n" + "0,1,2,3,4\n1,5,6,7,8\n" * 9)
    refusals = {
        ("mine.npz", "layout"): "is about folders, and mine.npz is read as .npz: leave it out",
        ("mine.npz", "label"): "is about a table's columns, and mine.npz is read as .npz: leave it out",
        ("mine.csv", "layout"): "is about folders, and mine.csv is read as CSV: leave it out",
    }
    for (file, option), reason in refusals.items():
        refused = cli("data", "prepare", file, f"--{option}", "class")
        assert refused.code == 2
        assert f"--{option} class {reason}" in refused.err
