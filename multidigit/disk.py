"""The calls of the system by which this package changes a disk.

Everything that it writes goes through these, so that tests can make the N-th of them fail, for every N. What libraries
write themselves, such as Keras its models, is handed to ``sync`` when it is complete. Each may raise ``OSError``.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that exists is left as it is."""
    path.mkdir(parents=True, exist_ok=True)


def create(path: Path) -> IO[bytes]:
    """A new, empty file to write to; one that exists is emptied."""
    return io.BufferedWriter(_File(path, "wb"))


def append(path: Path) -> int:
    """The descriptor of a file that is added to; it is made where there is none. A link is refused: a folder from
    elsewhere may hold one that leads to a file of the user's own.
    """
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


def open_or_create(path: Path) -> int:
    """The descriptor of a file to read and write; it is made where there is none."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def write(file: int, data: ReadableBuffer) -> int:
    """Write to an open file; returns how many bytes were written, which may be fewer than were given."""
    return os.write(file, data)


def truncate(file: int, size: int) -> None:
    """Cut an open file to so many bytes."""
    os.ftruncate(file, size)


def sync(file: int) -> None:
    """Wait until all of an open file is on the disk: one that is renamed before may be empty after a power failure."""
    os.fsync(file)


def sync_folder(path: Path) -> None:
    """Wait until the names of the files in a folder are on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def rename(path: Path, to: Path) -> None:
    """Give a file or a folder another name; a file of that name is replaced in one step."""
    path.replace(to)


class _File(io.FileIO):
    """A file whose writes go through ``write``."""

    def write(self, data: ReadableBuffer, /) -> int:
        return write(self.fileno(), data)
