"""What a network takes on a chip, estimated from its design."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.settings import RESULTS

import makeweight as mw
from makeweight.designs.architecture import Task
from makeweight.designs.chips import cores, parse_chip
from makeweight.designs.demand import demand, least_demand, on_device
from makeweight.designs.families import FAMILIES, family_named, options_from
from makeweight.designs.limits import Limits, parse_limits
from makeweight.designs.solver import fit
from makeweight.designs.structures import architectures
from makeweight.designs.workload import constants
from makeweight.errors import InfeasibleLimits, InvalidValue
from makeweight.export.c import write_c
from makeweight.nets.build import build

FASHION = Task((1, 28, 28), 10)
COUNTS = json.loads((RESULTS / "chips-fit.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("core", cores())
def test_the_formula_tells_the_instructions_that_an_emulator_counted(core: str) -> None:
    """The counts are of other networks' fit, too; the error on networks left out stands in the record."""
    numbers = cores()[core]
    errors = []
    for row in COUNTS:
        told = sum(numbers.instructions.get(name, 0.0) * count for name, count in row["work"].items())
        errors.append(abs(told / row["cores"][core]["instructions"] - 1))
        code = sum(numbers.code.get(name, 0.0) * count for name, count in row["parts"].items()) + numbers.spare_code
        assert code >= row["cores"][core]["code"] - 1  # flash is never told too low
    assert len(errors) >= 30
    assert np.median(errors) < 0.02
    assert max(errors) < 0.1
    assert numbers.largest_error <= 0.1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options", [{}, {"activation": "leaky_relu"}, {"activation": "gelu"}, {"activation": "prelu"}], ids=str
)
def test_constants_are_those_of_the_written_file(family: str, options: dict[str, str], tmp_path: Path) -> None:
    architecture = fit(family_named(family), Task((3, 24, 20), 7), 9_000, options).architecture
    network = build(architecture, torch.Generator().manual_seed(0)).eval()
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 24, 20), dtype=np.uint8)
    written = write_c(network, [f"class {k}" for k in range(7)], tmp_path, images, int8=True)
    assert constants(architecture) == written.flash_bytes


def test_a_network_fits_a_chip_without_a_budget() -> None:
    limits = parse_limits(chip="m0+@48MHz", max_flash="32K", max_ram="8K", max_ms=150)
    design = fit(family_named("cnn"), FASHION, limits.budget(None) or 0, {}, limits)
    used = demand(design.architecture, limits)
    assert limits.broken_by(used) == ()
    assert max(used[name] / most for name, most in limits.most().items()) > 0.9  # nothing is left for fear
    device = on_device(design.architecture, limits)
    assert (device.flash_bytes, device.milliseconds) == (used["flash"], used["ms"])
    assert device.instructions is not None
    assert device.milliseconds == pytest.approx(device.instructions * cores()["cortex-m0plus"].cycles / 48e3, rel=1e-3)


def test_many_widths_at_once_are_counted_as_one_by_one() -> None:
    limits = parse_limits(chip="cortex-m4@80MHz", max_flash="64K", max_ms=100, max_ram="32K", max_macs="5M")
    skeleton = family_named("mobile").skeleton(FASHION, options_from(family_named("mobile"), {}), 20_000)
    rows = np.random.default_rng(0).integers(4, 40, (30, len(skeleton.knobs)))
    together = least_demand(architectures(skeleton, rows), limits)
    for i, row in enumerate(rows):
        alone = least_demand(skeleton.build(tuple(row.tolist())), limits)
        for name, counted in alone.items():
            assert np.broadcast_to(together[name], len(rows))[i] == pytest.approx(counted), name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_ms": 5}, "limit on a chip"),
        ({"max_flash": "64K"}, "limit on a chip"),
        ({"chip": "cortex-m4", "max_ms": 5}, "needs the chip's clock"),
        ({"chip": "z80"}, "unknown. Choose from: cortex-m0plus"),
        ({"chip": "cortex-m4@fast"}, "the clock in"),
        ({"chip": "cortex-m4@0"}, "the clock in"),
        ({"chip": "cortex-m4@80MHz", "max_ms": "soon"}, "write a number above 0"),
        ({"chip": "cortex-m4", "ram_type": "fp32"}, "runs the int8 program"),
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused_with_the_rule(given: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        parse_limits(**given)  # type: ignore[arg-type]


def test_the_smallest_limit_that_works_does() -> None:
    limits = parse_limits(chip="cortex-m4@80MHz", max_ms=0.1, max_flash=1000)
    with pytest.raises(InfeasibleLimits, match="ms on cortex-m4@80MHz") as refused:
        fit(family_named("cnn"), FASHION, 20_000, {}, limits)
    works = replace(limits, **{f"max_{name}": most for name, most in refused.value.nearest.items()})  # type: ignore[arg-type]
    assert fit(family_named("cnn"), FASHION, 20_000, {}, works).cost.weights > 0


@pytest.mark.parametrize("clock", [0.001, 0.25, 48.0, 1234.567, 2000.0])
def test_a_chip_is_read_back_as_it_is_written(clock: float) -> None:
    chip = parse_chip(f"m4@{clock}")
    assert chip.mhz == clock
    assert parse_chip(str(chip)) == chip


def test_milliseconds_may_be_any_number_above_0() -> None:
    assert parse_limits(chip="m4@80", max_ms=100 / 3).max_ms == 100 / 3
    assert parse_limits(chip="m4@80", max_ms="1e-3").max_ms == 0.001
    names = {
        "-".join(parse_limits(chip="m4@80", max_ms=ms).labels()) for ms in (2, 2.000001, 1.999999, 1234567, 1234568)
    }
    assert len(names) == 5
    for wrong in (float("nan"), float("inf"), -1, True):
        with pytest.raises(InvalidValue, match="write a number above 0"):
            parse_limits(chip="m4@80", max_ms=wrong)


def test_exact_widths_keep_the_chip_and_too_little_flash_is_told_in_flash() -> None:
    assert mw.design("cnn", data=FASHION, widths=(8,), chip="m4@80MHz").limits.chip == "cortex-m4@80MHz"
    with pytest.raises(InfeasibleLimits, match=r"bytes of flash on cortex-m4.*Use max_flash=") as refused:
        mw.design("cnn", data=FASHION, chip="cortex-m4", max_flash=100)
    works = int(refused.value.nearest["flash"])
    assert mw.design("cnn", data=FASHION, chip="cortex-m4", max_flash=works).cost.weights > 0
    with pytest.raises(InvalidValue, match="chip '5' is unknown"):
        mw.design("cnn", "2K", FASHION, chip=5)  # type: ignore[arg-type]


def test_a_chip_without_a_clock_has_no_milliseconds() -> None:
    architecture = fit(family_named("cnn"), FASHION, 5_000).architecture
    assert on_device(architecture, Limits(chip="cortex-m4")).milliseconds is None
    with pytest.raises(InvalidValue, match="need its clock"):
        parse_chip("cortex-m4").milliseconds(architecture)
