"""The third part of the corpus: a broken program for every code, and healthy ones by many hands."""

from benchmarks.diagnosis.corpus.c import architectures, data, healthy, loop, loss, network, seasoned, settings

PROGRAMS = (
    *loss.PROGRAMS,
    *data.PROGRAMS,
    *loop.PROGRAMS,
    *settings.PROGRAMS,
    *network.PROGRAMS,
    *healthy.PROGRAMS,
    *seasoned.PROGRAMS,
    *architectures.PROGRAMS,
)
