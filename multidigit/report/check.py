"""The page of ``multidigit check``: pictures whose labels are doubtful, and what must be fixed."""

from __future__ import annotations

import base64
from pathlib import Path

from multidigit.data.check import Checked
from multidigit.errors import DataError
from multidigit.files import png_bytes, write_text
from multidigit.report.tables import seen

MOST = 300
"""Pictures on the page, at most."""
SIDE = (320, 160)
"""Columns and rows that a picture is shrunk to."""


def write_page(path: Path, found: Checked, source: Path) -> None:
    """Write the page, one file without anything beside it.

    Raises:
        DataError: it cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if not path.parent.is_dir():
        raise DataError(f"{path}: expected a file in a folder that exists; make {path.parent}, or name another file")
    environment = Environment(
        loader=PackageLoader("multidigit.report"), autoescape=True, finalize=seen, undefined=StrictUndefined
    )
    environment.filters["picture"] = _address
    doubts, unlike = found.doubts[:MOST], found.unlike[: max(0, MOST - len(found.doubts))]
    text = environment.get_template("check.html").render(found=found, source=source, doubts=doubts, unlike=unlike)
    write_text(path, text)


def _address(path: Path) -> str:
    """A small copy of a picture as part of a page."""
    from PIL import ImageOps

    from multidigit.pictures.loading import open_picture

    with open_picture(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture.thumbnail(SIDE)
    return f"data:image/png;base64,{base64.b64encode(png_bytes(picture)).decode()}"
