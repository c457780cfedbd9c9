"""Which picture files a command's paths name, and how errors name them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from multidigit.errors import PictureError

PICTURE_SUFFIXES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Suffixes, lower case, by which ``picture_files`` knows a picture in a folder."""


def picture_files(paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str]) -> list[Path]:
    """Picture files that paths name: a file stands for itself, whatever its suffix; a folder for the pictures in it.

    Folders are searched with all their subfolders, for ``PICTURE_SUFFIXES`` in either case, in natural order
    (``2.png`` before ``10.png``). Hidden files and folders are left out, linked folders are not entered.

    Raises:
        PictureError: a path does not exist, or a folder cannot be read or holds no picture.
    """
    files: list[Path] = []
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        path = Path(path)
        if not holds(path.is_dir):
            if not holds(path.exists):
                raise picture_error(printable(path), "a picture file or a folder", "no such path", "check the name")
            files.append(path)
            continue
        found = _folder_pictures(path)
        if not found:
            suffixes = " ".join(PICTURE_SUFFIXES)
            raise picture_error(
                printable(path), f"a folder with pictures ({suffixes})", "none", "name another folder, or files"
            )
        files += found
    return files


def holds(question: Callable[[], bool]) -> bool:
    """The answer of ``Path.is_dir`` or ``Path.exists``; no for paths that cannot be looked at."""
    try:
        return bool(question())
    except (OSError, ValueError):
        return False


def _folder_pictures(folder: Path) -> list[Path]:
    """Visible pictures in and below a folder, in natural order."""

    def refuse(fault: OSError) -> None:
        where = fault.filename or folder
        raise picture_error(
            printable(where), "a folder that can be read", fault.strerror or "a fault", "check its permissions"
        )

    found = []
    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # Names that begin with a dot are thumbnails and side files of other systems (._1.png), not pictures.
        visible = (Path(where, name) for name in names if not name.startswith("."))
        found += [path for path in visible if path.suffix.lower() in PICTURE_SUFFIXES]
    return sorted(found, key=_natural)


def _natural(path: Path) -> tuple[list[list[str | int]], str]:
    """Sorting key: numbers within names by value, letters without case."""
    pieces: list[list[str | int]] = []
    for part in path.parts:
        pieces.append([int(p) if i % 2 else p.casefold() for i, p in enumerate(re.split(r"(\d+)", part))])
    return pieces, str(path)


def printable(path: object) -> str:
    """A path as one printable line."""
    text = str(path)
    return text if text.isprintable() and text else repr(text)


def picture_error(name: str, expected: str, received: str, remedy: str) -> PictureError:
    """The error that names a picture and says, on one line, what was expected, what came and what to do."""
    return PictureError(f"{name}: expected {expected}; Received: {received}; {remedy}")
