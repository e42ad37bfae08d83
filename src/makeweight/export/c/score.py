"""Run a written C file over images, in a process of its own."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import InvalidValue
from makeweight.export.c.compiler import NotCompiled, compile_c

CHUNK = 64 * 2**20  # bytes of images for one run of the program
SECONDS = 600  # for one run: a network of 100 million operations an image takes some minutes for 1,000 images

# Answers in binary: probabilities and the class of each image; the seconds of all on stderr.
DRIVER = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "{name}.h"

static uint8_t image[{upper}_INPUT_BYTES];
static float probabilities[{upper}_CLASSES];

int main(int count, char **arguments)
{{
    clock_t spent = 0;
    if (count != 2 || strtol(arguments[1], NULL, 10) != {upper}_INPUT_BYTES) {{
        fprintf(stderr, "images of %d bytes are needed\\n", {upper}_INPUT_BYTES);
        return 2;
    }}
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {{
        clock_t start = clock();
        int32_t best;
        {name}_run(image, probabilities);
        spent += clock() - start;
        best = (int32_t){name}_predict(image);
        if (fwrite(probabilities, sizeof probabilities, 1, stdout) != 1 || fwrite(&best, sizeof best, 1, stdout) != 1)
            return 1;
    }}
    fprintf(stderr, "%.9f\\n", (double)spent / CLOCKS_PER_SEC);
    return 0;
}}
"""


@dataclass(frozen=True, eq=False)
class CScores:
    """What the compiled file answered."""

    probabilities: NDArray[np.float32]  # (n, k)
    predictions: NDArray[np.int32]  # (n,) by the function for the class alone
    seconds: float  # of processor time for all probabilities, on one thread


def run_c(source: Path, images: NDArray[np.uint8], options: tuple[str, ...] = ("-O2",)) -> CScores | NotCompiled:
    """Compile a written file with all warnings as errors, and run it over images.

    Parameters
    ----------
    source : pathlib.Path
        ``NAME.c``, with its header beside it.
    images : (n, c, h, w) uint8
    options : tuple of str
        For the compiler.

    Returns
    -------
    CScores or NotCompiled
        The latter where there is no C compiler, or it does not take the file; its reason is one line for the user.

    Raises
    ------
    InvalidValue
        If there are no images or they are not of the size that the file was made for, or the program fails.
    """
    if not len(images):
        raise InvalidValue("there are no images to score the C file on. Give at least one.")
    with tempfile.TemporaryDirectory(prefix="makeweight-") as temporary:
        driver, program = (Path(temporary) / name for name in ("driver.c", "driver"))
        driver.write_text(DRIVER.format(name=source.stem, upper=source.stem.upper()), encoding="ascii")
        failed = compile_c([driver, source], program, (*options, f"-I{source.parent.absolute()}"))
        if failed is not None:
            return failed
        step = max(1, CHUNK // images[0].nbytes)
        runs = [_run(program, images[start : start + step]) for start in range(0, len(images), step)]
    return _together(runs)


def _run(program: Path, images: NDArray[np.uint8]) -> CScores:
    content = np.ascontiguousarray(images, np.uint8).tobytes()
    command = [str(program), str(images[0].nbytes)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InvalidValue(
            f"the compiled file took more than {SECONDS} s for {len(images):,} images. Score it on fewer."
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise InvalidValue(
            f"the compiled file ended with exit code {done.returncode} on {len(images):,} images of "
            f"{images[0].nbytes} bytes. Give images of the size it was made for. It said: {said}"
        )
    answers = np.frombuffer(done.stdout, np.uint8).reshape(len(images), -1)
    probabilities, predictions = (np.ascontiguousarray(part) for part in (answers[:, :-4], answers[:, -4:]))
    return CScores(probabilities.view(np.float32), predictions.view(np.int32)[:, 0], float(done.stderr))


def _together(runs: list[CScores]) -> CScores:
    probabilities = np.concatenate([run.probabilities for run in runs])
    predictions = np.concatenate([run.predictions for run in runs])
    return CScores(probabilities, predictions, sum(run.seconds for run in runs))
