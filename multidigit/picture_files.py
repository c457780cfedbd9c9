"""Which picture files a command's paths name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from multidigit.addresses import is_address, list_address
from multidigit.errors import MultidigitError, PictureError, picture_error, reason
from multidigit.files import holds
from multidigit.outside import open_file

_SUFFIXES = "bmp gif jfif jpeg jpg pbm pgm png pnm ppm tif tiff webp"
PICTURE_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())
"""Suffixes, lower case, by which ``walk`` knows a picture in a folder."""

MOST_LIST_BYTES = 1_000_000_000_000
"""Of a list of paths, which is never held in memory as a whole."""
MOST_PATH_BYTES = 4_096
"""Of a path in such a list."""

_ZEROS_AND_NUMBER = re.compile(r"0*(\d+)")

Paths: TypeAlias = "Iterable[str | os.PathLike[str]] | str | os.PathLike[str]"


def walk(paths: Paths) -> Iterator[str | PictureError]:
    """Picture files that paths name, one after another; what cannot be looked into comes as an error in its place.

    A file stands for itself, whatever its suffix; a folder for the pictures in it. Folders are searched with all their
    subfolders, for ``PICTURE_SUFFIXES`` in either case, in natural order (``2.png`` before ``10.png``). Hidden files
    and folders are left out, linked folders are not entered. Held in memory are the names in one folder and in those
    that it lies in. An address, ``s3://…``, that ends in such a suffix stands for a picture, without being looked at;
    any other for a folder.

    Yields:
        A path, or a ``PictureError`` for a path that does not exist and for a folder that cannot be read or holds no
        picture.
    """
    for path in _named(paths):
        if not _is_folder(path):
            if is_address(path) or holds(Path(path).exists):
                yield path
            else:
                yield picture_error(path, "a picture file or a folder", "no such path", "check the name")
            continue
        found = None
        for found in _below(path):
            yield found
        if found is None:
            suffixes = " ".join(PICTURE_SUFFIXES)
            expected = f"a folder with pictures ({suffixes})"
            yield picture_error(path, expected, "none", "name another folder, or files")


def count(paths: Paths) -> int | None:
    """How many files ``walk`` would yield; sorts nothing, and so is quicker. ``None`` where one is an address."""
    total = 0
    for path in _named(paths):
        if not _is_folder(path):
            total += is_address(path) or holds(Path(path).exists)
            continue
        if is_address(path):
            return None  # listing it takes long, and has to be done once anyway
        waiting = [path]
        while waiting:
            where = waiting.pop()
            names, folders, _ = _listed(where)
            total += len(names) - len(folders)
            waiting += [_join(where, name) for name in folders]
    return total


def listed(file: Path) -> Iterator[str]:
    """The paths and addresses in a file, one a line; empty lines are left out.

    They are read as they are asked for. A relative path starts from the current folder.

    Raises:
        MultidigitError: the file cannot be read, is no text, or holds no path.
    """
    expected, remedy = f"{file}: expected a list of paths, one a line", "give a text file, as find photos -type f makes"
    found = 0
    try:
        with open_file(file, MOST_LIST_BYTES) as lines:
            # One byte more than a path may have, and its line's end.
            while line := lines.readline(MOST_PATH_BYTES + 2):
                path = line.rstrip(b"\r\n")
                if len(path) > MOST_PATH_BYTES or b"\0" in path:
                    what = f"a line of more than {MOST_PATH_BYTES:,} bytes" if b"\0" not in path else "no text"
                    raise MultidigitError(f"{expected}; received {what}; {remedy}")
                if path:
                    found += 1
                    yield os.fsdecode(path)
    except OSError as error:
        raise MultidigitError(f"{file}: cannot be read ({reason(error)}); name a list of paths with --list") from None
    if not found:
        raise MultidigitError(f"{expected}; received none; {remedy}")


def _named(paths: Paths) -> Iterator[str]:
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        yield path.rstrip("/") if isinstance(path, str) and is_address(path) else str(Path(path))


def _is_folder(path: str) -> bool:
    if is_address(path):
        return not path.lower().endswith(PICTURE_SUFFIXES)
    return holds(Path(path).is_dir)


def _below(folder: str) -> Iterator[str | PictureError]:
    """Visible pictures in and below a folder, in natural order, and the errors of folders that cannot be read."""
    # The folders that are being read, the innermost last; of each its path, the names still to come from it, the next
    # one at the end, and which of them are folders.
    reading = [("", [folder], {folder})]
    while reading:
        where, names, folders = reading[-1]
        if not names:
            reading.pop()
            continue
        name = names.pop()
        path = _join(where, name)
        if name not in folders:
            yield path
            continue
        names, folders, fault = _listed(path)
        if fault:
            yield fault
        names.sort(reverse=True)  # decides between names whose keys are the same
        names.sort(key=_natural, reverse=True)
        # What is in the current folder is called by its name alone.
        reading.append((path if path != os.curdir else "", names, folders))


def _listed(folder: str) -> tuple[list[str], set[str], PictureError | None]:
    """Names of the visible pictures and folders in a folder, in no order; which are folders; what went wrong."""
    names: list[str] = []
    folders: set[str] = set()
    try:
        if is_address(folder):
            for name, is_folder in list_address(folder):
                if not name.startswith(".") and (is_folder or name.lower().endswith(PICTURE_SUFFIXES)):
                    names.append(name)
                    folders |= {name} if is_folder else set()
            return names, folders, None
        with os.scandir(folder) as entries:
            for entry in entries:
                # Names that begin with a dot are thumbnails and side files of other systems (._1.png), not pictures.
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif not entry.name.lower().endswith(PICTURE_SUFFIXES) or not _is_picture(entry):
                    continue
                names.append(entry.name)
    except OSError as fault:
        expected, received = "a folder that can be read", fault.strerror or "a fault"
        return names, folders, picture_error(folder, expected, received, "check its name and permissions")
    return names, folders, None


def _is_picture(entry: os.DirEntry[str]) -> bool:
    """Whether what is called like a picture is to be read: a file, or a link that does not lead to a folder.

    A link that leads nowhere is read, and so reported. Pipes and devices are not: one would wait for them without end.
    """
    if entry.is_symlink():
        return not holds(entry.is_dir)
    return holds(entry.is_file)


def _join(folder: str, name: str) -> str:
    return os.path.join(folder, name)  # noqa: PTH118 (making a million Path objects takes seconds)


def _natural(name: str) -> str:
    """Sorting key: numbers by value (of up to 31 digits), letters without case."""
    # The number of digits stands before them, as a character that comes before all that names are made of.
    return _ZEROS_AND_NUMBER.sub(lambda found: chr(min(len(found[1]), 31)) + found[1], name.casefold())
