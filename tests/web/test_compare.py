"""The comparison, within a study and across studies: what it says is what the report's own parts say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.jobs.job import Assignment, run_job
from makeweight.jobs.network import NetworkId
from makeweight.report.analysis import compare_all
from makeweight.report.side_by_side import side_by_side
from makeweight.report.summary import NetworkSummary, summarise
from makeweight.report.verdict import in_words
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.training.precision import Hardware

PURPOSE = "images on which networks disagree"


def names(*networks: str) -> dict[str, Any]:
    return {"network": list(networks)}


def page_of(client: httpx.Client, *networks: str, **query: str) -> str:
    answer = client.get("/compare", params={**names(*networks), **query})
    assert answer.status_code == 200, answer.text
    return answer.text


def network(folder: Path, label: str) -> NetworkSummary:
    return next(each for each in summarise(folder).networks if each.label == label)


def looks(folder: Path, budget: int) -> tuple[str, ...]:
    with Store.open(folder) as opened:
        row = next(row for row in opened.jobs(NetworkId("fcn", budget)) if row.job.seed == 0)
        return opened.test_accesses(row.job.key)


# ---- within a study ----------------------------------------------------------------------------------------


def test_two_networks_get_the_paired_verdict_of_the_two(client: httpx.Client, store: Path) -> None:
    page = page_of(client, "small/fcn-2k", "small/cnn-3k")
    a, b = (network(store / "small", label) for label in ("FCN 2K", "CNN 3K"))
    [comparison] = compare_all((a, b))
    assert in_words(comparison).replace("'", "&#39;") in page
    lead = (a.correct.mean(axis=0) > 0.5) & (b.correct.mean(axis=0) < 0.5)
    assert f"{a.label} is right, {b.label} is wrong: {lead.sum()} of {len(a.labels)}" in page
    assert page.count('alt="Test image') == sum(
        min(12, int(((x.correct.mean(axis=0) > 0.5) & (y.correct.mean(axis=0) < 0.5)).sum()))
        for x, y in ((a, b), (b, a))
    )


def test_of_several_the_pair_is_chosen_by_the_address(client: httpx.Client) -> None:
    three = ("small/fcn-2k", "small/fcn-3k", "small/cnn-3k")
    assert "FCN 2K and FCN 3K in detail" in page_of(client, *three)
    assert "CNN 3K and FCN 2K in detail" in page_of(client, *three, pair="small/cnn-3k~small/fcn-2k")
    figures = client.get("/compare/curves", params=names(*three)).json()["figures"]
    assert {trace["meta"] for trace in figures["training-loss|epochs"]["data"]} == {"FCN 2K", "FCN 3K", "CNN 3K"}


def test_the_study_s_table_names_its_networks_as_the_comparison_reads_them(client: httpx.Client) -> None:
    page = client.get("/studies/small").text
    assert re.findall(r'name="network" value="([^"]+)"', page)[0] == "small/fcn-2k"
    assert 'action="../compare"' in page
    assert client.get("/studies/small/compare").status_code == 404


@pytest.mark.parametrize(
    ("networks", "status", "words"),
    [((), 400, "0 networks cannot be compared"), (tuple(f"small/n{i}" for i in range(9)), 400, "tick 2 to 8"),
     (("small/fcn-2k", "small/nothing"), 404, "has no network"), (("small/fcn-2k", "nothing/fcn-2k"), 404, "no study"),
     (("small/fcn-2k", "hostile/fcn-2k"), 404, "has no result yet"), (("fcn-2k", "fcn-3k"), 400, "STUDY/NETWORK"),
     (("small/fcn-2k", "../fcn-2k"), 404, "no study"), (("small/fcn-2k", "./fcn-2k"), 404, "no study"),
     (("small/fcn-2k", "/fcn-2k"), 404, "no study"), (("small/fcn-2k", "\0/fcn-2k"), 404, "no study"),
     (("small/fcn-2k", f"{'n' * 9_000}/fcn-2k"), 404, "no study"), (("small/fcn-2k", "broken/x"), 400, "damaged")],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(
    client: httpx.Client, networks: tuple[str, ...], status: int, words: str
) -> None:
    for path in ("/compare", "/compare/curves"):
        answer = client.get(path, params=names(*networks))
        assert answer.status_code == status
        assert words in answer.json()["error"]
        assert len(answer.json()["error"]) < 1_000


def test_one_network_alone_is_shown_with_what_it_can_be_compared_with(client: httpx.Client) -> None:
    for networks in (["small/fcn-2k"], ["small/fcn-2k"] * 2):
        answer = client.get("/compare", params={"network": networks})
        assert answer.status_code == 200
        assert "A comparison takes 2 to 8 networks." in answer.text
        assert '<option value="small/cnn-3k">' in answer.text
        assert client.get("/compare/curves", params={"network": networks}).status_code == 400


def test_the_looks_at_test_images_are_recorded(client: httpx.Client, store: Path) -> None:
    page_of(client, "small/fcn-2k", "small/fcn-3k")
    assert PURPOSE in looks(store / "small", 3_000)


# ---- across studies ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def studies(finished: Any, other: Path, digits: Any, make_job: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two studies on the same images, a copy of one, and one on other data."""
    store = tmp_path_factory.mktemp("several")
    for name in ("small", "copy"):
        shutil.copytree(finished.folder, store / name)
    shutil.copytree(other, store / "other")
    job = make_job(epochs=1)
    *_, result = run_job(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
    elsewhere = replace(job, data_digest="0" * 64)
    with Store.create(store / "elsewhere") as opened:
        opened.plan(StudyRow("elsewhere", "{}", "digits", "0" * 64), [elsewhere])
        opened.finish(elsewhere.key, result)
    return store


@pytest.fixture(scope="module")
def across(studies: Path, serve: Any) -> Iterator[httpx.Client]:
    with serve(studies) as served, served.enter() as client:
        yield client


def test_networks_of_two_studies_are_told_apart_and_compared_as_within_one(across: Any, studies: Path) -> None:
    three = ("small/fcn-2k", "other/fcn-2k", "small/cnn-3k")
    page = page_of(across, *three)
    summaries = side_by_side([
        network(studies / "small", "FCN 2K"), network(studies / "other", "FCN 2K"), network(studies / "small", "CNN 3K")
    ])  # fmt: skip
    assert [each.label for each in summaries] == ["small/FCN 2K", "other/FCN 2K", "small/CNN 3K"]
    assert all(in_words(comparison) in page for comparison in compare_all(summaries))
    assert "small/FCN 2K and other/FCN 2K in detail" in page
    assert "other/FCN 2K minus small/CNN 3K" in page
    figures = across.get("/compare/curves", params=names(*three)).json()["figures"]
    assert {trace["meta"] for trace in figures["training-loss|epochs"]["data"]} == {each.label for each in summaries}


def test_networks_whose_labels_differ_keep_them(across: Any) -> None:
    assert "<h1>CNN 3K against FCN 2K</h1>" in page_of(across, "small/cnn-3k", "other/fcn-2k")


def test_both_studies_record_the_look(across: Any, studies: Path) -> None:
    page_of(across, "small/fcn-2k", "other/fcn-2k")
    assert PURPOSE in looks(studies / "small", 2_000)
    assert PURPOSE in looks(studies / "other", 2_000)


def test_what_can_be_paired_is_offered_and_can_be_removed_again(across: Any) -> None:
    page = page_of(across, "small/fcn-2k", "small/fcn-3k")
    offered = re.findall(r'<option value="([^"~]+/[^"~]+)">', page)
    assert sorted(offered) == ["copy/cnn-2k", "copy/cnn-3k", "other/fcn-2k", "small/cnn-2k", "small/cnn-3k"]
    assert 'class="remove"' not in page
    page = page_of(across, "small/fcn-2k", "small/fcn-3k", "other/fcn-2k", pair="small/fcn-3k~small/fcn-2k")
    links = [link.replace("&amp;", "&") for link in re.findall(r'class="remove" href="([^"]+)"', page)]
    assert links == [
        "./compare?network=small/fcn-3k&network=other/fcn-2k",
        "./compare?network=small/fcn-2k&network=other/fcn-2k",
        "./compare?network=small/fcn-2k&network=small/fcn-3k&pair=small/fcn-3k~small/fcn-2k",
    ]
    assert all(across.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize(
    ("network", "words"),
    [("elsewhere/fcn-2k", "were tested on different data"), ("copy/fcn-2k", "have a training in common")],
)
def test_what_cannot_be_paired_is_refused(across: Any, network: str, words: str) -> None:
    answer = across.get("/compare", params=names("small/fcn-2k", network))
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_a_study_that_is_not_shown_stays_closed(studies: Path, serve: Any) -> None:
    with serve(studies, "small") as served, served.enter() as client:
        answer = client.get("/compare", params=names("small/fcn-2k", "other/fcn-2k"))
        assert (answer.status_code, "no study 'other'" in answer.text) == (404, True)
        assert "other" not in re.findall(r'<option value="([^"/]+)/', page_of(client, "small/fcn-2k", "small/fcn-3k"))


# ---- variants ----------------------------------------------------------------------------------------------


def test_variants_have_pages_of_their_own_and_a_comparison_says_what_differs(
    serve: Any, finished: Any, tmp_path: Path
) -> None:
    """As if the CNN of each budget had filters of a size of its own."""
    folder = Path(shutil.copytree(finished.folder, tmp_path / "kernels"))
    with Store.create(folder) as opened, opened._database.transaction() as connection:
        for budget, variant in ((2_000, '{"kernel": 3}'), (3_000, '{"kernel": 5}')):
            connection.execute("UPDATE job SET variant = ? WHERE family = 'cnn' AND budget = ?", (variant, budget))
    with serve(tmp_path) as running, running.enter() as client:
        study = client.get("/studies/kernels").text
        for size, kernel in (("2K", 3), ("3K", 5)):
            address = f"/studies/kernels/networks/cnn-{size.lower()}-kernel={kernel}"
            assert address in study
            assert f"<h1>CNN {size} kernel={kernel}</h1>" in client.get(address).text
        page = page_of(client, "kernels/cnn-2k-kernel=3", "kernels/cnn-3k-kernel=5")
        assert "CNN 2K kernel=3 against CNN 3K kernel=5" in page
        assert "<p>What differs: budget 2,000 and 3,000; kernel 3 and 5.</p>" in page
        page = page_of(client, "kernels/cnn-2k-kernel=3", "kernels/cnn-3k-kernel=5", "kernels/fcn-3k")
        labels = "CNN 2K kernel=3, CNN 3K kernel=5, FCN 3K"
        said = "family CNN, CNN and FCN; budget 2,000, 3,000 and 3,000; kernel 3, 5 and –; "
        assert f"<p>What differs ({labels}): {said}" in page
