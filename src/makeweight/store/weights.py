"""Weights, predictions and checkpoints as files: written whole, checked by SHA-256, never unpickled."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from makeweight.errors import StoreError
from makeweight.files import TEMPORARY, make_folder, sync_folder, write_whole, writing_to

Tensors = dict[str, NDArray[np.generic]]
_OURS = re.compile(rf"[0-9a-f]{{32}}(\.test|\.[0-9]+\.checkpoint)?\.safetensors({re.escape(TEMPORARY)})?")  # by job key


class WeightFiles:
    """The files of a study's jobs, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the folder.

        Raises
        ------
        StoreError
            If it cannot be made or written.
        """
        with writing_to(self.folder):
            make_folder(self.folder)
            probe = self.folder / ".writable"
            probe.touch()
            probe.unlink()

    def write_tensors(self, name: str, tensors: Tensors) -> str:
        """Write tensors and return the SHA-256 of the file."""
        return self.write(name, safetensors.numpy.save({k: np.asarray(v, order="C") for k, v in tensors.items()}))

    def write(self, name: str, content: bytes) -> str:
        """Write bytes and return their SHA-256."""
        write_whole(self.folder / name, content)
        return hashlib.sha256(content).hexdigest()

    def read_tensors(self, name: str, sha256: str) -> Tensors:
        """Read tensors.

        Raises
        ------
        StoreError
            If the file is missing, is not what was written, or holds no tensors: a study may come from anywhere, and
            its store can name the checksum of any file.
        """
        return tensors_in(self.read(name, sha256), self.folder / name, "Get this study again from its source.")

    def read(self, name: str, sha256: str) -> bytes:
        """Read bytes and check them.

        Raises
        ------
        StoreError
            If the file is missing or is not what was written.
        """
        if _OURS.fullmatch(name) is None:
            raise StoreError(f"{name[:80]!r} isn't a file of a study. Get this study again from its source.")
        path = self.folder / name
        remedy = "Train this network again, or bring the file back from a copy."
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}. {remedy}") from error
        check_sha256(content, sha256, path, remedy)
        return content

    def remove(self, name: str) -> None:
        """Remove a file that no row names any more."""
        with writing_to(self.folder / name):
            (self.folder / name).unlink(missing_ok=True)
            sync_folder(self.folder)  # or a power cut brings it back, and an ended tuning sweeps no more

    def sweep(self, named: set[str]) -> None:
        """Remove leftovers of a crash: temporary files, and files that no row names."""
        for path in self.folder.iterdir():
            # Anything else is the user's.
            if _OURS.fullmatch(path.name) and path.name not in named and path.is_file():
                with writing_to(path):
                    path.unlink(missing_ok=True)


def check_sha256(content: bytes, sha256: str, path: Path, remedy: str) -> None:
    """Check that a file's content is what was written.

    Raises
    ------
    StoreError
        If it isn't.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"{path} is damaged: its SHA-256 is not the stored {sha256[:12]}…. {remedy}")


def tensors_in(content: bytes, path: Path, remedy: str) -> Tensors:
    """Read the tensors in a file's content.

    Raises
    ------
    StoreError
        If it holds none.
    """
    try:
        return safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} holds no tensors ({str(error)[:120]}). {remedy}") from error
