"""The folder of an export to C as an engineer finds it: its self-test passes, its build files are what tools take."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from makeweight.data.dataset import LabelledImages
from makeweight.designs.architecture import Task
from makeweight.export.c.compiler import STRICT, find_compiler
from makeweight.export.c.selftest import choose_examples
from makeweight.export.deployment import Deployment
from makeweight.export.formats import write_device

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
NAMES = ("digits", "digits_int8")
PASSED = "digits self-test: 10 of 10\ndigits_int8 self-test: 10 of 10\n"
# Where the emulated Cortex-M finds its stack and the start of the program.
VECTORS = """\
void _start(void);
__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {(void (*)(void))0x20400000, _start};
"""


@pytest.fixture(scope="module")
def folder(make_deployment: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("project")
    deployment = make_deployment("cnn", Task((3, 16, 12), 10))
    images = np.random.default_rng(1).integers(0, 256, (60, 3, 16, 12), dtype=np.uint8)
    test = LabelledImages(images, np.arange(60) % 10)
    write_device(deployment, target, True, "digits", choose_examples(test, deployment.answer))
    return target


def _build(folder: Path, compiler: tuple[str, ...], program: Path, *more: Path) -> None:
    sources = [folder / "main.c", *(folder / f"{name}.c" for name in NAMES), *more]
    command = [*compiler, *STRICT, "-O2", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", *sources]
    subprocess.run([*command, "-o", program, "-lm"], check=True, timeout=120)


def test_the_self_test_passes_here(folder: Path, tmp_path: Path) -> None:
    _build(folder, (find_compiler() or "",), tmp_path / "selftest")
    ran = subprocess.run([tmp_path / "selftest"], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, PASSED)


@pytest.mark.parametrize("name", NAMES)
def test_the_self_test_fails_where_a_weight_is_another(folder: Path, tmp_path: Path, name: str) -> None:
    for path in folder.glob("*.[ch]"):
        shutil.copy(path, tmp_path)
    source = (tmp_path / f"{name}.c").read_text()
    start = source.index("_weights[")
    at = source.index("{\n    ", start) + 6
    end = source.index(",", at)
    (tmp_path / f"{name}.c").write_text(f"{source[:at]}1{source[end:]}")
    _build(tmp_path, (find_compiler() or "",), tmp_path / "selftest")
    ran = subprocess.run([tmp_path / "selftest"], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert f"{name} self-test: 10 of 10" not in ran.stdout


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
def test_the_self_test_passes_on_a_chip(folder: Path, tmp_path: Path, core: str) -> None:
    missing = [tool for tool in ("arm-none-eabi-gcc", "qemu-system-arm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    vectors = tmp_path / "vectors.c"
    vectors.write_text(VECTORS)
    compiler = (
        "arm-none-eabi-gcc",
        f"-mcpu={core}",
        "-mthumb",
        "--specs=rdimon.specs",
        "-Wl,--section-start=.vectors=0,-u,vectors",
    )
    _build(folder, compiler, tmp_path / "selftest.elf", vectors)
    emulator = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]
    command = [*emulator, "-semihosting-config", "enable=on,target=native", "-kernel", tmp_path / "selftest.elf"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, PASSED)


def test_cmake_builds_a_library_and_runs_the_self_test(folder: Path, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    for command in (
        ["cmake", "-S", folder, "-B", tmp_path, "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"],
        ["cmake", "--build", tmp_path],
        ["ctest", "--test-dir", tmp_path, "--output-on-failure"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=240)
    assert (tmp_path / "libdigits.a").is_file()


def test_another_project_adds_the_library_and_no_test_of_it(folder: Path, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        f'cmake_minimum_required(VERSION 3.13)\nproject(firmware C)\nadd_subdirectory("{folder}" digits)\n'
        "add_executable(firmware firmware.c)\ntarget_link_libraries(firmware digits)\n"
    )
    (tmp_path / "firmware.c").write_text(
        '#include "digits_int8.h"\nint main(void) { return digits_int8_predict() < 0; }'
    )
    build = tmp_path / "build"
    for command in (["cmake", "-S", tmp_path, "-B", build], ["cmake", "--build", build]):
        subprocess.run(command, check=True, capture_output=True, timeout=240)
    assert subprocess.run([build / "firmware"], check=False).returncode == 0
    assert not list(build.rglob("*selftest*"))


@pytest.mark.parametrize(
    ("system", "call"),
    [
        ("-DESP_PLATFORM=1", "register;SRCS;digits.c;digits_int8.c;INCLUDE_DIRS;."),
        ("-DZEPHYR_BASE=/z", "library;digits sources;digits.c;digits_int8.c directories;."),
    ],
)
def test_esp_idf_and_zephyr_are_told_sources_and_folder(folder: Path, tmp_path: Path, system: str, call: str) -> None:
    """Their tools aren't here: their functions are stood in for, and print what they get."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    stand_ins = {
        "idf_component_register": "register",
        "zephyr_library_named": "library",
        "zephyr_library_sources": "sources",
        "zephyr_include_directories": "directories",
    }
    script = [f'function({name})\nmessage("{word};${{ARGV}}")\nendfunction()' for name, word in stand_ins.items()]
    (tmp_path / "try.cmake").write_text("\n".join([*script, f'include("{folder}/CMakeLists.txt")']))
    ran = subprocess.run(
        ["cmake", system, "-P", tmp_path / "try.cmake"], capture_output=True, text=True, check=True, timeout=60
    )
    assert " ".join(ran.stderr.split()) == call


