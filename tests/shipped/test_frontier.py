"""The networks that ship: their commands still plan the same trainings, and their weights still score the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.shipped.record import ZOO, names_in, read_network


@pytest.mark.slow
@pytest.mark.parametrize("name", names_in(ZOO))
def test_its_command_still_makes_it_again(name: str, run_command: Callable, tmp_path: Path) -> None:
    """A new default of a recipe, or another design, needs the network to be added again."""
    network = read_network(ZOO / name)
    program, *words = shlex.split(network.command)
    if (program, words[0]) != ("makeweight", "study"):
        pytest.skip("its command was given by hand")
    done = run_command(*words, "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {network.job(run).key for run in network.runs} <= {job["key"] for job in json.loads(done.stdout)["jobs"]}


@pytest.mark.slow
@pytest.mark.skipif(not names_in(ZOO), reason="none ship yet")
def test_what_ships_is_verified(run_command: Callable, tmp_path: Path) -> None:
    done = run_command("verify", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
