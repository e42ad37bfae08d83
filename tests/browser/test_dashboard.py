"""The dashboard in Chromium, with a real server, a real study and real networks."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, Route, expect

from makeweight.report.analysis import analyse
from makeweight.report.summary import summarise
from makeweight.report.verdict import headline
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.lock import ask_to_stop, runner_of
from makeweight.web import work
from makeweight.web.runs import RECORD

Visit = Callable[..., Any]
NETWORK = "/studies/small/networks/cnn-3k"
PLAYED = ("/studies/small", f"{NETWORK}?image=3&layer=stem&filter=1", "/playground",
          "/compare?network=small/fcn-2k&network=small/cnn-3k&network=other/fcn-2k")  # fmt: skip
READ = (
    "/",
    "/start",
    "/glossary",
    "/data/digits",
    f"{NETWORK}/diagnosis",
    "/playground?family=cnn&kernel=11&padding=0&stages=4",
    "/data",
)
VIEWS = [(path, "light", False) for path in (*PLAYED, *READ)]
# The same for dark rooms and phones: of one page each time, of all in `make test-slow`.
VIEWS += [
    pytest.param(path, scheme, phone, marks=[] if path == PLAYED[0] else pytest.mark.slow)
    for path in PLAYED
    for scheme, phone in (("dark", False), ("light", True))
]
DRAWN_POINTS = "(document.querySelector('[data-chart=live] .plot').data || []).reduce((n, t) => n + t.x.length, 0)"
DRAWN = "[data-latency]:not([data-latency=''])"  # the maps of a sheet stand there, also of an empty one
MAX_MS = 100  # from a stroke to the maps on the screen


def points(page: Page) -> int:
    """Count the epochs on the live chart."""
    return int(page.evaluate(DRAWN_POINTS))


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


# ---- every page, for every reader --------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "scheme", "phone"), VIEWS)
def test_axe_finds_nothing_and_the_browser_nothing_to_complain_of(
    visit: Visit, path: str, scheme: str, phone: bool
) -> None:
    opened = visit(path, phone=phone, color_scheme=scheme, ready="html.ready")
    found = Axe().run(opened.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= (390 if phone else 1280)
    assert opened.complaints == []
    paper = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
    expect(opened.page.locator("body")).to_have_css("background-color", paper)


def test_a_browser_without_the_token_is_told_how_to_come_in(browser: Any, dashboard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    assert page.goto(dashboard.base).status == 401
    assert "the token that makeweight serve printed" in page.locator("main").text_content()
    context.close()


# ---- the study ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(dashboard: Any, digits: Any, make_job: Any) -> Iterator[str]:
    """A study that trains for hours, in the dashboard's store; the tests leave it running."""
    folder = dashboard.store / "live"
    with Store.create(folder) as opened:
        row = StudyRow("live", "{}", "digits", digits.digest, digits.class_names, str(digits.path))
        opened.plan(row, [make_job(epochs=100_000, batch_size=512)])
    work.begin(work.Resumption(folder), folder / RECORD)
    try:
        until(lambda: epochs(folder) > 0, 60)
        yield "live"
    finally:
        ask_to_stop(folder)
        until(lambda: runner_of(folder) is None)


def epochs(folder: Any) -> int:
    with Store.open(folder) as opened:
        return sum(len(opened.epochs(row.job.key)) for row in opened.jobs())


def test_curves_grow_and_the_study_is_stopped_and_resumed(visit: Visit, running: str) -> None:
    opened = visit(f"/studies/{running}")
    page = opened.page
    expect(page.locator("[data-state]")).to_have_text("running")
    expect(page.locator("[data-running] li")).to_have_count(1)
    until(lambda: points(page) > 0)
    before = points(page)
    until(lambda: points(page) >= before + 10)
    page.locator("[data-stop]").click()
    expect(page.locator("[data-state]")).to_have_text("stopped", timeout=40_000)
    expect(page.locator("[data-stop]")).to_be_hidden()
    stopped = points(page)
    page.locator("[data-resume]").click()
    expect(page.locator("[data-state]")).to_have_text("running", timeout=60_000)
    until(lambda: points(page) > stopped)
    xs = page.evaluate("document.querySelector('[data-chart=live] .plot').data[0].x")
    assert xs == list(range(1, len(xs) + 1)), "each epoch once, in order"
    assert opened.complaints == []


