"""Train each program of part "e", without the diagnosis: python -m benchmarks.diagnosis.corpus.e.check [part of a name]

A broken one is trained beside its repaired self, a healthy one beside softmax regression on four fifths of its images,
which is scored on the rest. Accuracies are the program's own, in percent, after 250 steps of 64 images.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import torch
from torch import nn

from benchmarks.diagnosis.corpus.e import PROGRAMS
from benchmarks.diagnosis.corpus.e.kit import run, training
from benchmarks.diagnosis.corpus.program import Program, Subject

STEPS = 250


def trained(make: Callable[[], Subject], in_order: bool = False) -> float:
    subject = make()
    assert subject.validate is not None
    run(subject, STEPS, in_order=in_order)
    return 100 * subject.validate()


def repaired(program: Program) -> Callable[[], Subject]:
    return lambda: program.make(fixed=True)  # type: ignore[call-arg]  # each function of a broken one has it


def regression(subject: Subject) -> Callable[[], Subject]:
    x, y = subject.images.flatten(1), subject.labels
    x = (x - x.mean(0)) / (x.std(0) + 1e-3)
    cut = len(x) * 4 // 5

    def make() -> Subject:
        model = nn.Linear(x.shape[1], int(y.max()) + 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        held_out = (x[cut:], y[cut:])
        return training(model, (x[:cut], y[:cut]), held_out, optimizer, nn.CrossEntropyLoss())

    return make


def line(program: Program) -> str:
    in_order = program.fault == "data-not-shuffled"
    own = trained(program.make, in_order)
    other = trained(repaired(program) if program.fault else regression(program.make()), in_order)
    return f"{program.name:34} {program.fault or 'healthy':26} {own:7.1f} {other:7.1f} {own - other:+7.1f}"


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for program in PROGRAMS:
        names = f"{program.name} {program.fault} {program.make.__module__}"
        if any(part in names for part in sys.argv[1:] or [""]):
            print(line(program), flush=True)


if __name__ == "__main__":
    main()
