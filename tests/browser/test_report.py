"""The report in Chromium: whole without a network, for every reader, on every screen and on paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from makeweight.report.contents import Contents
from makeweight.report.page.page import write_report

Open = Callable[..., Any]
COSTS, CURVES = "[data-chart=costs]", "[data-chart=curves]"
MAX_BYTES, MAX_MILLISECONDS = 8_000_000, 2_000
LAST_LOAD = "performance.getEntriesByType('navigation')[0].loadEventEnd"
# Each drawing and picture that a reader can meet, with what a screen reader says of it.
PICTURES = """[...document.querySelectorAll("main svg, main img, main canvas")]
    .filter((e) => !e.closest("[aria-hidden]"))
    .map((e) => [e.outerHTML.slice(0, 80), e.alt || e.getAttribute("aria-label") || ""])"""


def marks(page: Any, chart: str) -> int:
    """Count what is drawn."""
    return int(page.locator(f"{chart} .plot .scatterlayer .point").count())


def test_it_opens_without_a_network_and_asks_for_nothing_but_itself(desktop: Any, report: Path) -> None:
    assert desktop.requests == [report.as_uri()]
    assert desktop.complaints == []
    assert report.stat().st_size <= MAX_BYTES


@pytest.mark.slow
def test_it_opens_within_two_seconds(desktop: Any) -> None:
    assert desktop.page.evaluate(LAST_LOAD) < MAX_MILLISECONDS


@pytest.mark.parametrize(
    ("scheme", "phone"), [("light", False), pytest.param("dark", False, marks=pytest.mark.slow), ("light", True)]
)
def test_axe_finds_nothing(open_report: Open, scheme: str, phone: bool) -> None:
    page = open_report(phone=phone, color_scheme=scheme).page
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


def test_every_picture_has_words_and_every_figure_a_caption(desktop: Any) -> None:
    page = desktop.page
    pictures = page.evaluate(PICTURES)
    assert len(pictures) > 20
    assert [html for html, words in pictures if len(words) < 5] == []
    captions = page.locator("figure figcaption").all_text_contents()
    assert len(captions) == page.locator("figure").count()
    assert all(len(caption.strip()) > 20 for caption in captions)
    assert page.locator(f"{COSTS} details table tbody tr").count() == 4


def test_networks_are_switched_off_and_on(desktop: Any) -> None:
    page = desktop.page
    for chart in (COSTS, CURVES, "[data-chart=reliability]"):
        before = marks(page, chart)
        page.locator(f"{chart} .chip", has_text="FCN 2K").click()
        assert 0 < marks(page, chart) < before
        page.locator(f"{chart} button", has_text="none").click()
        assert marks(page, chart) == 0
        page.locator(f"{chart} button", has_text="all").click()
        assert marks(page, chart) == before


def test_another_cost_another_value_and_another_kind_of_axis_are_drawn(desktop: Any) -> None:
    page = desktop.page
    axis = f"document.querySelector('{COSTS} .plot').layout.xaxis.type"
    assert page.evaluate(axis) == "log"
    page.locator(f"{COSTS} [data-log]").uncheck()
    assert page.evaluate(axis) == "linear"
    title = page.locator(f"{COSTS} .plot .xtitle")
    assert title.text_content() == "trainable weights"
    page.locator(f"{COSTS} select").select_option("macs")
    assert "MACs" in title.text_content()
    page.locator(f"{CURVES} select").first.select_option("training-loss")
    page.locator(f"{CURVES} select").last.select_option("share")
    assert page.locator(f"{CURVES} .plot .ytitle").text_content() == "training loss"
    assert "share" in page.locator(f"{CURVES} .plot .xtitle").text_content()


def test_values_are_told_to_the_mouse_and_to_the_keyboard(desktop: Any) -> None:
    page = desktop.page
    page.locator(f"{COSTS} .plot").scroll_into_view_if_needed()
    box = page.locator(f"{COSTS} .plot .scatterlayer .point").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = page.locator(f"{COSTS} .hoverlayer text").first
    told.wait_for()
    assert re.search(r"[FC]NN? 2K|CN 3K", told.text_content())
    assert "test accuracy" in told.text_content()
    page.locator(f"{COSTS} .live").focus()
    reading = page.locator(f"{COSTS} .reading")
    page.keyboard.press("ArrowRight")
    first = reading.text_content()
    assert "test accuracy" in first
    page.keyboard.press("ArrowRight")
    assert reading.text_content() != first


def test_the_networks_are_gone_through_by_keyboard(desktop: Any) -> None:
    page = desktop.page
    shown = page.locator(".network:visible h3")
    before = shown.text_content()
    page.locator("[data-networks] input:checked").focus()
    page.keyboard.press("ArrowLeft")
    assert shown.count() == 1
    assert shown.text_content() != before


def test_feature_maps_are_looked_through_by_keyboard(desktop: Any) -> None:
    page = desktop.page
    viewer = page.locator(".network:visible .viewer")
    sheet, seen = viewer.locator(".maps img"), viewer.locator(".seen")
    for radios in (".thumbs", ".layers"):
        before, alt = sheet.get_attribute("src"), sheet.get_attribute("alt")
        viewer.locator(f"{radios} input:checked").focus()
        page.keyboard.press("ArrowRight")
        assert sheet.get_attribute("src") != before
        assert sheet.get_attribute("alt") != alt
    assert seen.get_attribute("alt").startswith("test image")
    assert viewer.locator(".answers li").count() == 5
    viewer.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    assert viewer.locator("output").text_content().startswith("1 (0 to")
    assert "Filter 1 of" in viewer.locator("canvas").get_attribute("aria-label")


def test_a_map_that_is_clicked_is_enlarged(desktop: Any) -> None:
    page = desktop.page
    viewer = page.locator(".network:visible .viewer")
    sheet = viewer.locator(".maps img")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    sheet.click(position={"x": box["width"] - 3, "y": 3})
    page.mouse.move(0, 0)
    assert not viewer.locator("output").text_content().startswith("0 ")
    assert page.evaluate("document.querySelector('.network.chosen canvas').width") >= 1


def test_a_phone_scrolls_in_one_direction(open_report: Open) -> None:
    page = open_report(phone=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_gets_the_still_figures_of_all_networks_and_no_controls(open_report: Open) -> None:
    page = open_report(color_scheme="dark").page
    assert page.locator(".static svg:visible").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".static svg:visible").count() >= 4
    assert page.locator(".network:visible").count() == 4
    assert page.locator("nav:visible, .live:visible, .controls:visible, .viewer:visible, select:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")


def test_the_page_and_its_charts_follow_the_readers_colours(open_report: Open) -> None:
    page = open_report(color_scheme="light").page
    body, title = page.locator("body"), page.locator(f"{COSTS} .plot .xtitle")
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(title).to_have_css("fill", "rgb(27, 27, 27)")
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", "rgb(22, 24, 27)")
    expect(title).to_have_css("fill", "rgb(236, 236, 236)")


def test_without_a_script_all_figures_are_there(open_report: Open) -> None:
    page = open_report(ready="footer", java_script_enabled=False).page
    assert page.locator(".static svg:visible").count() >= 4
    assert page.locator(".network:visible").count() == 4
    assert page.locator(".controls:visible, .viewer:visible").count() == 0


def test_names_with_markup_do_nothing(open_report: Open, contents: Contents, tmp_path: Path) -> None:
    """Also where the script writes them: into the viewer."""
    evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    names = tuple(f"{evil}{i}" for i in range(10))
    analysis = replace(contents.analysis, summary=replace(contents.analysis.summary, name=evil, class_names=names))
    inspections = tuple(replace(inspection, class_names=names) for inspection in contents.inspections)
    path = write_report(replace(contents, analysis=analysis, inspections=inspections), tmp_path)
    opened = open_report(path)
    assert (opened.requests, opened.complaints) == ([path.as_uri()], [])
    assert evil in opened.page.locator("h1").text_content()
    assert evil in opened.page.locator(".network:visible .answers li b").first.text_content()
    assert opened.page.locator("img[src=x]").count() == 0


def test_a_report_of_a_running_study_has_no_script_and_passes_too(
    open_report: Open, contents: Contents, tmp_path: Path
) -> None:
    path = write_report(contents, tmp_path, interactive=False)
    opened = open_report(path, ready="footer")
    assert (opened.requests, opened.complaints) == ([path.as_uri()], [])
    assert path.stat().st_size < 1_000_000
    assert opened.page.locator("script").count() == 0
    found = Axe().run(opened.page).response["violations"]
    assert [v["id"] for v in found] == []
