"""Frames of a camera become images as the pictures of the training data did, bit by bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from makeweight.data.picture import channels_first, fitted
from makeweight.export.c.compiler import compile_c, find_compiler
from makeweight.export.c.project import write_project

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
#include "model_input.h"
int main(int count, char **arguments)
{
    int32_t width = (int32_t)atoi(arguments[1]), height = (int32_t)atoi(arguments[2]);
    model_format format = (model_format)atoi(arguments[3]);
    int32_t size = width * height * (format == MODEL_RGB ? 3 : format == MODEL_RGB565 ? 2 : 1);
    int32_t words = model_prepare(NULL, 0, width, height);
    int32_t *table = malloc((size_t)words * sizeof *table);
    void *frame = malloc((size_t)size);
    uint8_t *work = malloc((size_t)(height * MODEL_WIDTH * MODEL_CHANNELS));
    static uint8_t image[MODEL_INPUT_BYTES];
    if (count != 4 || !table || !frame || !work || !fread(frame, (size_t)size, 1, stdin))
        return 2;
    if (width == MODEL_WIDTH && height == MODEL_HEIGHT)
        model_fill(image, frame, format);
    else if (model_prepare(table, words, width, height) == words)
        model_resize(image, frame, format, table, work);
    fwrite(image, sizeof image, 1, stdout);
    free(table);
    free(frame);
    free(work);
    return 0;
}
"""
GRAY, RGB, RGB565 = range(3)
SIZES = [(28, 20), (160, 120), (37, 41), (96, 96), (10, 8), (200, 3), (28, 21)]


@pytest.fixture(scope="module", params=[1, 3], ids=["gray", "colour"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    channels, folder = request.param, tmp_path_factory.mktemp("input")
    write_project(folder, ["model"], (channels, 20, 28), "test", 10)
    sizes = {"CHANNELS": channels, "HEIGHT": 20, "WIDTH": 28, "INPUT_BYTES": channels * 560}
    defined = "".join(f"#define MODEL_{name} {size}\n" for name, size in sizes.items())
    (folder / "model.h").write_text(f"#include <stddef.h>\n{defined}")
    (folder / "program.c").write_text(PROGRAM)
    options = ("-O1", f"-I{folder}", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wconversion")
    assert compile_c([folder / "program.c"], folder / "program", options) is None
    return channels, folder / "program"


def _in_c(program: tuple[int, Path], size: tuple[int, int], kind: int, frame: NDArray[np.generic]) -> NDArray[np.uint8]:
    command = [str(program[1]), *map(str, (*size, kind))]
    done = subprocess.run(command, input=frame.tobytes(), capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, np.uint8).reshape(20, 28, program[0]).transpose(2, 0, 1)


def _frame(size: tuple[int, int]) -> NDArray[np.uint8]:
    frame = np.random.default_rng(size).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    frame[: size[1] // 2, : size[0] // 2] //= 200  # edges make Lanczos overshoot
    return frame


def _expected(frame: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    return channels_first(
        fitted(Image.fromarray(frame).convert("RGB").convert("L" if channels == 1 else "RGB"), 20, 28)
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rgb_and_gray_become_what_they_do_in_a_data_set(program: tuple[int, Path], size: tuple[int, int]) -> None:
    frame = _frame(size)
    assert np.array_equal(_in_c(program, size, RGB, frame), _expected(frame, program[0]))
    gray = np.ascontiguousarray(frame[:, :, 0])
    assert np.array_equal(_in_c(program, size, GRAY, gray), _expected(gray, program[0]))


def test_rgb565_is_spread_over_0_to_255_and_rounded(program: tuple[int, Path]) -> None:
    size = (64, 1024)
    packed = np.arange(65_536, dtype=np.uint16).reshape(1024, 64)
    parts = [(packed >> shift) & top for shift, top in ((11, 31), (5, 63), (0, 31))]
    spread = [np.rint(part * (255 / top)) for part, top in zip(parts, (31, 63, 31), strict=True)]
    frame = np.stack(spread, 2).astype(np.uint8)
    assert np.array_equal(_in_c(program, size, RGB565, packed), _expected(frame, program[0]))
    few = packed[512:532, 20:48]
    assert np.array_equal(
        _in_c(program, (28, 20), RGB565, np.ascontiguousarray(few)), _expected(frame[512:532, 20:48].copy(), program[0])
    )
