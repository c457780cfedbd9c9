"""Contact sheets: strips side by side with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multidigit.files import png_bytes

_ZOOM = 2
_CAPTION = 18
_GAP = 6
_PAPER, _INK = 255, 0
_SLOTS_ACROSS = 20
"""Slots of all the strips in a row together."""


def contact_sheet(strips: NDArray[np.uint8], captions: Sequence[str]) -> bytes:
    """A PNG of strips ``uint8`` (N, 28, 28·slots), N at least 1, enlarged, with their captions."""
    from PIL import Image, ImageDraw, ImageFont

    count, height, width = strips.shape
    columns = max(1, min(_SLOTS_ACROSS * height // width, count))
    rows = -(-count // columns)
    across, down = width * _ZOOM + _GAP, height * _ZOOM + _CAPTION + _GAP
    sheet = Image.new("L", (columns * across + _GAP, rows * down + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (strip, caption) in enumerate(zip(strips, captions, strict=True)):
        x, y = _GAP + index % columns * across, _GAP + index // columns * down
        sheet.paste(Image.fromarray(strip).resize((width * _ZOOM, height * _ZOOM), Image.Resampling.NEAREST), (x, y))
        draw.text((x, y + height * _ZOOM + 1), caption, fill=_INK, font=font)
    return png_bytes(sheet)
