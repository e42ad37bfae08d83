"""What the written files are: their bytes, their names, and that a strict compiler finds nothing."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import family_named
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import STACK_BYTES, peak, ram
from makeweight.designs.solver import fit
from makeweight.errors import InvalidValue, StoreError
from makeweight.export.c import write_c
from makeweight.export.c.compiler import compile_c, find_compiler
from makeweight.nets.build import build, trainable_weights

needs_tools = pytest.mark.skipif(find_compiler() is None or shutil.which("nm") is None, reason="needs compiler and nm")
both = pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])


@needs_tools
@both
def test_the_stated_bytes_are_those_of_the_compiled_file(trained, tmp_path: Path, int8: bool) -> None:
    files = trained.write(tmp_path, int8=int8)
    # Without optimisation no small array is folded into the code; addresses of fixed code leave records constant.
    assert compile_c([files.source], tmp_path / "model.o", ("-O0", "-fno-pic", "-c")) is None
    listed = subprocess.run(["nm", "-S", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    symbols = re.findall(r"^\w+ (\w+) (\w) ([\w.]+)$", listed, flags=re.MULTILINE)
    assert sum(int(size, 16) for size, kind, _ in symbols if kind in "bBdD") == files.ram_bytes
    arrays = set(re.findall(r"^ +static const \w+ (\w+)\[", files.source.read_text(), flags=re.MULTILINE))
    names = {name: name.split(".")[0] for _, _, name in symbols}  # those inside a function get a number
    constant = {names[name]: int(size, 16) for size, kind, name in symbols if names[name] in arrays and kind in "rR"}
    assert constant.keys() == arrays
    assert sum(constant.values()) == files.flash_bytes
    header = files.header.read_text()
    assert f"#define MODEL_RAM_BYTES {files.ram_bytes} " in header
    assert f"#define MODEL_FLASH_BYTES {files.flash_bytes} " in header
    assert files.code is not None
    assert 300 < files.code.bytes < 5_000


@needs_tools
@pytest.mark.parametrize("number", ["int8", "fp32"])
@pytest.mark.parametrize("side", [96, 64])
def test_the_linker_reserves_what_the_design_says(side: int, number: NumberType, tmp_path: Path) -> None:
    architecture = fit(family_named("cnn"), Task((3, side, side), 10), 20_000, {"stride": 4}).architecture
    network = build(architecture, torch.Generator().manual_seed(0)).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 3, side, side), dtype=np.uint8)
    files = write_c(network, [f"class {k}" for k in range(10)], tmp_path, images, int8=number == "int8")
    assert _reserved(files.source) == files.ram_bytes == ram(architecture, number) == peak(architecture, number)


def _reserved(source: Path) -> int:
    """Return the bytes of .data and .bss; addresses of fixed code leave tables of pointers constant."""
    assert compile_c([source], source.with_suffix(".o"), ("-Os", "-fno-pic", "-c")) is None
    listed = subprocess.run(["size", "-A", source.with_suffix(".o")], capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"^\.(?:data|bss)\S*\s+(\d+)", listed, flags=re.MULTILINE)))


def test_memory_and_weights_are_those_of_the_design(trained, tmp_path: Path) -> None:
    design = cost(trained.network.architecture)
    in_float, in_int8 = (trained.write(tmp_path, name=f"m{int8:d}", int8=int8) for int8 in (False, True))
    assert in_float.weights == in_int8.weights == trainable_weights(trained.network)
    assert in_float.ram_bytes == ram(trained.network.architecture, "fp32")
    assert in_int8.ram_bytes == ram(trained.network.architecture, "int8") < 0.3 * in_float.ram_bytes
    # A folded scale is no number any more; slopes of ReLU and the mean of the pixels are some more.
    assert abs(in_float.flash_bytes - 4 * design.weights) < 4 * 40
    assert design.weights < in_int8.flash_bytes < 1.3 * design.weights


@both
def test_no_access_out_of_bounds_and_no_undefined_behaviour(trained, answers, tmp_path: Path, int8: bool) -> None:
    images = trained.images[:20].copy()
    images[0], images[1] = 0, 255
    source = trained.write(tmp_path, int8=int8).source
    checked = answers(source, images, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    np.testing.assert_allclose(checked.probabilities, answers(source, images).probabilities, atol=1e-5)


HOST = (find_compiler() or "cc",)
M0PLUS = ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb")


@needs_tools
@both
@pytest.mark.parametrize(
    ("compiler", "optimisation"),
    [(HOST, "-O1"), (HOST, "-O2"), (HOST, "-Os"), (M0PLUS, "-O0"), (M0PLUS, "-O2")],  # -O0 of 64 bits takes more
    ids=lambda value: value if isinstance(value, str) else Path(value[0]).name,
)
def test_the_stack_stays_below_what_is_stated(
    trained, tmp_path: Path, int8: bool, compiler: tuple[str, ...], optimisation: str
) -> None:
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    files = trained.write(tmp_path, int8=int8)
    assert f"Stack: allow for {STACK_BYTES} bytes on top." in files.header.read_text()
    command = [*compiler, "-std=c99", optimisation, "-fcallgraph-info=su", "-c", files.source, "-o", tmp_path / "m.o"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("the compiler does not know -fcallgraph-info")
    graph = (tmp_path / "m.ci").read_text()
    sizes = {name: int(size) for name, size in re.findall(r'title: "([^"]*)" label: "[^"]*?(\d+) bytes', graph)}
    calls = re.findall(r'sourcename: "([^"]*)" targetname: "([^"]*)"', graph)

    def deepest(function: str) -> int:
        return sizes.get(function, 0) + max([deepest(called) for caller, called in calls if caller == function] or [0])

    assert 100 < deepest("model_run") <= STACK_BYTES


@needs_tools
@both
def test_stricter_warnings_find_nothing(trained, tmp_path: Path, int8: bool) -> None:
    source = trained.write(tmp_path, int8=int8).source
    options = ("-O2", "-c", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-qual", "-Wvla")
    assert compile_c([source], tmp_path / "model.o", options) is None


@needs_tools
@both
def test_nothing_is_called_but_the_exponential_function(trained, tmp_path: Path, int8: bool) -> None:
    source = trained.write(tmp_path, int8=int8).source
    assert compile_c([source], tmp_path / "model.o", ("-O2", "-c", "-fno-stack-protector")) is None
    undefined = subprocess.run(["nm", "-u", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    assert set(undefined.split()) - {"U", "_GLOBAL_OFFSET_TABLE_"} == {"expf"}
    assert "Of libraries: expf of <math.h>," in source.read_text()


@needs_tools
@pytest.mark.parametrize("compiler", [HOST, (*M0PLUS, "--specs=nosys.specs")], ids=lambda value: Path(value[0]).name)
def test_two_networks_link_into_one_firmware(trained, tmp_path: Path, compiler: tuple[str, ...]) -> None:
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    files = [trained.write(tmp_path, name=name, int8=int8) for name, int8 in (("digits", True), ("letters", False))]
    main = tmp_path / "main.c"
    main.write_text(
        '#include "digits.h"\n#include "letters.h"\n'
        "int main(void) { return digits_predict() - letters_predict() + DIGITS_CLASSES - LETTERS_CLASSES; }\n"
    )
    sources = [main, *(written.source for written in files)]
    command = [*compiler, "-std=c99", "-O1", "-Wall", "-Werror", *sources, "-o", tmp_path / "both", "-lm"]
    linked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "error" not in linked.stderr
    assert linked.returncode == 0, linked.stderr
    if compiler is HOST:
        assert subprocess.run([tmp_path / "both"], check=False, timeout=60).returncode == 0


def test_the_same_network_gives_the_same_bytes(trained, tmp_path: Path) -> None:
    texts = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        files = trained.write(folder, int8=True)
        texts.append((files.source.read_bytes(), files.header.read_bytes()))
    assert texts[0] == texts[1]


@needs_tools
def test_hostile_names_are_text_and_nothing_else(trained, tmp_path: Path) -> None:
    names = ['"; int x = "', "*/ #error", "??/", "\\", "\n#include <x>", "\u202eÄ猫🎉", "%s%n", "\0", "é" * 9_000, " "]
    remarks = ["*/ int evil;", "??/\n*\\\n/ #error", "data Ä猫"]
    files = trained.write(tmp_path, names, name="m", remarks=remarks)
    printer = tmp_path / "printer.c"
    printer.write_text(
        '#include <stdio.h>\n#include "m.h"\nint main(void) { for (int i = 0; i < M_CLASSES; i++) '
        "puts(m_class_names[i]); return 0; }\n"
    )
    assert compile_c([printer, files.source], tmp_path / "printer", ("-O1", f"-I{tmp_path}")) is None
    printed = subprocess.run([tmp_path / "printer"], capture_output=True, check=True).stdout
    shown = [*names[:7], "", "é" * 498 + "...", " "]  # a string in C ends at the first zero
    assert printed == "".join(f"{name}\n" for name in shown).encode()
    assert " * data __" in files.source.read_text().splitlines()


@pytest.mark.parametrize(
    "name", ["", "2fast", "a-b", "a/b", "../x", "_m", "x" * 25, "math", "Stdio", "main", "modèle", "a\n"]
)
def test_a_name_that_cannot_stand_in_c_is_refused(trained, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match="the name"):
        trained.write(tmp_path, name=name)
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_is_refused(trained, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="2 class names do not fit 10"):
        trained.write(tmp_path, ["a", "b"])
    with pytest.raises(InvalidValue, match="training images"):
        write_c(trained.network, trained.data.class_names, tmp_path, int8=True)
    with pytest.raises(InvalidValue, match="8x8"):
        write_c(trained.network, trained.data.class_names, tmp_path, np.zeros((9, 1, 7, 8), np.uint8), int8=True)
    broken = copy.deepcopy(trained.network)
    next(broken.parameters()).data[0] = float("nan")
    with pytest.raises(InvalidValue, match="finite"):
        write_c(broken, trained.data.class_names, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(StoreError, match="cannot write"):
        trained.write(tmp_path / "missing")
