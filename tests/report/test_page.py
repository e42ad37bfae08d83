"""The HTML report: one file, whole by itself, in which no name is more than text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from makeweight.report.page import render, write_report
from makeweight.report.summary import StudySummary, summarise
from makeweight.report.tables import text_rows

LOADING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "formaction", "background"}
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags, what they load, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in LOADING]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def assert_self_contained(page: str) -> Page:
    read = Page(page)
    assert read.open == []
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(read.tags)
    assert read.handlers == []
    assert all(value.startswith("#") for value in read.loads), read.loads  # parts of the same file
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page)
    return read


def test_the_page_needs_nothing_but_itself(summary: StudySummary) -> None:
    assert_self_contained(render(summary))


def test_there_is_a_figure_for_each_network_and_two_for_all(summary: StudySummary) -> None:
    page = assert_self_contained(render(summary))
    assert page.tags.count("figure") == page.tags.count("svg") == len(summary.networks) + 2
    assert page.tags.count("table") == 1


def test_the_table_stands_in_the_page(summary: StudySummary) -> None:
    text = " ".join(assert_self_contained(render(summary)).text)
    for row in text_rows(summary):
        assert all(cell in text for cell in row)
    assert summary.environment in text


def test_a_name_or_a_reason_with_markup_is_inert(hostile: Path) -> None:
    page = assert_self_contained(render(summarise(hostile)))
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "<img src=x onerror=alert(2)>" in text
    assert "</p><script src='https://evil.example/x.js'></script>[bold]" in text
    assert "img" not in page.tags


def test_a_study_without_results_has_a_page(hostile: Path) -> None:
    page = assert_self_contained(render(summarise(hostile)))
    assert "No training is done yet." in " ".join(page.text)
    assert page.tags.count("figure") == 0


def test_problems_and_failures_are_shown(copy: Path) -> None:
    for path in list((copy / "weights").glob("*.test.safetensors"))[:1]:
        path.write_bytes(b"")
    text = " ".join(assert_self_contained(render(summarise(copy))).text)
    assert "is damaged" in text


def test_the_same_study_gives_the_same_page(finished, summary: StudySummary) -> None:
    assert render(summary) == render(summarise(finished.folder))


def test_the_report_is_written_whole_and_again(copy: Path) -> None:
    (copy / "report.html").write_text("cut off in the mid")
    path = write_report(summarise(copy), copy)
    assert path == copy / "report.html"
    assert_self_contained(path.read_text(encoding="utf-8"))
    assert not list(copy.glob("report.html?*"))
