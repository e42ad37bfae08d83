"""Decoding a stranger's picture: in a process of its own that may take neither long nor much memory.

``python -m makeweight.web.decoder C H W INVERT`` reads the picture from stdin, and writes its pixels (c, h, w) and a
byte that says how bright its border is. A decoder that hangs or breaks takes nothing else with it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError, MakeweightError

SECONDS = 10
MOST_MEMORY = 2 * 2**30  # 50 million pixels as RGBA, and a copy or two
_AT_ONCE = threading.Semaphore(2)
TOO_LONG = f"the picture cannot be used: decoding it took more than {SECONDS} s or too much memory. Give a smaller one."


@dataclass(frozen=True)
class Decoded:
    """A picture in the shape of the data's images."""

    pixels: NDArray[np.uint8] = field(repr=False)  # (c, h, w)
    border: int  # mean brightness of its outermost pixels, 0 to 255


def decode(content: bytes, image_shape: tuple[int, int, int], invert: bool) -> Decoded:
    """Decode a picture.

    Raises
    ------
    DataFormatError
        If it cannot be read, is too large, or takes too long.
    """
    arguments = [*map(str, image_shape), str(int(invert))]
    with _AT_ONCE:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "makeweight.web.decoder", *arguments],
                input=content,
                capture_output=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise DataFormatError(TOO_LONG) from None
    c, h, w = image_shape
    if done.returncode == 2:
        raise DataFormatError(done.stderr.decode(errors="replace").strip())
    if done.returncode != 0 or len(done.stdout) != c * h * w + 1:
        raise DataFormatError(TOO_LONG)
    return Decoded(np.frombuffer(done.stdout[:-1], np.uint8).reshape(c, h, w), done.stdout[-1])


def main() -> int:
    """Decode what stands on stdin."""
    from makeweight.data.picture import read_picture

    c, h, w, invert = map(int, sys.argv[1:5])
    _limit()
    with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
        path = Path(folder) / "picture"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            picture = read_picture(path, (c, h, w), invert=bool(invert))
        except MakeweightError as error:
            sys.stderr.write(str(error).replace(str(path), "you sent").replace("the picture you sent", "the picture"))
            return 2
    sys.stdout.buffer.write(picture.pixels.tobytes() + bytes([round(picture.border)]))
    return 0


def _limit() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on this system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    sys.exit(main())
