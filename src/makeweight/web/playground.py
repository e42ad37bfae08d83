"""The design playground: the network that fits what is being moved, and its training."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.designs.architecture import Task
from makeweight.designs.chips import cores
from makeweight.designs.demand import OnDevice, demand, on_device, sentences
from makeweight.designs.families import FAMILIES, family_named
from makeweight.designs.limits import WORDS, amount
from makeweight.designs.solver import Design
from makeweight.designs.table import layer_columns, layers_table, steps_of, steps_table
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.face.designs import design as designed
from makeweight.face.folders import study_folder
from makeweight.web import dashboard
from makeweight.web.answers import answer, at, page, render, strict_json
from makeweight.web.checks import checked
from makeweight.web.controls import LABELS, controls_of, default_family, in_labels, options_of
from makeweight.web.data import Known, all_sets, set_named
from makeweight.web.expectation import expected_accuracy
from makeweight.web.possible import impossible
from makeweight.web.shelf import Shelf
from makeweight.web.sketch import sketch
from makeweight.web.start import estimated
from makeweight.web.work import NewStudy, Training
from makeweight.wording import abbreviate

MAX_TEXT = 40  # characters of a value
MAX_KEY = 60  # of a data set's name
# Besides the weights, each with an example.
LIMITS = {
    "max_macs": "no limit; 5M", "max_ram": "no limit; 64K", "chip": "none; cortex-m4@80MHz",
    "max_flash": "no limit; 256K", "max_ms": "no limit; 100",
}  # fmt: skip
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class Asked(BaseModel):
    """A network as it is asked for; texts as they stand in an address."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    family: Annotated[str, Field(max_length=MAX_TEXT, default_factory=default_family)]
    budget: Text = "50K"
    dataset: Annotated[str, Field(max_length=MAX_KEY)] = "fashion-mnist"
    max_macs: Text = ""
    max_ram: Text = ""  # of the int8 C program
    chip: Text = ""
    max_flash: Text = ""
    max_ms: Text = ""
    options: Annotated[dict[Text, Text], Field(max_length=20)] = {}

    @property
    def limits(self) -> dict[str, Any]:
        """The limits besides the weights, as the face takes them."""
        return {name: getattr(self, name) for name in LIMITS if getattr(self, name)}


