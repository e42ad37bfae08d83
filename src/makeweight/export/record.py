"""An export's report as a JSON object."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from makeweight.export.records import ExportReport, Int8Verdict, Memory, Verification
from makeweight.stats.classes import ClassScores
from makeweight.stats.compare import Difference
from makeweight.stats.intervals import Interval


def to_record(report: ExportReport) -> dict[str, Any]:
    """Return the report for ``report.json`` and ``--json``; shares are from 0 to 1, what is not defined is null."""
    return {
        **asdict(report.facts),
        "test_images": report.test_images,
        "run_accuracy": _interval(report.origin.accuracy),
        "trained_in": report.origin.trained_in,
        "seeds": report.origin.seeds,
        "validation_accuracy": report.origin.validation_accuracy,
        "same_class_as_run": report.origin.same_class,
        "pytorch": verification_record(report.pytorch),
        "files": [verification_record(file) for file in report.files],
        "recommended": report.recommended.name,
        "int8": None if report.int8 is None else verdict_record(report.int8),
        "classes": [_class(scores, report.facts.class_names) for scores in report.classes],
        "overconfidence": report.overconfidence,
        "conditions": report.conditions,
        "on_chip": None if report.on_chip is None else {**asdict(report.on_chip), "agrees": report.on_chip.agrees},
        "others": list(report.others),
    }


def verification_record(checked: Verification) -> dict[str, Any]:
    """Return what is known of one file."""
    return {
        "name": checked.name,
        "precision": checked.precision,
        "engine": checked.engine,
        "bytes": checked.size_bytes,
        "sha256": checked.sha256,
        "accuracy": _interval(checked.accuracy),
        "accuracy_change": _difference(checked.change),
        "same_class": checked.same_class,
        "largest_difference": checked.largest_difference,
        "latency_p50_ms": checked.latency.p50_ms if checked.latency else None,
        "latency_p95_ms": checked.latency.p95_ms if checked.latency else None,
        "latency_repeats": checked.latency.repeats if checked.latency else None,
        "faithful": checked.faithful,
        "beside": list(checked.beside),
        "quantisation": checked.quantisation or None,
        "memory": None if checked.memory is None else _memory(checked.memory),
    }


def _memory(memory: Memory) -> dict[str, Any]:
    return {**asdict(memory), "bytes_per_weight": memory.bytes_per_weight}


def verdict_record(verdict: Int8Verdict) -> dict[str, Any]:
    """Return whether int8 is recommended, and why."""
    change = _difference(verdict.change)
    return {"wins": verdict.wins, "rule": verdict.rule, "reasons": list(verdict.sentences), "accuracy_change": change}


def _class(scores: ClassScores, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: _interval(getattr(scores, name)) for name in ("precision", "recall", "f1")}
    return {"label": scores.label, "name": names[scores.label], "images": scores.images, **values}


def _interval(interval: Interval) -> dict[str, Any] | None:
    if math.isnan(interval.mean):
        return None
    return {"mean": interval.mean, "ci95": [interval.low, interval.high]}


def _difference(change: Difference) -> dict[str, Any]:
    return {"mean": change.mean, "ci95": [change.low, change.high], "p_value": change.p_value, "method": change.method}
