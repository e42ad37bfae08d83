"""The lines of a CSV, in pieces of whole ones; plain or gzipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from makeweight.data.sources.files import MAX_BYTES, damaged, guarded, unpacked
from makeweight.errors import DataFormatError

PIECE_BYTES = 1 << 20
#: Longer than 1,024 × 1,024 pixels in colour; what has no line end until then is no CSV.
MAX_LINE_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"


def pieces_of(path: Path) -> Iterator[bytes]:
    r"""Read whole lines in pieces of about a megabyte, each line ended by ``\n``; blank lines at the end are dropped.

    Raises
    ------
    DataFormatError
        When the file is damaged, has NUL bytes, or a line that does not end; names file and line.
    DataNotFound
        When it cannot be opened.
    """
    lines = 0
    for piece in _whole_lines(path):
        if b"\0" in piece:
            line = lines + 1 + piece[: piece.index(b"\0")].count(b"\n")
            raise DataFormatError(
                f"{path.name}, line {line}: it has NUL bytes; a CSV is text in UTF-8: save it as such."
            )
        lines += piece.count(b"\n")
        yield piece


def _whole_lines(path: Path) -> Iterator[bytes]:
    rest, lines = b"", 0
    for data in _raw(path):
        rest += data
        cut = rest.rfind(b"\n", 0, len(rest.rstrip(b"\r\n"))) + 1
        if cut:
            piece, rest = rest[:cut].replace(b"\r\n", b"\n"), rest[cut:]
            lines += piece.count(b"\n")
            yield piece
        if len(rest) > MAX_LINE_BYTES:
            line = lines + 1 + (b"\n" in rest)  # where a line has ended, blank ones without end follow
            raise DataFormatError(
                f"{path.name}, line {line}: it does not end within {MAX_LINE_BYTES:,} bytes; "
                "write one image a line, of at most 1024 × 1024 pixels."
            )
    if last := rest.rstrip(b"\r\n"):
        yield last.replace(b"\r\n", b"\n") + b"\n"


def _raw(path: Path) -> Iterator[bytes]:
    """Read a plain or gzipped file, told by its first bytes, without a byte order mark."""
    seen = 0
    with guarded(path, "a whole file"), unpacked(path) as (stream, packed):
        while data := stream.read(PIECE_BYTES):
            yield data.removeprefix(_BOM) if seen == 0 else data
            seen += len(data)
            if packed and seen > MAX_BYTES:
                raise damaged(path, f"at most {MAX_BYTES:,} bytes when unpacked", "more")