def test_the_manifests_are_what_their_formats_say(folder: Path) -> None:
    assert yaml.safe_load((folder / "zephyr/module.yml").read_text()) == {"name": "digits", "build": {"cmake": "."}}
    component = yaml.safe_load((folder / "idf_component.yml").read_text())
    platformio = json.loads((folder / "library.json").read_text())
    lines = (folder / "library.properties").read_text().splitlines()
    arduino = dict(line.split("=", 1) for line in lines)
    assert component["version"] == platformio["version"] == arduino["version"]
    assert platformio["name"] == arduino["name"] == "digits"
    assert platformio["build"]["srcFilter"] == ["-<*>", "+<digits.c>", "+<digits_int8.c>"]
    assert set(platformio["headers"]) == {*arduino["includes"].split(",")} == {"digits.h", "digits_int8.h"}
    sketch = (folder / "examples/selftest/selftest.ino").read_text()
    assert all(f"{name}_selftest(&memory.{name})" in sketch for name in NAMES)


def test_arduino_may_compile_every_file_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """It compiles all sources of a library, and the sketch as C++ has the main function."""
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(
        "struct { void begin(int) {} explicit operator bool() { return true; } template <class T> void print(T) {}\n"
        'template <class T> void println(T) {} } Serial;\n#include "selftest.ino"\nint main() { setup(); loop(); }\n'
    )
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    objects = []
    for source in folder.glob("*.c"):
        objects.append(tmp_path / f"{source.stem}.o")
        command = [find_compiler() or "", "-DARDUINO=10819", *STRICT, "-c", source, "-o", objects[-1]]
        subprocess.run(command, check=True, timeout=60)
    options = [f"-I{folder}", f"-I{folder}/examples/selftest", "-Wall", "-Wextra", "-Werror"]
    command = [compiler, *options, sketch, *objects, "-o", tmp_path / "sketch", "-lm"]
    subprocess.run(command, check=True, timeout=120)
    assert subprocess.run([tmp_path / "sketch"], check=False, timeout=60).returncode == 0


def test_the_ten_images_have_as_many_classes_as_they_can() -> None:
    labels = np.repeat(np.arange(14), 30)
    images = np.zeros((len(labels), 1, 2, 2), np.uint8)
    images[:, 0, 0, 0] = labels
    images[::30, 0, 0, 0] = 0  # the first of each class looks like one of class 0

    def answer(pixels: np.ndarray) -> np.ndarray:
        return np.eye(14, dtype=np.float32)[pixels[:, 0, 0, 0]]

    many = choose_examples(LabelledImages(images, labels), answer)
    assert many.labels.tolist() == list(range(10))
    assert answer(many.images).argmax(1).tolist() == list(range(10))
    few = choose_examples(LabelledImages(images[:90], labels[:90]), answer)
    assert few.labels.tolist() == [0, 1, 2] * 3 + [0]
    assert len(choose_examples(LabelledImages(images[:4], labels[:4]), answer).labels) == 4
