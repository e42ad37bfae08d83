"""Tuning, data and diagnosis: what the pages say is what the report's own parts say."""

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
from makeweight.web import diagnoses
from makeweight.web.sets import set_named


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, run_command: Any) -> Path:
    """A store with a small tuning; of one epoch, so that no trial is ended early, whatever the machine's pace."""
    store = tmp_path_factory.mktemp("tuned")
    arguments = ("tune", "-f", "fcn", "-b", "2K", "--dataset", "digits", "--trials", "5", "--set", "epochs=1")
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
