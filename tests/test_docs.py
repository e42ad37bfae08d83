"""What the documentation says is what the commands do."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=60)


def commands_of_the_readme() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("makeweight ")]


def test_the_formats_of_own_images_are_those_of_the_registry():
    from makeweight.data.sources.registry import documentation

    assert documentation() in (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")


def test_the_readme_shows_commands():
    assert len(commands_of_the_readme()) >= 8


@pytest.mark.parametrize("command", commands_of_the_readme())
def test_options_in_the_readme_exist(command):
    words = shlex.split(command)[1:]
    # --help stops before anything runs, but after the options have been read.
    result = run(BIN / "makeweight", *words, "--help")
    assert result.returncode == 0, result.stderr


def test_the_readme_quotes_the_refusal_word_for_word():
    command, output = re.search(r"```console\n\$ makeweight ([^\n]+)\n(.*?)\n```", README, flags=re.DOTALL).groups()
    result = run(BIN / "makeweight", *shlex.split(command))
    assert result.returncode == 2
    assert result.stderr.strip() == output


def test_the_readme_table_is_the_one_that_was_measured():
    networks = json.loads((ROOT / "docs/results/fashion.json").read_text())["networks"]
    rows = {
        cells[0]: cells
        for cells in ([c.strip() for c in line.strip("|").split("|")] for line in README.splitlines())
        if re.fullmatch(r"(FCN|CNN) \d+K", cells[0])
    }
    assert len(rows) == len(networks) == 7
    for network in networks:
        row = rows[f"{network['family'].upper()} {network['budget'] // 1000}K"]
        assert row[1] == f"{network['weights']:,}"
        assert row[4] == f"{100 * network['test_accuracy_mean']:.2f}"


def test_the_command_reference_is_current(tmp_path):
    written = tmp_path / "commands.md"
    arguments = ("utils", "docs", "--name", "makeweight", "--title", "The commands", "--output", written)
    result = run(BIN / "typer", "makeweight.cli.app", *arguments)
    assert result.returncode == 0, result.stderr
    current = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert current == written.read_text(encoding="utf-8"), "run: make docs"


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
