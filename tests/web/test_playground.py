"""The playground: the solver's own answers, and a training that really begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.design.architecture import Task
from makeweight.design.families import FAMILIES, family_named, options_from
from makeweight.design.limits import Limits
from makeweight.design.solver import fit
from makeweight.errors import GeometryError, InfeasibleBudget
from makeweight.store.store import Store
from makeweight.study.lock import ask_to_stop, runner_of
from makeweight.web.controls import CONTROLS, Slider, options_of

FASHION = Task((1, 28, 28), 10)


def design(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/playground/design", params=query)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("family", "options"), [("fcn", {"depth": 3}), ("cnn", {"kernel": 5, "blocks": 0}), ("lenet", {})]
)
def test_the_network_is_the_solvers(client: httpx.Client, family: str, options: dict[str, Any]) -> None:
    found = design(client, family=family, budget="30K", **options)
    expected = fit(family_named(family), FASHION, 30_000, options)
    assert found["weights"] == expected.cost.weights <= 30_000
    assert found["macs"] == expected.cost.macs
    layers = [(layer.name, layer.weights, layer.macs) for layer in expected.cost.layers]
    assert [(layer["name"], layer["weights"], layer["macs"]) for layer in found["layers"]] == layers


def test_a_filter_that_does_not_fit_gets_the_geometrys_own_words(client: httpx.Client) -> None:
    found = design(client, family="cnn", budget="50K", kernel="11", padding="0", stages="4")
    with pytest.raises(GeometryError) as caught:
        fit(family_named("cnn"), FASHION, 50_000, {"kernel": 11, "padding": 0, "stages": 4})
    assert (found["problem"], found["kind"]) == (str(caught.value), "GeometryError")


def test_a_budget_that_is_too_small_gets_the_smallest_that_works(client: httpx.Client) -> None:
    found = design(client, family="fcn", budget="100")
    with pytest.raises(InfeasibleBudget) as caught:
        fit(family_named("fcn"), FASHION, 100)
    assert found["smallest"] == caught.value.smallest
    assert "problem" not in design(client, family="fcn", budget=str(found["smallest"]))


def test_a_limit_of_bytes_is_kept(client: httpx.Client) -> None:
    free, limited = design(client, budget="50K"), design(client, budget="50K", max_activation_bytes="12K")
    assert limited["activationBytes"] <= 4 * 12 * 2**10 < free["activationBytes"]  # int8, shown as float32
    assert limited["limits"] == [f"{limited['activationBytes'] // 4:,} of at most 12,288 bytes of int8 activations"]
    assert free["limits"] == []
    assert limited["binding"] == ["activation bytes"]


def test_a_limit_of_macs_is_kept(client: httpx.Client) -> None:
    free, limited = design(client, budget="50K"), design(client, budget="50K", max_macs="3M")
    assert limited["macs"] <= 3_000_000 < free["macs"]
    assert limited["binding"] == ["macs"]


@pytest.mark.parametrize(
    "query",
    [{"family": "x"}, {"budget": "-1"}, {"budget": "1e9"}, {"budget": ""}, {"dataset": "../x"}, {"kernel": "x"},
     {"kernel": "99"}, {"nothing": "1"}, {"max_macs": "x"}, {"growth": "nan"}, {"family": "fcn", "kernel": "3"}],
)  # fmt: skip
def test_what_is_not_possible_is_said(client: httpx.Client, query: dict[str, str]) -> None:
    answer = client.get("/playground/design", params=query)
    assert answer.status_code == 404 if "dataset" in query else answer.status_code in (200, 400)
    record = answer.json()
    assert record.get("problem") or record.get("error")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_control_is_an_option_and_its_ends_are_the_familys(family: str) -> None:
    for control in CONTROLS[family]:
        texts = [f"{control.low:g}", f"{control.high:g}"] if isinstance(control, Slider) else control.values
        for text in texts:
            options_from(family_named(family), options_of(family, {control.name: text}))
    assert {control.name for control in CONTROLS["cnn"]} >= {"kernel", "stride", "padding", "stages"}


@pytest.mark.parametrize(
    "asked",
    [{"family": "fcn", "budget": 5}, {"family": "fcn", "more": "1"}, {"options": {"depth": 2}}, [],
     {"family": "f" * 100}, {"family": "cnn", "budget": "50K", "max_macs": "3"},
     {"family": "cnn", "budget": "50K", "max_activation_bytes": "--name=x"},
     {"family": "fcn", "budget": "20K", "options": {"store": "/tmp/x"}},
     {"family": "fcn", "budget": "20K", "options": {"depth": "--name=x"}}],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(client: httpx.Client, store: Path, asked: Any) -> None:
    before = sorted(store.iterdir())
    answer = client.post("/playground/train", json=asked)
    assert answer.status_code in (400, 409)
    assert answer.json()["error"]
    assert sorted(store.iterdir()) == before


def test_train_this_begins_a_training_of_this_network(
    tmp_path: Path, serve: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, all_end: Any
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    limits = {"max_macs": "25K", "max_activation_bytes": "0.5K"}
    asked = {"family": "cnn", "budget": "3K", "dataset": "digits", "options": {"blocks": "0"}, **limits}
    with serve(tmp_path) as served, served.enter() as client:
        answer = client.post("/playground/train", json=asked)
        assert answer.status_code == 202
        folder = tmp_path / answer.json()["href"].removeprefix("/studies/")
        pid = runner_of(folder)
        assert pid is not None
        try:
            assert "running" in client.get(answer.json()["href"]).text
            assert client.post("/playground/train", json=asked).status_code == 409  # it is at work already
            with Store.open(folder) as opened:
                [row] = opened.jobs()
            expected = fit(family_named("cnn"), Task((1, 8, 8), 10), 3_000, {"blocks": 0}, Limits(25_000, 512))
            assert row.job.architecture == expected.architecture
            shown = design(client, family="cnn", budget="3K", dataset="digits", blocks="0", **limits)
            assert (shown["weights"], shown["macs"]) == (row.weights, row.macs)
            assert row.macs <= 25_000
        finally:
            ask_to_stop(folder)
            assert all_end([pid], 60)
