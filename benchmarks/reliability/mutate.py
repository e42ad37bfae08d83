"""Damage for fuzzing: bytes, numbers in text, leaves of JSON, and the members of archives under a sound wrapping."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    10,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    2**31 - 1,
    2**31,
    2**32,
    2**63 - 1,
    2**63,
    2**64,
    10**9,
)
WORDS = (
    "",
    "NaN",
    "inf",
    "-inf",
    "null",
    "true",
    "1e308",
    "-1e400",
    "0x10",
    "../../x",
    "a\x00b",
    "\u202e",
    "[" * 2_000,
    "9" * 5_000,
)
LEAVES: tuple[Any, ...] = (*NUMBERS, *WORDS, None, True, [], {}, 0.5, 1e308, -1e308, [[[[1]]]], {"a": {"b": 1}})
Mutation = Callable[[bytes, random.Random], bytes]


def mutated(seeds: Sequence[bytes], chance: random.Random, mutations: Sequence[Mutation]) -> bytes:
    """Damage one of the seeds a few times; now and then, cross it with another."""
    content = chance.choice(seeds)
    if chance.random() < 0.05:
        other = chance.choice(seeds)
        content = content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]
    for _ in range(1 + int(chance.expovariate(0.7))):
        content = chance.choice(mutations)(content, chance)
    return content


def flip(content: bytes, chance: random.Random) -> bytes:
    """Change one byte."""
    if not content:
        return content
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    return bytes(changed)


def number(content: bytes, chance: random.Random) -> bytes:
    """Write a number that is often a border over four or eight bytes."""
    size, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    at = chance.randint(0, len(content))
    value = chance.choice(NUMBERS) % 256**size
    return content[:at] + value.to_bytes(size, order) + content[at + size :]  # type: ignore[arg-type]


def cut(content: bytes, chance: random.Random) -> bytes:
    """Remove or double a piece, or the end."""
    start = chance.randint(0, len(content))
    end = min(len(content), start + int(chance.expovariate(0.05)))
    piece = chance.choice((b"", content[start:end] * 2, None))
    return content[:start] if piece is None else content[:start] + piece + content[end:]


def words(content: bytes, chance: random.Random) -> bytes:
    """Put another number or word in place of a number or a word of a text."""
    found = list(re.finditer(rb"-?[0-9]+(\.[0-9]+)?|[A-Za-z_]+", content[:20_000]))
    if not found:
        return content
    place = chance.choice(found)
    value = str(chance.choice(NUMBERS + WORDS)).encode(errors="replace")
    return content[: place.start()] + value + content[place.end() :]


def leaf(content: bytes, chance: random.Random) -> bytes:
    """Put something else in place of a leaf, or a branch, of JSON."""
    try:
        tree = [json.loads(content)]
    except (ValueError, RecursionError):
        return words(content, chance)
    holder: Any = tree
    place: Any = 0
    while isinstance(holder[place], list | dict) and holder[place] and chance.random() < 0.85:
        holder = holder[place]
        place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if chance.random() < 0.1 and isinstance(holder, dict):
        del holder[place]
    else:
        holder[place] = chance.choice(LEAVES)
    return json.dumps(tree[0]).encode()


def zipped(content: bytes, chance: random.Random) -> bytes:
    """Damage a member of a zip and wrap it soundly again, so that no checksum stops it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # what was damaged before
        return flip(content, chance)
    if not members:
        return content
    name = chance.choice(list(members))
    inner = members.pop(name)
    kind = chance.choice((flip, number, cut, words))
    if chance.random() < 0.15:
        name = words(name.encode(), chance).decode(errors="replace").replace("\x00", "0")[:200] or "x"
    members[name] = kind(inner[:128], chance) + inner[128:] if chance.random() < 0.7 else kind(inner, chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, value in members.items():
            archive.writestr(member, value)
    return packed.getvalue()


def gzipped(content: bytes, chance: random.Random) -> bytes:
    """Damage what a gzip holds and pack it soundly again."""
    try:
        inner = gzip.decompress(content)
    except Exception:
        return flip(content, chance)
    return gzip.compress(chance.choice((flip, number, cut, words))(inner, chance), 1, mtime=0)


def protobuf(content: bytes, chance: random.Random) -> bytes:
    """Change a number or a name in an ONNX model that stays well formed."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # what was damaged before
        return flip(content, chance)
    message: Any = model
    while True:
        fields = [
            (field, value) for field, value in message.ListFields() if field.name != "raw_data" or chance.random() < 0.1
        ]
        if not fields:
            return model.SerializeToString()
        field, value = chance.choice(fields)
        several = not isinstance(value, int | float | str | bytes) and hasattr(value, "__len__")
        item = chance.choice(value) if several and len(value) else value
        if field.message_type is None or isinstance(item, int | float | str | bytes):
            break
        if several and chance.random() < 0.1:
            value.add().CopyFrom(item) if chance.random() < 0.5 else value.remove(item)
            return model.SerializeToString()
        message = item
    with suppress(TypeError, ValueError):  # the field takes no such value
        new = {int: chance.choice(NUMBERS), float: chance.choice((0.0, 1e38, float("nan"))), str: chance.choice(WORDS)}
        changed = new.get(type(item), b"\x00" * 3)
        if several:
            value[chance.randrange(len(value))] = changed
        else:
            setattr(message, field.name, changed)
    return model.SerializeToString()


BYTES: tuple[Mutation, ...] = (flip, number, cut)
TEXT: tuple[Mutation, ...] = (words, words, words, flip, cut)
