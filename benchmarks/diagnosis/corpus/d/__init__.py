"""Part "d": written after the rules, by somebody who hadn't read them."""

from benchmarks.diagnosis.corpus.d import data, healthy, healthy_more, loop, loss, network, settings
from benchmarks.diagnosis.corpus.program import Program

_MODULES = (loss, data, loop, settings, network, healthy, healthy_more)

PROGRAMS: tuple[Program, ...] = tuple(program for module in _MODULES for program in module.PROGRAMS)
