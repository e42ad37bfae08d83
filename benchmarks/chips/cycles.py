"""Cycles for an instruction of the int8 program: the instructions that an emulator executed, each with its cycles.

``python -m benchmarks.chips.cycles`` prints the mean for three small networks. ``CYCLES`` holds what it printed, for
the fit of the cores.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chips.networks import Case
from makeweight.designs.limits import Limits
from makeweight.export.c import write_c
from makeweight.export.c.emulate import Firmware, command, link
from makeweight.export.c.targets import TARGETS, Target

_COREMARK = "the Cortex-M4's by the ratio of Arm's CoreMark per MHz, {} to 3.42, as Arm publishes no cycles"
# With zero wait states.
CYCLES: dict[str, dict[str, Any]] = {
    "cortex-m0plus": {"cycles": 1.31, "cycles_from": "Arm DDI 0484, table 3-1, with a multiplier of one cycle"},
    "cortex-m4": {"cycles": 1.42, "cycles_from": "Arm DDI 0439, table 3-1: loads 2, branches that are taken 3"},
    "cortex-m33": {"cycles": 1.21, "cycles_from": _COREMARK.format("4.02")},
    "cortex-m7": {"cycles": 0.97, "cycles_from": _COREMARK.format("5.01")},
    "rv32imc": {"cycles": 1.40, "cycles_from": "manual of the CV32E40P: branches 3, upper products 5; loads 2"},
}
CASES = (
    Case("CNN 5K, 28×28", "cnn", (1, 28, 28), 5_000, Limits(200_000)),
    Case("mobile 5K, 16×16", "mobile", (1, 16, 16), 5_000),
    Case("CNN 8K, 32×32×3", "cnn", (3, 32, 32), 8_000, Limits(400_000)),
)
FIRMWARE = Firmware('#include "model.c"', "model_image()", "model_predict")
OURS = {
    "main",
    "tell",
    "print",
    "reset",
    "call",
    "paint",
    "unpainted",
    "start_counting",
    "counted",
    "finish",
    "instructions",
}


def _many(operands: str) -> int:
    """Count the registers in a list such as {r4, r5, lr}."""
    return operands.count(",") + 1


def _cortex_m(name: str, operands: str, taken: int, executed: int, *, branch: int) -> int:
    """Extra cycles above one of a Cortex-M instruction."""
    if name.startswith(("push", "pop", "ldm", "stm")):
        return executed * _many(operands.partition("{")[2]) + taken * branch
    if name.startswith(("ldrd", "strd")):
        return 2 * executed
    if name.startswith(("ldr", "str", "vldr", "vstr")):
        return executed
    return taken * branch


def _cv32e40p(name: str, operands: str, taken: int, executed: int) -> int:
    if name in ("mulh", "mulhu", "mulhsu"):
        return 4 * executed
    if name in ("lw", "lb", "lbu", "lh", "lhu"):
        return executed
    return taken * (1 if name in ("j", "jal", "ret", "jalr", "jr") else 2)


EXTRA: dict[str, Callable[[str, str, int, int], int]] = {
    "cortex-m0plus": lambda *seen: _cortex_m(*seen, branch=1),
    "cortex-m4": lambda *seen: _cortex_m(*seen, branch=2),
    "rv32imc": _cv32e40p,
}


def main() -> None:
    """Print cycles for an instruction of each core and network."""
    for core, extra in EXTRA.items():
        for case in CASES:
            executed, more = _mix(TARGETS[core], case, extra)
            print(f"{core}, {case.name}: {executed:,} instructions, {1 + more / executed:.3f} cycles each")  # noqa: T201


def _mix(target: Target, case: Case, extra: Callable[[str, str, int, int], int]) -> tuple[int, int]:
    """Instructions that one prediction executes, and their cycles above one each."""
    images = case.images(4)
    with tempfile.TemporaryDirectory(prefix="chips-") as temporary:
        folder = Path(temporary)
        write_c(case.network(), [f"class {k}" for k in range(10)], folder, images, int8=True)
        program = link(target, folder, FIRMWARE, images[:1].transpose(0, 2, 3, 1).reshape(1, -1))
        listing = _listing(target, program)
        blocks, order = _trace(target, program, folder / "trace")
    executed, taken = Counter[int](), Counter[int]()
    for here, there in itertools.pairwise(order):
        block = blocks.get(here, [])
        executed.update(block)
        if block and there != block[-1] + listing.get(block[-1], (0, "", "", ""))[0]:
            taken[block[-1]] += 1
    counted = [
        (listing[at], n, taken[at]) for at, n in executed.items() if at in listing and listing[at][3] not in OURS
    ]
    return sum(n for _, n, _ in counted), sum(extra(name, rest, jumps, n) for (_, name, rest, _), n, jumps in counted)


def _listing(target: Target, program: Path) -> dict[int, tuple[int, str, str, str]]:
    """Each instruction by its address: bytes, name, operands, function."""
    listed: dict[int, tuple[int, str, str, str]] = {}
    function = ""
    for line in command([target.compiler.replace("gcc", "objdump"), "-d", str(program)]).splitlines():
        if head := re.match(r"^[0-9a-f]+ <(.+)>:", line):
            function = head[1]
        if match := re.match(r"^\s*([0-9a-f]+):\s+([0-9a-f]{4,8}(?: [0-9a-f]{4})?)\s+(\S+)\s*(.*)", line):
            listed[int(match[1], 16)] = len(match[2].replace(" ", "")) // 2, match[3], match[4], function
    return listed


def _trace(target: Target, program: Path, log: Path) -> tuple[dict[int, list[int]], list[int]]:
    """Blocks by their first address, as lists of addresses, and the order in which they were executed."""
    screen = ("-display", "none", "-monitor", "none", "-serial", "stdio")
    logging = ("-d", "exec,nochain,in_asm", "-D", str(log), "-kernel", str(program))
    subprocess.run([*target.emulator, *screen, *logging], capture_output=True, timeout=600, check=True)
    blocks: dict[int, list[int]] = {}
    order: list[int] = []
    block: list[int] | None = None
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("Trace"):
                order.append(int(line.split("[")[1].split("/")[1], 16))
            elif line.startswith("0x"):
                address = int(line[2:10], 16)
                block = blocks.setdefault(address, []) if block is None else block
                block.append(address)
            else:
                block = None
    return blocks, order


if __name__ == "__main__":
    main()
