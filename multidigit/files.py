"""Files written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from multidigit.errors import MultidigitError


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, aside; renamed into place at the end of the block, removed where that is left by an error.

    Raises:
        MultidigitError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except BrokenPipeError:
        raise  # of what else is done in the block
    except OSError as error:
        raise MultidigitError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        # Where it could not be made, it cannot be removed either.
        with suppress(OSError):
            partial.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file aside and rename it into place; see ``writing``."""
    with writing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 aside and rename it into place; see ``write_bytes``."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file aside and rename it into place; see ``write_bytes``."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
