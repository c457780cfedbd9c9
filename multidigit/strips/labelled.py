"""A user's own pictures: a CSV file of ``image_path,text`` beside them, read and written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError
from multidigit.files import written_aside
from multidigit.labels import BLANK, slots_to_text, text_to_slots
from multidigit.strips.compose import Strips

LABELS = "labels.csv"
COLUMNS = ["image_path", "text"]
DELIMITERS = ",;\t"


def write_labelled(folder: Path, strips: Strips, step: Callable[[], None] = lambda: None) -> None:
    """Write strips as PNGs with ``labels.csv``, whole or not at all.

    Args:
        folder: must not exist.
        strips: what to write.
        step: called after every picture.

    Raises:
        DataError: the folder exists or cannot be written.
    """
    from PIL import Image

    if folder.exists():
        raise DataError(f"{folder}: exists already; name another folder, or remove it")
    with written_aside(folder, DataError) as aside:
        aside.mkdir()
        digits = len(str(len(strips) - 1))
        with (aside / LABELS).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for index, (image, slots) in enumerate(zip(strips.images, strips.slots, strict=True)):
                name = f"{index:0{digits}d}.png"
                Image.fromarray(image).save(aside / name)
                writer.writerow([name, slots_to_text(slots)])
                step()


def read_labels(path: Path, slots: int) -> tuple[list[Path], NDArray[np.uint8]]:
    """Picture files and their numbers from a table with the columns ``image_path`` and ``text``.

    Columns may stand in any order among others, parted by commas, semicolons or tabs; their names may be in capitals.

    Args:
        path: the table, or a folder with a ``labels.csv`` in it; paths in it are relative to its own folder.
        slots: the most digits of a number, 1 to 12.

    Returns:
        The paths of the pictures, and the slots of their numbers, shape (N, slots): blank where the text is empty.

    Raises:
        DataError: the file is missing or not such a table; names the line.
    """
    path = path / LABELS if path.is_dir() else path
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
        tables = [csv.DictReader(io.StringIO(text, newline=""), delimiter=mark) for mark in DELIMITERS]
        for table in tables:
            table.fieldnames = [name.strip().lower() for name in table.fieldnames or []]
        names, table = max(((table.fieldnames or [], table) for table in tables), key=lambda pair: _known(pair[0]))
        # Blank lines are skipped and a quoted field may span lines, so lines are counted by the reader.
        rows = [(table.line_num, row) for row in table]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a CSV file with the columns {', '.join(COLUMNS)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None
    if not rows or _known(names) < len(COLUMNS):
        came = ", ".join(names) if rows else "no rows"
        raise DataError(f"{path}: expected the columns {', '.join(COLUMNS)} and at least one row; received {came}")
    found = np.full((len(rows), slots), BLANK, np.uint8)
    for number, (line, row) in zip(found, rows, strict=True):
        # The text of a line that ends before its column is None, and unlike an empty one a mistake.
        if not row["image_path"] or row["text"] is None:
            raise DataError(
                f"{path}, line {line}: expected a picture's path and its number, empty where it shows none; received "
                f"{row['image_path'] or ''!r} and {'nothing' if row['text'] is None else repr(row['text'])}"
            )
        try:
            if digits := row["text"].strip():
                number[:] = text_to_slots(digits, slots)
        except DataError as error:
            raise DataError(f"{path}, line {line}: {error}") from None
    return [path.parent / row["image_path"] for _, row in rows], found


def _known(names: Sequence[str]) -> int:
    """How many of the columns there are once: two of one name would leave open which one counts."""
    return sum(names.count(column) == 1 for column in COLUMNS)
