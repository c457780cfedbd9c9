"""Contact sheets: strips side by side with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL, WIDTH

_ZOOM = 2
_CAPTION = 18
_GAP = 6
_PAPER, _INK = 255, 0


def contact_sheet(strips: NDArray[np.uint8], captions: Sequence[str], columns: int = 4) -> bytes:
    """A PNG of strips ``uint8`` (N, 28, 140), enlarged, with their captions."""
    from PIL import Image, ImageDraw, ImageFont

    columns = max(1, min(columns, len(strips)))
    rows = -(-len(strips) // columns)
    across, down = WIDTH * _ZOOM + _GAP, CELL * _ZOOM + _CAPTION + _GAP
    sheet = Image.new("L", (columns * across + _GAP, rows * down + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (strip, caption) in enumerate(zip(strips, captions, strict=True)):
        x, y = _GAP + index % columns * across, _GAP + index // columns * down
        sheet.paste(Image.fromarray(strip).resize((WIDTH * _ZOOM, CELL * _ZOOM), Image.Resampling.NEAREST), (x, y))
        draw.text((x, y + CELL * _ZOOM + 1), caption, fill=_INK, font=font)
    data = BytesIO()
    sheet.save(data, "PNG", optimize=True)
    return data.getvalue()
