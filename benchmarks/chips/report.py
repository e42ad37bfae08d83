"""The counts as tables, in the terminal and in docs/microcontrollers.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import inf
from typing import Any

from benchmarks.settings import ROOT

_OPTIMISATIONS = ("-O2", "-O3", "-O3 -ffast-math")
PAGE = ROOT / "docs" / "microcontrollers.md"
Key = tuple[str, str, str, str]  # network, chip, optimisation, kernels


def one_line(row: Any) -> str:
    """Say a count."""
    each = row.instructions / row.macs
    return f"{row.network}: {row.kernels} on {row.chip} {row.optimisation}: {row.instructions:,}, {each:.2f} a MAC"


def table(record: Mapping[str, Any]) -> str:
    """Return the tables as Markdown."""
    return "\n".join(_lines(record))


def as_json(record: Mapping[str, Any]) -> str:
    """Return the record with a line for each count."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in record["rows"])
    rest = json.dumps({key: value for key, value in record.items() if key != "rows"})
    return f'{rest[:-1]}, "rows": [\n{rows}\n]}}\n'


def write(name: str, text: str) -> None:
    """Put a table into the page, between the two comments of its name."""
    page = PAGE.read_text(encoding="utf-8")
    between = re.compile(f"(<!-- {name}: [^\n]*-->\n).*(<!-- end of {name} -->)", flags=re.DOTALL)
    PAGE.write_text(between.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page), encoding="utf-8")


def cores_table(record: Mapping[str, Any]) -> str:
    """Return what the estimates for each core rest on, as Markdown."""
    lines = [
        "| core | cycles per instruction | from | error, median | error, largest | code overestimated by at most |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for name, core in record["cores"].items():
        errors = f"{100 * core['error']:.1f} % | {100 * core['largest_error']:.1f} %"
        spare = f"{core['largest_spare']:,} bytes"
        lines.append(f"| {name} | {core['cycles']:.2f} | {core['cycles_from']} | {errors} | {spare} |")
    return "\n".join([*lines, "", f"{record['networks']} networks; {record['compiler']}."])


def peers_table(record: Mapping[str, Any]) -> str:
    """Return what the programs of several generators take, as Markdown; the least of a network and type is bold."""
    head = (
        "network", "program", *(f"instructions {o}, M" for o in _OPTIMISATIONS), "flash -O2", "flash -O3",
        "RAM: static + stack", f"same class, of {record['images']}",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "---:|" * (len(head) - 2)]
    for (network, numbers), group in groupby(record["rows"], lambda row: (row["network"], row["numbers"])):
        programs = {tool: list(rows) for tool, rows in groupby(group, lambda row: row["tool"])}
        measured = {tool: _cells(rows) for tool, rows in programs.items() if "refusal" not in rows[0]}
        least = [min(column)[1] for column in zip(*measured.values(), strict=True)]
        for tool, rows in programs.items():
            cells = [rows[0].get("refusal", ""), *[""] * (len(head) - 3)]
            if tool in measured:
                cells = [
                    f"**{text}**" if text == low else text for (_, text), low in zip(measured[tool], least, strict=True)
                ]
                cells.append(str(rows[0]["same_class"]))
            lines.append(f"| {network} | {tool}, {numbers} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "Versions: " + "; ".join(record["versions"].values()) + "."])


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
    """Instructions of each optimisation, flash with -O2 and -O3, and RAM, each also as a text."""
    plain, fast = rows[:2]
    static, stack = plain["ram_bytes"], plain["stack_bytes"]
    ram = (inf, f"– + {stack:,}") if static is None else (static + stack, f"{static:,} + {stack:,}")
    instructions = [(row["instructions"], f"{row['instructions'] / 1e6:.2f}") for row in rows]
    return [*instructions, *((row["flash_bytes"], f"{row['flash_bytes']:,}") for row in (plain, fast)), ram]


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    rows: dict[Key, dict[str, Any]] = {
        (row["network"], row["chip"], row["optimisation"], row["kernels"]): row for row in record["rows"]
    }
    networks = list(dict.fromkeys(row["network"] for row in record["rows"]))
    yield "Cortex-M4F, millions of instructions for one image; CMSIS-NN / int8 above 1 means that int8 is ahead:\n"
    yield "| network | MACs | int8 -O2 | CMSIS-NN -O2 | ratio | int8 -Os | CMSIS-NN -Os | ratio | float -O2 |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for network in networks:
        yield _row_m4(rows, network)
    yield "\nint8, instructions for each MAC:\n"
    yield "| network | M4 -O2 | M4 -Os | M0+ -O2 | M0+ -Os | RV32IMC -O2 | RV32IMC -Os | CMSIS-NN, M0+ -O2 |"
    yield "|---|---|---|---|---|---|---|---|"
    for network in networks:
        pairs = [(chip, o) for chip in ("Cortex-M4", "Cortex-M0+", "RV32IMC") for o in ("-O2", "-Os")]
        cells = [_each(rows.get((network, chip, o, "int8"))) for chip, o in pairs]
        yield f"| {network} | {' | '.join(cells)} | {_each(rows.get((network, 'Cortex-M0+', '-O2', 'CMSIS-NN')))} |"
    yield "\nVersions: " + "; ".join(dict.fromkeys(record["versions"].values())) + f"; CMSIS-NN {record['cmsis_nn']}."


def _row_m4(rows: Mapping[Key, dict[str, Any]], network: str) -> str:
    macs = next(row["macs"] for key, row in rows.items() if key[0] == network)
    cells = [f"{macs / 1e6:.2f}M"]
    for optimisation in ("-O2", "-Os"):
        ours, theirs = (rows.get((network, "Cortex-M4", optimisation, who)) for who in ("int8", "CMSIS-NN"))
        ratio = f"{theirs['instructions'] / ours['instructions']:.2f}" if ours and theirs else "–"
        cells += [_millions(ours), _millions(theirs), ratio]
    cells.append(_millions(rows.get((network, "Cortex-M4", "-O2", "float"))))
    return f"| {network} | {' | '.join(cells)} |"


def _millions(row: Mapping[str, Any] | None) -> str:
    return f"{row['instructions'] / 1e6:.2f}" if row else "–"


def _each(row: Mapping[str, Any] | None) -> str:
    return f"{row['instructions'] / row['macs']:.2f}" if row else "–"
