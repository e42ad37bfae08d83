"""Part "e": written without knowledge of the rules, after what people ask on forums."""

from benchmarks.diagnosis.corpus.e import (
    data,
    healthy,
    healthy_loops,
    healthy_nets,
    loop,
    loss,
    network,
    settings,
    validation,
)
from benchmarks.diagnosis.corpus.program import Program

_MODULES = (loss, data, loop, validation, settings, network, healthy, healthy_loops, healthy_nets)

PROGRAMS: tuple[Program, ...] = tuple(program for module in _MODULES for program in module.PROGRAMS)
