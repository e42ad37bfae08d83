"""Disturb each operation of a scenario in turn, and check what is left and what a second run makes of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.output import progress
from benchmarks.reliability.catalogue import KINDS
from benchmarks.reliability.injection import REFUSED, Fault, Mode, Outcome, arm, disarm, in_fork
from benchmarks.reliability.power import Disk, Operation, read_journal
from benchmarks.reliability.scenarios import Scenario, State


@dataclass
class Count:
    """How many points of one kind were tried, and what was wrong at which."""

    points: int = 0
    wrong: list[str] = field(default_factory=list)


class Campaign:
    """One scenario in a folder of its own; one point of ``every`` is tried."""

    def __init__(self, scenario: Scenario, folder: Path, every: int = 1, kinds: Sequence[str] = KINDS) -> None:
        self.scenario, self.every = scenario, every
        self._before, self._folder, self._journal = folder / "before", folder / "now", folder / "journal"
        self._expected: State = {}
        self.counts = {kind: Count() for kind in kinds}

    def run(self) -> dict[str, Count]:
        """Try all points of all kinds."""
        progress(f"{self.scenario.name} begins")
        self._before.mkdir()
        self.scenario.begin(self._before)  # in this process, as is one run: forks then find all modules imported
        self._fresh()
        self._checked([])
        operations = self._undisturbed()
        changes = sum(operation.kind != "a" for operation in operations)
        progress(f"{self.scenario.name}: {changes} operations change its folder")
        for kind, fault in (
            (KINDS[0], Fault(Mode.KILL)),
            (KINDS[1], Fault(Mode.FAIL_ONCE, error=errno.EIO)),
            (KINDS[2], Fault(Mode.FULL, error=errno.ENOSPC)),
        ):
            if kind in self.counts:
                self._inject(kind, fault, changes)
                self._say(kind)
        self._cut_power(operations)
        for kind in self._power_cuts():
            self._say(kind)
        return self.counts

    def _fresh(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._before, self._folder)

    def _work(self, fault: Fault) -> str:
        """Do the work under a fault; return the number of operations."""
        arm(self._folder, fault)
        try:
            for told in self.scenario.work(self._folder):
                if fault.journal >= 0:
                    os.write(fault.journal, f"a\t{self._folder}/{told}\t\t0\t0\n".encode())
        finally:
            count = disarm()
        return str(count)

    def _undisturbed(self) -> list[Operation]:
        self._fresh()
        with self._journal.open("wb") as journal:
            _must(in_fork(lambda: self._work(Fault(Mode.COUNT, journal=journal.fileno()))))
        self._expected = json.loads(_must(in_fork(self._state)).text)
        return read_journal(self._journal)

    def _state(self) -> str:
        return json.dumps(self.scenario.state(self._folder), default=repr)

    def _inject(self, kind: str, fault: Fault, changes: int) -> None:
        for when in range(1, changes + 1, self.every):
            self._fresh()
            outcome = in_fork(lambda: self._work(Fault(fault.mode, when, fault.error)))  # noqa: B023
            if fault.mode == Mode.FULL and outcome.code == 0 and not outcome.killed and int(outcome.text) < when:
                return  # there are fewer operations that need room
            wrong = _not_clear(outcome) if fault.mode != Mode.KILL else _not_killed(outcome)
            self._note(kind, f"operation {when}", wrong or self._again(()))

    def _cut_power(self, operations: list[Operation]) -> None:
        disk, told = Disk(self._folder_as_recorded()), list[str]()
        for number, operation in enumerate([*operations, None]):
            if number % self.every == 0 or operation is None:
                for kind, survive in self._power_cuts().items():
                    shutil.rmtree(self._folder, ignore_errors=True)
                    disk.cut(self._folder, survive)
                    self._note(kind, f"after {number} operations", self._again(told))
            if operation is not None and operation.kind == "a":
                told.append(operation.path.removeprefix(f"{self._folder}/"))
            elif operation is not None:
                disk.do(operation)

    def _power_cuts(self) -> dict[str, bool]:
        """By kind, whether all names survive."""
        return {kind: survive for kind, survive in ((KINDS[3], False), (KINDS[4], True)) if kind in self.counts}

    def _folder_as_recorded(self) -> Path:
        self._fresh()
        return self._folder

    def _again(self, told: tuple[str, ...] | list[str]) -> str:
        """Check what is left, do the work again, and compare; return what is wrong."""
        outcome = in_fork(lambda: self._checked(list(told)))
        return "" if outcome.code == 0 else outcome.text.strip() or f"ended with {outcome}"

    def _checked(self, told: list[str]) -> str:
        self.scenario.check(self._folder)
        finished = self.scenario.finished(self._folder)
        lost = [name for name in told if name not in finished]
        assert not lost, f"told the user, and lost: {lost}"
        for _ in self.scenario.work(self._folder):
            pass
        after = self.scenario.finished(self._folder)
        assert {name: after.get(name) for name in finished} == finished, "finished work was touched"
        state = json.loads(self._state())
        expected = self._expected or state  # empty in the run that warms up
        other = {name for name in {*state, *expected} if state.get(name) != expected.get(name)}
        assert not other, [(name, state.get(name), expected.get(name)) for name in sorted(other)][:3]
        return ""

    def _say(self, kind: str) -> None:
        count = self.counts[kind]
        progress(f"{self.scenario.name}, {kind}: {count.points - len(count.wrong)} of {count.points} points survived")
        for line in count.wrong[:5]:
            progress(f"  {line[-1500:]}")

    def _note(self, kind: str, point: str, wrong: str) -> None:
        self.counts[kind].points += 1
        if wrong:
            self.counts[kind].wrong.append(f"{point}: {wrong}")


def _not_clear(outcome: Outcome) -> str:
    """Say what was wrong: an error must be one of ours, and work that needs nothing of what failed may go on."""
    ended = outcome.code in (0, REFUSED) and not outcome.killed
    return "" if ended else f"no clear error: {outcome.text.strip() or outcome}"


def _not_killed(outcome: Outcome) -> str:
    return "" if outcome.killed else f"not killed: {outcome}"


def _must(outcome: Outcome) -> Outcome:
    if outcome.code != 0:
        raise RuntimeError(outcome.text or str(outcome))
    return outcome
