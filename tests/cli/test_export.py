"""``makeweight export`` on a real study: files, what is said of them, and clear refusals."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.export import formats, session
from makeweight.export.c.compiler import find_compiler
from makeweight.export.c.emulate import missing_tools
from makeweight.export.c.targets import TARGETS
from makeweight.export.records import Artefact
from makeweight.export.session import PURPOSE
from makeweight.files import TEMPORARY
from makeweight.store.store import Store
from makeweight.studies.lock import study_lock

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, where the commands look for it."""
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def purposes(study: Path) -> dict[int, tuple[str, ...]]:
    """What the test images were opened for, by the seed of the convolutional network of 2,000 weights."""
    with Store.open(study) as store:
        rows = [row for row in store.jobs() if (row.job.family, row.job.budget) == ("cnn", 2_000)]
        return {row.job.seed: store.test_accesses(row.job.key) for row in rows}


def best_seed(study: Path) -> int:
    with Store.open(study) as store:
        rows = [row for row in store.jobs() if (row.job.family, row.job.budget) == ("cnn", 2_000)]
    return max(rows, key=lambda row: (row.result.validation_accuracy, -row.job.seed)).job.seed


def test_a_network_is_exported_and_compared(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("export", "cnn-2k", "--int8")
    assert ran.code == 0, ran.err
    seed = best_seed(study)
    assert f"CNN 2K has 2 runs; seed {seed} has the best validation accuracy" in ran.err
    assert ran.out.startswith(f"CNN 2K, seed {seed}, run ")
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line.strip()}
    assert " 100.00 " in rows["model.onnx"]
    assert "PyTorch," in rows
    assert "model-int8.onnx" in rows
    assert "int8 is " in ran.out
    folder = tmp_path / "export-cnn-2k"
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "model-int8.onnx", "README.md", "report.json"}
    assert ran.out.splitlines()[-4:] == [
        f"export-cnn-2k/{name}" for name in ("model.onnx", "model-int8.onnx", "README.md", "report.json")
    ]
    opened = purposes(study)
    assert PURPOSE in opened[seed]
    assert PURPOSE not in opened[1 - seed]


