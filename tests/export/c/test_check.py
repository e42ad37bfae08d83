"""An int8 program on a chip: what the design, the header and the linker say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from makeweight.designs.architecture import Task
from makeweight.designs.chips import cores, parse_chip
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.errors import InvalidValue, MissingExtra
from makeweight.export.c import write_c
from makeweight.export.c.check import MAX_IMAGES, check_on, require_tools
from makeweight.export.c.emulate import Firmware, missing_tools, run
from makeweight.export.c.score import CScores, run_c
from makeweight.export.c.targets import TARGETS
from makeweight.export.session import require_chip
from makeweight.nets.build import build


@pytest.mark.parametrize("name", ["cortex-m0plus@48MHz", "cortex-m33", "rv32imc@160MHz"])
def test_design_header_and_linker_say_the_same(name: str, tmp_path: Path) -> None:
    chip = parse_chip(name)
    if missing := missing_tools(TARGETS[chip.core.name]):
        pytest.skip(f"needs {' and '.join(missing)}")
    architecture = fit(family_named("cnn"), Task((3, 16, 16), 7), 4_000).architecture
    network = build(architecture, torch.Generator().manual_seed(0)).eval()
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 16, 16), dtype=np.uint8)
    files = write_c(network, [f"class {k}" for k in range(7)], tmp_path, images, name="two", int8=True)
    here = run_c(files.source, images)
    assert isinstance(here, CScores)
    seen = check_on(chip, files.source, architecture, images, here.predictions)
    assert (seen.images, seen.same_class, seen.agrees) == (MAX_IMAGES, MAX_IMAGES, True)
    assert seen.ram_bytes == files.ram_bytes
    assert files.flash_bytes < seen.flash_bytes <= seen.designed_flash_bytes
    assert seen.instructions == pytest.approx(seen.designed_instructions, rel=0.1)
    assert 0 < seen.stack_bytes <= 640
    assert (seen.milliseconds is None) == (chip.mhz is None)
    wrong = (here.predictions + 1) % 7
    assert check_on(chip, files.source, architecture, images[:3], wrong).agrees is False


def test_missing_tools_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingExtra, match=r"arm-none-eabi-gcc and qemu-system-arm.*Debian: gcc-arm-none-eabi"):
        require_tools(parse_chip("cortex-m4"))


@pytest.mark.parametrize(("format_", "int8"), [("onnx", True), ("c", False)])
def test_a_chip_runs_the_int8_c_program(format_: str, int8: bool) -> None:
    with pytest.raises(InvalidValue, match="is for the int8 program in C: add format=c and int8=True"):
        require_chip(parse_chip("cortex-m4@80MHz"), format_, int8)


def test_every_core_has_a_target() -> None:
    assert TARGETS.keys() == cores().keys()


def test_instructions_are_counted_beyond_the_timer_of_24_bits(tmp_path: Path) -> None:
    target = TARGETS["cortex-m33"]
    if missing := missing_tools(target):
        pytest.skip(f"needs {' and '.join(missing)}")
    loop = "for (uint32_t i = 0; i < 250000000u; i++) n = i;"  # of four instructions each
    program = Firmware(
        f"static uint8_t p[4];\nstatic int f(void) {{ volatile uint32_t n; {loop} return 0; }}", "p", "f"
    )
    counted = run(target, tmp_path, program, np.zeros((1, 4), np.uint8)).instructions[0]
    assert counted == pytest.approx(1_000_000_000, rel=1e-4)
