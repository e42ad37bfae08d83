"""Examples in the help of every command: one a line, and of options that exist."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from typer.main import get_command

from makeweight.cli.app import app


def commands() -> list[tuple[str, ...]]:
    """Every command by its words."""
    top = get_command(app).commands  # type: ignore[attr-defined]
    nested = [(group, name) for group, found in top.items() for name in getattr(found, "commands", ())]
    return [(name,) for name, found in top.items() if not hasattr(found, "commands")] + nested


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_each_example_has_a_line_of_its_own(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = [line.strip() for line in cli(*words, "--help").out.splitlines()]
    start = next(i for i, line in enumerate(lines) if line in ("Example:", "Examples:"))
    shown = [line for line in lines[start + 1 :] if "makeweight " in line and not line.startswith("In Python")]
    assert shown
    for line in shown:
        before, _, example = line.rpartition("makeweight ")
        assert before in ("", "cat shoe.png | "), line
        assert example.startswith(" ".join(words)), line
        assert cli(*shlex.split(example.partition(" > ")[0]), "--help").code == 0


def test_the_star_of_train_is_explained(cli: Callable) -> None:
    assert "* marks the best validation accuracy so far" in " ".join(cli("train", "--help").out.split())
