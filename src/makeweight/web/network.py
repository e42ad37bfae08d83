"""The page of one network: its layers, its trainings, and what it sees."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from makeweight.data.picture import border_brightness, is_dark_on_bright
from makeweight.designs.cost import cost
from makeweight.designs.table import layers_table, steps_table
from makeweight.report.figures.features import first_filters
from makeweight.report.figures.style import Theme
from makeweight.report.page import settings
from makeweight.report.page.curve_chart import curve_chart
from makeweight.report.summary import summarise_runs
from makeweight.store.rows import JobRow
from makeweight.store.store import Store
from makeweight.studies.looks import record_look
from makeweight.web import dashboard, pictures
from makeweight.web.answers import answer, at, not_found, page
from makeweight.web.decoder import decode
from makeweight.web.eyes import Eye
from makeweight.web.progress import NetworkProgress, Progress, read_progress
from makeweight.web.shelf import ON_A_PAGE
from makeweight.web.sketch import sketch
from makeweight.wording import article

BYTES = "application/octet-stream"
MAX_SHOWN = 40  # characters of an unknown name in an error
MAX_LOADED = 6  # networks, those that were looked into last
_LOADING = threading.Lock()
FIRST_IMAGES = 1_000  # of the training images, to see whether the data are bright on dark


def show(request: Request) -> Response:
    """Show a network that has a result."""
    progress, network = requested(request)
    rows = finished(progress.folder, network)
    seed = seed_of(request.query_params.get("seed"), rows)
    summary = summarise_runs(progress.folder, rows)
    interval, counted = summary.test_accuracy, cost(summary.architecture)
    with Store.open(progress.folder) as store:
        names = store.study().names(summary.architecture.classes)
    facts = [
        ("test accuracy", f"{100 * interval.mean:.2f} %"),
        ("95 % interval", f"{100 * interval.low:.2f}–{100 * interval.high:.2f}"),
        ("trainable weights", f"{summary.weights:,}"),
        ("of the budget", f"{100 * summary.weights / summary.budget:.1f} %"),
        ("MACs per image", f"{summary.macs:,}"),
        ("training time", f"{summary.train_seconds:.1f} s"),
    ]
    return page(
        "network.html",
        study=progress,
        network=network,
        facts=facts,
        invitation=invitation(progress.dataset, names),
        boxes=sketch(counted, summary.architecture.input_shape),
        steps=steps_table(counted, summary.budget, f"{summary.label}: layers"),
        layers=layers_table(counted, summary.budget, f"{summary.label}: every layer"),
        runs=settings.runs_table(summary),
        recipe=settings.recipes_table((summary,)),
        seeds=[row.job.seed for row in rows],
        seed=seed,
        chart=curve_chart((summary,)),
    )


def draw(request: Request) -> Response:
    """Lead to the network to draw for: the best of the study that changed last and has a result."""
    studies = dashboard.of(request).studies
    for folder in studies.listed()[:ON_A_PAGE]:
        study = studies.progress(folder)
        if isinstance(study, Progress) and study.best:
            best = max(study.best, key=lambda network: network.accuracy)
            return RedirectResponse(at("studies", study.name, "networks", best.slug), 303)
    return page(
        "refusal.html",
        404,
        code=404,
        words="no network is trained yet. Start a study, or train one from the playground.",
    )


def curves(request: Request) -> Response:
    """Answer with the figures of the network's learning curves."""
    progress, network = requested(request)
    return answer(curve_chart((summarise_runs(progress.folder, finished(progress.folder, network)),)).to_record())


def describe(request: Request) -> Response:
    """Say what the network looks at, and with which layers."""
    return answer(_eye(request).describe())


async def see(request: Request) -> Response:
    """Look at an image as raw bytes in the data's shape."""
    content = await request.body()

    def looked() -> bytes:
        eye = _eye(request)
        return eye.see(eye.pixels_from(content))

    return Response(await run_in_threadpool(looked), media_type=BYTES)


def test(request: Request) -> Response:
    """Look at a test image."""
    return Response(_eye(request).see_test(_number(request, "number")), media_type=BYTES)


