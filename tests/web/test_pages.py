"""Tuning, data and diagnosis: what the pages say is what the report's own parts say."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from makeweight.diagnosis.findings import Diagnosis, Finding
from makeweight.face.data import load_data
from makeweight.face.tunings import tune
from makeweight.store.store import Store
from makeweight.web import diagnosis, work
from makeweight.web.data import set_named
from makeweight.web.work import Record

DIAGNOSIS = "/studies/small/networks/fcn-2k/diagnosis"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, digits: Any) -> Path:
    """A store with a small tuning; of one epoch, so that no trial is ended early, whatever the machine's pace."""
    store = tmp_path_factory.mktemp("tuned")
    tune("fcn", "2K", digits, trials=5, fixed={"epochs": 1}, name="tuned", store=store, workers=2, threads=1)
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
        assert client.get("/studies/tuned").text.count("../studies/tuned/tuning") == 1


def test_own_data_are_shown_and_can_be_played_with(
    client: httpx.Client, digits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path))
    images = digits.training_images()
    names = ["<script>alert(1)</script>", *(f"digit {label}" for label in range(1, 10))]
    own = load_data((np.array(images.images), np.array(images.labels)), name="my digits", class_names=names)
    assert f'href="./data/{own.path.name}"' in client.get("/data").text
    page = client.get(f"/data/{own.path.name}").text
    assert own.digest in page
    assert "digit 7" in page
    assert "<script>alert" not in page
    assert client.get(f"/data/{own.path.name}/sheet").headers["content-type"] == "image/png"
    designed = client.get("/playground/design", params={"family": "fcn", "budget": "5K", "dataset": own.path.name})
    assert designed.json()["input"] == [1, 8, 8]
    assert set_named(own.path.name).place == str(own.path)
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
    assert all(f'href="./data/{name}"' in client.get("/data").text for name in ("digits", "fashion-mnist"))


def test_a_diagnosis_is_made_and_known_to_the_next_server(
    store: Path, serve: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    monkeypatch.setattr(diagnosis, "SECONDS", 2)
    with serve(store) as served, served.enter() as client:
        assert "Look for faults" in client.get(DIAGNOSIS).text
        assert client.post(f"{DIAGNOSIS}?seed=1", json={}).json() == {"made": True}
    with serve(store) as served, served.enter() as client:
        page = client.get(f"{DIAGNOSIS}?seed=1").text
        assert "Look again" in page
        assert "Checked" in page
        assert "images of the shape (1, 8, 8)" in page
        assert "Look for faults" in client.get(f"{DIAGNOSIS}?seed=0").text


def test_a_finding_is_shown_with_what_to_do(client: httpx.Client, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Finding("C1", "definite", "<i>The loss</i>", "seen this", "so that", "do that", "logits")
    record = Record("", "done", 1, 0.0, 1.0, "", Diagnosis((fault,), ("one",), 1.0))
    monkeypatch.setattr(work, "read", lambda _: record)
    page = client.get(DIAGNOSIS).text
    assert all(words in page for words in ("&lt;i&gt;The loss", "seen this", "so that", "do that", "definite"))


def test_a_diagnosis_that_cannot_be_made_says_why(
    finished: Any, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data are gone: the study's own, and prepared nowhere else."""
    folder = Path(shutil.copytree(finished.folder, tmp_path / "small"))
    with Store.create(folder) as opened, opened._database.transaction() as connection:
        connection.execute("UPDATE study SET dataset = 'mine', data_path = '/gone', data_digest = 'none'")
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "empty"))
    with serve(tmp_path) as served, served.enter() as client:
        answer = client.post(DIAGNOSIS, json={})
        assert answer.status_code == 400
        assert "which are prepared nowhere in the cache" in answer.json()["error"]
        page = client.get(DIAGNOSIS).text
        assert "The last diagnosis failed" in page
        assert "In a terminal: makeweight diagnose" in page
        answer = client.post("/studies/small/resume", json={})
        assert "which are prepared nowhere in the cache" in answer.json()["error"]