class Trained(Asked):
    """A network to train, and how."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None  # None: the family's own
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    name: Annotated[str, Field(max_length=MAX_KEY)] = ""


def show(request: Request) -> Response:
    """Show the controls."""
    return page(
        "playground.html",
        controls=[(family, controls_of(family)) for family in FAMILIES.values()],
        default=default_family(),
        datasets=all_sets(),
        labels=LABELS,
        limits=LIMITS.items(),
        chips=list(cores()),
        headings=layer_columns(of_budget=True),
    )


def design(request: Request) -> Response:
    """Answer with the network that fills the budget, or with why there is none: both are what one plays for."""
    query = dict(request.query_params)
    fields = {name: query.pop(name) for name in Asked.model_fields if name in query and name != "options"}
    asked = checked(Asked, {**fields, "options": query})
    try:
        known, solved = set_named(asked.dataset), _solve(asked)
        expected = _expected(dashboard.of(request).studies, known, solved)
        return answer({**_record(solved, expected), "impossible": _impossible(asked)})
    except (GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue) as error:
        smallest = error.smallest if isinstance(error, InfeasibleBudget) else None
        return answer({"problem": in_labels(str(error)), "smallest": smallest, "impossible": _impossible(asked)})


async def train(request: Request) -> Response:
    """Begin to train a network, and say where to watch it."""
    asked = checked(Trained, await strict_json(request))
    task = await run_in_threadpool(_task, request, asked)
    board = dashboard.of(request)
    if not board.studies.is_open_to(task.name):
        raise HTTPException(409, "this dashboard shows only some studies. Start it without their names to train more.")
    alone = Training(asked.family, asked.budget, task.data, task.store, task.name, _settings(asked))
    folder = study_folder(task.store, task.name)
    await run_in_threadpool(board.runs.start, alone if asked.seeds == 1 else task, folder)
    return answer({"href": at("studies", task.name)}, 202)


async def estimate(request: Request) -> Response:
    """Say how long its training will take; nothing is trained."""
    asked = checked(Trained, await strict_json(request))
    task = await run_in_threadpool(_task, request, asked)
    return answer({"sentences": await run_in_threadpool(estimated, task)})


def _task(request: Request, asked: Trained) -> NewStudy:
    solved, known = _solve(asked), set_named(asked.dataset)
    if known.prepared is None:
        raise HTTPException(409, f"{known.key} is not prepared on this machine. Prepare it on its page under Data.")
    usual = f"play-{asked.family}-{abbreviate(solved.budget or 0).lower()}-{solved.architecture.digest[:8]}"
    options = options_of(asked.family, asked.options)
    store = dashboard.of(request).studies.store
    name = asked.name.strip() or usual + ("" if asked.epochs is None else f"-epochs{asked.epochs}")
    return NewStudy(
        (asked.family,), (asked.budget,), asked.seeds, known.place, store, name, asked.epochs, asked.limits, options
    )


def _settings(asked: Trained) -> dict[str, Any]:
    epochs = {} if asked.epochs is None else {"epochs": asked.epochs}
    return {**asked.limits, **options_of(asked.family, asked.options), **epochs}


def _impossible(asked: Asked) -> dict[str, dict[str, str]]:
    try:
        options = options_of(asked.family, asked.options)
        return impossible(family_named(asked.family), _seen_by(set_named(asked.dataset)), options)
    except InvalidValue:
        return {}


def _expected(studies: Shelf, known: Known, solved: Design) -> str:
    if known.prepared is None or solved.merit is None:
        return ""
    return expected_accuracy(studies, known.prepared.digest, solved.merit)


def _seen_by(known: Known) -> Task:
    return Task(known.image_shape, known.classes)


def _solve(asked: Asked) -> Design:
    task, options = _seen_by(set_named(asked.dataset)), options_of(asked.family, asked.options)
    return designed(asked.family, asked.budget, task, **asked.limits, **options)


def _record(solved: Design, expected: str) -> dict[str, Any]:
    cost, budget = solved.cost, solved.budget or solved.cost.weights
    device = on_device(solved.architecture, solved.limits)
    rows = layers_table(cost, budget).rows
    return {
        "sketch": render("sketch.html", boxes=sketch(cost, solved.architecture.input_shape)),
        "expected": expected,
        "options": dict(solved.options),  # those that were given, and those that the solver chose
        "budget": budget,
        "weights": cost.weights,
        "macs": cost.macs,
        "ram": device.ram_bytes,
        "facts": [
            ("weights", f"{cost.weights:,}"),
            ("of the budget", f"{100 * cost.weights / budget:.2f} %"),
            ("MACs per image", f"{cost.macs:,}"),
            ("RAM as int8 C", f"{device.ram_bytes / 1024:.1f} KiB"),
            *_of_chip(device),
        ],
        "notes": [*_notes(solved, device)],
        "input": list(solved.architecture.input_shape),
        # The last row is the sum.
        "layers": [
            {"cells": cells, "share": layer.weights / budget} for cells, layer in zip(rows, cost.layers, strict=False)
        ],
        "steps": [
            {"cells": cells, "share": step.weights / budget}
            for cells, step in zip(steps_table(cost, budget).rows, steps_of(cost.layers), strict=False)
        ],
    }


def _of_chip(device: OnDevice) -> list[tuple[str, str]]:
    facts = []
    if device.flash_bytes is not None:
        facts.append(("flash, estimated", f"{device.flash_bytes / 1024:.1f} KiB"))
    if device.milliseconds is not None:
        facts.append(("ms per image, estimated", amount("ms", device.milliseconds)))
    return facts


def _notes(solved: Design, device: OnDevice) -> list[str]:
    statistics, limits = solved.cost.running_statistics, solved.limits
    notes = [f"{used}." for used in limits.usage(demand(solved.architecture, limits))]
    notes += [f"{said[0].upper()}{said[1:]}." for said in sentences(device, limits)[1:]]
    if statistics:
        notes.insert(0, f"{statistics:,} running statistics of the normalisation are neither trained nor counted.")
    if solved.binding:
        notes.append(f"Limited by {' and '.join(WORDS[name] for name in solved.binding)} besides the weights.")
    return notes
