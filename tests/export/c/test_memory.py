"""Memory of the caller's own: two at a time, none static, refused where it can't be used, and where it lies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from makeweight.export.c.compiler import compile_c, find_compiler

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
both = pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])

# Starts two images before it asks about either, so that a memory they shared would mix them up.
INTERLEAVED = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"
int main(void)
{
    static uint8_t images[2][MODEL_INPUT_BYTES];
    static model_memory first;
    model_memory *second = malloc(sizeof *second);
    float together[2][MODEL_CLASSES];
    int k, same = 1;
    if (!second || sizeof first != MODEL_RAM_BYTES || !fread(images, sizeof images, 1, stdin))
        return 2;
    memcpy(model_image_in(&first), images[0], MODEL_INPUT_BYTES);
    memcpy(model_image_in(second), images[1], MODEL_INPUT_BYTES);
    printf("%d %d", model_run_in(second), model_run_in(&first));
    memcpy(together[0], first.output, sizeof first.output);
    memcpy(together[1], second->output, sizeof first.output);
    for (k = 0; k < 2; k++) {
        memcpy(model_image(), images[k], MODEL_INPUT_BYTES);
        same &= !memcmp(model_run(), together[k], sizeof together[k]);
    }
    printf(" %d\\n", same);
    free(second);
    return 0;
}
"""
REFUSED = """\
#include <stdio.h>
#include "model.h"
int main(void)
{
    static model_memory room[2];
    model_memory *odd = (model_memory *)(void *)((char *)room + 2);
    printf("%d %d %d ", model_run_in(NULL), model_predict_in(NULL), model_image_in(NULL) == NULL);
    printf("%d %d %d ", model_run_in(odd), model_predict_in(odd), model_image_in(odd) == NULL);
    return !(model_run_in(&room[1]) >= 0 && model_image_in(&room[1]) != NULL);
}
"""


def _ran(folder: Path, program: str, stdin: bytes = b"", *options: str) -> str:
    (folder / "program.c").write_text(program)
    sources = [folder / "program.c", folder / "model.c"]
    assert compile_c(sources, folder / "program", ("-O1", f"-I{folder}", *options)) is None
    return subprocess.run(
        [folder / "program"], input=stdin, capture_output=True, check=True, timeout=60
    ).stdout.decode()


@both
def test_calls_with_memories_of_their_own_do_not_disturb_each_other(trained, tmp_path: Path, int8: bool) -> None:
    trained.write(tmp_path, int8=int8)
    answers = trained.probabilities.argmax(1)
    other = int((answers != answers[0]).argmax())
    pixels = trained.images[[0, other]].transpose(0, 2, 3, 1).tobytes()
    assert _ran(tmp_path, INTERLEAVED, pixels) == f"{answers[other]} {answers[0]} 1\n"


@both
def test_memory_that_cannot_be_used_is_an_error_and_no_crash(trained, tmp_path: Path, int8: bool) -> None:
    trained.write(tmp_path, int8=int8)
    sanitised = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert _ran(tmp_path, REFUSED, b"", *sanitised) == "-1 -1 1 -1 -1 1 "


@both
def test_a_firmware_with_memory_of_its_own_pays_for_no_other(trained, tmp_path: Path, int8: bool) -> None:
    source = trained.write(tmp_path, int8=int8).source
    assert _symbols(source, "-DMODEL_NO_STATIC").isdisjoint("bBdD")
    assert "b" in _symbols(source)


def _symbols(source: Path, *options: str) -> set[str]:
    compiled = source.with_suffix(".o")
    assert compile_c([source], compiled, ("-O2", "-fno-pic", "-c", *options)) is None
    listed = subprocess.run(["nm", compiled], capture_output=True, text=True, check=True).stdout
    return {line.split()[-2] for line in listed.splitlines()}


def test_memory_and_tables_lie_where_the_firmware_says(trained, tmp_path: Path) -> None:
    files = trained.write(tmp_path, int8=True)
    options = (
        '-DMODEL_SECTION=__attribute__((section(".dtcm")))',
        "-DMODEL_ALIGNED=__attribute__((aligned(32)))",
        '-DMODEL_TABLES=__attribute__((section(".qspi")))',
    )
    assert compile_c([files.source], tmp_path / "model.o", ("-O2", "-fno-pic", "-c", *options)) is None
    listed = subprocess.run(["size", "-A", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    sizes = {line.split()[0]: int(line.split()[1]) for line in listed.splitlines() if line.startswith(".")}
    assert sizes[".dtcm"] == files.ram_bytes
    assert files.flash_bytes <= sizes[".qspi"] < files.flash_bytes + 200
    assert sizes[".bss"] == 0
    told = subprocess.run(["objdump", "-h", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    assert "2**5" in next(line for line in told.splitlines() if ".dtcm" in line)


def test_an_avr_is_refused_with_the_reason(trained, tmp_path: Path) -> None:
    source = trained.write(tmp_path, int8=True).source
    refused = compile_c([source], tmp_path / "model.o", ("-c", "-D__AVR__"))
    assert refused is not None
    assert "doesn't run on AVR" in refused.reason
