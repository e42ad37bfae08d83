"""An ONNX file of makeweight's, opened for answers by ONNX Runtime."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from makeweight.errors import DataFormatError, MissingExtra, install_command
from makeweight.export.facts import INPUT, OUTPUT, Facts, Pixels, Probabilities
from makeweight.export.guard import checked_model, read_capped


class OnnxFile:
    """A file that answers: (n, c, h, w) uint8 images to (n, k) probabilities, on one thread."""

    def __init__(self, path: Path) -> None:
        """Check a file and open it.

        Raises
        ------
        DataNotFound
            If there is no such file.
        DataFormatError
            If it is no ONNX file of makeweight's, or one that could do harm; says why.
        MissingExtra
            If ONNX Runtime is not installed.
        """
        require_onnx(f"{path}: an ONNX file")
        content = read_capped(path)
        self.facts: Facts = checked_model(content, path)
        self._session = _opened(content, path)

    def answer(self, images: Pixels) -> Probabilities:
        """Return the probabilities."""
        probabilities: Probabilities = self._session.run([OUTPUT], {INPUT: images})[0]
        return probabilities


def session(content: bytes) -> Any:
    """Open a model for ONNX Runtime on one thread of the processor; raises an exception of ONNX Runtime's."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong comes as an exception as well
    # Its fallback prints to stdout, and there is nothing to fall back to.
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=False)


def _opened(content: bytes, path: Path) -> Any:
    try:
        # From bytes that were checked, and not from the file: it may be another one by now.
        return session(content)
    except Exception as error:  # ONNX Runtime has a class for each of its status codes
        reason = " ".join(str(error).split())[:200]
        raise DataFormatError(f"{path} cannot be opened by ONNX Runtime: {reason}. Export the run again.") from error


def require_packages(purpose: str, extra: str, *packages: str) -> None:
    """Make sure that the packages of an extra are installed.

    Raises
    ------
    MissingExtra
        If they aren't, with the command that installs them.
    """
    absent = [name for name in packages if find_spec(name) is None]
    if absent:
        raise MissingExtra(f"{purpose} needs {', '.join(absent)}. Run: {install_command(f'makeweight[{extra}]')}")


def require_onnx(purpose: str) -> None:
    """Make sure that what writes and runs ONNX is installed.

    Raises
    ------
    MissingExtra
        If it isn't.
    """
    require_packages(purpose, "onnx", "onnx", "onnxruntime", "onnxscript")
