"""The list of studies and the page of one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from makeweight.report.analysis import analyse
from makeweight.report.summary import summarise
from makeweight.report.verdict import headline
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.web.progress import read_progress, seconds_left
from makeweight.web.shelf import ON_A_PAGE, Shelf


def test_the_list_shows_state_and_the_best_network_of_each_budget(client: httpx.Client, store: Path) -> None:
    page = client.get("/").text
    assert "8 of 8 trainings done" in page
    assert "0 of 1 trainings done, 1 failed" in page
    best = {}
    for network in summarise(store / "small").networks:
        known = best.get(network.budget)
        if known is None or network.test_accuracy.mean > known.test_accuracy.mean:
            best[network.budget] = network
    for network in best.values():
        assert f"{network.label}</a> <b>{100 * network.test_accuracy.mean:.2f} %" in page


def test_a_damaged_store_is_named_and_the_others_are_shown(client: httpx.Client) -> None:
    page = client.get("/").text
    assert "cannot be read" in page
    assert "is not a makeweight store, or is damaged" in page
    assert "notes.txt" not in page
    assert client.get("/studies/broken").status_code == 400


def test_names_with_markup_stay_text(client: httpx.Client) -> None:
    for path in ("/", "/studies/hostile"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_many_studies_are_shown_page_by_page_and_found_by_name(tmp_path: Path, make_job, digits, serve: Any) -> None:
    for number in range(ON_A_PAGE + 3):
        with Store.create(tmp_path / f"study-{number:02}") as opened:
            opened.plan(StudyRow(f"study-{number:02}", "{}", "digits", digits.digest), [make_job()])
    with serve(tmp_path) as served, served.enter() as client:
        first, second = client.get("/").text, client.get("/?page=2").text
        assert "Page 1 of 2" in first
        assert len(re.findall('class="card"', first)) == ON_A_PAGE
        assert len(re.findall('class="card"', second)) == 3
        found = client.get("/", params={"q": "DY-07"}).text
        assert re.findall(r'href="./studies/([^"/]+)"', found) == ["study-07"]
        for page in ("99", "-1", "x", "٣"):
            assert client.get("/", params={"page": page}).status_code == 200


def test_only_the_studies_asked_for_are_served(store: Path, serve: Any) -> None:
    with serve(store, "small") as served, served.enter() as client:
        assert "hostile" not in client.get("/").text
        assert client.get("/studies/small").status_code == 200
        assert client.get("/studies/hostile").status_code == 404


def test_what_a_study_has_stays_known_until_it_changes(finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "small")
    studies = Shelf(tmp_path)
    [listed] = studies.listed()
    assert studies.progress(listed) is studies.progress(listed)
    with Store.create(tmp_path / "small") as opened:
        opened.fail(opened.jobs()[0].job.key, "a reason")
    assert studies.progress(listed).failed == 1


def test_the_statistics_are_the_reports(client: httpx.Client, store: Path) -> None:
    answer = client.get("/studies/small/charts").json()
    summary = summarise(store / "small")
    figure = answer["figures"]["costs"]["figures"]["weights"]
    drawn = {name: y for trace in figure["data"] for name, y in zip(trace.get("ids", []), trace["y"], strict=False)}
    for network in summary.networks:
        assert abs(drawn[network.label] - 100 * network.test_accuracy.mean) < 0.01
    assert escape(headline(analyse(summary))) in answer["verdict"]
    assert client.get("/studies/hostile/charts").status_code == 404


def test_the_time_left_follows_from_the_time_that_was_taken(finished) -> None:
    progress = read_progress(finished.folder)
    assert seconds_left(progress.jobs, lambda _: None) is None  # nothing runs
    from dataclasses import replace

    from makeweight.store.glance import Spent

    half = replace(progress.jobs[0], state="running", train_seconds=None)
    done = progress.jobs[1:]
    unit = sum(j.train_seconds for j in done) / sum(j.epochs * (j.macs + 100_000) for j in done)
    left = seconds_left([half, *done], lambda _: Spent(0, 0.0))
    assert left is not None
    assert abs(left - unit * half.epochs * (half.macs + 100_000)) < 1e-9
    waiting = replace(half, key="other", state="pending")
    assert seconds_left([half, waiting, *done], lambda _: Spent(0, 0.0)) > 1.99 * left


NAMES = "a<b>", "a=b", "a;b", "50 %", "two words", "two\nlines", "%2e%2e", "a+b", "gr\u202een", "caf\udce9", "'", "#?&"


def test_every_study_of_the_list_is_where_its_link_leads(
    store: Path, serve: Callable[..., Any], tmp_path: Path
) -> None:
    for name in NAMES:
        shutil.copytree(store / ("hostile" if name.isascii() else "small"), tmp_path / name)
    with serve(tmp_path) as served, served.enter() as client:
        page = client.get("/").text
        links = set(re.findall(r'href="./(studies/[^/"]+)"', page))
        assert len(links) == len(NAMES)
        for link in links:
            found = client.get(link)
            assert found.status_code == 200, link
            assert "\u202e" not in re.sub(r"<[^>]*>", "", found.text)
            assert client.get(f"{link}/networks/nothing").status_code == 404
        [value] = re.findall(r'name="network" value="([^"]+/cnn-2k)"', client.get(f"/studies/{quote(NAMES[8])}").text)
        pair = {"network": [value, value.replace("cnn", "fcn")]}
        assert client.get("/compare", params=pair).status_code == 200
