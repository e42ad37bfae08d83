"""A fitted classifier in a notebook: scikit-learn's diagram, the layer table and the learning curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sklearn.utils import estimator_html_repr  # type: ignore[import-untyped]

from makeweight.designs.cost import cost
from makeweight.designs.table import layers_table
from makeweight.training.records import EpochRecord
from makeweight.wording import plural

WIDTH, HEIGHT, MARGIN = 320, 160, 28  # pixels of CSS
# Okabe and Ito's blue and vermilion, told apart by colour-blind readers; they hold on light and dark pages.
CURVES = (("training loss", "#0072b2"), ("validation loss", "#d55e00"))


def as_html(classifier: Any) -> str:
    """Show a classifier; one that is not fitted has the diagram alone."""
    diagram: str = estimator_html_repr(classifier)
    if not hasattr(classifier, "history_"):
        return diagram
    parts = (layers_table(cost(classifier.architecture_))._repr_html_(), learning_curve(classifier.history_))
    cells = "".join(f"<div>{part}</div>" for part in parts)
    return f'{diagram}<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">{cells}</div>'


def learning_curve(history: Sequence[EpochRecord]) -> str:
    """Losses against epochs as an SVG element."""
    series = [[record.training_loss for record in history], [record.validation_loss for record in history]]
    drawn = [(*curve, losses) for curve, losses in zip(CURVES, series, strict=True) if not math.isnan(losses[0])]
    top = max(max(losses) for *_, losses in drawn)
    lines = "".join(
        f'<polyline points="{_points(losses, top)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{WIDTH - MARGIN}" y="{14 * i}" text-anchor="end" fill="{colour}">{name} {losses[-1]:.3f}</text>'
        for i, (name, colour, losses) in enumerate(drawn, 1)
    )
    axes = (
        f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="currentColor"/>'
        f'<text x="{MARGIN - 4}" y="{MARGIN + 4}" text-anchor="end">{top:.1f}</text>'
        f'<text x="{MARGIN - 4}" y="{HEIGHT - MARGIN}" text-anchor="end">0</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN + 14}" text-anchor="end">epoch {len(history)}</text>'
    )
    label = f"Learning curve over {plural(len(history), 'epoch')}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-size="11" fill="currentColor">{axes}{lines}</svg>'
    )


def _points(losses: Sequence[float], top: float) -> str:
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    last = max(1, len(losses) - 1)
    return " ".join(
        f"{MARGIN + across * i / last:.1f},{HEIGHT - MARGIN - up * loss / (top or 1):.1f}"
        for i, loss in enumerate(losses)
    )
