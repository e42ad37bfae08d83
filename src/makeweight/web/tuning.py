"""The page of a tuning: its history, what mattered, the winner, and all trials."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.report.figures import tuning as tuning_figures
from makeweight.report.figures.style import Drawing
from makeweight.report.page.parts import TuningPart
from makeweight.report.tuning import TuningSummary, summarise_tuning
from makeweight.store.trials import has_trials, read_tuning
from makeweight.web import dashboard, pictures
from makeweight.web.answers import page
from makeweight.web.progress import read_progress


def show(request: Request) -> Response:
    """Show a tuning as it stands."""
    folder = _folder(request)
    progress, summary = read_progress(folder), _summary(folder)
    part = TuningPart.of(summary) if summary else None
    return page("tuning.html", study=progress, part=part, trials=len(summary.trials) if summary else 0)


def figures(request: Request) -> Response:
    """Answer with the figures as markup: drawing takes a second, and the text needn't wait for it."""
    summary = _summary(_folder(request))
    return Response(pictures.figures(_drawings(summary)) if summary else "", media_type="text/html")


def _folder(request: Request) -> Path:
    folder = dashboard.study_of(request)
    if not has_trials(folder):
        raise HTTPException(404, f"the study {folder.name} was not tuned.")
    return folder


def _summary(folder: Path) -> TuningSummary | None:
    """Return the tuning; None before its first trial."""
    tuning = read_tuning(folder)
    return summarise_tuning(folder) if tuning and tuning.settings else None


def _drawings(summary: TuningSummary) -> list[Drawing]:
    return [
        Drawing(f"tuning-{figure.name}", figure.title, words, "tuning", partial(figure.draw, summary))
        for figure in tuning_figures.FIGURES
        if (words := figure.describe(summary))
    ]
