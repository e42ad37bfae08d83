"""Score networks in ONNX and in C, each in float32 and int8, on the whole test set, and write docs/results/exports.*

    python -m scripts.score_exports studies [STUDY/NETWORK ...] [--data DIR]

Without networks: the default study's four convolutional ones, which `make study` trains.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.machine import describe

from makeweight.export.deployment import Deployment, deployment_of
from makeweight.export.formats import FORMATS
from makeweight.export.record import verdict_record, verification_record
from makeweight.export.session import PURPOSE
from makeweight.export.verdict import int8_verdict
from makeweight.export.verify import Checked, accuracy_change, verify
from makeweight.face.references import find_network
from makeweight.inspection.data import study_data
from makeweight.store.store import Store
from makeweight.studies.looks import record_look
from makeweight.wording import percentage, signed_points, span

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "exports"
NETWORKS = ("fashion/cnn-10k", "fashion/cnn-20k", "fashion/cnn-50k", "fashion/cnn-100k")
FILES = ("onnx", "c")  # each in float32 and int8, in this order
ADVICE = {True: "recommended", False: "not recommended", None: "undecided"}
HEAD = """\
| network | file | test accuracy % | change, points (95 %) | same class % | file, bytes | flash, bytes | a weight \
| code, bytes | RAM, bytes | p50 ms | int8 |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def scored(store_folder: Path, name: str, data_dir: Path | None) -> dict[str, Any]:
    reference = find_network(store_folder, name)
    row = reference.best.row
    with Store.open(reference.folder) as store, tempfile.TemporaryDirectory() as folder:
        data = study_data(store.study(), data_dir, say)
        deployment = deployment_of(store, row, data)
        say(f"{deployment.facts.network}, seed {row.job.seed}")
        artefacts = [file for format_ in FILES for file in FORMATS[format_].write(deployment, Path(folder), True)]
        test = data.test_images()
        checked = verify(deployment, artefacts, test)
    record_look(reference.folder, [row.job.key], say, PURPOSE)
    return record(deployment, checked, np.asarray(test.labels))


def record(deployment: Deployment, checked: Checked, labels: np.ndarray) -> dict[str, Any]:
    facts, files = deployment.facts, checked.files
    classes = [found.argmax(1) for found in checked.answers]
    verdicts = [
        int8_verdict(files[i], files[i + 1], accuracy_change(checked.answers[i + 1], checked.answers[i], labels))
        for i in (0, 2)
    ]
    return {
        **{name: getattr(facts, name) for name in ("network", "run", "seed", "budget", "weights", "data_digest")},
        "test_images": len(labels),
        "pytorch": verification_record(checked.pytorch),
        "files": [verification_record(file) for file in files],
        "int8": {format_: verdict_record(verdict) for format_, verdict in zip(FILES, verdicts, strict=True)},
        "c_and_onnx_same_class": {
            "float32": float((classes[0] == classes[2]).mean()),
            "int8": float((classes[1] == classes[3]).mean()),
        },
    }


def markdown(networks: Sequence[dict[str, Any]], machine: dict[str, Any]) -> str:
    engines = dict.fromkeys(file["engine"] for network in networks for file in network["files"])
    agreements = [
        f"| {network['network']} | {100 * network['c_and_onnx_same_class']['float32']:.2f} | "
        f"{100 * network['c_and_onnx_same_class']['int8']:.2f} |"
        for network in networks
    ]
    [images] = {network["test_images"] for network in networks}
    lines = [
        "# The exports, side by side", "",
        f"`python -m scripts.score_exports studies`, {machine['date'][:10]}; {machine['processor']}, torch "
        f"{machine['versions']['torch']}, {', '.join(engines)}.", "",
        f"One run of each network, {images:,} test images. Change and same class: against the same weights in PyTorch "
        "in float32. p50: one image at a time on one thread, the files in turn. Flash: weights, biases and tables; "
        "RAM: image, values and output, static; both are exact. The time of C is the device's, and not measured.", "",
        HEAD, *(line for network in networks for line in rows(network)), "",
        "The share of the test images that get the same class in C and in ONNX:", "",
        "| network | float32 % | int8 % |", "| --- | ---: | ---: |", *agreements,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def rows(network: dict[str, Any]) -> list[str]:
    verdicts = {file["name"]: "" for file in network["files"]}
    verdicts |= {
        network["files"][2 * i + 1]["name"]: ADVICE[network["int8"][name]["wins"]] for i, name in enumerate(FILES)
    }
    label = f"{network['network']}, {network['weights']:,} weights"
    return [row(label if not i else "", file, verdicts[file["name"]]) for i, file in enumerate(network["files"])]


def row(label: str, file: dict[str, Any], advice: str) -> str:
    change, memory = file["accuracy_change"], file["memory"]
    low, high = change["ci95"]
    device = ("flash_bytes", "bytes_per_weight", "code_bytes", "ram_bytes")
    cells = (
        label,
        f"`{file['name']}`",
        percentage(file["accuracy"]["mean"]),
        f"{signed_points(change['mean'])} ({span(low, high, signed_points)})",
        percentage(file["same_class"]),
        f"{file['bytes']:,}",
        *(size(memory[name]) if memory else "" for name in device),
        "" if file["latency_p50_ms"] is None else f"{file['latency_p50_ms']:.3f}",
        advice,
    )
    return f"| {' | '.join(cells)} |"


def size(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}" if isinstance(value, float) else f"{value:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="folder of studies")
    parser.add_argument("networks", nargs="*", metavar="STUDY/NETWORK")
    parser.add_argument("--data", type=Path, help="folder of the data's original files")
    given = parser.parse_args()
    for format_ in FILES:
        FORMATS[format_].require()
    networks = [scored(given.store, name, given.data) for name in given.networks or NETWORKS]
    machine = describe()
    text = markdown(networks, machine)
    print(text, end="")
    RESULTS.with_suffix(".json").write_text(json.dumps({"machine": machine, "networks": networks}, indent=1) + "\n")
    RESULTS.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
