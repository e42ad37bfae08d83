"""How the command begins."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, sys
from makeweight.cli.main import main
atexit.register(lambda: print(os.environ["OMP_WAIT_POLICY"]))
sys.argv = ["makeweight", "--version"]
main()
"""


@pytest.mark.parametrize(("asked", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_wait_passively_unless_the_user_says_otherwise(asked: dict[str, str], policy: str) -> None:
    """Threads that wait actively take the processor from the one that they wait for."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**kept, **asked}, check=True
    )
    assert ran.stdout.split()[-1] == policy
