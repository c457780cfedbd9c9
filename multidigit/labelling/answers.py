"""Answers given in labelling: a file to which each is appended, and from which labelling goes on."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from multidigit import disk
from multidigit.errors import DataError
from multidigit.files import append_line
from multidigit.outside import MOST_TABLE_BYTES, parse_json, read_bytes

FILE = "labels.jsonl"


@dataclass(frozen=True)
class Answer:
    """What a picture shows.

    Attributes:
        text: its digits, empty for none; ``None`` where nobody can read it.
        read: what the reader had filled in.
        by_chance: whether the picture was drawn at random, and so counts for the estimate of accuracy.
    """

    text: str | None
    read: str
    by_chance: bool


class Answers:
    """The answers for the pictures of a folder, each on disk before the next is asked for.

    A line is a JSON object; a later line about a picture replaces an earlier one. So nothing that is on disk is ever
    rewritten, and of a program that is killed at most the answer that it was writing is lost.

    Args:
        folder: of the pictures; the answers are in its ``labels.jsonl``.

    Raises:
        DataError: the file cannot be read or written, or is no such file.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.Lock()
        self.of: dict[str, Answer] = {}
        try:
            # A link might lead to a file that is somebody's own, to which answers would be added.
            if self.path.is_symlink():
                raise OSError(None, "it is a link")
            text = read_bytes(self.path, MOST_TABLE_BYTES) if self.path.exists() else b""
            whole, _, torn = text.rpartition(b"\n")
            for number, line in enumerate(whole.decode().splitlines(), 1):
                self._take(line, number)
            self._file = disk.append(self.path)
            if torn:  # a line that was never completed
                disk.truncate(self._file, len(text) - len(torn))
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read and written ({error.strerror})") from None
        except UnicodeDecodeError:
            raise DataError(f"{self.path}: expected lines of JSON; received other bytes; move it away") from None

    def _take(self, line: str, number: int) -> None:
        if not line.strip():
            return
        try:
            row = parse_json(line)
            text = None if row.get("unreadable") else str(row["text"])
            answer = Answer(text, str(row.get("read", "")), bool(row.get("by_chance")))
            self.of[str(row["image_path"])] = answer
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self.path}, line {number}: expected image_path and text; received {line[:80]}"
            ) from error

    def put(self, picture: str, answer: Answer) -> None:
        """Keep an answer; it is on disk when this returns.

        Raises:
            OSError: it could not be written.
        """
        row: dict[str, object] = {"image_path": picture, "text": answer.text or ""}
        if answer.text is None:
            row["unreadable"] = True
        row |= {"read": answer.read, "by_chance": answer.by_chance}
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        with self._lock:
            append_line(self._file, line)
            disk.sync(self._file)
            self.of[picture] = answer
