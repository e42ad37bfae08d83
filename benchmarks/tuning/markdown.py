"""The page of the results: means, paired differences, and what became of the trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.machine import one_line
from benchmarks.tuning.arms import ARMS, OURS

NOTHING = "–"


def page(record: dict[str, Any]) -> str:
    """Write a summary's page."""
    quick = "**A quick test run: the numbers mean nothing.**\n\n" if record["quick"] else ""
    who = "".join(
        f"- **{ARMS[name].label}**: {how}; {record['precision'][name]}.\n" for name, how in record["arms"].items()
    )
    return f"""# What searches find

{quick}{one_line(record["machine"])};
{_versions(record)}.
Each search has {record["seconds"]:g} CPU seconds on one thread; repeats: {record["rounds"]}; searches side by side:
{record["parallel"]}. Accuracies are of validation, of the best complete trial so far, in percent.

## Means over the repeats
{_means(record)}
"–": not all repeats had a complete trial by then, or so many trainings.

## makeweight's less another's, paired by repeat
Points; the 95 % t-interval of the mean difference, not corrected for the number of comparisons; in how many repeats
makeweight's is the higher one.

{_differences(record)}
## What became of the trials
Means over the repeats. Promoted: trials of Hyperband that go on with a network of an earlier one.

{_counts(record)}
## Who
{who}"""


def _versions(record: dict[str, Any]) -> str:
    versions = record["machine"]["versions"]
    return ", ".join(f"{name} {versions[name]}" for name in ("makeweight", "torch", "optuna", "keras", "keras-tuner"))


def _moments(record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        *((f"{moment['at']:g} s", moment) for moment in record["at_seconds"]),
        *((f"{moment['at']:g} trainings", moment) for moment in record["at_trainings"]),
    ]


def _means(record: dict[str, Any]) -> str:
    moments = _moments(record)
    rows = []
    for arm in record["arms"]:
        found = [moment["arms"][arm] for _, moment in moments]
        whole = [one["mean"] if one["repeats_with_a_value"] == one["repeats"] else None for one in found]
        rows.append([ARMS[arm].label, *(NOTHING if mean is None else f"{100 * mean:.2f}" for mean in whole)])
    return _table(["", *(name for name, _ in moments)], rows)


def _differences(record: dict[str, Any]) -> str:
    moments = _moments(record)
    rows = [
        [ARMS[arm].label, *(_difference(moment["makeweight_less"][arm]) for _, moment in moments)]
        for arm in record["arms"]
        if arm != OURS
    ]
    return _table(["less", *(name for name, _ in moments)], rows)


def _difference(paired: dict[str, Any] | None) -> str:
    if paired is None:
        return NOTHING
    wins = f"{paired['better']} of {paired['repeats']}"
    if paired["low"] is None:
        return f"{100 * paired['mean']:+.2f}; {wins}"
    low, high = 100 * paired["low"], 100 * paired["high"]
    return f"{100 * paired['mean']:+.2f} ({low:+.2f} to {high:+.2f}); {wins}"


def _counts(record: dict[str, Any]) -> str:
    names = ("begun", "rejected", "trained", "complete", "pruned", "failed", "promoted")
    rows = []
    for arm, counts in record["counts"].items():
        each = [f"{counts[name]:.1f}" for name in names]
        rows.append([ARMS[arm].label, *each, f"{counts['cpu_seconds']:.0f}", f"{counts['wall_seconds']:.0f}"])
    return _table(["", "begun", "too large", *names[2:], "CPU s", "wall s"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
