"""Decoding a stranger's picture: in a process of its own that may take neither long nor much memory.

``python -m makeweight.web.decoder C H W INVERT`` reads the picture from stdin and answers with a record as JSON. A
decoder that hangs or breaks takes nothing else with it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import threading

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError

SECONDS = 10
MAX_MEMORY = 2 * 2**30  # 110 million pixels as RGBA, and a copy or two
_AT_ONCE = threading.Semaphore(2)
TOO_LONG = f"the picture you sent cannot be used: it took more than {SECONDS} s or too much memory. Give a smaller one."


def decode(content: bytes, image_shape: tuple[int, int, int], invert: bool) -> tuple[NDArray[np.uint8], float]:
    """Decode a picture to the shape of the data's images (c, h, w), with the brightness of its border, 0 to 255.

    Raises
    ------
    DataFormatError
        If it cannot be read, is too large, or takes too long.
    """
    command = [sys.executable, "-m", "makeweight.web.decoder", *map(str, image_shape), str(int(invert))]
    with _AT_ONCE:
        try:
            done = subprocess.run(
                command, input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS, check=True
            )
        except subprocess.SubprocessError:
            raise DataFormatError(TOO_LONG) from None
    record = json.loads(done.stdout)
    if record["problem"]:
        raise DataFormatError(record["problem"])
    return np.frombuffer(base64.b64decode(record["pixels"]), np.uint8).reshape(image_shape), record["border"]


def main() -> None:
    """Decode what stands on stdin."""
    from makeweight.data.picture import decode_picture

    c, h, w, invert = map(int, sys.argv[1:5])
    _limit()
    record: dict[str, str | float] = {"problem": ""}
    try:
        picture = decode_picture(sys.stdin.buffer.read(), "you sent", (c, h, w), invert=bool(invert))
    except DataFormatError as error:
        record["problem"] = str(error)
    else:
        record["pixels"] = base64.b64encode(picture.pixels.tobytes()).decode()
        record["border"] = picture.border
    sys.stdout.write(json.dumps(record))


def _limit() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on this system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    main()
