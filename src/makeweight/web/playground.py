"""The design playground: the network that fits what is being moved, and its training."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.designs.architecture import Task
from makeweight.designs.demand import OnDevice, demand, on_device, sentences
from makeweight.designs.families import FAMILIES
from makeweight.designs.limits import WORDS, amount
from makeweight.designs.solver import Design
from makeweight.designs.table import layer_columns, layers_table
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.face.designs import design as designed
from makeweight.web import dashboard
from makeweight.web.answers import answer, at, page, strict_json
from makeweight.web.controls import LABELS, controls_of, default_family, in_labels, options_of
from makeweight.web.data import all_sets, set_named
from makeweight.web.work import Training
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


def show(request: Request) -> Response:
    """Show the controls."""
    return page(
        "playground.html",
        controls=[(family, controls_of(family)) for family in FAMILIES.values()],
        default=default_family(),
        datasets=all_sets(),
        labels=LABELS,
        limits=LIMITS.items(),
        headings=layer_columns(of_budget=True),
    )


def design(request: Request) -> Response:
    """Answer with the network that fills the budget, or with why there is none: both are what one plays for."""
    query = dict(request.query_params)
    fields = {name: query.pop(name) for name in Asked.model_fields if name in query and name != "options"}
    asked = _asked({**fields, "options": query})
    try:
        return answer(_record(_solve(asked)))
    except (GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue) as error:
        smallest = error.smallest if isinstance(error, InfeasibleBudget) else None
        return answer({"problem": in_labels(str(error)), "smallest": smallest})


async def train(request: Request) -> Response:
    """Begin to train a network, and say where to watch it."""
    asked = _asked(await strict_json(request))
    solved = await run_in_threadpool(_solve, asked)
    board = dashboard.of(request)
    name = f"play-{asked.family}-{abbreviate(solved.budget or 0).lower()}-{solved.architecture.digest[:8]}"
    if not board.studies.is_open_to(name):
        raise HTTPException(409, "this dashboard shows only some studies. Start it without their names to train more.")
    options = options_of(asked.family, asked.options)
    data, store = set_named(asked.dataset).place, board.studies.store
    task = Training(asked.family, asked.budget, data, store, name, {**asked.limits, **options})
    await run_in_threadpool(board.runs.start, task, store / name)
    return answer({"href": at("studies", name)}, 202)


def _asked(values: Any) -> Asked:
    try:
        return Asked.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _solve(asked: Asked) -> Design:
    known = set_named(asked.dataset)
    task, options = Task(known.image_shape, known.classes), options_of(asked.family, asked.options)
    return designed(asked.family, asked.budget, task, **asked.limits, **options)


def _record(solved: Design) -> dict[str, Any]:
    cost, budget = solved.cost, solved.budget or solved.cost.weights
    device = on_device(solved.architecture, solved.limits)
    return {
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
        "layers": [
            {"cells": cells, "share": layer.weights / budget}
            for cells, layer in zip(
                layers_table(cost, budget).rows, cost.layers, strict=False
            )  # the last row is the sum
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
