"""``makeweight predict``: by a run and by a file alone, whatever the pictures are called and whatever ails them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts import draw_samples

from makeweight.export.deployment import Deployment, deployment_of
from makeweight.export.onnx import onnx_model
from makeweight.store.store import Store
from makeweight.text import visible

HOSTILE_NAMES = ("=cmd()", "<script>", "\x1b[31mred", "\u202eesrever", "@sum", "two\nlines", "-1", "+1", "7", "😀")


@pytest.fixture(scope="module")
def deployment(finished, digits) -> Deployment:
    with Store.open(finished.folder) as store:
        rows = [row for row in store.jobs() if (row.job.family, row.job.budget) == ("fcn", 2_000)]
        best = max(rows, key=lambda row: (row.result.validation_accuracy, -row.job.seed))
        return deployment_of(store, best, digits)


@pytest.fixture(scope="module")
def onnx_file(deployment: Deployment, tmp_path_factory) -> Path:
    """An exported file, far from any study."""
    path = tmp_path_factory.mktemp("alone") / "model.onnx"
    path.write_bytes(onnx_model(deployment).SerializeToString())
    return path


@pytest.fixture(scope="module")
def hostile_file(deployment: Deployment, tmp_path_factory) -> Path:
    """A file whose class names are meant to do harm."""
    path = tmp_path_factory.mktemp("hostile") / "model.onnx"
    changed = replace(deployment, facts=replace(deployment.facts, class_names=HOSTILE_NAMES))
    path.write_bytes(onnx_model(changed).SerializeToString())
    return path


@pytest.fixture
def pictures(digits, tmp_path: Path) -> list[np.ndarray]:
    """Test images 0 to 4 as ``0.png`` to ``4.png`` in ``pictures``, and a broken one between them."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    images = [np.array(image) for image in digits.test_images().images[:5]]
    for i, image in enumerate(images):
        Image.fromarray(image[0]).save(folder / ("more" if i == 4 else "") / f"{i}.png")
    (folder / "1b.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture")
    return images


def classes_of(deployment: Deployment, images: list[np.ndarray]) -> list[str]:
    return [str(i) for i in deployment.answer(np.stack(images)).argmax(axis=1)]


def test_a_folder_is_answered_by_a_file_alone_but_for_what_is_broken(
    cli: Callable, onnx_file: Path, pictures, deployment: Deployment
) -> None:
    ran = cli("predict", onnx_file, "pictures")
    assert ran.code == 1
    [error] = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: the picture pictures/1b.png cannot be used: ")
    assert "skipped, because their names aren't those of pictures: 1 of the folders' files" in ran.err
    rows = [line.split() for line in ran.out.splitlines() if ".png" in line]
    assert [row[0] for row in rows] == [*(f"pictures/{i}.png" for i in range(4)), "pictures/more/4.png"]
    assert [row[1] for row in rows] == classes_of(deployment, pictures)
    assert all(len(row) == 1 + 2 * 3 for row in rows)
    assert ran.out.splitlines()[-1] == f"By FCN 2K, seed {deployment.facts.seed}."


def test_a_run_and_its_file_answer_alike(
    cli: Callable, onnx_file: Path, pictures, finished, deployment: Deployment
) -> None:
    arguments = ("pictures/0.png", "pictures/3.png", "--json", "--top", "10")
    by_file = json.loads(cli("predict", onnx_file, *arguments).out)
    ran = cli("predict", "fcn-2k", *arguments, "--store", finished.folder.parent)
    assert (ran.code, ran.err) == (0, "FCN 2K of the study small, data set digits\n")
    by_run = json.loads(ran.out)
    assert by_run["network"] == by_file["network"] == f"FCN 2K, seed {deployment.facts.seed}"
    expected = deployment.answer(np.stack([pictures[0], pictures[3]]))
    for a, b, probabilities in zip(by_run["images"], by_file["images"], expected, strict=True):
        assert a["image"] == b["image"]
        assert [guess["label"] for guess in a["top"]] == list(np.argsort(-probabilities, kind="stable"))
        for guess in (*a["top"], *b["top"]):
            assert guess["probability"] == pytest.approx(probabilities[guess["label"]], abs=1e-5)
            assert guess["class"] == str(guess["label"])


def test_a_seed_asked_for_answers(cli: Callable, pictures, finished) -> None:
    for seed in (0, 1):
        ran = cli("predict", f"cnn-2k#{seed}", "pictures/0.png", "--store", finished.folder.parent, "--json")
        assert json.loads(ran.out)["network"] == f"CNN 2K, seed {seed}"


