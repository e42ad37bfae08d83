"""The statistics of studies, kept as long as no further training ends."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from makeweight.report.analysis import Analysis, analyse
from makeweight.report.page.cost_chart import cost_chart
from makeweight.report.summary import summarise
from makeweight.report.verdict import Verdict, verdict
from makeweight.web import templates
from makeweight.web.answers import to_json
from makeweight.web.progress import NetworkProgress, Progress

MOST_RUNS = 150  # whose answers on all test images are held at once: 60 MB of FashionMNIST's
MOST_STUDIES = 3


@dataclass(frozen=True)
class Analysed:
    """A study with its statistics."""

    analysis: Analysis = field(repr=False)
    verdict: Verdict
    left_out: int  # networks that are less accurate than all of these

    @cached_property
    def charts(self) -> bytes:
        """What the study's page shows of it, as JSON: markup, and the figures that belong in it."""
        chart = cost_chart(self.analysis)
        markup = templates.render("charts.html", charts=[chart], verdict=self.verdict, left_out=self.left_out)
        return to_json({"markup": markup, "figures": {chart.name: chart.to_record()}})


class Analyses:
    """Computes them once, whoever asks, and keeps the last few."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, tuple[frozenset[str], Analysed]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, progress: Progress) -> Analysed:
        """Return the statistics of a study that has a result.

        Raises
        ------
        StoreError
            If the results cannot be read.
        """
        done = frozenset(job.key for job in progress.jobs if job.state == "done")
        with self._lock:  # one computation at a time: the next to ask for the same finds it done
            known = self._known.get(progress.folder)
            if known is None or known[0] != done:
                known = done, _analysed(progress)
            self._known[progress.folder] = known
            self._known.move_to_end(progress.folder)
            while len(self._known) > MOST_STUDIES:
                self._known.popitem(last=False)
        return known[1]


def _analysed(progress: Progress) -> Analysed:
    with_result = [network for network in progress.networks if network.done]
    chosen = _chosen(with_result)
    analysis = analyse(summarise(progress.folder, [(network.family, network.budget) for network in chosen]))
    return Analysed(analysis, verdict(analysis), len(with_result) - len(chosen))


def _chosen(networks: list[NetworkProgress]) -> list[NetworkProgress]:
    """Return the most accurate networks, as many as can be held."""
    chosen, runs = list[NetworkProgress](), 0
    for network in sorted(networks, key=lambda each: -(each.test_accuracy or 0)):
        if chosen and runs + network.done > MOST_RUNS:
            break
        chosen.append(network)
        runs += network.done
    return chosen
