"""Half "a" of the corpus: the one thresholds may be chosen on."""

from benchmarks.diagnosis.corpus.a import data, healthy, healthy_deep, loop, loop_more, loss, network, settings
from benchmarks.diagnosis.corpus.program import Program

_MODULES = (loss, data, loop, loop_more, settings, network, healthy, healthy_deep)

PROGRAMS: tuple[Program, ...] = tuple(program for module in _MODULES for program in module.PROGRAMS)