def test_a_page_comes_back_after_the_server_has_been_away(visit: Visit, running: str, dashboard: Any) -> None:
    page = visit(f"/studies/{running}").page
    until(lambda: points(page) > 0)
    dashboard.stop()
    expect(page.locator("[data-connection]")).to_contain_text("connection is lost", timeout=20_000)
    before = points(page)
    dashboard.start()
    until(lambda: points(page) > before + 5)
    expect(page.locator("[data-connection]")).to_be_empty()


def test_the_table_sorts_and_the_address_remembers(visit: Visit) -> None:
    page = visit("/studies/small").page
    heading = page.locator("th[data-column=weights] button")
    heading.click()
    rows = page.locator("[data-networks] tbody th")
    weights = [
        int(text.replace(",", "")) for text in page.locator("[data-networks] tbody td:nth-child(2)").all_text_contents()
    ]
    assert weights == sorted(weights, reverse=True)
    heading.press("Enter")
    assert "sort=weights" in page.url
    order = rows.all_text_contents()
    page.reload()
    page.wait_for_selector("html.ready", state="attached")
    assert rows.all_text_contents() == order
    assert page.locator("th[aria-sort=ascending]").count() == 1


def test_choices_of_the_chart_are_in_the_address(visit: Visit) -> None:
    page = visit("/studies/small?lines=each").page
    until(lambda: points(page) == 8 * 4)
    page.locator("[data-chart=live] [data-choice]").select_option("1")
    page.locator("[data-chart=live] .chip", has_text="FCN 2K").click()
    until(lambda: points(page) == 6 * 4)
    page.reload()
    page.wait_for_selector("html.ready", state="attached")
    until(lambda: points(page) == 6 * 4)
    expect(page.locator("[data-chart=live] .ytitle")).to_have_text("training loss")


def test_the_accuracy_cost_chart_has_intervals_and_the_verdict_stands_above(visit: Visit, finished: Any) -> None:
    page = visit("/studies/small", ready="html.charts-ready").page
    assert page.locator("[data-chart=costs] .scatterlayer .errorbar").count() == 4
    expect(page.locator("[data-verdict] .headline")).to_contain_text(headline(analyse(summarise(finished.folder))))


def test_networks_are_ticked_and_compared(visit: Visit) -> None:
    page = visit("/studies/small").page
    button = page.locator("[data-compare]")
    for label, ready in (("FCN 2K", False), ("CNN 2K", True)):
        page.get_by_label(f"Compare {label}").check()
        expect(button).to_be_enabled(enabled=ready)
    expect(page.locator("[data-differing]")).to_contain_text("What differs: family FCN and CNN")
    page.get_by_label("Compare CNN 3K").check()
    button.click()
    expect(page.locator("h1")).to_have_text("3 networks compared")
    page.locator("[data-pairs] select").select_option("small/cnn-3k~small/fcn-2k")
    expect(page.locator("#closely-title")).to_have_text("CNN 3K and FCN 2K in detail")
    assert page.locator(".shown img").count() > 0
    page.go_back()
    expect(page.locator("#closely-title")).to_have_text("FCN 2K and CNN 2K in detail")


def test_a_network_of_another_study_is_added_by_keyboard_and_removed_again(visit: Visit) -> None:
    opened = visit("/studies/small/networks/fcn-2k")
    page = opened.page
    page.get_by_role("link", name="Compare it with another").click()
    expect(page.locator(".headline")).to_contain_text("A comparison takes 2 to 8 networks")
    add = page.get_by_label("Add a network")
    add.select_option("other/fcn-2k")
    add.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("small/FCN 2K against other/FCN 2K")
    add.select_option("small/cnn-3k")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("h1")).to_have_text("3 networks compared")
    page.wait_for_selector("html.ready", state="attached")
    expect(page.locator("[data-chart=curves] .chip")).to_have_text(["small/FCN 2K", "other/FCN 2K", "small/CNN 3K"])
    page.get_by_role("link", name="Remove small/FCN 2K").click()
    expect(page.locator("h1")).to_have_text("FCN 2K against CNN 3K")
    assert opened.complaints == []


