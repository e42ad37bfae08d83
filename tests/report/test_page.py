"""The HTML report: one file, whole by itself, in which no name is more than text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from makeweight.inspection.records import Inspection, LayerMaps, Sample
from makeweight.report.analysis import analyse
from makeweight.report.contents import Contents
from makeweight.report.figures.catalogue import drawings
from makeweight.report.page import embed, page, svg
from makeweight.report.page.page import render, write_report
from makeweight.report.statistics_tables import all_tables
from makeweight.report.summary import StudySummary, summarise
from makeweight.report.tables import networks_table
from makeweight.report.verdict import verdict
from makeweight.text import visible

LOADING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "formaction", "background"}
VOID = {"meta", "link", "br", "img", "hr", "input"}
FORBIDDEN = {"iframe", "object", "embed", "link", "base", "form", "video", "audio"}
DATA = {"application/json", "text/plain"}


class Page(HTMLParser):
    """Tags, what they load, scripts and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.data: dict[str, str] = {}
        self.policy = ""
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.loads += [value or "" for name, value in attrs if name in LOADING]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        if tag not in VOID:
            self.open.append((tag, values))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag != "script":
            self.text.append(data)
        elif attributes.get("type") in DATA:
            self.data[attributes["id"] or ""] = data
        else:
            self.scripts.append(data)


def assert_self_contained(page: str) -> Page:
    read = Page(page)
    assert read.open == []
    assert not FORBIDDEN & set(read.tags)
    assert read.handlers == []
    assert all(value.startswith(("#", "data:image/")) for value in read.loads), read.loads
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page.replace(embed.plotly()[0], ""))
    assert len(read.ids) == len(set(read.ids))
    assert {load[1:] for load in read.loads if load.startswith("#")} <= set(read.ids)
    assert "default-src 'none'" in read.policy
    assert "connect-src 'none'" in read.policy
    for script in read.scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in read.policy
    return read


@pytest.fixture(scope="module")
def html(contents: Contents) -> str:
    return render(contents)


@pytest.fixture(scope="module")
def read(html: str) -> Page:
    return assert_self_contained(html)


def contents_with(summary: StudySummary, **changes: Any) -> Contents:
    analysis = analyse(replace(summary, **changes))
    return Contents(analysis, verdict(analysis))


def inspected(summary: StudySummary, images: Any, class_names: tuple[str, ...]) -> tuple[Inspection, ...]:
    """Look into each network at one test image, as if every layer were its pixels."""
    probabilities = (images[0, 0].ravel()[: len(class_names)] / 1_000).astype("float32")
    sample = Sample("test image 0", images[0], 3, probabilities)
    maps = LayerMaps("stem", "conv", images[:1].astype("float32"))
    return tuple(
        Inspection(network.label, "0123", 0, class_names, (sample,), (maps,), None, ()) for network in summary.networks
    )


def test_the_verdict_stands_first_and_all_of_it(read: Page, contents: Contents) -> None:
    text = "".join(read.text)
    words = contents.verdict.headline, *(s for f in contents.verdict.topics for s in f.sentences)
    places = [text.index(sentence) for sentence in words]
    assert places == sorted(places)
    assert text.index(contents.verdict.headline) < text.index("test accuracy %")


def test_every_figure_is_there_with_its_words(read: Page, contents: Contents) -> None:
    text = " ".join(read.text)
    found = drawings(contents)
    assert read.tags.count("figure") == len(found)
    for drawing in found:
        assert f"{drawing.name}-words" in read.ids
        assert drawing.description in text


def test_every_table_is_there(read: Page, contents: Contents, summary: StudySummary) -> None:
    text = " ".join(read.text)
    for row in networks_table(summary).rows:
        assert all(cell in text for cell in row)
    for table in all_tables(contents.analysis):
        assert all(cell in text for row in table.rows for cell in row)
    for network in summary.networks:
        assert all(f"{layer.name}" in text for layer in network.architecture.layers)
        assert all(run.key[:12] in text for run in network.runs)
    assert summary.environment in text
    assert "label smoothing" in text


def test_charts_are_data_that_a_script_reads(read: Page) -> None:
    charts = json.loads(read.data["charts-data"])
    assert set(charts) == {"costs", "curves", "reliability"}
    assert "viewer-data" not in read.data
    assert len(read.scripts) == 2


