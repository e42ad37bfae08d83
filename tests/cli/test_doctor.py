"""``makeweight doctor`` says what is missing, and ``--version`` is a block to paste."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from makeweight.cli.app import app
from makeweight.face import doctor


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def examined(*arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    ran = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    return ran.exit_code, {check["name"]: check for check in json.loads(ran.stdout)["checks"]}


def test_a_machine_that_runs_these_tests_has_no_problem(tmp_path: Path) -> None:
    code, checks = examined()
    assert code == 0
    assert {check["state"] for check in checks.values()} <= {"ok", "absent"}
    assert checks["data: mnist"]["remedy"] == "makeweight data get mnist"
    assert checks["torch"]["state"] == "ok"
    assert list(tmp_path.iterdir()) == [], "it leaves nothing"


def test_a_store_that_cannot_be_written_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, checks = examined("--store", str(tmp_path / "file" / "studies"))
    assert code == 1
    assert checks["store"]["state"] == "problem"
    assert "--store" in checks["store"]["remedy"]


def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENOUGH_DISK", 10**18)
    code, checks = examined()
    assert code == 1
    assert "MB free" in checks["cache"]["found"]


def test_an_extra_that_is_not_installed_is_named_with_the_command_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "onnxruntime" else "1")
    code, checks = examined()
    assert code == 0
    assert checks["extra: onnx"]["state"] == "absent"
    assert checks["extra: onnx"]["found"] == "no onnxruntime"
    assert "makeweight[onnx]" in checks["extra: onnx"]["remedy"]
    assert checks["extra: web"]["state"] == "ok"


def test_programs_that_are_not_there_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    _, checks = examined()
    assert checks["C compiler"]["state"] == "absent"
    assert checks["chips: qemu-system-arm"]["remedy"] == "apt-get install qemu-system-arm"


def test_the_table_says_so_in_words() -> None:
    ran = CliRunner().invoke(app, ["doctor"])
    assert ran.exit_code == 0
    assert ran.stdout.startswith("makeweight ")
    assert "Nothing is in the way." in ran.stdout


def test_the_version_is_a_block_to_paste() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    lines = ran.stdout.splitlines()
    assert ran.exit_code == 0
    assert [line.split()[0] for line in lines[:2]] == ["makeweight", "Python"]
    assert lines[-1].startswith("extras: ")


@pytest.mark.parametrize(("line", "meant"), [("makeweight stu", "study"), ("makeweight study --bud", "--budgets")])
def test_the_shell_completes_commands_and_options(line: str, meant: str) -> None:
    words = str(len(line.split()) - 1)
    variables = {"_MAKEWEIGHT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": words}
    assert meant in CliRunner().invoke(app, [], prog_name="makeweight", env=variables).stdout.split()


@pytest.mark.parametrize(("typed", "meant"), [(["studdy"], "study"), (["study", "--budgts", "1K"], "--budgets")])
def test_a_typing_error_gets_a_proposal(typed: list[str], meant: str) -> None:
    ran = CliRunner().invoke(app, typed)
    assert ran.exit_code == 2
    assert meant in ran.output
