"""The packages of the extra ``[onnx]``, which not everybody has."""

from __future__ import annotations

from importlib.util import find_spec

from makeweight.errors import MissingExtra

PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def require_onnx(purpose: str) -> None:
    """Make sure that the extra is installed.

    Raises
    ------
    MissingExtra
        If it is not, with the command that installs it.
    """
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        raise MissingExtra(f"{purpose} needs {', '.join(absent)}. Install with: pip install 'makeweight[onnx]'")