def test_csv_has_a_line_for_each_picture_and_no_formulas(cli: Callable, hostile_file: Path, pictures) -> None:
    folder = Path("pictures")
    (folder / "0.png").rename("=cmd.png")
    ran = cli("predict", hostile_file, "=cmd.png", "pictures", "--csv", "--top", "10")
    assert ran.code == 1
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["image"] for row in rows][:4] == ["'=cmd.png", "pictures/1.png", "pictures/1b.png", "pictures/2.png"]
    assert rows[2]["error"].startswith("the picture pictures/1b.png cannot be used")
    assert rows[2]["class_1"] == rows[2]["probability_1"] == ""
    for row in (rows[0], rows[1]):
        names = [row[f"class_{i}"] for i in range(1, 11)]
        assert sorted(names) == sorted("'" * (name[0] in "=+-@") + visible(name) for name in HOSTILE_NAMES)
        assert sum(float(row[f"probability_{i}"]) for i in range(1, 11)) == pytest.approx(1, abs=1e-4)
        assert row["error"] == ""


def test_names_cannot_steer_the_terminal(cli: Callable, hostile_file: Path, pictures) -> None:
    Path("pictures/0.png").rename("pictures/\x1b[2J.png")
    Path("pictures/1.png").rename("pictures/\u202e.png")
    Path("pictures/2.png").write_bytes(b"")
    Path("pictures/2.png").rename("pictures/\x1b[31m.png")
    ran = cli("predict", hostile_file, "pictures", "--top", "10")
    for text in (ran.out, ran.err):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\\x1b[2J.png" in ran.out
    assert "two\\x0alines" in ran.out
    assert "😀" in ran.out
    rows = ran.out.splitlines()
    [first] = [i for i, row in enumerate(rows) if row.lstrip().startswith("pictures/3.png")]
    assert [row.split()[-1].replace(".", "").isdigit() for row in rows[first : first + 10]] == [True] * 10


def test_patterns_are_expanded_and_names_taken_as_they_are(cli: Callable, onnx_file: Path, pictures) -> None:
    shutil.copy("pictures/0.png", "pictures/a[1].png")
    ran = cli("predict", onnx_file, "pictures/[0-2].png", "pictures/a[1].png", "pictures/**/4.png", "--json")
    assert ran.code == 0
    assert [image["image"] for image in json.loads(ran.out)["images"]] == [
        *(f"pictures/{i}.png" for i in range(3)), "pictures/a[1].png", "pictures/more/4.png",
    ]  # fmt: skip


def test_stdin_is_a_picture(cli: Callable, onnx_file: Path, pictures, deployment: Deployment, monkeypatch) -> None:
    content = Path("pictures/2.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    record = json.loads(cli("predict", onnx_file, "-", "--json").out)
    assert record["images"][0]["image"] == "stdin"
    assert record["images"][0]["top"][0]["class"] == classes_of(deployment, [pictures[2]])[0]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no picture")))
    ran = cli("predict", onnx_file, "-")
    assert (ran.code, ran.out) == (2, "")
    assert "error: the picture stdin cannot be used: it is no picture in a format that makeweight reads" in ran.err


def test_a_picture_that_is_dark_on_bright_is_inverted_unless_that_is_forbidden(
    cli: Callable, onnx_file: Path, pictures, finished
) -> None:
    Image.fromarray(255 - pictures[3][0]).save("paper.png")
    straight = json.loads(cli("predict", onnx_file, "pictures/3.png", "--json").out)["images"][0]
    for model in ((onnx_file,), ("fcn-2k", "--store", finished.folder.parent)):
        ran = cli("predict", *model, "paper.png", "pictures/3.png", "--json")
        assert ran.code == 0
        assert ran.err.splitlines()[-1] == (
            "paper.png is dark on bright, the training images are bright on dark: inverted (--no-invert forbids it)."
        )
        images = json.loads(ran.out)["images"]
        assert [(image["inverted"], image["background_differs"]) for image in images] == [(True, False), (False, False)]
        assert images[0]["top"] == images[1]["top"]
    forced = json.loads(cli("predict", onnx_file, "paper.png", "--invert", "--json").out)["images"][0]
    assert forced["top"] == straight["top"]
    ran = cli("predict", onnx_file, "paper.png", "--no-invert", "--json")
    assert json.loads(ran.out)["images"][0]["top"] != straight["top"]
    assert ran.err == "paper.png looks dark on bright; the training images are bright on dark: leave out --no-invert.\n"
    assert "pictures/3.png looks dark on bright; the training images are bright on dark: leave out --invert." in (
        cli("predict", onnx_file, "pictures/3.png", "--invert").err
    )


def test_a_run_answers_without_its_data(
    cli: Callable, pictures, finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "empty"))
    study = Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))
    with Store.create(study) as store, store._database.transaction() as connection:
        connection.execute("UPDATE study SET data_path = '/nowhere'")
    ran = cli("predict", "cnn-2k", "pictures/0.png")
    assert ran.code == 0
    assert "The study's data aren't here, so pictures" in ran.err


