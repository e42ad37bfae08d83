"""Figures of a study: each kind by its name, as a Matplotlib figure; the interactive ones as Plotly figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from makeweight.report.contents import Contents
    from makeweight.report.figures.style import Drawing
    from makeweight.report.page.charts import Chart


class Plots:
    """``plot.curves()``, ``plot.accuracy_against_weights()`` …: a method for each figure of the study.

    The figure of one network takes its name: ``plot.curves("cnn-10k")``. ``plot.interactive("curves")`` is a Plotly
    figure. ``dir(plot)`` and ``repr(plot)`` list what there is.
    """

    def __init__(self, folder: Path, contents: Callable[[], Contents]) -> None:
        self._folder, self._contents = folder, contents

    def __call__(self, name: str = "accuracy-against-weights", theme: str = "light") -> Figure:
        """Draw a figure by its name.

        Raises
        ------
        InvalidValue
            If there is none of that name; the error lists the names.
        """
        from makeweight.report.figures.style import drawing

        drawings = self._drawings()
        _shown_by_notebooks()
        for drawn in drawings:
            if fnmatchcase(drawn.name, name.lower().replace("_", "-").replace(" ", "-")):
                with drawing(theme):  # type: ignore[arg-type]
                    return drawn.draw()
        known = ", ".join(drawn.name for drawn in drawings) or "none, as no training is finished"
        raise InvalidValue(f"there is no figure {name!r} of the study in {self._folder}. There are: {known}.")

    def interactive(self, name: str = "costs") -> Any:
        """Return a chart of the report as a Plotly figure: hover for numbers, zoom, hide.

        Raises
        ------
        InvalidValue
            If there is none of that name; the error lists the names.
        """
        charts = {chart.name: chart for chart in self._charts()}
        if name not in charts:
            raise InvalidValue(f"there is no interactive figure {name!r}. There are: {', '.join(charts)}.")
        chart = charts[name]
        figure = next(iter(chart.figures.values()))
        return figure.update_layout(title=chart.title, template="plotly", showlegend=False)

    def __getattr__(self, name: str) -> Callable[..., Figure]:
        if name.startswith("_"):
            raise AttributeError(name)

        def draw(network: str | None = None, theme: str = "light") -> Figure:
            return self(name if network is None else f"{name}-{network}", theme)

        return draw

    def __dir__(self) -> list[str]:
        return ["interactive", *(drawn.name.replace("-", "_") for drawn in self._drawings())]

    def __repr__(self) -> str:
        return "Figures: " + ", ".join(drawn.name for drawn in self._drawings())

    def _drawings(self) -> tuple[Drawing, ...]:
        from makeweight.report.figures.catalogue import drawings

        return drawings(self._contents())

    def _charts(self) -> tuple[Chart, ...]:
        from makeweight.report.page.page import charts

        return charts(self._contents())


def _shown_by_notebooks() -> None:
    """Let a notebook show figures that weren't made by pyplot."""
    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook else None
    if shell is not None:
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]
