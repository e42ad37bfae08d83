"""Starting a study from the browser: what to train on, which networks, how often, and how long that will take."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.designs.families import FAMILIES
from makeweight.errors import RunFailed
from makeweight.face.folders import study_folder
from makeweight.web import dashboard, work
from makeweight.web.answers import answer, at, page, strict_json
from makeweight.web.checks import checked
from makeweight.web.data import all_sets, set_named

SECONDS = 120.0  # that an estimate may take
MAX_TEXT = 200
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class Asked(BaseModel):
    """A study as it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    data: Text
    families: Annotated[list[Text], Field(min_length=1, max_length=50)]
    budgets: Text = ""  # comma-separated; empty: each family's own
    seeds: Annotated[int, Field(ge=1, le=100)] = 3
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    name: Text = ""


def show(request: Request) -> Response:
    """Show the form."""
    return page("start.html", datasets=all_sets(), families=list(FAMILIES.values()))


async def begin(request: Request) -> Response:
    """Start the study, and say where to watch it."""
    task = await _task(request)
    board = dashboard.of(request)
    if not board.studies.is_open_to(task.name):
        raise HTTPException(409, "this dashboard shows only some studies. Start it without their names to train more.")
    folder = study_folder(task.store, task.name)
    if folder.exists():
        raise HTTPException(409, f"there is a study {task.name} already. Give another name.")
    await run_in_threadpool(board.runs.start, task, folder)
    return answer({"href": at("studies", task.name)}, 202)


async def estimate(request: Request) -> Response:
    """Say how long the study will take and what it can show; nothing is trained."""
    return answer({"sentences": await run_in_threadpool(estimated, await _task(request))})


def estimated(study: work.NewStudy) -> tuple[str, ...]:
    """Time a few steps of each network in a program of its own."""
    with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
        path = Path(folder) / "estimate.json"
        work.begin(work.Estimation(study, SECONDS), path)
        record = work.wait_for(path, lambda _: False, SECONDS + 10)
        if record is None or record.expected is None:
            raise RunFailed(record.message if record else "the estimate was lost. Try again.")
        return record.expected.sentences()


async def _task(request: Request) -> work.NewStudy:
    asked = checked(Asked, await strict_json(request))
    known = set_named(asked.data)
    if known.prepared is None:
        raise HTTPException(409, f"{known.key} is not prepared on this machine. Prepare it on its page first.")
    budgets = tuple(part for part in re.split(r"[\s,;]+", asked.budgets) if part)
    name = asked.name.strip() or _name(asked, budgets)
    store = dashboard.of(request).studies.store
    return work.NewStudy(tuple(asked.families), budgets, asked.seeds, known.place, store, name, asked.epochs)


def _name(asked: Asked, budgets: tuple[str, ...]) -> str:
    """Name a study after what is asked for."""
    parts = [asked.data, *asked.families, *budgets, *([] if asked.epochs is None else [f"epochs{asked.epochs}"])]
    return re.sub(r"[^a-z0-9+.-]+", "-", "-".join(parts).lower())[:80].strip("-.")