def test_a_look_inside_becomes_the_viewer(summary: StudySummary, contents: Contents) -> None:
    names, two = summary.class_names, contents_with(summary, networks=summary.networks[:2])
    looks = inspected(two.analysis.summary, contents.test_images, names)
    read = assert_self_contained(render(replace(two, inspections=looks)))
    viewer = json.loads(read.data["viewer-data"])
    assert viewer["samples"][0]["truth"] == names[3]
    assert set(viewer["networks"]) == {network.label for network in summary.networks[:2]}
    [layer] = viewer["networks"]["FCN 2K"]["layers"]
    assert layer["tile"] == [8, 8]
    assert base64.b64decode(layer["sheets"][0].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")


def test_what_is_missing_is_said(summary: StudySummary) -> None:
    one = contents_with(summary, networks=summary.networks[:1])
    read = assert_self_contained(render(replace(one, missing=("The test images are <gone>.",))))
    assert "The test images are <gone>." in "".join(read.text)
    assert not any("mistakes" in name for name in read.ids)


def test_a_study_without_scores_or_measurements_has_a_page(summary: StudySummary) -> None:
    networks = tuple(
        replace(network, measurement=None, runs=tuple(replace(run, scores={}) for run in network.runs))
        for network in summary.networks[:2]
    )
    read = assert_self_contained(render(contents_with(summary, networks=networks)))
    assert "Overfitting and underfitting" not in "".join(read.text)


def test_one_network_of_one_seed_has_a_page(summary: StudySummary) -> None:
    only = replace(summary.networks[0], runs=summary.networks[0].runs[:1])
    read = assert_self_contained(render(contents_with(summary, networks=(only,))))
    assert "comparisons" not in read.ids


def test_a_page_while_the_study_runs_is_small_and_has_no_script(contents: Contents) -> None:
    page = render(contents, interactive=False)
    read = assert_self_contained(page)
    assert (read.scripts, read.data) == ([], {})
    assert "script-src 'none'" in read.policy
    assert len(page) < 1_000_000
    assert read.tags.count("figure") == sum(drawing.network is None for drawing in drawings(contents))


def test_a_name_or_a_reason_with_markup_is_inert(hostile_contents: Contents) -> None:
    read = assert_self_contained(render(hostile_contents))
    text = "".join(read.text)
    assert "<script>alert(1)</script>" in text
    assert "<img src=x onerror=alert(2)>" in text
    assert "</p><script src='https://evil.example/x.js'></script>[bold]" in text
    assert "img" not in read.tags
    assert read.scripts == []


def test_names_of_classes_are_inert_in_figures_tables_and_data(summary: StudySummary, contents: Contents) -> None:
    names = ("</script><script>alert(1)</script>", "<!--", "a\u2028b", "<b>&amp;", *map(str, range(6)))
    one = contents_with(summary, networks=summary.networks[:1], class_names=names, name="<b>")
    looks = inspected(one.analysis.summary, contents.test_images, names)
    read = assert_self_contained(render(replace(one, test_images=contents.test_images, inspections=looks)))
    assert len(read.scripts) == 2
    assert "\u2028" not in read.data["viewer-data"]
    assert json.loads(read.data["viewer-data"])["classes"] == list(map(visible, names))
    assert "<b>&amp;" in "".join(read.text)
    assert "b" not in read.tags


def test_a_study_without_results_has_a_page(hostile_contents: Contents) -> None:
    read = assert_self_contained(render(hostile_contents))
    assert "No training is done yet" in " ".join(read.text)
    assert read.tags.count("figure") == 0


def test_problems_and_failures_are_shown(copy: Path) -> None:
    for path in list((copy / "weights").glob("*.test.safetensors"))[:1]:
        path.write_bytes(b"")
    text = " ".join(assert_self_contained(render(contents_with(summarise(copy)), interactive=False)).text)
    assert "is damaged" in text


def test_the_same_study_gives_the_same_page(html: str, contents: Contents, folder: Path) -> None:
    again = replace(contents_with(summarise(folder)), test_images=contents.test_images)
    assert render(again) == html


def test_the_report_is_written_whole_and_again(copy: Path, contents: Contents) -> None:
    (copy / "report.html").write_text("cut off in the mid")
    path = write_report(contents, copy, interactive=False)
    assert path == copy / page.REPORT
    assert_self_contained(path.read_text(encoding="utf-8"))
    assert not list(copy.glob("report.html?*"))


def test_a_drawing_brings_its_letters_and_keeps_its_ids_to_itself(contents: Contents) -> None:
    drawing = drawings(contents)[0]
    one, other = svg.element(drawing, "one"), svg.element(drawing, "other")
    assert one.letters == other.letters
    assert len(one.letters) > 10
    assert 'id="one.' in one.markup
    assert not set(re.findall(r'id="([^"]+)"', one.markup)) & set(re.findall(r'id="([^"]+)"', other.markup))
    assert "currentColor" in one.markup
    assert all(f'id="{name}"' in svg.letters_of([one]) for name in one.letters)


def test_data_cannot_leave_its_element() -> None:
    value = {"a": "</script><!--&\u2028\u2029"}
    text = embed.data(value)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed.data(float("nan"))
