"""The model card: what stands in it, that its five lines run, and that names are nothing but text in it."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image
from tests.export.test_formats import needs_litert

from makeweight.designs.architecture import Task
from makeweight.designs.memory import STACK_BYTES
from makeweight.export.c.compiler import find_compiler
from makeweight.export.card import model_card
from makeweight.export.deployment import Int8
from makeweight.export.facts import Facts
from makeweight.export.formats import FORMATS
from makeweight.export.records import ExportReport
from makeweight.export.session import export_run
from makeweight.export.usage import usage_of
from makeweight.text import MAX_SHOWN, markdown_name, visible, yaml_text
from makeweight.training.recipe import Recipe

HOSTILE = (
    "<script>alert(1)</script>", 'say "cheese"', "two\nlines", "| a | b |", "\u202egnp.exe", "\x1b[31mred", "'; --",
    "[click](http://x.y)", "👩\u200d🔬 `code` *bold*", "=cmd()" + "x" * 10_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def report(store, row, digits, tmp_path_factory) -> ExportReport:
    return export_run(store, row, digits, tmp_path_factory.mktemp("export"), int8=Int8(), seeds=2)


@pytest.fixture(scope="module")
def card(report: ExportReport) -> str:
    return (report.folder / "README.md").read_text(encoding="utf-8")


def front_matter(card: str) -> dict:
    empty, matter, _ = card.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(matter)


def code_of(card: str) -> str:
    [code] = re.findall(r"^```python\n(.*?)^```", card, flags=re.DOTALL | re.MULTILINE)
    return code


def run_code(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_front_matter_is_what_model_hubs_read(card: str, report: ExportReport) -> None:
    matter = front_matter(card)
    assert matter["pipeline_tag"] == "image-classification"
    assert matter["library_name"] == "onnx"
    assert matter["datasets"] == ["digits"]
    [model] = matter["model-index"]
    [result] = model["results"]
    assert result["dataset"] == {"name": "digits", "type": "digits", "split": "test"}
    [metric] = result["metrics"]
    assert metric == {"type": "accuracy", "value": pytest.approx(report.recommended.accuracy.mean, abs=1e-4)}


def test_the_card_has_the_numbers_of_the_report(card: str, report: ExportReport) -> None:
    for found in (report.pytorch, *report.files):
        assert f"{100 * found.accuracy.mean:.2f} ({100 * found.accuracy.low:.2f}–" in card
    for file in report.files:
        assert f"| `{file.name}` | {file.size_bytes:,} | " in card
    assert f"A convolutional network of {report.facts.weights:,} trainable weights for a budget of 2,000." in card
    assert len(re.findall(r"^\| \d \| 3\d \| ", card, flags=re.MULTILINE)) == 10  # a row for each class
    assert "Of 2 trainings, it is the one with the best validation accuracy." in card
    assert report.facts.data_digest in card
    assert "CC BY 4.0" in card
    assert "a dark background" in card
    assert f"**{report.int8.headline}**" in card
    assert f"`model-int8.onnx`: {report.files[1].quantisation}.\n" in card
    assert not re.search(r"nan|None|\{\{", card.replace(code_of(card), ""))


def test_the_five_lines_run(card: str, report: ExportReport, deployment, digits) -> None:
    code = code_of(card)
    assert len(code.splitlines()) == 5
    for image in digits.test_images().images[:2]:
        Image.fromarray(image[0]).save(report.folder / "picture.png")
        assert run_code(code, report.folder) == str(deployment.answer(image[None]).argmax())


@pytest.mark.parametrize(("name", "lines"), [("onnx", 5), ("torch", 5), pytest.param("tflite", 6, marks=needs_litert)])
def test_the_few_lines_run_on_colour(make_deployment, name: str, lines: int, tmp_path: Path) -> None:
    deployment = make_deployment("lenet", Task((3, 14, 11), 4))
    [artefact] = FORMATS[name].write(deployment, tmp_path, False)
    (tmp_path / "report.json").write_text(json.dumps({"class_names": deployment.facts.class_names}))
    code = usage_of(deployment.facts, artefact.files[0].name).code
    assert len(code.splitlines()) == lines
    image = np.random.default_rng(2).integers(0, 256, (14, 11, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "picture.png")
    expected = deployment.answer(image.transpose(2, 0, 1)[None]).argmax()
    assert run_code(code, tmp_path) == str(expected)


@pytest.fixture(scope="module")
def in_c(store, row, digits, tmp_path_factory) -> ExportReport:
    if find_compiler() is None:
        pytest.skip("needs a C compiler")
    return export_run(store, row, digits, tmp_path_factory.mktemp("export"), format_="c", int8=Int8())


@pytest.mark.parametrize("file", ["model.c", "model_int8.c"])
def test_the_program_in_c_is_compiled_and_runs(in_c: ExportReport, row, deployment, digits, file: str) -> None:
    """Of the file that is recommended; the other one is by a report that recommends it."""
    assert in_c.int8 is not None
    chosen = replace(in_c, int8=replace(in_c.int8, wins=file == "model_int8.c"))
    card, folder = model_card(chosen, row), in_c.folder
    [main] = re.findall(r"^```c\n(.*?)^```", card, flags=re.DOTALL | re.MULTILINE)
    [commands] = re.findall(r"^```sh\n(.*?)^```", card, flags=re.DOTALL | re.MULTILINE)
    (folder / "classify.c").write_text(main)
    compiling, running = commands.splitlines()
    assert file in compiling
    command = [find_compiler(), *compiling.split()[1:], "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    images = digits.test_images().images[:20]
    said = []
    for image in images:
        (folder / "picture.raw").write_bytes(image.tobytes())
        said.append(subprocess.run(running.split(), cwd=folder, capture_output=True, text=True, check=True).stdout)
    expected = [f"{label}\n" for label in deployment.answer(images).argmax(1)]
    assert said == expected if file == "model.c" else sum(map(str.__eq__, said, expected)) >= 18
    (folder / "picture.raw").write_bytes(b"too short")
    assert subprocess.run(running.split(), cwd=folder, check=False).returncode == 1


def test_the_card_of_c_has_flash_and_ram_beside_the_budget(in_c: ExportReport) -> None:
    card = (in_c.folder / "README.md").read_text(encoding="utf-8")
    matter = front_matter(card)
    assert "library_name" not in matter
    assert {"c", "tinyml"} < set(matter["tags"])
    for file in in_c.files:
        assert file.memory is not None
        assert file.memory.code_bytes is not None
        row = f"| `{file.name}` | {file.memory.flash_bytes:,} | {file.memory.bytes_per_weight:.2f} | "
        assert row + f"{file.memory.code_bytes:,} | {file.memory.ram_bytes:,} |" in card
    assert f"allow for {STACK_BYTES} bytes of stack" in card
    best = in_c.recommended.memory
    assert (
        f"takes {best.flash_bytes:,} bytes of flash for {in_c.facts.weights:,} weights of a budget of 2,000: " in card
    )
    assert " -O3. The time on a device is not measured." in card
    assert not re.search(r"nan|None|\{\{|pip install", card)


def test_hostile_names_are_text_in_the_card(report: ExportReport, row) -> None:
    facts = replace(report.facts, class_names=HOSTILE, dataset='a"b\n---\n<script>')
    card = model_card(replace(report, facts=facts), row)
    assert "\x1b" not in card
    assert "\u202e" not in card
    assert len(card) < 20_000
    matter = front_matter(card)
    assert matter["datasets"] == ['a"b\n---\n<script>']
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(card.split("---\n", 2)[2])
    assert "<script" not in html
    assert "<a " not in html
    assert "<em>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert html.count("<tr>") == 1 + 3 + 1 + 10 + 1 + 3 + len(
        dataclasses.fields(Recipe)
    )  # no name starts a row or a cell of its own
    classes = html.split("Each class")[1].split("Limits")[0]
    assert [row.count("<td") for row in classes.split("<tr>")[2:]] == [5] * 10


@given(st.text(max_size=50))
def test_any_name_survives_yaml(text: str) -> None:
    assert yaml.safe_load(yaml_text(text.encode(errors="replace").decode())) == text.encode(errors="replace").decode()


@given(st.text(max_size=50))
def test_any_name_is_one_line_of_visible_text(text: str) -> None:
    for written in (visible(text), markdown_name(text), yaml_text(text)):
        assert written.isprintable()
    html = MarkdownIt("commonmark", {"html": True}).renderInline(markdown_name(text))
    assert not re.search("<[^>]", html)


def test_a_long_name_is_cut() -> None:
    assert visible("x" * 100, MAX_SHOWN) == "x" * 80 + "…"


def test_the_report_for_machines_is_that_of_the_export(report: ExportReport) -> None:
    record = json.loads((report.folder / "report.json").read_text(encoding="utf-8"))
    assert record["files"][0]["accuracy"]["mean"] == report.files[0].accuracy.mean
    assert [file["name"] for file in record["files"]] == ["model.onnx", "model-int8.onnx"]
    assert record["recommended"] == report.recommended.name
    assert len(record["classes"]) == 10
    assert Facts.from_metadata(report.facts.to_metadata()) == report.facts
