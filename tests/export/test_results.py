"""The documented numbers are those that were measured."""

from __future__ import annotations

import json
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_table_is_the_one_that_was_measured() -> None:
    networks = json.loads((DOCS / "results" / "exports.json").read_text(encoding="utf-8"))["networks"]
    measured = (DOCS / "results" / "exports.md").read_text(encoding="utf-8").splitlines()
    documented = (DOCS / "export.md").read_text(encoding="utf-8").splitlines()
    assert [network["network"] for network in networks] == ["CNN 10K", "CNN 20K", "CNN 50K", "CNN 100K"]
    for network in networks:
        assert network["test_images"] == 10_000
        for file in network["files"]:
            start = f"| `{file['name']}` | {100 * file['accuracy']['mean']:.2f} | "
            [line] = [line for line in measured if start in line and f" | {file['bytes']:,} | " in line]
            assert line in documented
            if file["memory"]:
                assert f" | {file['memory']['flash_bytes']:,} | " in line
                assert f" | {file['memory']['ram_bytes']:,} | " in line
        shares = network["c_and_onnx_same_class"]
        line = f"| {network['network']} | {100 * shares['float32']:.2f} | {100 * shares['int8']:.2f} |"
        assert line in measured
        assert line in documented
