"""What a disk holds after a power cut: all that was made durable before, and of the rest as little as allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class File:
    """A file's bytes as processes see them, and as they were when it was last synced."""

    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass
class Folder:
    """A folder's entries as processes see them, and as they were when it was last synced."""

    live: dict[str, File | Folder] = field(default_factory=dict)
    durable: dict[str, File | Folder] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """A line of the journal that faults.c writes."""

    kind: str  # write, sync, truncate, create, make folder, unlink, rename: the first letter; a: announced to the user
    path: str
    other: str
    offset: int
    content: bytes


def read_journal(path: Path) -> list[Operation]:
    """Read what faults.c noted."""
    content, operations, at = path.read_bytes(), list[Operation](), 0
    while at < len(content):
        end = content.index(b"\n", at)
        kind, first, other, offset, length = content[at:end].decode().split("\t")
        at = end + 1 + int(length)
        operations.append(Operation(kind, first, other, int(offset), content[end + 1 : at]))
    return operations


class Disk:
    """A folder and what a run has done to it so far."""

    def __init__(self, folder: Path) -> None:
        self._base, self._root = folder, _all_durable(folder)

    def do(self, operation: Operation) -> None:
        """Do one operation of the journal."""
        if operation.kind == "s":
            _sync(self._find(operation.path))
            return
        parent, name = self._place(operation.path)
        if operation.kind == "m":
            parent.live.setdefault(name, Folder())
        elif operation.kind == "c":
            entry = parent.live.setdefault(name, File())
            assert isinstance(entry, File)
            del entry.live[:]
        elif operation.kind == "u":
            parent.live.pop(name, None)
        elif operation.kind == "r":
            target, new = self._place(operation.other)
            target.live[new] = parent.live.pop(name)
        else:
            _change(parent.live.get(name), operation)

    def cut(self, into: Path, entries_survive: bool) -> None:
        """Write what is left after a power cut.

        Data survive only if their file was synced. Names survive only if their folder was, or all of them: a file
        system may write a rename at once and the data that it names later.
        """
        _write(self._root, into, entries_survive)

    def _find(self, path: str) -> File | Folder | None:
        node: File | Folder | None = self._root
        for part in Path(path).relative_to(self._base).parts:
            node = node.live.get(part) if isinstance(node, Folder) else None
        return node

    def _place(self, path: str) -> tuple[Folder, str]:
        parent = self._find(str(Path(path).parent))
        return (parent if isinstance(parent, Folder) else Folder(), Path(path).name)


def _change(file: File | Folder | None, operation: Operation) -> None:
    if not isinstance(file, File):  # it was unlinked while open
        return
    end = operation.offset + len(operation.content)
    if operation.kind == "t":
        del file.live[end:]
    file.live.extend(bytes(max(0, end - len(file.live))))
    file.live[operation.offset : end] = operation.content


def _sync(node: File | Folder | None) -> None:
    if isinstance(node, File):
        node.durable = bytes(node.live)
    elif node is not None:
        node.durable = dict(node.live)


def _all_durable(path: Path) -> Folder:
    folder = Folder()
    for entry in path.iterdir():
        content = None if entry.is_dir() else entry.read_bytes()
        folder.live[entry.name] = _all_durable(entry) if content is None else File(bytearray(content), content)
    folder.durable = dict(folder.live)
    return folder


def _entries(folder: Folder, survive: bool) -> Iterator[tuple[str, File | Folder]]:
    yield from (folder.live if survive else folder.durable).items()


def _write(folder: Folder, into: Path, survive: bool) -> None:
    into.mkdir()
    for name, node in _entries(folder, survive):
        if isinstance(node, Folder):
            _write(node, into / name, survive)
        else:
            (into / name).write_bytes(node.durable)
