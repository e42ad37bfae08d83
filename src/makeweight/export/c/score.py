"""Compile a written C file, and run it over images in processes of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import InvalidValue
from makeweight.export.c.compiler import NotCompiled, compile_c, version
from makeweight.processors import processors

CHUNK = 64 * 2**20  # bytes of images for one run of the program
SECONDS = 600  # for one run: a network of 100 million operations an image takes some minutes for 1,000 images
OPTIONS = ("-O2",)

# Answers in binary: the probabilities of each image and, with "classes", the class as the function for it alone gives
# it; with "scores" only the scores, from memory of its own. The seconds of all probabilities go to stderr.
DRIVER = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "{name}.h"

static uint8_t image[{upper}_INPUT_BYTES];
static {name}_memory own;

int main(int count, char **arguments)
{{
    clock_t spent = 0;
    if (count < 2 || strtol(arguments[1], NULL, 10) != {upper}_INPUT_BYTES) {{
        fprintf(stderr, "images of %d bytes are needed\\n", {upper}_INPUT_BYTES);
        return 2;
    }}
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {{
        clock_t start = clock();
        const float *probabilities;
        if (count > 2 && !strcmp(arguments[2], "scores")) {{
            memcpy({name}_image_in(&own), image, sizeof image);
            if ({name}_predict_in(&own) < 0 || fwrite(own.output, sizeof own.output, 1, stdout) != 1)
                return 1;
            continue;
        }}
        memcpy({name}_image(), image, sizeof image);
        probabilities = {name}_run();
        spent += clock() - start;
        if (fwrite(probabilities, sizeof *probabilities, {upper}_CLASSES, stdout) != {upper}_CLASSES)
            return 1;
        if (count > 2) {{
            int32_t best;
            memcpy({name}_image(), image, sizeof image);
            best = (int32_t){name}_predict();
            if (fwrite(&best, sizeof best, 1, stdout) != 1)
                return 1;
        }}
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


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program that answers for images, kept in memory until it is run."""

    content: bytes = field(repr=False)
    compiler: str  # with its version and options, such as "gcc 12.2.0 -O2"

    def answer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (n, k) probabilities of (n, c, h, w) images, on all processors.

        Raises
        ------
        InvalidValue
            If there are no images or they are not of the size that the file was made for, or the program fails.
        """
        answers = [answer for answer, _ in self._run(images)]
        return np.concatenate([answer.view(np.float32) for answer in answers])

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (n, k) scores that become probabilities; raises the same."""
        return np.concatenate([answer.view(np.float32) for answer, _ in self._run(images, "scores")])

    def run(self, images: NDArray[np.uint8]) -> CScores:
        """Return probabilities, ask for the class apart, which takes as long again, and note the time."""
        runs = self._run(images, "classes")
        probabilities, predictions = (
            np.concatenate([np.ascontiguousarray(answer[:, part]) for answer, _ in runs])
            for part in (slice(None, -4), slice(-4, None))
        )
        seconds = sum(seconds for _, seconds in runs)
        return CScores(probabilities.view(np.float32), predictions.view(np.int32)[:, 0], seconds)

    def _run(self, images: NDArray[np.uint8], *arguments: str) -> list[tuple[NDArray[np.uint8], float]]:
        if not len(images):
            raise InvalidValue("there are no images to score the C file on. Give at least one.")
        workers = processors()
        step = max(1, min(CHUNK // images[0].nbytes, -(-len(images) // workers)))
        parts = [images[start : start + step] for start in range(0, len(images), step)]
        with self._on_disk() as program, ThreadPoolExecutor(workers) as pool:
            return list(pool.map(partial(_run, program, arguments), parts))

    @contextmanager
    def _on_disk(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
            program = Path(folder) / "model"
            program.write_bytes(self.content)
            program.chmod(0o700)
            yield program


def compile_program(source: Path, options: tuple[str, ...] = OPTIONS) -> Compiled | NotCompiled:
    """Compile a written file, ``NAME.c`` with its header beside it, with all warnings as errors.

    Returns
    -------
    Compiled or NotCompiled
        The latter where there is no C compiler, or it does not take the file; its reason is one line for the user.
    """
    with tempfile.TemporaryDirectory(prefix="makeweight-") as temporary:
        driver, program = (Path(temporary) / name for name in ("driver.c", "driver"))
        driver.write_text(DRIVER.format(name=source.stem, upper=source.stem.upper()), encoding="ascii")
        failed = compile_c([driver, source], program, (*options, f"-I{source.parent.absolute()}"))
        return failed or Compiled(program.read_bytes(), " ".join((version(), *options)))


def run_c(source: Path, images: NDArray[np.uint8], options: tuple[str, ...] = OPTIONS) -> CScores | NotCompiled:
    """Compile a written file and run it over (n, c, h, w) images: :func:`compile_program` and :meth:`Compiled.run`."""
    compiled = compile_program(source, options)
    return compiled.run(images) if isinstance(compiled, Compiled) else compiled


def _run(program: Path, arguments: tuple[str, ...], images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """Return (n, bytes) of answers, and the seconds that they took."""
    content = images.astype(np.uint8, copy=False).transpose(0, 2, 3, 1).tobytes()  # as a camera gives them
    command = [str(program), str(images[0].nbytes), *arguments]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InvalidValue(
            f"the compiled file took more than {SECONDS} s for {len(images):,} images. Score it on fewer."
        ) from None
    except OSError as error:  # folders for temporary files may be mounted without the right to run what is in them
        raise InvalidValue(
            f"the compiled file cannot be run in {program.parent.parent}: {error.strerror}. Set TMPDIR to a folder "
            "whose programs may be run."
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise InvalidValue(
            f"the compiled file ended with exit code {done.returncode} on {len(images):,} images of "
            f"{images[0].nbytes} bytes. Give images of the size it was made for. It said: {said}"
        )
    return np.frombuffer(done.stdout, np.uint8).reshape(len(images), -1), float(done.stderr)