def test_a_seed_asked_for_is_exported_and_told_as_json(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("export", "small/fcn-2k#1", "--format", "torch", "-o", tmp_path / "a new" / "folder", "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert (record["network"], record["seed"], record["folder"]) == ("FCN 2K", 1, str(tmp_path / "a new" / "folder"))
    [file] = record["files"]
    assert (file["name"], file["same_class"], file["faithful"]) == ("model.pt2", 1.0, True)
    assert file["bytes"] == (tmp_path / "a new" / "folder" / "model.pt2").stat().st_size
    assert record["int8"] is None
    written = json.loads((tmp_path / "a new" / "folder" / "report.json").read_text())
    assert written["files"] == record["files"]


def test_an_export_is_repeated_in_the_same_folder_but_no_readme_of_others_is_replaced(
    cli: Callable, study: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "README.md").write_text("My own words.")
    ran = cli("export", "fcn-2k", "--format", "torch", "-o", "mine")
    assert (ran.code, ran.out) == (2, "")
    assert "mine/README.md is not of an earlier export and stays" in ran.err
    assert [path.name for path in mine.iterdir()] == ["README.md"]
    assert (mine / "README.md").read_text() == "My own words."
    for _ in range(2):
        assert cli("export", "fcn-2k", "--format", "torch").code == 0


@pytest.mark.parametrize("present", [False, True])
def test_an_export_that_is_cut_off_leaves_nothing_and_can_be_repeated(
    cli: Callable, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: bool
) -> None:
    folder = tmp_path / "export-fcn-2k"
    if present:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(session, "model_card", interrupted)
        assert cli("export", "fcn-2k", "--format", "torch").code == 130
    assert [path.name for path in folder.rglob("*")] == ["notes.txt"] * present
    assert folder.exists() == present
    debris = folder / f".makeweight{TEMPORARY}" if present else tmp_path / f"{folder.name}{TEMPORARY}"
    debris.mkdir()
    (debris / "README.md").write_text("half of a ca")  # of a process that was killed
    assert cli("export", "fcn-2k", "--format", "torch").code == 0
    whole = {"README.md", "report.json", "model.pt2"}
    assert {path.name for path in folder.iterdir()} == whole | ({"notes.txt"} if present else set())
    assert not debris.exists()


def test_a_study_that_runs_is_exported_all_the_same(cli: Callable, study: Path) -> None:
    with study_lock(study):
        ran = cli("export", "fcn-2k", "--format", "torch")
    assert ran.code == 0, ran.err
    assert "not recorded" not in ran.err


def test_a_file_that_computes_something_else_is_told(cli: Callable, study: Path, monkeypatch) -> None:
    """As a fault in a translator would."""

    def write(deployment, folder: Path, int8: bool, name: str, examples: None) -> tuple[Artefact, ...]:
        [right] = formats.write_program(deployment, folder, int8, name)
        return (Artefact(right.files, "float32", "broken", lambda images: right.answer(255 - images)),)

    monkeypatch.setattr(formats, "FORMATS", {"onnx": formats.ExportFormat(write, int8=False)})
    ran = cli("export", "fcn-2k")
    assert ran.code == 1
    assert "error: model.pt2 does not compute what the network does" in ran.err
    assert "**Do not use these files:**" in Path("export-fcn-2k/README.md").read_text(encoding="utf-8")


@needs_compiler
def test_c_is_exported_with_flash_and_ram(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("export", "cnn-2k", "--format", "c", "--int8")
    assert ran.code == 0, ran.err
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line.strip()}
    assert " 100.00 " in rows["model.c"]
    record = json.loads((tmp_path / "export-cnn-2k" / "report.json").read_text())
    for file in record["files"]:
        flash, ram = (f"{file['memory'][name]:,}" for name in ("flash_bytes", "ram_bytes"))
        assert rows[file["name"]].split()[-2:] == [flash, ram]
        assert f"\n{file['name']}: {flash} bytes of flash for {record['weights']:,} weights of a budget of " in ran.out
    assert "Its latency is not measured: the device's counts." in ran.out
    assert "p50" not in ran.out
    folder = tmp_path / "export-cnn-2k"
    written = {f"export-cnn-2k/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file()}
    assert written == set(ran.out.splitlines()[-len(written) :])
    parts = ("main.c", "CMakeLists.txt", "zephyr/module.yml", "model_int8.c", "model_int8_selftest.h", "README.md")
    assert {f"export-cnn-2k/{part}" for part in parts} < written
    assert PURPOSE in purposes(study)[best_seed(study)]


@needs_compiler
def test_a_chip_is_in_the_terminal_the_report_and_the_card(cli: Callable, study: Path, tmp_path: Path) -> None:
    if missing := missing_tools(TARGETS["cortex-m0plus"]):
        pytest.skip(f"needs {' and '.join(missing)}")
    ran = cli("export", "cnn-2k", "--format", "c", "--int8", "--chip", "m0+@48MHz", "-o", "firmware")
    assert ran.code == 0, ran.err
    record = json.loads((tmp_path / "firmware" / "report.json").read_text())
    on_chip, memory = record["on_chip"], record["files"][1]["memory"]
    assert on_chip["agrees"]
    assert on_chip["ram_bytes"] == memory["ram_bytes"]
    assert memory["flash_bytes"] < on_chip["flash_bytes"] <= on_chip["designed_flash_bytes"]
    said = f"{on_chip['same_class']} of {on_chip['images']} test images got the same class as on this machine."
    assert said in ran.out
    assert said in (tmp_path / "firmware" / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--chip", "m4"), "error: --chip cortex-m4 is for the int8 program in C: add --format c and --int8"),
        (("--format", "c", "--int8", "--chip", "m5"), "error: chip 'm5' is unknown. Choose from: cortex-m0plus"),
    ],
)
def test_a_chip_that_cannot_be_checked_is_refused(
    cli: Callable, study: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    ran = cli("export", "cnn-2k", *options)
    assert ran.code == 2
    assert words in ran.err
    assert not (tmp_path / "export-cnn-2k").exists()


@needs_compiler
def test_a_name_is_that_of_files_and_functions(cli: Callable, study: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second into the folder of the first
        ran = cli("export", "cnn-2k", "--format", "c", "--int8", "--name", "digits", "-o", "firmware")
        assert ran.code == 0, ran.err
    assert "int digits_int8_predict(void);" in (tmp_path / "firmware" / "digits_int8.h").read_text()
    compiled = subprocess.run(
        ["cc", "main.c", "digits.c", "digits_int8.c", "-lm", "-o", "selftest"],
        cwd=tmp_path / "firmware", check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr
    assert subprocess.run([tmp_path / "firmware" / "selftest"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["my-net", "9net", "math", "main"])
def test_a_name_that_cannot_stand_in_c_is_refused_at_once(
    cli: Callable, study: Path, tmp_path: Path, name: str
) -> None:
    ran = cli("export", "cnn-2k", "--format", "c", "--name", name)
    assert ran.code == 2
    assert f"error: the name '{name}' " in ran.err
    assert not (tmp_path / "export-cnn-2k").exists()


@needs_compiler
def test_flash_and_ram_are_in_the_json(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("export", "fcn-2k", "--format", "c", "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    [file] = record["files"]
    assert (file["name"], file["beside"], file["same_class"], file["latency_p50_ms"]) == (
        "model.c", ["model.h"], 1.0, None,
    )  # fmt: skip
    header = (tmp_path / "export-fcn-2k" / "model.h").read_text()
    assert f"#define MODEL_FLASH_BYTES {file['memory']['flash_bytes']} " in header
    assert f"#define MODEL_RAM_BYTES {file['memory']['ram_bytes']} " in header
    assert file["memory"]["bytes_per_weight"] == file["memory"]["flash_bytes"] / record["weights"]
    assert 300 < file["memory"]["code_bytes"] < 5_000
    assert record["pytorch"]["memory"] is None


def test_without_a_compiler_one_line_says_so_and_nothing_is_written(
    cli: Callable, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    before = sorted(tmp_path.rglob("*"))
    ran = cli("export", "fcn-2k", "--format", "c")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: export to C needs a C compiler (gcc or clang) to check the file: install one.\n"
    assert sorted(tmp_path.rglob("*")) == before


REFUSED = {
    "format": (("cnn-2k", "--format", "gguf"), "format 'gguf' is not possible: give one of onnx, torch, tflite, c"),
    "int8 of torch": (("cnn-2k", "--format", "torch", "--int8"), "--int8 is not possible with --format torch"),
    "network": (("cnn-3m",), "there is no network 'cnn-3m'"),
    "seed": (("cnn-2k#9",), "has no finished run of seed 9"),
    "output": (("cnn-2k", "-o", "studies/small/study.db/x"), "cannot write"),
    "data": (("cnn-2k", "--data", "nowhere"), "needs no files"),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_possible_is_refused(
    cli: Callable, study: Path, arguments: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    ran = cli("export", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err.splitlines()[-1]
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "export-cnn-2k").exists()


def test_without_the_extra_the_command_to_install_it_is_named(cli: Callable, study: Path, monkeypatch) -> None:
    monkeypatch.setattr("makeweight.export.runtime.find_spec", lambda name: None)
    ran = cli("export", "cnn-2k")
    assert (ran.code, ran.out) == (2, "")
    assert f"needs onnx, onnxruntime, onnxscript. Run: {sys.executable} -m pip install 'makeweight[onnx]'" in ran.err


def test_a_damaged_run_is_refused(cli: Callable, study: Path) -> None:
    for path in (study / "weights").glob("*.safetensors"):
        if ".test." not in path.name:
            path.write_bytes(path.read_bytes()[:-1] + b"\0\1")
    ran = cli("export", "cnn-2k")
    assert (ran.code, ran.out) == (2, "")
    assert "is damaged: its SHA-256 is not the stored" in ran.err


def test_a_study_whose_data_are_gone_says_so(
    cli: Callable, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "empty"))
    with Store.create(study) as store, store._database.transaction() as connection:
        connection.execute("UPDATE study SET dataset = 'mine', data_path = '/nowhere'")
    ran = cli("export", "cnn-2k")
    assert (ran.code, ran.out) == (2, "")
    assert "on your own data 'mine', which are prepared nowhere in the cache" in ran.err


def documented_commands() -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0].split("| ")[-1].split(" > ")[0] for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("makeweight ")]


def test_the_documented_commands_exist(cli: Callable) -> None:
    commands = documented_commands()
    assert len(commands) == 11
    for line in commands:
        ran = cli(*shlex.split(line)[1:], "--help")  # --help stops after the options have been read
        assert (ran.code, ran.err) == (0, "")
        assert " Usage: " in ran.out
