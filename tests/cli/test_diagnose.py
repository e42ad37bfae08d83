"""``makeweight diagnose`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODEL = """
import torch
from torch import nn

def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10){end})

def text():
    return "no model"

def broken():
    raise KeyError("mine")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(MODEL.replace("{end}", ", nn.Softmax(1)"))
    return path


def test_a_file_with_the_reports_fault(cli: Callable[..., Any], script: Path) -> None:
    ran = cli("diagnose", f"{script}:make_model", "-d", "digits", "--seconds", "4", "--json")
    assert ran.code == 1
    record = json.loads(ran.out)
    assert record["findings"][0]["code"] == "softmax-before-loss"
    assert record["findings"][0].keys() == {
        "code", "certainty", "title", "evidence", "consequence", "fix", "where"
    }  # fmt: skip
    assert record["checked"]
    shown = cli("diagnose", f"{script}:make_model", "-d", "digits", "--seconds", "4")
    assert "Softmax is applied twice" in shown.out
    assert "Looked at:" in shown.out


def test_a_sound_file(cli: Callable[..., Any], script: Path) -> None:
    script.write_text(MODEL.replace("{end}", ""))
    ran = cli("diagnose", f"{script}:make_model", "-d", "digits", "--seconds", "4")
    assert ran.code == 0, ran.out
    assert "Nothing wrong found" in ran.out


def test_a_finished_run(cli: Callable[..., Any], finished: Any) -> None:
    ran = cli("diagnose", f"{finished.folder.name}/fcn-2k", "--store", str(finished.folder.parent), "--seconds", "4")
    assert ran.code in (0, 1), ran.err
    assert "acid test" in ran.out


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nowhere.py:make_model", "no file"),
        ("{script}:nothing", "has no function 'nothing'. It has: make_model, text, broken"),
        ("{script}", "names no function"),
        ("{script}:text", "gave str"),
        ("{script}:broken", "KeyError: 'mine'"),
        ("cnn-10k", "no study"),
    ],
)
def test_what_cannot_be_diagnosed_is_said(cli: Callable[..., Any], script: Path, what: str, said: str) -> None:
    ran = cli("diagnose", what.replace("{script}", str(script)), "-d", "digits")
    assert ran.code == 2
    assert said in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err


def test_a_file_that_cannot_be_run_is_said(cli: Callable[..., Any], script: Path) -> None:
    script.write_text("import nothing_of_that_name\n")
    ran = cli("diagnose", f"{script}:make_model")
    assert ran.code == 2
    assert "ModuleNotFoundError" in ran.err
