"""The statistics of a study, kept until another training ends."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

from makeweight.report.analysis import analyse
from makeweight.report.page.cost_chart import cost_chart
from makeweight.report.summary import summarise
from makeweight.report.verdict import verdict
from makeweight.web.answers import UP, render, to_json
from makeweight.web.progress import NetworkProgress, Progress, read_progress

MAX_RUNS = 150  # whose answers on all test images are in memory: 60 MB for FashionMNIST
MAX_KEPT = 20
_COMPUTING = threading.Lock()  # one at a time: the next request for the same has it at once


def charts_of(progress: Progress) -> bytes:
    """Return what a study's page shows of them, as JSON: markup, and the figures that belong in it.

    Raises
    ------
    StoreError
        If the results cannot be read.
    """
    with _COMPUTING:
        return _charts(progress.folder, frozenset(job.key for job in progress.jobs if job.state == "done"))


@lru_cache(MAX_KEPT)
def _charts(folder: Path, done: frozenset[str]) -> bytes:
    UP.set("../")  # the markup stands in the study's page, which is one level higher than its address
    with_result = [network for network in read_progress(folder).networks if network.done]
    chosen = _most_accurate(with_result)
    analysis = analyse(summarise(folder, [network.network_id for network in chosen]))
    chart, left_out = cost_chart(analysis), len(with_result) - len(chosen)
    said = render("verdict.html", verdict=verdict(analysis))
    markup = render("charts.html", charts=[chart], left_out=left_out)
    return to_json({"verdict": said, "markup": markup, "figures": {chart.name: chart.to_record()}})


def _most_accurate(networks: list[NetworkProgress]) -> list[NetworkProgress]:
    """Return as many networks as can be in memory."""
    chosen, runs = list[NetworkProgress](), 0
    for network in sorted(networks, key=lambda network: -network.accuracy):
        if chosen and runs + network.done > MAX_RUNS:
            break
        chosen.append(network)
        runs += network.done
    return chosen
