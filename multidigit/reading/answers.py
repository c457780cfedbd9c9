"""Pictures that were found, with their readings, and these as rows of plain values."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from multidigit.errors import PictureError

if TYPE_CHECKING:
    from multidigit.pictures import RowBox
    from multidigit.pictures.workers import Crew
    from multidigit.reading.reader import Reader, Reading

Row: TypeAlias = dict[str, Any]
"""What is printed or written of one picture; of one that cannot be read its path and the error."""


def as_row(name: str, reading: Reading | PictureError) -> Row:
    """The row of a reading, or of the error that says why there is none. Confidences have four decimals."""
    if isinstance(reading, PictureError):
        return {"image_path": name, "error": str(reading)}
    return {
        "image_path": name,
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "digits": [round(digit, 4) for digit in reading.digits],
        "alternatives": [{"text": a.text, "confidence": round(a.confidence, 4)} for a in reading.alternatives],
        "withheld": reading.withheld,
        "too_long": reading.too_long,
        "box": _box(reading.box),
        "others": reading.others,
    }


def best_guess(row: Row) -> str:
    """The likeliest number, answered or not; empty where what is known of the number leaves none."""
    return row["alternatives"][0]["text"] if row["alternatives"] else ""


def _box(box: RowBox | None) -> dict[str, float] | None:
    """Middle, size and angle in degrees of a row, in pixels of the picture."""
    if box is None:
        return None
    sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return {**{name: round(value, 1) for name, value in sides.items()}, "angle": round(math.degrees(box.angle), 1)}


def read_found(
    reader: Reader, found: Iterable[str | PictureError], workers: int | Crew, every_row: bool
) -> Iterator[tuple[str, Reading | PictureError]]:
    """Picture files as ``walk`` finds them, with their readings, and in their places errors of what holds none.

    Args:
        found: paths, and errors of paths that name no picture.
        workers: as those of ``Reader.read_all``, as is ``every_row``.
    """
    # Files are found long before they are read: with each fault, how many files come before it.
    faults: deque[tuple[int, PictureError]] = deque()

    def files() -> Iterator[str]:
        number = 0
        for file in found:
            if isinstance(file, PictureError):
                faults.append((number, file))
            else:
                number += 1
                yield file

    read, before = -1, None
    for name, answer in reader.read_all(files(), workers, every_row):
        read += name != before
        before = name
        while faults and faults[0][0] <= read:
            fault = faults.popleft()[1]
            yield fault.picture, fault
        yield name, answer
    yield from ((fault.picture, fault) for _, fault in faults)
