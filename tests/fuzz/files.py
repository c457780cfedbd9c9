"""Files that targets are given, and where they lie."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


@cache
def home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="multidigit-fuzz-")


@cache
def folder(name: str) -> Path:
    """A temporary folder for one kind of input."""
    path = Path(home().name, name)
    path.mkdir(parents=True)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def with_checksums(data: bytes) -> bytes:
    """A PNG file whose chunks have the checksums that they should have; other files as they are."""
    start = b"\x89PNG\r\n\x1a\n"
    if not data.startswith(start):
        return data
    place, parts = len(start), [start]
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 8 + size]
        parts += [data[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place += size + 12
    return b"".join(parts) + data[place:]


def idx(shape: tuple[int, ...]) -> bytes:
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(int(np.prod(shape)))


def npy(array: Any) -> bytes:
    """An array as a file of numpy's."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """An archive of arrays, with the right checksums."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()
