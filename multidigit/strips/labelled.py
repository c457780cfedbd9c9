"""A user's own pictures: a CSV file of ``image_path,text`` beside them, read and written."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from multidigit.errors import DataError
from multidigit.files import written_aside
from multidigit.labels import slots_to_text, text_to_slots
from multidigit.pictures import read_strip
from multidigit.strips.compose import Strips

LABELS = "labels.csv"
COLUMNS = ["image_path", "text"]


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


def read_labelled(path: Path, slots: int) -> Strips:
    """Pictures and their numbers from a CSV file with the columns ``image_path`` and ``text``.

    Args:
        path: the CSV file, or a folder with a ``labels.csv`` in it; paths in it are relative to its own folder.
        slots: the most digits of a number, 1 to 12; strips are 28·slots columns wide.

    Raises:
        DataError: the file is missing or not such a table; names the line.
        PictureError: a picture cannot be read.
    """
    path = path / LABELS if path.is_dir() else path
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            # Blank lines are skipped and a quoted field may span lines, so lines are counted by the reader.
            rows = [(table.line_num, row) for row in table]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a CSV file with the columns {', '.join(COLUMNS)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None
    if not rows or not set(COLUMNS) <= set(rows[0][1]):
        came = ", ".join(map(str, rows[0][1])) if rows else "no rows"
        raise DataError(f"{path}: expected the columns {', '.join(COLUMNS)} and at least one row; received {came}")
    numbers = []
    for line, row in rows:
        try:
            numbers.append(text_to_slots(row["text"] or "", slots))
        except DataError as error:
            raise DataError(f"{path}, line {line}: {error}") from None
    images = [read_strip(path.parent / (row["image_path"] or ""), slots) for _, row in rows]
    return Strips(np.stack(images), np.stack(numbers))
