"""Files and folders written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from multidigit.errors import MultidigitError

if TYPE_CHECKING:
    from PIL.Image import Image


@contextmanager
def written_aside(path: Path, fault: type[MultidigitError] = MultidigitError) -> Iterator[Path]:
    """A path beside ``path`` at which the block makes a file or a folder; at its end that is renamed into place.

    A file that stands at ``path`` is replaced then, and only then; a folder must not stand there. If the block is left
    by an error, nothing is left of what it made.

    Raises:
        MultidigitError: it cannot be written; of the class ``fault``.
    """
    aside = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        aside.replace(path)
    except BrokenPipeError:
        raise  # of what else is done in the block
    except OSError as error:
        raise fault(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        remove(aside)


def partial_path(path: Path) -> Path:
    """Where something is made until it is complete: hidden, and named after this process."""
    return path.with_name(f".{path.name}.partial-{os.getpid()}")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, put in its place at the end of the block; see ``written_aside``."""
    with written_aside(path) as aside, aside.open("wb") as file:
        yield file


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; see ``written_aside``."""
    with writing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; see ``written_aside``."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all; see ``written_aside``."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


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
