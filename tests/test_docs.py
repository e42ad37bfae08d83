"""What the documentation says is what the commands do."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from makeweight.glossary import TERMS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
USING = (DOCS / "using.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
#: Words of commands that the machine or its data decide; their output is compared with the numbers behind it.
TRAINED = ("study", "predict")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=60)


def commands_of(text: str) -> list[str]:
    blocks = re.findall(r"^```(?:sh|bash)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    shown = re.findall(r"^\$ (makeweight .+)$", text, flags=re.MULTILINE)
    return [line for line in [*lines, *shown] if line.startswith("makeweight ")]


def part(text: str, name: str) -> str:
    """What stands between the two marks of a name."""
    [inner] = re.findall(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", text, flags=re.DOTALL)
    return inner.strip()


def test_the_formats_of_own_images_are_those_of_the_registry():
    from makeweight.data.sources.registry import documentation

    assert documentation() in (DOCS / "own-data.md").read_text(encoding="utf-8")


def test_commands_are_shown():
    assert len(commands_of(README)) >= 3
    assert len(commands_of(USING)) >= 30


@pytest.mark.parametrize("command", dict.fromkeys([*commands_of(README), *commands_of(USING)]))
def test_options_that_are_shown_exist(command):
    from makeweight.cli.app import app

    # --help stops before anything runs, but after the options have been read.
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "text", [README, (DOCS / "promises.md").read_text(encoding="utf-8")], ids=["README", "promises"]
)
def test_quoted_output_is_word_for_word(text):
    quoted = re.findall(r"```console\n\$ makeweight ([^\n]+)\n(.*?)\n```", text, flags=re.DOTALL)
    compared = [(command, output) for command, output in quoted if command.split()[0] not in TRAINED]
    assert compared
    for command, output in compared:
        result = run(BIN / "makeweight", *shlex.split(command))
        assert (result.stdout or result.stderr).strip() == output


@pytest.mark.parametrize(("study", "shown", "networks"), [("fashion", "table", 7), ("first", "first", 2)])
def test_the_tables_of_the_readme_are_those_that_were_measured(study, shown, networks):
    measured = json.loads((DOCS / f"results/{study}.json").read_text())["networks"]
    lines = part(README, shown).splitlines()
    assert len(measured) == networks
    for network in measured:
        name = f"{network['family'].upper()} {network['budget'] // 1000}K"
        [row] = [line for line in lines if re.match(rf"(\| )?{name}[ |]+\d", line)]
        assert f"{network['weights']:,}" in row
        assert f"{100 * network['test_accuracy_mean']:.2f}" in row


def test_the_python_of_the_readme_uses_what_there_is():
    import makeweight

    [block] = [block for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if "mw.study" in block]
    assert len(block.strip().splitlines()) == 7
    used = {
        node.attr
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mw"
    }
    assert used
    assert used <= set(dir(makeweight))


@pytest.mark.slow
def test_the_python_of_the_readme_runs_on_digits(tmp_path, environment):
    [block] = [block for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if "mw.study" in block]
    picture = ROOT / "examples/pictures/shirt.png"
    script = block.replace("fashion-mnist", "digits").replace("examples/pictures/shirt.png", str(picture))
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280
    )
    assert result.returncode == 0, result.stderr
    assert "CNN 5K" in result.stdout


def test_the_command_reference_is_current(tmp_path):
    written = tmp_path / "commands.md"
    arguments = ("utils", "docs", "--name", "makeweight", "--title", "The commands", "--output", written)
    result = run(BIN / "typer", "makeweight.cli.app", *arguments)
    assert result.returncode == 0, result.stderr
    current = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert current == written.read_text(encoding="utf-8"), "run: make docs"


def test_the_written_references_are_current(tmp_path):
    result = run(sys.executable, ROOT / "scripts/write_reference.py", tmp_path)
    assert result.returncode == 0, result.stderr
    for name in ("study-file.md", "store.md"):
        assert (DOCS / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), (
            "run: make docs"
        )


def test_the_family_on_its_page_is_the_one_that_the_tests_run():
    page = (DOCS / "write-a-family.md").read_text(encoding="utf-8")
    assert part(page, "patches") == f"```python\n{(ROOT / 'examples/patches.py').read_text(encoding='utf-8')}```"


def test_the_python_reference_has_every_name():
    import makeweight

    page = (DOCS / "api.md").read_text(encoding="utf-8")
    called = {"Dataset": "makeweight.data.dataset.PreparedDataset", "zoo": "makeweight.face.zoo.Zoo"}
    for name in set(dir(makeweight)) - {"__version__"}:
        assert re.search(rf":: {re.escape(called.get(name, f'makeweight.{name}'))}$", page, re.MULTILINE), name


def test_the_index_has_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    missing = [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name})" not in index]
    assert not missing


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        led = (page.parent / file).resolve() if file else page
        assert led.exists(), target
        if anchor and led.suffix == ".md":
            assert anchor in anchors_of(led), target


def test_the_words_of_dashboard_and_report_are_in_the_glossary():
    words = anchors_of(DOCS / "glossary.md")
    assert words >= {term.anchor for term in TERMS}
    assert words >= {"stem", "batch-sd", "paired-test", "balanced-accuracy", "ram"}
