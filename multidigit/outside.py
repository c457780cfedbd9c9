"""Files from outside, which may hold anything: read with a limit, and neither a pipe nor a device is ever waited for.

What is refused comes as an ``OSError`` or a ``ValueError`` with a plain reason, to which each reader adds its file and
what to do. ``SECURITY.md`` says what is promised.
"""

from __future__ import annotations

import json
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MOST_SETTINGS_BYTES = 250_000
"""Of a YAML file. PyYAML is slow: this takes some seconds."""
MOST_JSON_BYTES = 20_000_000
"""Of a JSON or CSV file in a run or beside runs."""
MOST_TABLE_BYTES = 100_000_000
"""Of a table of labels: CSV, JSON, lines of JSON."""
MOST_ARRAY_BYTES = 1_000_000_000
"""Of digits or answers, unpacked."""
MOST_MODEL_BYTES = 1_000_000_000
"""Of a network, packed or unpacked, and of any other part of a run."""
MOST_DIRECTORY_BYTES = 1_000_000
"""Of the list of files in an archive: some ten thousand names."""
SHOWN = 20
"""Names of arrays in an error, at most."""
DAMAGED = (ValueError, OSError, KeyError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)
"""What ``zipfile`` raises, by what is wrong with an archive."""


def check_file(path: Path, most: int) -> int:
    """The size of a regular file that may be read.

    Raises:
        OSError: there is none, it is a folder, a pipe or a device, or it has more than ``most`` bytes.
    """
    about = path.stat()
    _check(about, most)
    return about.st_size


def _check(about: os.stat_result, most: int) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise OSError(None, "it is a folder")
    if not stat.S_ISREG(about.st_mode):
        raise OSError(None, "it is a pipe or a device, not a file")
    if about.st_size > most:
        raise OSError(None, f"it has {about.st_size:,} bytes; at most {most:,} are read")


def open_file(path: Path, most: int) -> BufferedReader:
    """A regular file of at most ``most`` bytes, opened to be read.

    Raises:
        OSError: as ``check_file``; or it cannot be opened.
    """
    check_file(path, most)  # before it is opened: some devices do things when they are
    # Should a pipe have taken its place, opening does not wait for one who writes.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check(os.fstat(number), most)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_bytes(path: Path, most: int) -> bytes:
    """What a regular file holds.

    Raises:
        OSError: it cannot be read, is no file, or has more than ``most`` bytes.
    """
    with open_file(path, most) as file:
        # Not at once as much as might come, for which room would be made.
        data = file.read(os.fstat(file.fileno()).st_size + 1)
        if len(data) > most:
            raise OSError(None, f"at most {most:,} bytes are read")
        return data


def read_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """A text file.

    Raises:
        OSError: as ``read_bytes``.
        UnicodeDecodeError: it is not in this encoding.
    """
    return read_bytes(path, most).decode(encoding)


def parse_json(text: str | bytes) -> Any:
    """A value from JSON.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # Python converts no more than some thousand digits, for that takes long
        raise ValueError("a number in it has too many digits") from None


def open_archive(file: BinaryIO, most: int) -> zipfile.ZipFile:
    """A zip archive that declares to unpack to at most ``most`` bytes; ``read_member`` holds it to that.

    Raises:
        ValueError: it is none, would unpack to more, holds too many files, or is packed in an unusual way.
    """
    # All entries are read when it is opened, so their size has to be known before.
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise ValueError("it is no archive, or cut short")
    if end[5] > MOST_DIRECTORY_BYTES:
        raise ValueError(f"its list of files has {end[5]:,} bytes; at most {MOST_DIRECTORY_BYTES:,} are read")
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > most:
        raise ValueError(f"it unpacks to {size:,} bytes; at most {most:,} are read")
    # Other ways may need any amount of memory, and neither numpy nor Keras packs in them.
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise ValueError("it is packed in an unusual way")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file in an archive.

    Raises:
        KeyError: there is none.
        Exception: one of ``DAMAGED``.
    """
    with archive.open(name) as member:
        # Without a number, ``zipfile`` unpacks all that there is, and then cuts it to the size that is declared.
        return member.read(archive.getinfo(name).file_size)


def read_arrays(
    path: Path, names: Sequence[str] | None = None, most: int = MOST_ARRAY_BYTES
) -> dict[str, NDArray[Any]]:
    """The arrays of these names in an ``.npz`` file, or all; others are not looked at. Never unpickles anything.

    Raises:
        OSError: as ``open_file``.
        ValueError: one is missing or damaged, it is no such file, or unpacks to more than ``most`` bytes.
    """
    with open_file(path, most) as file:
        try:
            with open_archive(file, most) as archive:
                held = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
                wanted = held if names is None else names
                if missing := [name for name in wanted if name not in held]:
                    came = ", ".join(map(repr, sorted(held)[:SHOWN])) or "no arrays"
                    raise ValueError(f"missing {', '.join(missing)}, received {came}")
                return {name: _array(read_member(archive, f"{name}.npy")) for name in wanted}
        except DAMAGED as error:
            raise ValueError(str(error) or type(error).__name__) from None


def _array(data: bytes) -> NDArray[Any]:
    """An array in numpy's format, whose header must not declare more than there is."""
    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of format {version}")
    try:
        shape, _, kind = readers[version](stream)
    except Exception as error:  # numpy parses the header as Python: SyntaxError, TokenError, TypeError, ...
        raise ValueError(f"an array's header is damaged ({type(error).__name__})") from None
    if kind.hasobject:
        raise ValueError("an array of Python objects, which may be any program")
    bytes_ = math.prod(shape) * kind.itemsize
    if kind.itemsize < 1 or min(shape, default=0) < 0 or bytes_ != len(data) - stream.tell():
        raise ValueError(f"an array declares the shape {shape} of {kind}, which is not what it holds")
    stream.seek(0)
    found: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return found
