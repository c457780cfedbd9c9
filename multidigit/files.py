"""Files written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from multidigit.errors import MultidigitError


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file aside and rename it into place.

    Raises:
        MultidigitError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise MultidigitError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        # Where it could not be made, it cannot be removed either.
        with suppress(OSError):
            partial.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 aside and rename it into place; see ``write_bytes``."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file aside and rename it into place; see ``write_bytes``."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