def test_a_pair_that_is_chosen_before_the_script_has_come_is_shown_too(visit: Visit) -> None:
    page = visit("/data").page
    held: list[Route] = []
    page.route("**/compare.js*", lambda route: held.append(route), times=1)
    page.goto(page.url.replace("/data", PLAYED[-1]), wait_until="commit")
    page.locator("[data-pairs] select").select_option("small/cnn-3k~small/fcn-2k")
    until(lambda: bool(page.wait_for_timeout(50) or held))  # waiting lets the request reach us
    held.pop().continue_()
    expect(page.locator("#closely-title")).to_have_text("small/CNN 3K and small/FCN 2K in detail")


# ---- the network -------------------------------------------------------------------------------------------


def maps(page: Page) -> list[str]:
    """Return every layer's maps as they are painted."""
    return page.evaluate("[...document.querySelectorAll('.sheetmaps')].map((c) => c.toDataURL())")


def shares(page: Page) -> list[float]:
    """Return the probabilities that are shown; none of an empty sheet."""
    texts = page.locator("[data-answers] em").all_text_contents()
    return [float(text.removesuffix(" %")) for text in texts if text]


def stroke(page: Page, pause_ms: float = 0) -> list[float]:
    """Draw a line, and return the milliseconds from stroke to maps that the page measured."""
    page.locator("[data-paper]").scroll_into_view_if_needed()
    box = page.locator("[data-paper]").bounding_box()
    measured = []
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    for step in range(24):
        page.mouse.move(box["x"] + box["width"] / 2 + 2 * step, box["y"] + 20 + 9 * step)
        page.wait_for_timeout(pause_ms)
        measured.append(float(page.locator("[data-latency]").get_attribute("data-latency")))
    page.mouse.up()
    return measured


def test_what_is_drawn_changes_answer_and_maps(visit: Visit) -> None:
    opened = visit(NETWORK)
    page = opened.page
    page.wait_for_selector(DRAWN, state="attached")
    before = maps(page)
    stroke(page)
    until(lambda: all(a != b for a, b in zip(maps(page), before, strict=True)))
    until(lambda: shares(page) != [])
    assert sum(shares(page)) == pytest.approx(100, abs=1)
    page.locator("[data-clear]").click()
    until(lambda: shares(page) == [])
    page.locator("[data-undo]").click()
    until(lambda: shares(page) != [])
    assert opened.complaints == []


@pytest.mark.slow
def test_what_is_drawn_is_answered_at_once(visit: Visit) -> None:
    page = visit(NETWORK).page
    page.wait_for_selector(DRAWN, state="attached")
    measured = stroke(page, 40)
    assert sorted(measured)[len(measured) // 2] < MAX_MS


def test_an_empty_sheet_gets_a_hint_and_no_answer(visit: Visit) -> None:
    page = visit(NETWORK).page
    page.wait_for_selector(DRAWN, state="attached")
    expect(page.locator("[data-verdict]")).to_have_text(
        "Draw something, or choose a test image or a picture of your own."
    )
    assert shares(page) == []
    assert page.locator("[data-answers] .best").count() == 0


def test_a_picture_that_is_dark_on_bright_is_inverted_unless_the_reader_says_otherwise(visit: Visit) -> None:
    page = visit(NETWORK).page
    drawn = np.full((60, 60), 255, np.uint8)
    drawn[10:50, 25:35] = 0
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, "PNG")
    page.locator("[data-sources] label", has_text="Your picture").click()
    invert = page.locator("[data-invert]")
    page.locator("[data-file]").set_input_files({"name": "1.png", "mimeType": "image/png", "buffer": stream.getvalue()})
    expect(invert).to_be_checked()
    until(lambda: shares(page) != [])
    inverted = shares(page)
    invert.uncheck()
    until(lambda: shares(page) != inverted)
    expect(invert).not_to_be_checked()


