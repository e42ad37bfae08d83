"""The diagnosis on programs of the corpus: some in every run, all of them in `make test-slow` (and `make corpus`)."""

from __future__ import annotations

import importlib
import warnings

import pytest
from benchmarks.diagnosis.corpus.program import Program

import makeweight
from makeweight.diagnosis.catalogue import CATALOGUE

PROGRAMS = {
    f"{part}:{program.name}": program
    for part in ("a", "b", "c", "d", "e")
    for program in importlib.import_module(f"benchmarks.diagnosis.corpus.{part}").PROGRAMS
}
# Small and quick ones of all groups.
SOME = (
    "a:softmax-in-chain", "a:labels-rolled", "a:infinite-features", "a:gradients-add-up", "a:features-detached",
    "a:argmax-over-batch", "a:sgd-too-low", "a:zero-head-with-closure", "a:two-steps-an-update",
    "d:validates-with-noise", "d:autocast-with-scaler", "d:rare-boots-mixed",
)  # fmt: skip


def diagnosed(program: Program) -> makeweight.Diagnosis:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s = program.make()
    return makeweight.diagnose(s.model, s.loss_fn, s.optimizer, s.images, s.labels, step=s.step, validate=s.validate)


@pytest.mark.parametrize("name", SOME)
def test_a_program_is_diagnosed(name: str) -> None:
    program = PROGRAMS[name]
    diagnosis = diagnosed(program)
    if program.fault is None:
        assert [f.code for f in diagnosis.findings if f.certainty != "hint"] == []
    else:
        assert diagnosis.findings[0].code == program.fault


def test_every_fault_has_two_programs_and_every_program_a_known_fault() -> None:
    faults = [program.fault for program in PROGRAMS.values()]
    assert {code: faults.count(code) for code in CATALOGUE if faults.count(code) < 2} == {}
    assert {fault for fault in faults if fault} == set(CATALOGUE)
    assert faults.count(None) >= 40


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_the_whole_corpus() -> None:
    ranks, alarms, healthy = [], 0, 0
    for program in PROGRAMS.values():
        diagnosis = diagnosed(program)
        codes = [f.code for f in diagnosis.findings]
        if program.fault is None:
            healthy += 1
            alarms += any(f.certainty != "hint" for f in diagnosis.findings)
        else:
            ranks.append(codes.index(program.fault) if program.fault in codes else 99)
    assert sum(rank < 3 for rank in ranks) >= 0.95 * len(ranks)
    assert sum(rank == 0 for rank in ranks) >= 0.85 * len(ranks)
    assert alarms <= 0.05 * healthy
