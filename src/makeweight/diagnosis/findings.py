"""The records of a diagnosis: findings, ranked, and the list of what was looked at."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

from makeweight.diagnosis.catalogue import CATALOGUE
from makeweight.wording import join_words

Certainty = Literal["definite", "likely", "hint"]
CERTAINTIES: tuple[Certainty, ...] = ("definite", "likely", "hint")
MAX_NAMED = 4  # layers, weights … in one sentence; others are counted
MAX_FINDINGS = 5  # a list that is longer is not read; what comes later is mostly a consequence of what comes first

a_few = partial(join_words, most=MAX_NAMED)


def in_code(layer: str) -> str:
    """Write a module's path as Python has it.

    >>> in_code("features.0.conv"), in_code("5"), in_code("")
    ('model.features[0].conv', 'model[5]', 'model')
    """
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in layer.split(".") if part)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be."""

    code: str  # stable, of the catalogue
    certainty: Certainty
    title: str
    evidence: str  # what was measured, its value, the threshold and its source
    consequence: str
    fix: str
    where: str  # layer, recipe field or argument


@dataclass(frozen=True)
class Diagnosis:
    """What was found, most important first, and what was looked at."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    seconds: float  # that it took
    cut_short: str = ""  # what the time did not suffice for

    def to_json(self) -> dict[str, Any]:
        """Everything as one JSON object."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "checked": list(self.checked),
            "seconds": round(self.seconds, 1),
            "cut_short": self.cut_short,
        }

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        sure = [f for f in self.findings if f.certainty != "hint"]
        if sure:
            return f"{sure[0].title} ({sure[0].code}, {sure[0].certainty})."
        cut = f"Cut short after {self.cut_short}; give it more seconds. " if self.cut_short else ""
        return f"{cut}Nothing wrong found{'; see the hints' if self.findings else ''}."

    def __str__(self) -> str:
        lines = [self.verdict]
        for number, finding in enumerate(self.findings, 1):
            lines += [
                "",
                f"{number}. {finding.title}  [{finding.code}, {finding.certainty}]",
                f"   where: {finding.where}",
                f"   seen: {finding.evidence}",
                f"   so: {finding.consequence}",
                *(f"   {'do: ' if not place else '    '}{line}" for place, line in enumerate(finding.fix.splitlines())),
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        rows = [
            "<tr>"
            + "".join(
                f"<td style='text-align:left;vertical-align:top'>{cell}</td>"
                for cell in (
                    f"<b>{_text(f.title)}</b><br>{_text(f.code)}, {f.certainty}<br>{_text(f.where)}",
                    f"{_text(f.evidence)}<br>{_text(f.consequence)}",
                    f"<pre style='white-space:pre-wrap'>{_text(f.fix)}</pre>",
                )
            )
            + "</tr>"
            for f in self.findings
        ]
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("finding", "seen", "what to do"))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
        return f"<p><b>{_text(self.verdict)}</b></p>{table}"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def finding(code: str, certainty: Certainty, evidence: str, where: str, fix: str | None = None) -> Finding:
    """Make a finding with the catalogue's words."""
    entry = CATALOGUE[code]
    return Finding(code, certainty, entry.title, evidence, entry.consequence, fix or entry.fix, where)


def suited(fault: Finding, convolutional: bool) -> Finding:
    """Give advice that fits the kind of network; what a rule advised for the case at hand stays."""
    entry = CATALOGUE[fault.code]
    if convolutional or not entry.dense_fix or fault.fix != entry.fix:
        return fault
    return replace(fault, fix=entry.dense_fix)


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: the surest first, among those causes before their symptoms, and of each code one.

    Where a cause is certain or likely, its possible symptoms are hints: with pixels from 0 to 255 any learning rate
    looks too high.
    """
    order = {code: place for place, code in enumerate(CATALOGUE)}
    best: dict[str, Finding] = {}
    for fault in sorted(findings, key=lambda f: CERTAINTIES.index(f.certainty)):
        best.setdefault(fault.code, fault)
    caused = any(f.certainty != "hint" and not CATALOGUE[f.code].symptom for f in best.values())
    settled = [
        replace(f, certainty="hint") if caused and CATALOGUE[f.code].symptom else f for f in best.values()
    ]  # fmt: skip
    settled.sort(key=lambda f: (CERTAINTIES.index(f.certainty), order[f.code]))
    return tuple(settled[:MAX_FINDINGS])
