"""Files and folders written whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from multidigit import disk
from multidigit.errors import MultidigitError

if TYPE_CHECKING:
    from PIL.Image import Image

PARTIAL, OLD = "partial", "old"
"""Kinds of what stands aside for a while: what is not complete yet, and what is just being replaced."""


@contextmanager
def written_aside(path: Path, fault: type[MultidigitError] = MultidigitError) -> Iterator[Path]:
    """A path beside ``path`` at which the block makes a file or a folder; at its end that is renamed into place.

    A file that stands at ``path`` is replaced then, and only then; a folder must not stand there. If the block is left
    by an error, nothing is left of what it made. What a killed process left of the same is removed.

    Raises:
        MultidigitError: it cannot be written; of the class ``fault``.
    """
    aside = partial_path(path)
    made = missing(path.parent)
    try:
        with writable(path, fault):
            disk.make_folder(path.parent)
            for left in standing_aside(path):
                if left.abandoned:
                    remove(left.path)
            yield aside
            disk.rename(aside, path)
            sync_folder(path.parent)
    finally:
        remove(aside)
        remove_empty(made)


@contextmanager
def writable(path: Path, fault: type[MultidigitError] = MultidigitError, remedy: str = "") -> Iterator[None]:
    """Within the block an error of the system means that ``path`` cannot be written.

    Raises:
        MultidigitError: of the class ``fault``; it names the path, the reason and, if given, what to do.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # of what else is done in the block
    except OSError as error:
        raise fault(f"{path}: cannot be written ({error.strerror or error}){remedy}") from None


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder among the system's temporary ones, removed at the end of the block.

    What killed processes left of this kind is removed at its start.
    """
    place = Path(tempfile.gettempdir()) / "multidigit-*"
    for left in standing_aside(place.with_name("*")):
        if left.abandoned and left.name.startswith("multidigit-"):
            remove(left.path)
    prefix, suffix = partial_path(place).name.split("*")
    with tempfile.TemporaryDirectory(suffix, prefix, ignore_cleanup_errors=True) as name:
        yield Path(name)


def partial_path(path: Path) -> Path:
    """Where something is made until it is complete: hidden, and named after this machine and process."""
    return path.with_name(f".{path.name}.{PARTIAL}-{_owner()}")


def old_path(path: Path) -> Path:
    """Where a folder is put while another takes its place."""
    return path.with_name(f".{path.name}.{OLD}-{_owner()}")


class Aside(NamedTuple):
    """What stands aside of ``name``, put there by a process of this machine."""

    path: Path
    name: str
    process: int

    @property
    def abandoned(self) -> bool:
        """Whether that process has ended."""
        return not alive(self.process)


def standing_aside(path: Path, kind: str = PARTIAL) -> list[Aside]:
    """What stands aside of ``path``, a file or folder, or of everything in a folder: ``FOLDER / "*"``."""
    name = ".+" if path.name == "*" else re.escape(path.name)
    # Older versions did not name the machine.
    pattern = re.compile(rf"\.({name})\.{kind}-(?:{re.escape(_machine())}-)?(\d+)")
    start = "." if path.name == "*" else f".{path.name}.{kind}-"
    try:
        # Folders may hold very many files, and this is asked at each write.
        with os.scandir(path.parent) as entries:
            found = [pattern.fullmatch(entry.name) for entry in entries if entry.name.startswith(start)]
    except OSError:
        return []
    return [Aside(path.with_name(match[0]), match[1], int(match[2])) for match in found if match]


def alive(process: int) -> bool:
    """Whether another process of this number runs."""
    if process == os.getpid():
        return False
    if sys.platform == "win32":
        # Signal 0 would end it there.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _owner() -> str:
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    """This machine among those that may share a disk, whose processes have the same numbers."""
    return re.sub(r"\W+", "-", platform.node()) or "machine"


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def missing(folder: Path) -> list[Path]:
    """The folder and those above it that do not exist, innermost first."""
    return [each for each in (folder, *folder.parents) if not holds(each.exists)]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of the folders that are empty, in this order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def writing(path: Path, fault: type[MultidigitError] = MultidigitError) -> Iterator[IO[bytes]]:
    """A file to write to, on the disk and in its place at the end of the block; see ``written_aside``."""
    with written_aside(path, fault) as aside, created(aside) as file:
        yield file


@contextmanager
def created(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write to, on the disk at the end of the block."""
    with disk.create(path) as file:
        yield file
        file.flush()
        disk.sync(file.fileno())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; see ``written_aside``."""
    with writing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; see ``written_aside``."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all; see ``written_aside``."""
    write_text(path, json_text(data))


def json_text(data: Mapping[str, Any]) -> str:
    """JSON as this package writes it."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


@contextmanager
def appended(path: Path) -> Iterator[int]:
    """The descriptor of a file that is added to; the file and the folders above it are made where there are none.

    Raises:
        MultidigitError: it cannot be written.
    """
    with writable(path):
        disk.make_folder(path.parent)
        file = disk.append(path)
        try:
            yield file
        finally:
            os.close(file)


def append_text(path: Path, text: str) -> None:
    """Add to a text file in UTF-8; see ``appended``."""
    with appended(path) as file:
        append_line(file, text.encode())


def append_line(file: int, data: bytes) -> None:
    """Add to an open file, see ``disk.append``, all of the data or nothing.

    Raises:
        OSError: it cannot be written.
    """
    before, rest = os.fstat(file).st_size, memoryview(data)
    try:
        while rest:
            rest = rest[disk.write(file, rest) :]
    except BaseException:
        with suppress(OSError):
            disk.truncate(file, before)
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names of the files in a folder are on the disk, where the system can do that."""
    with suppress(OSError):
        disk.sync_folder(folder)


def png_bytes(image: Image) -> bytes:
    """A Pillow image as a PNG file."""
    data = BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def holds(question: Callable[[], bool]) -> bool:
    """The answer of ``Path.is_dir`` or ``Path.exists``; no for paths that cannot be looked at."""
    try:
        return bool(question())
    except (OSError, ValueError):
        return False
