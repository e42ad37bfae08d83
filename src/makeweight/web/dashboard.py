"""What all pages share while the server runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from makeweight.study.looks import record_look
from makeweight.web.analyses import Analyses
from makeweight.web.diagnoses import Diagnoses
from makeweight.web.eyes import Eyes
from makeweight.web.live import Hub
from makeweight.web.runs import Runs
from makeweight.web.security import Door
from makeweight.web.store import Studies

log = logging.getLogger("makeweight.web")


@dataclass(frozen=True)
class Dashboard:
    """The studies, who may see them, and what is at work."""

    studies: Studies
    door: Door
    hub: Hub = field(default_factory=Hub)
    runs: Runs = field(default_factory=Runs)
    analyses: Analyses = field(default_factory=Analyses)
    diagnoses: Diagnoses = field(default_factory=Diagnoses)
    eyes: Eyes = field(default_factory=lambda: Eyes(_record))


def _record(folder: Path, run: str) -> None:
    record_look(folder, [run], log.info)


def of(request: Request) -> Dashboard:
    """Return the dashboard that a request is for."""
    dashboard = request.app.state.dashboard
    assert isinstance(dashboard, Dashboard)
    return dashboard
