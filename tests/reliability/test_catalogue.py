"""The list of faults: each is made to happen by tests that exist, or by parts of the campaign."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
from benchmarks.reliability.catalogue import PARTS, read_faults

TESTS = Path(__file__).parents[1]


@cache
def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("fault", read_faults(), ids=lambda fault: f"{fault.number}")
def test_a_fault_is_made_to_happen(fault) -> None:
    assert fault.by
    for by in fault.by:
        file, _, test = by.partition("::")
        if test:
            assert test in names_in(TESTS / file), by
        else:
            assert by.removeprefix("campaign ") in PARTS, by


def test_no_fault_is_left_out() -> None:
    assert [fault.number for fault in read_faults()] == list(range(1, 78))
