"""A family that this file alone knows is in the playground, in scikit-learn, in the report and in the export."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

import makeweight
from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.cost import cost
from makeweight.designs.families import FAMILIES, Family, Knob, Options, Skeleton, register
from makeweight.designs.families.base import option
from makeweight.designs.layers import Conv2d, Flatten, Linear
from makeweight.export.session import export_run
from makeweight.jobs.job import Assignment, run_job
from makeweight.report.analysis import analyse
from makeweight.report.contents import Contents
from makeweight.report.figures.catalogue import drawings
from makeweight.report.figures.style import save_drawing
from makeweight.report.page.charts import lines_of
from makeweight.report.page.page import render
from makeweight.report.summary import summarise
from makeweight.report.verdict import verdict
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.training.precision import Hardware
from makeweight.web.app import build
from makeweight.web.dashboard import Dashboard
from makeweight.web.keys import Keys
from makeweight.web.security import Door
from makeweight.web.shelf import Shelf


@dataclass(frozen=True, slots=True)
class PatchOptions(Options):
    """Of a network that looks at patches."""

    patch: int = option(2, "Patch, pixels", "Side of a patch in pixels.", low=1, high=4)


def _skeleton(task: Task, options: PatchOptions, budget: int | None) -> Skeleton:
    def build_it(widths: tuple[int, ...]) -> Architecture:
        filters, hidden = widths
        layers = (
            Conv2d("patches", filters, options.patch, options.patch),
            options.activate("patches.activation"),
            Flatten("flatten"),
            Linear("hidden", hidden),
            options.activate("hidden.activation"),
            Linear("logits", task.classes),
        )
        return Architecture("patches", task.input_shape, task.classes, layers)

    return Skeleton((Knob("patches", 1, 2), Knob("hidden", 4, 4)), build_it)


OWN = Family(
    name="patches",
    kind="a network of patches",
    summary="one filter a patch, one hidden layer",
    options=PatchOptions,
    skeleton=_skeleton,
    colour="#117733",
    marker="triangle",
    rank=30,
    recipe={"learning_rate": 0.01},
)


@pytest.fixture(scope="module", autouse=True)
def own() -> Iterator[Family]:
    register(OWN)
    yield OWN
    del FAMILIES[OWN.name]


@pytest.fixture(scope="module")
def study(own: Family, make_job: Any, digits: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An FCN and an own network, trained."""
    folder = tmp_path_factory.mktemp("own") / "mixed"
    jobs = [make_job(family, epochs=3) for family in ("fcn", OWN.name)]
    with Store.create(folder) as store:
        store.plan(StudyRow("mixed", "{}", "digits", digits.digest, digits.class_names, str(digits.path)), jobs)
        for job in jobs:
            *_, result = run_job(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
            store.finish(job.key, result)
    return folder


@pytest.fixture(scope="module")
def contents(study: Path, digits: Any) -> Contents:
    analysis = analyse(summarise(study))
    return Contents(analysis, verdict(analysis), test_images=digits.test_images().images)


@pytest.fixture(scope="module")
def get(study: Path) -> Callable[..., httpx.Response]:
    """Ask a dashboard, as a browser that has come in."""
    keys = Keys(b"0" * 32, lambda token: None)
    app = build(Dashboard(Shelf(study.parent, ()), Door(keys, "cookie")))
    cookies = httpx.Cookies()

    async def ask(path: str, query: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", cookies=cookies) as client:
            answer = await client.get(path, params=query)
            cookies.update(client.cookies)
            return answer

    def get_it(path: str, **query: str) -> httpx.Response:
        with ThreadPoolExecutor(1) as elsewhere:  # playwright keeps an event loop running in the tests' own thread
            return elsewhere.submit(asyncio.run, ask(path, query)).result()

    assert get_it("/enter", token=keys.token).status_code == 303
    return get_it


# ---- the dashboard -----------------------------------------------------------------------------------------


def test_the_playground_has_its_controls_and_designs_it(get: Callable[..., httpx.Response]) -> None:
    page = get("/playground").text
    assert '<input type="radio" name="family" value="patches">' in page
    assert 'id="patches-patch" name="patch" min="1" max="4" step="1" value="2"' in page
    assert 'id="patches-activation"' in page
    found = get("/playground/design", family="patches", budget="5K", patch="4").json()
    assert found["layers"][0]["cells"][2].endswith("×7×7")  # 28 pixels in patches of 4
    assert 0.99 * 5_000 <= found["weights"] <= 5_000
    problem = get("/playground/design", family="patches", patch="5").json()["problem"]
    assert problem == "“Patch, pixels” 5 is not possible: give a whole number from 1 to 4."


def test_the_page_of_a_study_shows_it(get: Callable[..., httpx.Response]) -> None:
    page = get("/studies/mixed").text
    assert "PATCHES 2K" in page
    assert OWN.colour in page


# ---- scikit-learn ------------------------------------------------------------------------------------------


def test_it_is_a_scikit_learn_classifier() -> None:
    X, y = (part[:300] for part in load_digits(return_X_y=True))  # noqa: N806 - scikit-learn's name
    made = makeweight.classifier("patches")
    assert made is makeweight.PATCHESClassifier
    assert "patch : int or None\n    Side of a patch in pixels." in made.__doc__
    small = made(budget=2_000, epochs=8, random_state=0)
    assert clone(small).get_params() == small.get_params()
    search = GridSearchCV(small, {"patch": [1, 4]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.6  # chance is 0.1
    fitted = search.best_estimator_
    assert fitted.architecture_.layers[0].kernel == search.best_params_["patch"]
    assert cost(fitted.architecture_).weights <= 2_000
    assert (pickle.loads(pickle.dumps(fitted)).predict_proba(X) == fitted.predict_proba(X)).all()


# ---- report and export -------------------------------------------------------------------------------------


def test_its_words_are_in_the_report(contents: Contents, tmp_path: Path) -> None:
    fcn, patches = contents.analysis.summary.networks  # by rank
    assert patches.label == "PATCHES 2K"
    assert "PATCHES against FCN" in [topic.title for topic in contents.verdict.topics]
    fcn_line, own_line = lines_of((fcn, patches))
    assert (own_line.colour, own_line.symbol) == ("#117733", "triangle-up")
    assert own_line.colour != fcn_line.colour
    page = render(contents)
    assert "PATCHES 2K" in page
    assert OWN.colour in page
    drawn = {each.name: each for each in drawings(contents)}
    save_drawing(drawn["curves-patches-2k"], tmp_path / "curves.svg")
    assert OWN.colour in (tmp_path / "curves.svg").read_text()


def test_its_kind_is_on_the_card(study: Path, digits: Any, tmp_path: Path) -> None:
    with Store.open(study) as store:
        row = next(row for row in store.jobs() if row.job.family == "patches")
        export_run(store, row, digits, tmp_path / "export")
    assert f"A network of patches of {row.weights:,} trainable weights" in (tmp_path / "export/README.md").read_text()


def test_a_study_is_read_without_its_family(contents: Contents, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FAMILIES, OWN.name)
    summary = summarise(study)
    assert [network.label for network in summary.networks] == ["FCN 2K", "PATCHES 2K"]
    analysis = analyse(summary)
    said = verdict(analysis)
    assert said == contents.verdict
    page = render(replace(contents, analysis=analysis, verdict=said))
    assert OWN.colour not in page
    assert lines_of(summary.networks)[1].symbol == "diamond"
