"""The dashboard's routes, and how errors are answered."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from makeweight.errors import DataNotFound, MakeweightError, StudyLocked
from makeweight.web import compare, dashboard, data, diagnosis, network, papers, playground, start, studies, tuning
from makeweight.web.answers import refusal
from makeweight.web.controls import in_labels
from makeweight.web.dashboard import Dashboard
from makeweight.web.security import ENTER, Guard


def routes() -> list[Route]:
    """List everything that can be requested."""
    return [
        Route("/", studies.index),
        Route(ENTER, dashboard.enter),
        Route("/static/{name}", dashboard.static),
        Route("/compare", compare.show),
        Route("/compare/curves", compare.curves),
        Route("/compare/differing", compare.differing),
        Route("/data", data.index),
        Route("/data/prepare", data.prepare, methods=["POST"]),
        Route("/data/upload", data.upload, methods=["POST"]),
        Route("/data/{dataset}", data.show),
        Route("/data/{dataset}/sheet", data.sheet),
        Route("/playground", playground.show),
        Route("/playground/design", playground.design),
        Route("/playground/estimate", playground.estimate, methods=["POST"]),
        Route("/playground/train", playground.train, methods=["POST"]),
        Route("/draw", network.draw),
        Route("/glossary", dashboard.glossary),
        Route("/start", start.show),
        Route("/start", start.begin, methods=["POST"]),
        Route("/start/estimate", start.estimate, methods=["POST"]),
        Route("/studies/{study}", studies.show),
        Route("/studies/{study}/events", studies.events),
        Route("/studies/{study}/charts", studies.charts),
        Route("/studies/{study}/csv", papers.csv),
        Route("/studies/{study}/papers/{what}", papers.take),
        Route("/studies/{study}/papers/{what}", papers.make, methods=["POST"]),
        Route("/studies/{study}/stop", studies.stop, methods=["POST"]),
        Route("/studies/{study}/resume", studies.resume, methods=["POST"]),
        Route("/studies/{study}/tuning", tuning.show),
        Route("/studies/{study}/tuning/figures", tuning.figures),
        Route("/studies/{study}/networks/{network}", network.show),
        Route("/studies/{study}/networks/{network}/diagnosis", diagnosis.show),
        Route("/studies/{study}/networks/{network}/diagnosis", diagnosis.make, methods=["POST"]),
        Route("/studies/{study}/networks/{network}/curves", network.curves),
        Route("/studies/{study}/networks/{network}/{seed}/eye", network.describe),
        Route("/studies/{study}/networks/{network}/{seed}/test/{number}", network.test),
        Route("/studies/{study}/networks/{network}/{seed}/responses", network.responses),
        Route("/studies/{study}/networks/{network}/{seed}/filters", network.filters),
        Route("/studies/{study}/networks/{network}/{seed}/see", network.see, methods=["POST"]),
        Route("/studies/{study}/networks/{network}/{seed}/picture", network.picture, methods=["POST"]),
    ]


def build(board: Dashboard) -> Starlette:
    """Build the application, all of it behind the guard."""
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Guard, door=board.door)],
        exception_handlers={HTTPException: _refuse, MakeweightError: _explain},
    )
    app.router.redirect_slashes = False
    app.state.dashboard = board
    return app


STATUS: dict[type[MakeweightError], int] = {StudyLocked: 409, DataNotFound: 404}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = error.detail if error.detail != "Not Found" else "there is no such page."
    return refusal(request.scope, error.status_code, words)


async def _explain(request: Request, error: Exception) -> Response:
    return refusal(request.scope, STATUS.get(type(error), 400), in_labels(str(error)))  # type: ignore[arg-type]