async def picture(request: Request) -> Response:
    """Look at a picture of the user's, in one of the formats that `makeweight features` reads."""
    content = await request.body()
    invert = request.query_params.get("invert") == "1"

    def looked() -> tuple[bytes, bool]:
        eye = _eye(request)
        pixels, border = decode(content, eye.data.image_shape, invert)
        like = border_brightness(eye.data.training_images().images[:FIRST_IMAGES])
        return eye.see(pixels), is_dark_on_bright(border, like)

    seen, inverted = await run_in_threadpool(looked)
    return Response(seen, media_type=BYTES, headers={"X-Looks-Inverted": str(int(inverted))})


def responses(request: Request) -> Response:
    """Answer with the test images that a filter responds to most."""
    return answer(_eye(request).responses(request.query_params.get("layer", ""), _number(request, "filter")))


def filters(request: Request) -> Response:
    """Draw the weights of the first layer, in light or dark."""
    inspection = _eye(request).inspection
    weights = inspection.filters
    if weights is None:
        raise not_found("the first layer of this network has no filters to draw.")
    theme: Theme = "dark" if request.query_params.get("theme") == "dark" else "light"
    svg = pictures.drawn(lambda: first_filters(inspection, weights), theme)
    return Response(svg, media_type="image/svg+xml")


def find_network(progress: Progress, slug: str) -> NetworkProgress:
    """Find a network by its name in addresses.

    Raises
    ------
    HTTPException
        404 if there is none with a result.
    """
    known = {network.slug: network for network in progress.networks}
    network = known.get(slug)
    if network is None:
        raise not_found(f"the study {progress.name} has no network {slug[:MAX_SHOWN]!r}. Choose one from its table.")
    if not network.done:
        raise not_found(
            f"{network.label} of the study {progress.name} has no result yet. Wait until one of its trainings is done."
        )
    return network


def requested(request: Request) -> tuple[Progress, NetworkProgress]:
    """Return the study and the network that an address names."""
    progress = read_progress(dashboard.study_of(request))
    return progress, find_network(progress, request.path_params["network"])


def finished(folder: Path, network: NetworkProgress) -> tuple[JobRow, ...]:
    """Return a network's finished trainings, by seed."""
    with Store.open(folder) as store:
        return store.finished(network.network_id)


def seed_of(text: str | None, rows: tuple[JobRow, ...]) -> int:
    """Return the seed that an address names, or the lowest."""
    return next((row.job.seed for row in rows if str(row.job.seed) == text), rows[0].job.seed)


def invitation(dataset: str, names: Sequence[str]) -> str:
    """Say what to draw, in words that fit the images.

    >>> invitation("fashion-mnist", ("T-shirt/top", "Trouser")), invitation("digits", ("0", "1"))
    ('Draw a T-shirt here', 'Draw a digit here')
    >>> invitation("mine", ("apple", "pear"))
    'Draw an apple here'
    """
    first = names[0].partition("/")[0].strip()[:MAX_SHOWN] if names else ""
    if all(name.strip().isdigit() for name in names):
        first = "digit" if "digit" in dataset or "mnist" in dataset else ""
    if not first or first.lower() == "class 0":
        return "Draw here"
    return f"Draw {article(first)} here"


def _eye(request: Request) -> Eye:
    with _LOADING:
        return _loaded(dashboard.study_of(request), request.path_params["network"], request.path_params["seed"])


@lru_cache(MAX_LOADED)  # a run keeps its result for ever, so the study need not be read again for every stroke
def _loaded(folder: Path, name: str, seed: str) -> Eye:
    network = find_network(read_progress(folder), name)
    row = next((row for row in finished(folder, network) if str(row.job.seed) == seed), None)
    if row is None:
        raise not_found(f"{network.label} has no finished training with seed {seed}.")
    eye = Eye(folder, row)
    record_look(folder, [row.job.key], dashboard.log.info)
    return eye


def _number(request: Request, name: str) -> int:
    text: Any = request.path_params.get(name) or request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise not_found(f"{name} must be a whole number.")
    return int(text)
