"""Energy from files of counters laid out as Linux does, which the measured call itself drives."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.measuring.energy import Energy, EnergyCounter, energy_per_image, find_counter, rapl_counter

RANGE_UJ = 262_143_328_850  # of a real package
Zone = Callable[..., Path]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """Write a zone of the powercap tree."""

    def write(folder: str, name: str, energy_uj: int | str = 0, range_uj: int = RANGE_UJ) -> Path:
        path = tmp_path / folder
        path.mkdir()
        for file, content in (("name", name), ("energy_uj", energy_uj), ("max_energy_range_uj", range_uj)):
            (path / file).write_text(f"{content}\n")
        return path

    return write


def spend(*zones: Path, uj: int = 1_000) -> Callable[[], None]:
    """Make a call that takes so much from every zone."""

    def call() -> None:
        for path in zones:
            file = path / "energy_uj"
            file.write_text(str((int(file.read_text()) + uj) % int((path / "max_energy_range_uj").read_text())))

    return call


def energy(call: Callable[[], object], root: Path, images: int = 256, seconds: float = 0.01) -> Energy | None:
    return energy_per_image(call, images, rapl_counter(root), seconds)


def test_energy_is_what_the_package_took_divided_by_the_images(zone: Zone, tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0", 123_456)
    assert energy(spend(package, uj=5_120), tmp_path) == Energy(pytest.approx(0.02), "RAPL package-0")


def test_all_packages_are_added(zone: Zone, tmp_path: Path) -> None:
    packages = [zone(f"intel-rapl:{n}", f"package-{n}", 1_000 * n) for n in range(2)]
    expected = Energy(pytest.approx(2.0), "RAPL package-0 + package-1")
    assert energy(spend(*packages), tmp_path, images=1) == expected


def test_a_part_of_a_package_and_the_board_are_not_added(zone: Zone, tmp_path: Path) -> None:
    zones = [
        zone("intel-rapl:0", "package-0"),
        zone("intel-rapl:0:0", "core"),
        zone("intel-rapl:0:1", "dram"),
        zone("intel-rapl:1", "psys"),
        zone("intel-rapl-mmio:0", "package-0"),
    ]
    (tmp_path / "intel-rapl").mkdir()  # the control type itself
    assert energy(spend(*zones), tmp_path, images=1) == Energy(pytest.approx(1.0), "RAPL package-0")


@pytest.mark.parametrize("before_the_end", [0, 1, 999, 1_000, 1_001])
def test_a_counter_that_starts_again_goes_on(zone: Zone, tmp_path: Path, before_the_end: int) -> None:
    package = zone("intel-rapl:0", "package-0", RANGE_UJ - 1 - before_the_end)
    assert energy(spend(package), tmp_path, images=1, seconds=0) == Energy(pytest.approx(1.0), "RAPL package-0")


def test_work_goes_on_for_the_seconds_and_every_call_counts(zone: Zone, tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0")
    measured = energy(spend(package), tmp_path, images=1, seconds=0.05)
    assert measured == Energy(pytest.approx(1.0), "RAPL package-0")
    assert int((package / "energy_uj").read_text()) > 1_000


def test_a_machine_without_counters_has_no_energy(tmp_path: Path) -> None:
    assert find_counter("cpu", tmp_path) is None
    assert find_counter("cpu", tmp_path / "nowhere") is None
    assert energy_per_image(lambda: pytest.fail("nothing to run for"), 1, None) is None


def test_a_counter_that_stands_still_has_measured_nothing(zone: Zone, tmp_path: Path) -> None:
    zone("intel-rapl:0", "package-0", 7)
    assert energy(lambda: None, tmp_path) is None


def test_a_counter_that_is_no_number_is_none(zone: Zone, tmp_path: Path) -> None:
    zone("intel-rapl:0", "package-0", "<not supported>")
    assert rapl_counter(tmp_path) is None


def test_one_package_that_is_missing_makes_no_half_a_sum(zone: Zone, tmp_path: Path) -> None:
    zone("intel-rapl:0", "package-0")
    (zone("intel-rapl:1", "package-1") / "energy_uj").unlink()
    assert rapl_counter(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_counter_that_only_root_may_read_is_none(zone: Zone, tmp_path: Path) -> None:
    (zone("intel-rapl:0", "package-0") / "energy_uj").chmod(0)
    assert rapl_counter(tmp_path) is None


def test_a_counter_that_goes_away_meanwhile_is_no_measurement(zone: Zone, tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0")
    assert energy((package / "energy_uj").unlink, tmp_path, seconds=0) is None


def test_where_the_machine_has_a_counter_it_moves() -> None:
    counter = find_counter("cpu")
    if counter is None:
        pytest.skip("this machine lets nobody read a counter of energy")
    assert isinstance(counter, EnergyCounter)
    measured = energy_per_image(lambda: sum(range(10_000)), 1, counter, 0.1)
    assert measured is not None
    assert measured.millijoules > 0
