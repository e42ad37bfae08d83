"""Score the diagnosis on its corpus of broken and healthy programs: make corpus

    python -m benchmarks.diagnosis.score [--half a|b|c|d|e] [--only PART-OF-NAME] [--busy 4] [--write]

Thresholds were chosen on part a. Parts b to e were scored once before anybody had looked into them (FIRST_LOOK),
and what they showed was mended afterwards, so that today's figures are a little too good.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results" / "diagnosis.json"
TOP = 3  # a fault counts as detected where its code is among so many findings
SURE = ("definite", "likely")
KEPT = ("code", "certainty", "where", "evidence")  # of a finding; the rest is the catalogue's words
# Of the code as it stood, on 2026-11-25: detected, first and with a place named, of the broken; alarms, of the healthy.
FIRST_LOOK = {
    "b": "77, 72 and 39 (of 45) of 85; 4 of 29", "c": "37, 35 and 23 (of 26) of 38; 1 of 26",
    "d": "49, 48 and 12 (of 17) of 56; 5 of 57 (2026-11-30)",
    "e": "77, 73 and 45 (of 50) of 87; 4 of 51 (2026-12-01)",
}  # fmt: skip


def programs(half: str) -> dict[str, Any]:
    import importlib

    return {p.name: p for p in importlib.import_module(f"benchmarks.diagnosis.corpus.{half}").PROGRAMS}


def diagnosed(asked: tuple[str, str]) -> dict[str, Any]:
    half, name = asked
    import torch

    import makeweight

    torch.set_num_threads(1)
    program = programs(half)[name]
    record: dict[str, Any] = {
        "half": half, "name": name, "style": program.style, "fault": program.fault, "where": program.where,
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            s = program.make()
            start = time.monotonic()
            diagnosis = makeweight.diagnose(
                s.model, s.loss_fn, s.optimizer, s.images, s.labels, step=s.step, validate=s.validate
            )
        findings = [{key: found[key] for key in KEPT} for found in diagnosis.to_json()["findings"]]
        record |= {"findings": findings, "cut_short": diagnosis.cut_short, "error": ""}
        record["seconds"] = round(time.monotonic() - start, 2)
    except Exception:
        record |= {"findings": [], "error": traceback.format_exc(), "seconds": 0.0}
    return record


def score(records: list[dict[str, Any]]) -> dict[str, Any]:
    broken = [r for r in records if r["fault"]]
    healthy = [r for r in records if not r["fault"]]
    placed = [r for r in broken if r["where"]]
    return {
        "broken": len(broken),
        "detected": sum(rank(r) < TOP for r in broken),
        "first": sum(rank(r) == 0 for r in broken),
        "localised": sum(localised(r) for r in placed),
        "with_a_place": len(placed),
        "healthy": len(healthy),
        "false_alarms": sum(map(alarmed, healthy)),
        "median_seconds": statistics.median([r["seconds"] for r in records] or [0.0]),
        "slowest_seconds": max((r["seconds"] for r in records), default=0.0),
    }


def rank(record: dict[str, Any]) -> int:
    codes = [f["code"] for f in record["findings"]]
    return codes.index(record["fault"]) if record["fault"] in codes else 99


def alarmed(record: dict[str, Any]) -> bool:
    return bool(sure(record))


def localised(record: dict[str, Any]) -> bool:
    found = next((f for f in record["findings"][:TOP] if f["code"] == record["fault"]), None)
    return found is not None and record["where"].lower() in f"{found['where']} {found['evidence']}".lower()


def work_for_nothing() -> None:
    while True:
        sum(range(10_000))


def same_verdicts(records: list[dict[str, Any]], before: list[dict[str, Any]]) -> str:
    """Compare what is definite or likely with another run of the same programs."""
    verdicts = {(r["half"], r["name"]): sure(r) for r in before}
    common = [r for r in records if (r["half"], r["name"]) in verdicts]
    other = [r for r in common if sure(r) != verdicts[r["half"], r["name"]]]
    lines = [f"same verdicts: {len(common) - len(other)} of {len(common)}"]
    return "\n".join([*lines, *(f"{r['name']}: {verdicts[r['half'], r['name']]}, now {sure(r)}" for r in other)])


def sure(record: dict[str, Any]) -> list[str]:
    return [f"{f['code']} ({f['certainty']})" for f in record["findings"] if f["certainty"] in SURE]


def markdown(records: list[dict[str, Any]], totals: dict[str, dict[str, Any]], machine: str) -> str:
    lines = ["# The diagnosis on its corpus", "",
             f"`make corpus`; {machine}. Detected: the fault's code is among the first",
             "three findings. Placed: its `where` or evidence names the layer, argument or setting. False alarm: a",
             "healthy program with a finding that is definite or likely. Thresholds were chosen on part a. Parts b",
             "to e were scored once before anybody looked into them: detected, first, placed of the broken; false",
             "alarms of the healthy:",
             *(f"{part}: {look}." for part, look in FIRST_LOOK.items()),
             "What they showed was mended afterwards, so that the figures below are a little too good.", "",
             "| part | broken | detected | first | placed | healthy | false alarms | median, slowest, s |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for half, t in totals.items():
        lines.append(
            f"| {half} | {t['broken']} | {t['detected']} ({share(t['detected'], t['broken'])}) | "
            f"{t['first']} ({share(t['first'], t['broken'])}) | {t['localised']} of {t['with_a_place']} "
            f"({share(t['localised'], t['with_a_place'])}) | {t['healthy']} | {t['false_alarms']} "
            f"({share(t['false_alarms'], t['healthy'])}) | {t['median_seconds']:.0f}, {t['slowest_seconds']:.0f} |"
        )
    lines += ["", "## By fault", "", "| fault | programs | detected | first |", "| --- | ---: | ---: | ---: |"]
    for code in sorted({r["fault"] for r in records if r["fault"]}):
        own = [r for r in records if r["fault"] == code]
        lines.append(f"| {code} | {len(own)} | {sum(rank(r) < TOP for r in own)} | {sum(rank(r) == 0 for r in own)} |")
    missed = [r for r in records if r["fault"] and rank(r) > 0]
    lines += ["", "## Not first, or missed", "", "| program | fault | findings |", "| --- | --- | --- |"]
    lines += [f"| {r['half']}: {r['name']} | {r['fault']} | {told(r)} |" for r in missed]
    alarms = [r for r in records if not r["fault"] and alarmed(r)]
    lines += ["", "## False alarms", "", *(f"- {r['half']}: {r['name']}: {told(r)}" for r in alarms)]
    return "\n".join(lines) + "\n"


def told(record: dict[str, Any]) -> str:
    if record["error"]:
        return record["error"].strip().splitlines()[-1]
    return ", ".join(f"{f['code']} ({f['certainty']})" for f in record["findings"]) or "nothing"


def share(count: int, whole: int) -> str:
    return f"{count / whole:.0%}" if whole else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=["a", "b", "c", "d", "e"], action="append")
    parser.add_argument("--only", default="", help="part of a program's name, or its fault")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="run N busy processes beside it, and compare "
                        f"the verdicts with those in {RESULTS.name}")  # fmt: skip
    parser.add_argument("--write", action="store_true", help=f"keep the result in {RESULTS.name} and beside it")
    given = parser.parse_args()
    halves = given.half or list("abcde")
    asked = [
        (half, name)
        for half in halves
        for name, program in programs(half).items()
        if given.only in name or given.only == program.fault
    ]
    records = []
    busy = [multiprocessing.Process(target=work_for_nothing, daemon=True) for _ in range(given.busy)]
    for process in busy:
        process.start()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for record in pool.imap(diagnosed, asked):
            records.append(record)
            right = rank(record) == 0 if record["fault"] else not alarmed(record)
            mark = "  " if right else "? " if rank(record) < TOP else "X "
            name = f"{record['half']}:{record['name']} [{record['fault']}] {record['seconds']:.0f}s"
            print(f"{mark}{name}: {told(record)}", flush=True)
    if given.busy:
        print(same_verdicts(records, json.loads(RESULTS.read_text())["programs"]))
    totals = {half: score([r for r in records if r["half"] == half]) for half in halves}
    from benchmarks.machine import describe

    machine = describe()
    text = markdown(records, totals, f"{machine['processor']}, {machine['processors']} processors, one thread each, "
                    f"torch {machine['versions']['torch']}, {datetime.now(UTC).date()}")  # fmt: skip
    print("\n" + text)
    if given.write:
        RESULTS.write_text(json.dumps({"machine": machine, "totals": totals, "programs": records}, indent=1) + "\n")
        RESULTS.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
