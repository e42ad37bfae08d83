"""Whether the int8 version of a file is the one to use."""

from __future__ import annotations

from makeweight.export.records import Int8Verdict, Verification
from makeweight.stats.compare import Difference
from makeweight.wording import confidence, percent, signed_points

MAX_LOST = 0.005  # accuracy that int8 may cost: half a point, about what another training seed costs on FashionMNIST
RULE = (
    "int8 is recommended where its file is smaller, its median latency is not longer, and the 95 % interval of its "
    "loss of accuracy ends at half a point at most; it is not recommended where one of the first two fails, or the "
    "whole interval is beyond half a point."
)
# Flash and RAM are the reason to compute in int8 there, and they are certain. A few hundred test images never rule half
# a point out, not even where no answer differs, so they can't be what decides against it.
DEVICE_RULE = (
    "On a device int8 is recommended where its flash is smaller, unless the whole 95 % interval of its loss of "
    "accuracy is beyond half a point; latency says nothing, because it is not measured on the device."
)
UNTIMED = "Its latency is not measured: the device's counts."

Condition = tuple[bool | None, str]  # whether it is met, None where that isn't known, and the sentence that says so


def int8_verdict(whole: Verification, small: Verification, change: Difference) -> Int8Verdict:
    """Apply a rule to a float32 file, its int8 version, and the accuracy of the second minus that of the first.

    It is DEVICE_RULE for what is written for a device, and RULE for all else, which must have been timed.
    """
    kept, told = _kept(change)
    if whole.memory and small.memory:
        flash = _smaller("flash", small.memory.flash_bytes, whole.memory.flash_bytes)
        return _verdict(DEVICE_RULE, (flash, (kept is not False, told)), change, UNTIMED)
    file = _smaller("file", small.size_bytes or 0, whole.size_bytes or 0)
    return _verdict(RULE, (file, _as_fast(whole, small), (kept, told)), change)


def _verdict(rule: str, parts: tuple[Condition, ...], change: Difference, *remarks: str) -> Int8Verdict:
    met = [met for met, _ in parts]
    wins = False if False in met else None if None in met else True
    return Int8Verdict(wins, rule, (*(sentence for _, sentence in parts), *remarks), change)


def _smaller(what: str, small: int, whole: int) -> Condition:
    met = small < whole
    return met, f"Its {what} is {_ratio(small, whole)} of float32's: {'smaller' if met else 'not smaller'}."


def _as_fast(whole: Verification, small: Verification) -> Condition:
    if whole.latency is None or small.latency is None:
        return None, "Its latency is not measured: not shown to be no longer."
    before, after = whole.latency.p50_ms, small.latency.p50_ms
    met = after <= before
    return met, f"Its median latency is {_ratio(after, before)} of float32's: {'not longer' if met else 'longer'}."


def _kept(change: Difference) -> Condition:
    """Whether a loss of more than MAX_LOST is ruled out (True), shown (False), or neither."""
    met = True if change.low >= -MAX_LOST else False if change.high < -MAX_LOST else None
    said = {True: "ruled out", False: "shown", None: "neither shown nor ruled out by these test images"}[met]
    interval = confidence(change.low, change.high, signed_points)
    changed = f"Its accuracy changes by {signed_points(change.mean)} points ({interval})"
    return met, f"{changed}: a loss of more than half a point is {said}."


def _ratio(part: float, whole: float) -> str:
    near = part != whole and round(100 * part / whole) == 100
    return percent(part / whole, 1 if near else 0)