def test_drawing_by_keyboard(visit: Visit) -> None:
    page = visit(NETWORK).page
    page.wait_for_selector(DRAWN, state="attached")
    before = shares(page)
    page.locator("[data-paper]").focus()
    for key in ("ArrowLeft", " ", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    until(lambda: shares(page) != before)


def test_drawing_with_a_finger_on_a_phone(visit: Visit) -> None:
    page = visit(NETWORK, phone=True, has_touch=True, is_mobile=True).page
    page.wait_for_selector(DRAWN, state="attached")
    before = shares(page)
    page.locator("[data-paper]").scroll_into_view_if_needed()
    box = page.locator("[data-paper]").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(lambda: shares(page) != before)


def test_a_test_image_a_picture_and_the_filters_that_answer(visit: Visit, tmp_path: Any) -> None:
    opened = visit(NETWORK)
    page = opened.page
    page.locator("[data-sources] label", has_text="Test image").click()
    expect(page.locator("[data-verdict]")).to_contain_text(re.compile("which is right|it is"))
    page.locator("[data-number]").fill("7")
    page.locator("[data-number]").press("Enter")
    until(lambda: "image=7" in page.url)
    page.locator(".sheetmaps").nth(1).click(position={"x": 5, "y": 5})
    expect(page.locator("[data-filter-words]")).to_contain_text("0 (0 to")
    expect(page.locator("[data-responses] li")).to_have_count(8, timeout=20_000)
    page.locator("[data-responses] button").first.click()
    until(lambda: "image=7" not in page.url)
    drawn = np.zeros((60, 60), np.uint8)
    drawn[10:50, 25:35] = 255
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, "PNG")
    page.locator("[data-sources] label", has_text="Your picture").click()
    before = maps(page)
    page.locator("[data-file]").set_input_files(
        {"name": "one.png", "mimeType": "image/png", "buffer": stream.getvalue()}
    )
    until(lambda: maps(page) != before)
    page.locator("[data-file]").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("[data-verdict]")).to_contain_text("the picture you sent cannot be used")
    assert all("400" in line for line in opened.complaints)


# ---- the playground ----------------------------------------------------------------------------------------


def test_moving_a_slider_changes_the_network_and_the_address_is_the_network(visit: Visit) -> None:
    opened = visit("/playground")
    page = opened.page
    rows = page.locator("[data-layers] tr")
    before = rows.count()
    page.locator("#cnn-blocks").press("ArrowRight")
    until(lambda: rows.count() > before)
    assert "blocks=2" in page.url
    weights = int(page.locator("[data-facts] dd").first.text_content().replace(",", ""))
    assert weights <= 50_000
    page.locator("#budget").fill("20K")
    until(lambda: int(page.locator("[data-facts] dd").first.text_content().replace(",", "")) <= 20_000)
    count, url = rows.count(), page.url
    page.goto(url)
    page.wait_for_selector("html.ready", state="attached")
    assert rows.count() == count
    expect(page.locator("#budget")).to_have_value("20K")
    assert opened.complaints == []


def test_a_geometry_that_does_not_fit_is_told_in_words_and_mended(visit: Visit) -> None:
    page = visit("/playground?family=cnn&budget=50K&kernel=11&padding=0&stages=4").page
    problem = page.locator("[data-problem]")
    expect(problem).to_contain_text("filter does not fit")
    expect(page.locator("[data-train]")).to_be_hidden()
    page.locator("#cnn-padding").fill("5")
    expect(problem).to_be_hidden()
    expect(page.locator("[data-train]")).to_be_visible()


def test_limits_are_kept_and_stay_in_the_address(visit: Visit) -> None:
    opened = visit("/playground?family=cnn&budget=50K")
    page = opened.page
    page.locator("#max_macs").fill("3M")
    page.get_by_label("RAM of the C program").fill("12K")
    notes = page.locator("[data-notes]")
    expect(notes).to_contain_text("of at most 3,000,000 MACs")
    expect(notes).to_contain_text("of at most 12,288 bytes of RAM as int8 C")
    page.goto(page.url)
    expect(notes).to_contain_text("of at most 12,288 bytes of RAM as int8 C")
    expect(page.locator("#max_macs")).to_have_value("3M")
    page.locator("[data-reset]").click()
    expect(notes).not_to_contain_text("at most")
    assert "max_" not in page.url
    assert opened.complaints == []


def test_a_budget_that_is_too_small_offers_the_smallest(visit: Visit) -> None:
    page = visit("/playground?family=fcn&budget=100").page
    page.locator("[data-smallest]").click()
    expect(page.locator("[data-problem]")).to_be_hidden()
    expect(page.locator("[data-facts] dd").first).not_to_be_empty()


def test_train_this_leads_to_the_study_that_it_begins(visit: Visit, dashboard: Any) -> None:
    page = visit("/playground?family=fcn&budget=3K&dataset=digits").page
    page.locator("[data-train]").click()
    page.wait_for_url(re.compile("/studies/play-fcn-3k-"), timeout=60_000)
    folder = dashboard.store / page.url.rpartition("/")[2]
    try:
        until(lambda: points(page) > 0, 60)
    finally:
        ask_to_stop(folder)
        until(lambda: runner_of(folder) is None, 60)
