"""Strips written as pictures, with a table of their numbers beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from multidigit import disk
from multidigit.errors import DataError
from multidigit.files import created, written_aside
from multidigit.labels import slots_to_text
from multidigit.strips.compose import Strips

LABELS = "labels.csv"
COLUMNS = ["image_path", "text"]


def check_new(folder: Path) -> None:
    """Refuse a folder that exists.

    Raises:
        DataError: it does.
    """
    if folder.exists():
        raise DataError(f"{folder}: exists already; name another folder, or remove it")


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

    check_new(folder)
    with written_aside(folder, DataError) as aside:
        disk.make_folder(aside)
        digits = len(str(len(strips) - 1))
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for index, (image, slots) in enumerate(zip(strips.images, strips.slots, strict=True)):
            name = f"{index:0{digits}d}.png"
            with disk.create(aside / name) as file:
                Image.fromarray(image).save(file, "PNG")
            writer.writerow([name, slots_to_text(slots)])
            step()
        with created(aside / LABELS) as file:
            file.write(table.getvalue().encode())