def test_the_sample_pictures_are_ours_to_draw_and_dark_on_bright(cli: Callable, onnx_file: Path) -> None:
    folder = Path(__file__).parents[2] / "examples" / "pictures"
    samples = sorted(folder.glob("*.png"))
    assert [path.stem for path in samples] == ["boot", "shirt", "trousers"] == sorted(draw_samples.SHAPES)
    for path in samples:
        drawn = np.asarray(draw_samples.draw(draw_samples.SHAPES[path.stem]))
        np.testing.assert_array_equal(np.asarray(Image.open(path)), drawn)
        assert path.stat().st_size < 3_000
    record = json.loads(cli("predict", onnx_file, folder, "--json").out)
    assert [image["inverted"] for image in record["images"]] == [True, True, True]


def test_many_pictures_keep_their_order(cli: Callable, onnx_file: Path, digits, deployment: Deployment) -> None:
    """More than are answered at once."""
    images = [np.array(image) for image in digits.test_images().images[:37]]
    Path("many").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[0]).save(f"many/{i:02}.png")
    record = json.loads(cli("predict", onnx_file, "many", "--top", "1", "--json").out)
    assert [image["top"][0]["class"] for image in record["images"]] == classes_of(deployment, images)


def test_links_out_of_a_folder_are_refused_and_circles_are_not_walked(cli: Callable, onnx_file: Path, pictures) -> None:
    Path("secret.png").write_bytes(Path("pictures/0.png").read_bytes())
    Path("pictures/out.png").symlink_to(Path("secret.png").resolve())
    Path("pictures/in.png").symlink_to("0.png")
    Path("pictures/round.png").symlink_to("round.png")
    Path("pictures/more/up").symlink_to("..")
    record = json.loads(cli("predict", onnx_file, "pictures", "--json").out)
    failed = {image["image"]: image["error"] for image in record["images"] if "error" in image}
    assert failed.keys() == {"pictures/1b.png", "pictures/out.png", "pictures/round.png"}
    assert "is a link that leads out of its folder" in failed["pictures/out.png"]
    answered = [image["image"] for image in record["images"] if "error" not in image]
    assert "pictures/in.png" in answered
    assert len(answered) == 6


REFUSED = {
    "no such picture": (("none.png",), "the picture none.png cannot be opened: No such file or directory"),
    "long name": (("x" * 5_000,), "cannot be opened: File name too long"),
    "NUL": (("pictures/\0.png",), "cannot be opened: embedded null"),
    "no match": (("none*.png",), "nothing matches none*.png. Pictures end in .avif, .bmp,"),
    "empty folder": (("empty",), "the folder empty holds no picture."),
    "stdin twice": (("-", "-"), "stdin has one picture: give - only once."),
    "formats": (("pictures/0.png", "--json", "--csv"), "--json and --csv exclude each other"),
    "top": (("pictures/0.png", "--top", "0"), "Invalid value for '--top'"),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_possible_is_refused(
    cli: Callable, onnx_file: Path, pictures, arguments: tuple[str, ...], expected: str
) -> None:
    Path("empty").mkdir()
    ran = cli("predict", onnx_file, *arguments)
    assert (ran.code, ran.out) == (2, "")
    error = ran.err.splitlines()[-1]
    assert error.startswith("error: ")
    assert expected in error


MODELS = {
    "a pickle": ("model.pt", "the model model.pt is refused: .pt files may run code when they are read"),
    "a missing file": ("none.onnx", "the model none.onnx cannot be opened: No such file or directory"),
    "text": ("text.onnx", "the model text.onnx is refused: it is no ONNX model"),
    "a file of another kind": ("text", "the model text is refused: it is no ONNX model"),
    "no network": ("cnn-9k", "there is no study in studies"),
}


@pytest.mark.parametrize(("model", "expected"), MODELS.values(), ids=MODELS)
def test_what_is_no_model_is_refused(cli: Callable, pictures, model: str, expected: str) -> None:
    Path("model.pt").write_bytes(b"PK")
    for name in ("text", "text.onnx"):
        Path(name).write_text("no model")
    ran = cli("predict", model, "pictures/0.png")
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err.splitlines()[-1]


def test_the_console_script_reads_a_pipe(command: str, environment, onnx_file: Path, pictures, tmp_path: Path) -> None:
    with (tmp_path / "pictures/2.png").open("rb") as picture:
        done = subprocess.run(
            [command, "predict", str(onnx_file), "-", "--csv", "--top", "1"],
            stdin=picture, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "image,class_1,probability_1,error"
    assert done.stdout.splitlines()[1].startswith("stdin,")


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.dib", "a.pnm", "a.avif", "a.heic", "without-ending"])
def test_a_folder_gives_the_pictures_that_training_reads(name: str, tmp_path: Path) -> None:
    from makeweight.cli.pictures import find_pictures

    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0 and so on")
    found = find_pictures([str(tmp_path)])
    assert ([Path(source.name).name for source in found.sources], found.ignored) == ([name], 1)
