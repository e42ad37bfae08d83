"""The playground: the solver's own answers, and a training that really begins."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES, family_named, options_from
from makeweight.designs.families.base import Options, option, option_infos
from makeweight.designs.limits import Limits
from makeweight.designs.solver import fit
from makeweight.designs.table import layers_table
from makeweight.errors import GeometryError, InfeasibleBudget
from makeweight.store.rows import JobRow
from makeweight.store.store import Store
from makeweight.studies.lock import ask_to_stop, runner_of
from makeweight.web.controls import Slider, _control, controls_of, options_of

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
    assert [tuple(layer["cells"]) for layer in found["layers"]] == list(layers_table(expected.cost, 30_000).rows[:-1])
    assert [layer["share"] for layer in found["layers"]] == [layer.weights / 30_000 for layer in expected.cost.layers]


def test_a_filter_that_does_not_fit_gets_the_geometrys_error_with_the_forms_labels(client: httpx.Client) -> None:
    found = design(client, family="cnn", budget="50K", kernel="11", padding="0", stages="4")
    with pytest.raises(GeometryError) as caught:
        fit(family_named("cnn"), FASHION, 50_000, {"kernel": 11, "padding": 0, "stages": 4})
    assert "padding=4" in str(caught.value)
    assert found["problem"] == str(caught.value).replace("padding=4", "“Padding, pixels” 4")
    page = client.get("/playground").text
    assert ">Padding, pixels</label>" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [({"kernel": "99"}, "“Filter size, pixels” 99 is not"), ({"kernel": "x"}, "“Filter size, pixels” 'x' is not"),
     ({"max_macs": "3"}, "Use “Most MACs per image” "), ({"max_ram": "100"}, "Use “RAM of the C program, int8” ")],
)  # fmt: skip
def test_errors_name_what_is_labelled_in_the_form(client: httpx.Client, query: dict[str, str], words: str) -> None:
    assert words in design(client, family="cnn", budget="50K", **query)["problem"]


def test_a_budget_that_is_too_small_gets_the_smallest_that_works(client: httpx.Client) -> None:
    found = design(client, family="fcn", budget="100")
    with pytest.raises(InfeasibleBudget) as caught:
        fit(family_named("fcn"), FASHION, 100)
    assert found["smallest"] == caught.value.smallest
    assert "problem" not in design(client, family="fcn", budget=str(found["smallest"]))


def test_what_no_network_can_have_beside_the_others_is_named_with_the_reason(client: httpx.Client) -> None:
    barred = design(client, family="cnn", budget="50K", stages="5")["impossible"]["kernel"]
    assert {"2", "4"} <= set(barred)
    assert not {"1", "3", "5"} & set(barred)
    assert "does not fit" in barred["2"]
    assert "kernel" not in design(client, family="cnn", budget="50K")["impossible"]


def test_norms_and_activations_are_folded_under_their_filters(client: httpx.Client) -> None:
    found = design(client, family="cnn", budget="50K")
    assert len(found["steps"]) < len(found["layers"])
    assert found["steps"][0]["cells"][:2] == ["stem", "conv + activation"]
    for kind in ("steps", "layers"):
        assert sum(part["share"] for part in found[kind]) == pytest.approx(found["weights"] / 50_000)
    assert found["sketch"].count("<li>") == len(found["steps"]) + 1, "and the image"


def test_accuracy_is_expected_where_networks_were_trained_on_the_same_images(
    client: httpx.Client, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    small, large = (design(client, family="fcn", budget=b, dataset="digits")["expected"] for b in ("1K", "20K"))
    assert small.endswith("from 4 networks trained here")
    assert float(small.partition(" ")[0]) < float(large.partition(" ")[0]) < 100
    assert design(client, family="fcn", budget="50K", dataset="mnist")["expected"] == ""


def test_sliders_have_numbers_and_sets_that_are_not_prepared_are_marked(client: httpx.Client) -> None:
    page = client.get("/playground").text
    assert "<output data-value>3 (default)</output>" in page
    assert re.search(r'value="cifar-10"[^>]* data-unprepared>[^<]*not prepared', page)


def test_a_limit_of_ram_is_kept(client: httpx.Client) -> None:
    free, limited = design(client, budget="50K"), design(client, budget="50K", max_ram="11K")
    assert limited["ram"] <= 11 * 2**10 < free["ram"]
    assert f"{limited['ram']:,} of at most 11,264 bytes of RAM as int8 C." in limited["notes"]
    assert "Limited by RAM besides the weights." in limited["notes"]
    assert not any("at most" in note for note in free["notes"])


def test_limits_of_a_chip_are_kept_and_told(client: httpx.Client) -> None:
    limits = {"chip": "m4@80MHz", "max_flash": "24K", "max_ms": "30"}
    record = design(client, family="cnn", budget="20K", **limits)
    facts = dict(map(tuple, record["facts"]))
    assert float(facts["flash, estimated"].removesuffix(" KiB")) <= 24
    assert float(facts["ms per image, estimated"]) <= 30
    assert any("cycles per instruction, zero wait states" in note for note in record["notes"])


def test_a_limit_of_macs_is_kept(client: httpx.Client) -> None:
    free, limited = design(client, budget="50K"), design(client, budget="50K", max_macs="3M")
    assert limited["macs"] <= 3_000_000 < free["macs"]
    assert "Limited by MACs besides the weights." in limited["notes"]


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
def test_every_option_has_a_control_and_its_ends_are_allowed(family: str) -> None:
    controls = controls_of(family_named(family))
    assert [control.name for control in controls] == [info.name for info in family_named(family).infos]
    for control in controls:
        texts = [f"{control.low:g}", f"{control.high:g}"] if isinstance(control, Slider) else control.values
        for text in texts:
            options_from(family_named(family), options_of(family, {control.name: text}))
        if isinstance(control, Slider):
            assert control.low <= control.first <= control.high
            assert 1 <= (control.high - control.low) / control.step <= 100


@dataclass(frozen=True, slots=True)
class Ranges(Options):
    endless: int = option(3, "Endless", "No upper end.", low=1)
    wide: int = option(2, "Wide", "Too wide to slide.", low=1, high=1_000_000)
    rate: float = option(0.5, "Rate", "Between its ends.", high=1, includes_low=False, includes_high=False)
    signed: float = option(0.0, "Signed", "Below 0, too.", low=-math.inf)
    fixed: int = option(4, "Fixed", "One value.", low=4, high=4)


def test_a_range_is_cut_where_no_one_would_look() -> None:
    made = {c.name: c for c in map(_control, option_infos(Ranges)) if isinstance(c, Slider)}
    ends = {name: (control.low, control.high, control.step) for name, control in made.items()}
    assert ends["endless"] == (1, 30, 1)
    assert ends["wide"] == (1, 20, 1)
    assert ends["rate"] == (0.05, 0.95, 0.05)
    assert ends["signed"] == (-10, 10, 1)
    assert ends["fixed"] == (4, 4, 1)


@pytest.mark.parametrize(
    "asked",
    [{"family": "fcn", "budget": 5}, {"family": "fcn", "more": "1"}, {"options": {"depth": 2}}, [],
     {"family": "f" * 100}, {"family": "cnn", "budget": "50K", "max_macs": "3"},
     {"family": "cnn", "budget": "50K", "max_ram": "--name=x"},
     {"family": "fcn", "budget": "20K", "options": {"store": "/tmp/x"}},
     {"family": "fcn", "budget": "20K", "options": {"depth": "--name=x"}}],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(client: httpx.Client, store: Path, asked: Any) -> None:
    before = sorted(store.iterdir())
    answer = client.post("/playground/train", json=asked)
    assert answer.status_code in (400, 409)
    assert answer.json()["error"]
    assert sorted(store.iterdir()) == before


def planned(folder: Path, seconds: float = 40) -> list[JobRow]:
    """Wait for the jobs of a study that has just been begun."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with Store.open(folder) as opened:
            if jobs := opened.jobs():
                return jobs
        time.sleep(0.05)
    raise AssertionError("it was not planned in time")


def test_train_this_begins_a_training_of_this_network(
    tmp_path: Path, serve: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, all_end: Any
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
    limits = {"max_macs": "25K", "max_ram": "1K"}
    asked = {"family": "cnn", "budget": "3K", "dataset": "digits", "options": {"blocks": "0"}, **limits}
    with serve(tmp_path) as served, served.enter() as client:
        answer = client.post("/playground/train", json=asked)
        assert answer.status_code == 202
        folder = tmp_path / answer.json()["href"].removeprefix("../studies/")
        pid = runner_of(folder)
        assert pid is not None
        try:
            assert "running" in client.get("/playground/" + answer.json()["href"]).text
            assert client.post("/playground/train", json=asked).status_code == 409  # it is at work already
            [row] = planned(folder)
            expected = fit(family_named("cnn"), Task((1, 8, 8), 10), 3_000, {"blocks": 0}, Limits(25_000, 1_024))
            assert row.job.architecture == expected.architecture
            shown = design(client, family="cnn", budget="3K", dataset="digits", blocks="0", **limits)
            assert (shown["weights"], shown["macs"]) == (row.weights, row.macs)
            assert row.macs <= 25_000
        finally:
            ask_to_stop(folder)
            assert all_end([pid], 60)
