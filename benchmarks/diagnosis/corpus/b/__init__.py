"""Half "b" of the corpus."""

from __future__ import annotations

from benchmarks.diagnosis.corpus.b import data, healthy, healthy_deep, loop, loss, network, settings
from benchmarks.diagnosis.corpus.program import Program

PROGRAMS: tuple[Program, ...] = (
    *loss.PROGRAMS,
    *data.PROGRAMS,
    *loop.PROGRAMS,
    *settings.PROGRAMS,
    *network.PROGRAMS,
    *healthy.PROGRAMS,
    *healthy_deep.PROGRAMS,
)
