"""The dashboard's route list, and how its errors leave."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from makeweight.errors import DataNotFound, MakeweightError, StudyLocked
from makeweight.web import compare, data, diagnosis, entrance, network, playground, studies, study, tuning
from makeweight.web.answers import refusal
from makeweight.web.dashboard import Dashboard
from makeweight.web.security import ENTER, Guard


def routes() -> list[Route]:
    """List everything that can be asked for."""
    return [
        Route("/", studies.show),
        Route(ENTER, entrance.enter),
        Route("/static/{name}", entrance.static),
        Route("/compare", compare.show),
        Route("/compare/curves", compare.curves),
        Route("/data", data.index),
        Route("/data/{dataset}", data.show),
        Route("/data/{dataset}/sheet", data.sheet),
        Route("/playground", playground.show),
        Route("/playground/design", playground.design),
        Route("/playground/train", playground.train, methods=["POST"]),
        Route("/studies/{study}", study.show),
        Route("/studies/{study}/events", study.events),
        Route("/studies/{study}/charts", study.charts),
        Route("/studies/{study}/stop", study.stop, methods=["POST"]),
        Route("/studies/{study}/resume", study.resume, methods=["POST"]),
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


def build(dashboard: Dashboard) -> Starlette:
    """Put the application together; the guard stands around all of it."""
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(Guard, door=dashboard.door)],
        exception_handlers={HTTPException: _refuse, MakeweightError: _explain},
    )
    app.router.redirect_slashes = False
    app.state.dashboard = dashboard
    return app


STATUS: dict[type[MakeweightError], int] = {StudyLocked: 409, DataNotFound: 404}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = error.detail if error.detail != "Not Found" else "there is no such page."
    return refusal(request.scope, error.status_code, words)


async def _explain(request: Request, error: Exception) -> Response:
    return refusal(request.scope, STATUS.get(type(error), 400), str(error))  # type: ignore[arg-type]
