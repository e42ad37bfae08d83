"""The design playground: the solver's answer to what is being moved, and its training."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.design.architecture import Task
from makeweight.design.budget import format_budget, parse_budget
from makeweight.design.families import family_named
from makeweight.design.limits import Limits, parse_limits
from makeweight.design.solver import Design, fit
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.web import dashboard
from makeweight.web.answers import answer, page, strict_json
from makeweight.web.controls import CONTROLS, options_of
from makeweight.web.sets import all_sets, set_named
from makeweight.web.templates import at

MOST_TEXT = 40  # characters of a value
MOST_KEY = 60  # of a data set
Text = Annotated[str, Field(max_length=MOST_TEXT)]


class Asked(BaseModel):
    """A network as it is asked for; texts as they stand in an address."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    family: Text = "cnn"
    budget: Text = "50K"
    dataset: Annotated[str, Field(max_length=MOST_KEY)] = "fashion-mnist"
    max_macs: Text = ""
    max_activation_bytes: Text = ""  # in int8
    options: Annotated[dict[Text, Text], Field(max_length=20)] = {}


def show(request: Request) -> Response:
    """Show the controls."""
    return page("playground.html", controls=CONTROLS, datasets=all_sets())


def design(request: Request) -> Response:
    """Answer with the network that fills the budget, or with why there is none: both are what one plays for."""
    given = dict(request.query_params)
    top = {name: given.pop(name) for name in Asked.model_fields if name in given and name != "options"}
    asked = _asked({**top, "options": given})
    try:
        return answer(_record(_solve(asked), _limits(asked)))
    except (GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue) as error:
        smallest = error.smallest if isinstance(error, InfeasibleBudget) else None
        return answer({"problem": str(error), "kind": type(error).__name__, "smallest": smallest})


async def train(request: Request) -> Response:
    """Begin to train a network, as ``makeweight train`` does, and say where to watch it."""
    asked = _asked(await strict_json(request))
    found = await run_in_threadpool(_solve, asked)
    board = dashboard.of(request)
    name = f"play-{asked.family}-{format_budget(found.budget or 0).lower()}-{found.architecture.digest[:8]}"
    if not board.studies.is_open_to(name):
        raise HTTPException(409, "this dashboard shows some studies only; start it without their names to train more.")
    await run_in_threadpool(
        board.runs.start, _arguments(asked, name, str(board.studies.store)), board.studies.store / name
    )
    return answer({"href": at("studies", name)}, 202)


def _asked(values: Any) -> Asked:
    try:
        return Asked.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _solve(asked: Asked) -> Design:
    known = set_named(asked.dataset)
    family = family_named(asked.family)
    task = Task(known.image_shape, known.classes)
    return fit(family, task, parse_budget(asked.budget), options_of(asked.family, asked.options), _limits(asked))


def _limits(asked: Asked) -> Limits:
    return parse_limits(asked.max_macs or None, asked.max_activation_bytes or None)


def _arguments(asked: Asked, name: str, store: str) -> list[str]:
    options = [f"--{option.replace('_', '-')}={value}" for option, value in asked.options.items()]
    options += [f"--{name.replace('_', '-')}={value}" for name, value in asdict(_limits(asked)).items() if value]
    chosen = [f"--family={asked.family}", f"--budget={asked.budget}", "=".join(set_named(asked.dataset).arguments)]
    return ["train", *chosen, *options, f"--name={name}", f"--store={store}"]


def _record(found: Design, limits: Limits) -> dict[str, Any]:
    cost, budget = found.cost, found.budget or found.cost.weights
    return {
        "weights": cost.weights,
        "budget": budget,
        "used": cost.weights / budget,
        "macs": cost.macs,
        "activationBytes": cost.activation_bytes,
        "statistics": cost.running_statistics,
        "limits": limits.usage(cost),
        "binding": [name.replace("_", " ") for name in found.binding],
        "input": list(found.architecture.input_shape),
        "layers": [
            {"name": layer.name, "kind": layer.kind.replace("_", " "), "output": list(layer.output_shape),
             "weights": layer.weights, "macs": layer.macs}
            for layer in cost.layers
        ],
    }  # fmt: skip
