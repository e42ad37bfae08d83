"""Comparison, tuning, data and diagnosis: what the pages say is what the report's own parts say."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from makeweight.data.own.offer import prepare_data
from makeweight.report.analysis import compare_all
from makeweight.report.summary import summarise
from makeweight.report.verdict import in_words
from makeweight.store.store import Store
from makeweight.web import diagnoses
from makeweight.web.sets import set_named

COMPARE = "/studies/small/compare"


def test_two_networks_get_the_paired_verdict_of_the_two(client: httpx.Client, store: Path) -> None:
    page = client.get(COMPARE, params={"network": ["fcn-2k", "cnn-3k"]}).text
    both = [n for n in summarise(store / "small").networks if n.label in ("FCN 2K", "CNN 3K")]
    [comparison] = compare_all(tuple(both))
    assert in_words(comparison).replace("'", "&#39;") in page
    a, b = comparison.a, comparison.b
    lead = (a.correct.mean(axis=0) > 0.5) & (b.correct.mean(axis=0) < 0.5)
    assert f"{a.label} is right, {b.label} is wrong: {lead.sum()} of {len(a.labels)}" in page
    assert page.count('alt="Test image') == sum(
        min(12, int(((x.correct.mean(axis=0) > 0.5) & (y.correct.mean(axis=0) < 0.5)).sum()))
        for x, y in ((a, b), (b, a))
    )


def test_of_several_the_pair_is_chosen_by_the_address(client: httpx.Client) -> None:
    query = {"network": ["fcn-2k", "fcn-3k", "cnn-3k"]}
    assert "FCN 2K and FCN 3K more closely" in client.get(COMPARE, params=query).text
    assert "CNN 3K and FCN 2K more closely" in client.get(COMPARE, params={**query, "pair": "cnn-3k~fcn-2k"}).text
    figures = client.get(f"{COMPARE}/curves", params=query).json()["figures"]
    [lines] = (
        {t.get("meta") for t in figure["data"]} for key, figure in figures.items() if key == "training-loss|epochs"
    )
    assert lines == {"FCN 2K", "FCN 3K", "CNN 3K"}


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 400), ({"network": "fcn-2k"}, 400), ({"network": ["fcn-2k", "fcn-2k"]}, 400),
     ({"network": ["fcn-2k", "nothing"]}, 404), ({"network": [f"n{i}" for i in range(9)]}, 400)],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(client: httpx.Client, query: dict[str, Any], status: int) -> None:
    assert client.get(COMPARE, params=query).status_code == status


def test_the_looks_at_test_images_are_recorded(client: httpx.Client, store: Path) -> None:
    client.get(COMPARE, params={"network": ["fcn-2k", "fcn-3k"]})
    with Store.open(store / "small") as opened:
        [row] = [row for row in opened.jobs(("fcn", 3_000)) if row.job.seed == 0]
        assert "images on which networks disagree" in opened.test_accesses(row.job.key)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, run_command: Any) -> Path:
    """A store with a small tuning."""
    store = tmp_path_factory.mktemp("tuned")
    arguments = ("tune", "-f", "fcn", "-b", "2K", "--dataset", "digits", "--trials", "5", "--set", "epochs=6")
    done = run_command(*arguments, "--store", store, "--name", "tuned", cwd=store)
    assert done.returncode == 0, done.stderr
    return store


def test_a_tuning_shows_trials_winner_and_figures(tuned: Path, serve: Any) -> None:
    with serve(tuned) as served, served.enter() as client:
        assert "a tuning" in client.get("/").text
        page = client.get("/studies/tuned/tuning").text
        assert "5 trials in" in page
        assert "Selection effect" in page
        figures = client.get("/studies/tuned/tuning/figures").text
        assert figures.count("<figure") >= 2
        assert "History of the tuning" in figures
        assert client.get("/studies/tuned").text.count("/studies/tuned/tuning") == 1


def test_own_data_are_shown_and_can_be_played_with(
    client: httpx.Client, digits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path))
    images = digits.training_images()
    names = ["<script>alert(1)</script>", *(f"digit {label}" for label in range(1, 10))]
    own = prepare_data((np.array(images.images), np.array(images.labels)), name="my digits", class_names=names)
    assert f'href="/data/{own.path.name}"' in client.get("/data").text
    page = client.get(f"/data/{own.path.name}").text
    assert own.digest in page
    assert "digit 7" in page
    assert "<script>alert" not in page
    assert client.get(f"/data/{own.path.name}/sheet").headers["content-type"] == "image/png"
    designed = client.get("/playground/design", params={"family": "fcn", "budget": "5K", "dataset": own.path.name})
    assert designed.json()["input"] == [1, 8, 8]
    assert set_named(own.path.name).arguments == ("--data", str(own.path))
    assert client.get("/data/..%2f").status_code == 404


def test_a_study_that_was_not_tuned_has_no_such_page(client: httpx.Client) -> None:
    assert client.get("/studies/small/tuning").status_code == 404
    assert client.get("/studies/small/tuning/figures").status_code == 404


def test_the_data_page_counts_and_shows_training_images_only(
    client: httpx.Client, digits: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    page = client.get("/data/digits").text
    counts = np.bincount(digits.test_images().labels)
    assert all(f'<td class="right">{count}</td>' in page for count in counts)
    assert digits.digest in page
    sheet = Image.open(io.BytesIO(client.get("/data/digits/sheet").content))
    assert sheet.width > 300
    assert "makeweight data get cifar-10" in client.get("/data/cifar-10").text
    assert client.get("/data/cifar-10/sheet").status_code == 404
    assert client.get("/data/nothing").status_code == 404
    assert all(f'href="/data/{name}"' in client.get("/data").text for name in ("digits", "fashion-mnist"))


def test_a_diagnosis_is_made_by_the_command_and_kept(
    store: Path, serve: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    monkeypatch.setattr(diagnoses, "SECONDS", 2)
    url = "/studies/small/networks/fcn-2k/diagnosis"
    with serve(store) as served, served.enter() as client:
        assert "Look for faults" in client.get(url).text
        assert client.post(f"{url}?seed=1", json={}).json() == {"made": True}
        page = client.get(f"{url}?seed=1").text
        assert "Look again" in page
        assert "Looked at" in page
        assert "images of the shape (1, 8, 8)" in page
        assert "Look for faults" in client.get(f"{url}?seed=0").text


def test_a_finding_is_shown_with_what_to_do_and_a_failure_in_the_commands_words(
    store: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = {"code": "C1", "certainty": "definite", "title": "<i>The loss</i>", "evidence": "seen this",
               "consequence": "so that", "fix": "do that", "where": "logits"}  # fmt: skip
    record = json.dumps({"what": "x", "findings": [finding], "checked": ["one"], "seconds": 1.0})
    url = "/studies/small/networks/fcn-2k/diagnosis"
    with serve(store) as served, served.enter() as client:
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, record, ""))
        assert client.post(url, json={}).status_code == 200
        page = client.get(url).text
        assert all(words in page for words in ("&lt;i&gt;The loss", "seen this", "so that", "do that", "definite"))
        monkeypatch.setattr(
            subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 2, "", "x\nerror: no data")
        )
        answer = client.post(url, json={})
        assert (answer.status_code, answer.json()) == (400, {"error": "no data"})
