"""Beginning from the browser: a study, images of one's own, a sheet to draw on; and what can be taken home."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from makeweight.store.store import Store
from makeweight.studies.lock import runner_of
from makeweight.web import papers
from makeweight.web.data import WORKPLACE

ASKED = {"data": "digits", "families": ["fcn"], "budgets": "2K, 3K", "seeds": 2, "epochs": 1}


@pytest.fixture(autouse=True)
def _prepared(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])


def test_a_study_is_estimated_and_started(tmp_path: Path, serve: Any, all_end: Any) -> None:
    with serve(tmp_path) as served, served.enter() as client:
        sentences = client.post("/start/estimate", json=ASKED).json()["sentences"]
        assert sentences[0].startswith("4 trainings, about ")
        assert "difference of" in sentences[1]
        assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing is trained for an estimate"
        answer = client.post("/start", json={**ASKED, "name": "mine"})
        assert (answer.status_code, answer.json()["href"]) == (202, "./studies/mine")
        assert client.post("/start", json={**ASKED, "name": "mine"}).status_code == 409
        pid = runner_of(tmp_path / "mine")
        assert pid is None or all_end([pid], 90)
        with Store.open(tmp_path / "mine") as opened:
            rows = opened.jobs()
        assert sorted((row.job.budget, row.job.seed) for row in rows) == [(2000, 0), (2000, 1), (3000, 0), (3000, 1)]
        assert {row.job.recipe.epochs for row in rows} == {1}


@pytest.mark.parametrize(
    "change",
    [{"data": "mnist"}, {"data": "../x"}, {"families": []}, {"families": ["x"]}, {"budgets": "many"}, {"seeds": 0},
     {"epochs": 0}, {"name": "../x"}, {"more": 1}],
)  # fmt: skip
def test_a_study_that_cannot_be_is_refused_and_leaves_nothing(
    client: httpx.Client, store: Path, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(store.iterdir())
    answer = client.post("/start", json={**ASKED, **change})
    assert answer.status_code in (400, 404, 409)
    assert answer.json()["error"]
    assert sorted(store.iterdir()) == before


def archive(white: int = 255) -> bytes:
    """A table of arrays, as an upload has it."""
    stream, random = io.BytesIO(), np.random.default_rng(0)
    np.savez(stream, X=random.integers(0, white + 1, (60, 8, 8), dtype=np.uint8), y=np.arange(60) % 3)
    return stream.getvalue()


def test_own_images_are_uploaded_and_prepared_and_the_file_is_not_kept(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    with serve(tmp_path / "store") as served, served.enter() as client:
        answer = client.post("/data/upload?name=mine.npz", content=archive(), timeout=120)
        assert answer.status_code == 200, answer.text
        page = client.get(f"/data/{answer.json()['href'].removeprefix('../data/')}").text
        assert "3 classes" in page
        assert not [path for path in (tmp_path / "store" / WORKPLACE).iterdir() if path.is_dir()]
        answer = client.post("/data/upload?name=mine.npz", content=b"no images", timeout=120)
        assert answer.status_code == 400
        assert "mine.npz" in answer.json()["error"]
        assert not [path for path in (tmp_path / "store" / WORKPLACE).iterdir() if path.is_dir()]


def test_what_could_be_meant_in_two_ways_is_said_beside_an_upload(
    tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    with serve(tmp_path / "store") as served, served.enter() as client:
        answer = client.post("/data/upload?name=dim.npz", content=archive(white=16), timeout=120)
        assert answer.status_code == 400
        assert "0..16" in answer.json()["error"]
        said = "scale=0..16&image_size=6&channels=3&skip_unreadable=yes"
        answer = client.post(f"/data/upload?name=dim.npz&{said}", content=archive(white=16), timeout=120)
        assert answer.status_code == 200, answer.text
        assert "3 × 6 × 6" in client.get(f"/data/{answer.json()['href'].removeprefix('../data/')}").text
        answer = client.post("/data/upload?name=dim.npz&channels=2", content=archive(), timeout=120)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("“Channels” 2 is not possible: ")


def test_images_at_a_path_are_prepared(tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "mine.npz").write_bytes(archive())
    with serve(tmp_path / "store") as served, served.enter() as client:
        answer = client.post("/data/prepare", json={"path": str(tmp_path / "mine.npz")}, timeout=120)
        assert answer.status_code == 200, answer.text
        assert (tmp_path / "mine.npz").exists()


@pytest.mark.parametrize(
    ("path", "sent"),
    [("/data/prepare", {"path": "relative"}), ("/data/prepare", {"path": "/nowhere/at/all"}),
     ("/data/prepare", {"name": "nothing"}), ("/data/prepare", {"path": 3}), ("/data/upload?name=../x.npz", {}),
     ("/data/upload?name=", {}), ("/data/upload?name=a%2Fb", {})],
)  # fmt: skip
def test_images_that_cannot_be_taken_are_refused(client: httpx.Client, path: str, sent: dict[str, Any]) -> None:
    answer = client.post(path, json=sent, timeout=120)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]


def test_where_other_machines_are_let_in_no_path_of_this_one_is_taken(tmp_path: Path, serve: Any) -> None:
    (tmp_path / "mine.npz").write_bytes(archive())
    with serve(tmp_path / "store", remote=True) as served, served.enter() as client:
        assert client.post("/data/prepare", json={"path": str(tmp_path / "mine.npz")}).status_code == 403
        assert "data-path" not in client.get("/data").text


def test_draw_leads_to_the_best_network_and_says_where_there_is_none(
    client: httpx.Client, tmp_path: Path, serve: Any
) -> None:
    answer = client.get("/draw")
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place.startswith("./studies/small/networks/")
    assert ">Draw a digit here</h2>" in client.get(f"/{place[2:]}").text
    with serve(tmp_path) as served, served.enter() as fresh:
        assert "no network is trained yet" in fresh.get("/draw").text.lower()


def test_the_table_and_the_papers_are_taken_home(client: httpx.Client) -> None:
    table = client.get("/studies/small/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="small.csv"'
    assert table.text.splitlines()[0].startswith("network,family,budget")
    assert client.get("/studies/hostile/papers/pdf").status_code == 404
    assert client.post("/studies/hostile/papers/pdf", json={}).status_code == 409
    assert client.get("/studies/small/papers/other").status_code == 404
    assert client.post("/studies/small/papers/figures", json={}, timeout=papers.SECONDS).json() == {"made": True}
    answer = client.get("/studies/small/papers/figures")
    assert "attachment" in answer.headers["content-disposition"]
    assert "curves.svg" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()


def test_column_heads_lead_to_the_glossary(client: httpx.Client) -> None:
    glossary = client.get("/glossary").text
    for place, anchor in (("/studies/small", "mac"), ("/compare?network=small/fcn-2k&network=small/cnn-2k", "holm")):
        assert f"glossary#{anchor}" in client.get(place).text
        assert f'id="{anchor}"' in glossary
