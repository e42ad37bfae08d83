"""Whether int8 is recommended follows its rule, and nothing that was not measured counts for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from makeweight.export.records import Memory, Verification
from makeweight.export.verdict import DEVICE_RULE, MAX_LOST, RULE, int8_verdict
from makeweight.measuring.latency import Timing
from makeweight.stats.compare import Difference, compare_trained
from makeweight.stats.crossed import Spread


def verification(
    size: int, p50: float | None, precision: str = "float32", memory: Memory | None = None
) -> Verification:
    unknown = Difference(0, 0, 0, 1, Spread(0, 1), "", "")
    latency = None if p50 is None else Timing(p50, p50, 400)
    return Verification("", precision, "", size, "", None, unknown, 1, 0, latency, (), memory)  # type: ignore[arg-type]


def on_device(flash: int, source: int) -> Verification:
    return verification(source, None, memory=Memory(flash, 500, 2_000, "gcc -Os, x86_64", 1_000))


def difference(low: float) -> Difference:
    return Difference(low + 0.002, low, low + 0.004, 0.5, Spread(0, 1), "", "")


@pytest.mark.parametrize(
    ("size", "p50", "low", "wins", "says"),
    [
        (50, 0.05, -0.005, True, "a loss of more than half a point is ruled out"),
        (50, 0.1, 0.001, True, "100 % of float32's: not longer"),
        (100, 0.05, 0.0, False, "100 % of float32's: not smaller"),
        (50, 0.101, 0.0, False, "101 % of float32's: longer"),
        (50, 0.05, -0.0051, None, "a loss of more than half a point is neither shown nor ruled out"),
        (50, 0.05, -0.0089, None, "a loss of more than half a point is neither shown nor ruled out"),
        (50, 0.05, -0.0091, False, "a loss of more than half a point is shown"),
        (50, None, 0.0, None, "Its latency is not measured: not shown to be no longer."),
        (50, 0.101, -0.0051, False, "101 % of float32's: longer"),
    ],
)
def test_int8_wins_by_its_rule_alone(size: int, p50: float | None, low: float, wins: bool | None, says: str) -> None:
    found = int8_verdict(verification(100, 0.1), verification(size, p50, "int8"), difference(low))
    assert found.wins is wins
    assert found.rule == RULE
    assert says in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("flash", "source", "low", "wins", "says"),
    [
        (1_100, 9_000, -0.005, True, "Its flash is 28 % of float32's: smaller."),  # the text is longer, and not flashed
        (4_000, 100, 0.0, False, "Its flash is 100 % of float32's: not smaller."),
        (1_100, 100, -0.0051, True, "a loss of more than half a point is neither shown nor ruled out"),
        (1_100, 100, -0.0091, False, "a loss of more than half a point is shown"),
    ],
)
def test_on_a_device_flash_counts_and_time_says_nothing(
    flash: int, source: int, low: float, wins: bool, says: str
) -> None:
    found = int8_verdict(on_device(4_000, 1_000), on_device(flash, source), difference(low))
    assert found.wins is wins
    assert found.rule == DEVICE_RULE
    told = " ".join(found.sentences)
    assert says in told
    assert "Its latency is not measured: the device's counts." in told
    assert "longer" not in told


def test_few_test_images_with_the_same_answers_speak_for_int8_on_a_device() -> None:
    right = np.arange(206) > 20
    verdict = int8_verdict(on_device(4_000, 1_000), on_device(1_100, 1_000), compare_trained(right, right))
    assert verdict.change.low < -MAX_LOST  # so few images don't rule half a point out
    assert verdict.headline == "int8 is recommended."


def test_what_is_not_known_is_neither_for_nor_against_int8() -> None:
    right = np.arange(206) > 20
    verdict = int8_verdict(verification(100, 0.1), verification(50, 0.05, "int8"), compare_trained(right, right))
    assert verdict.headline == "int8 is neither recommended nor advised against."


def test_a_verification_of_int8_is_no_question_of_faith() -> None:
    far = replace(verification(1, 1), largest_difference=0.3)
    assert not far.faithful
    assert replace(far, precision="int8").faithful


def test_flash_is_told_beside_the_budget() -> None:
    told = Memory(11_333, 500, None, None, 9_965).against(10_000)
    assert told == "11,333 bytes of flash for 9,965 weights of a budget of 10,000: 1.14 a weight"
