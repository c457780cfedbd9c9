"""Grey pictures -> strips: a row is cut out, turned level, scaled, and stretched to full contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.labels import CELL

INK_HEIGHT = 20
"""Height of digits in a strip, in pixels: training digits fill a 20×20 box."""
STRIP_HEIGHT = 25
"""Height to which plain strips are scaled for readers of scenes: digits that fill 20 of 28 rows are larger than most
that these learn from. Of MNIST strips of five digits it reads two points more right than unscaled ones."""
BESIDE = 0.8
"""What is kept of the picture at both ends of a row, in heights of a digit."""
MARGIN = 4
"""Columns kept free, at least, at both ends of a strip."""
FLAT = 3
"""Range of grey levels up to which a picture is blank."""
LEVEL = 0.01
"""Angle in radians below which a row is level."""
DARK = 48
"""Ground that is darker than this, or brighter than as much below white, tells the polarity of a strip's ink."""
SHARES = (0.01, 0.99)
"""Shares of the pixels that become black and, but for the rest, white."""


@dataclass(frozen=True)
class RowBox:
    """Where a row of digits is in a picture; lengths in its pixels.

    Attributes:
        x: middle, from the left edge.
        y: middle, from the top.
        width: from the first to the last digit, along the row.
        height: of its digits.
        angle: in radians, by which the row falls to the right.
        confidence: of the finder, 0 to 1, that there is a row of digits.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    confidence: float = 1.0

    def corners(self) -> list[tuple[float, float]]:
        """Its corners (x, y), clockwise from the upper left one."""
        cos, sin = float(np.cos(self.angle)), float(np.sin(self.angle))
        half_x, half_y = self.width / 2, self.height / 2
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return [
            (self.x + a * half_x * cos - b * half_y * sin, self.y + a * half_x * sin + b * half_y * cos)
            for a, b in signs
        ]


def cut_row(grey: NDArray[np.uint8], row: RowBox, slots: int, scale: float = 1.0) -> NDArray[np.uint8]:
    """The strip of a row: level, its digits about 20 pixels high, with the ground that they stand on.

    Args:
        grey: a picture, ``uint8`` (H, W).
        row: where the row is.
        slots: of the strip, 1 to 12.
        scale: factor on the height of its digits.

    Returns:
        ``uint8``, shape (28, 28·slots).
    """
    wide = CELL * slots
    scale = min(scale * INK_HEIGHT / row.height, (wide - 2 * MARGIN) / row.width)
    columns = min(wide, max(8, round((row.width + 2 * BESIDE * row.height) * scale)))
    half_x, half_y = columns / 2 / scale, CELL / 2 / scale
    return _strip(level(grey, row, (half_x, half_y), (columns, CELL)), slots)


def level(grey: NDArray[np.uint8], row: RowBox, half: tuple[float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The surroundings of a row, turned so that it is level.

    Args:
        grey: the picture.
        row: the row, which comes to stand in the middle.
        half: how far they reach to either side along the row, and above and below it, in pixels of the picture.
        size: columns and rows of what is returned.
    """
    half_x, half_y = half
    if abs(row.angle) < LEVEL:
        return _resized(grey, (row.x - half_x, row.y - half_y, row.x + half_x, row.y + half_y), size)
    cos, sin = abs(np.cos(row.angle)), abs(np.sin(row.angle))
    reach_x, reach_y = half_x * cos + half_y * sin, half_x * sin + half_y * cos
    box = (row.x - reach_x, row.y - reach_y, row.x + reach_x, row.y + reach_y)
    # First to the final scale, where turning by interpolation loses nothing.
    scale = size[0] / (2 * half_x)
    around = (max(1, round(2 * reach_x * scale)), max(1, round(2 * reach_y * scale)))
    small = _resized(grey, box, around)
    cos, sin = np.cos(row.angle), np.sin(row.angle)
    x, y = size[0] / 2, size[1] / 2
    turn = (cos, -sin, around[0] / 2 - cos * x + sin * y, sin, cos, around[1] / 2 - sin * x - cos * y)
    turned = Image.fromarray(small).transform(size, Image.Transform.AFFINE, turn, Image.Resampling.BICUBIC)
    return np.asarray(turned)


def fit_whole(grey: NDArray[np.uint8], slots: int, scale: float = 1.0) -> NDArray[np.uint8]:
    """The strip of a whole picture, ``uint8``, shape (28, 28·slots): scaled to fit, times ``scale``, at most 1."""
    height, width = grey.shape
    scale *= min(CELL / height, CELL * slots / width)
    size = (max(1, min(CELL * slots, round(width * scale))), max(1, min(CELL, round(height * scale))))
    return _strip(_resized(grey, (0, 0, width, height), size), slots)


def shrunk(grey: NDArray[np.uint8], slots: int) -> NDArray[np.uint8]:
    """A plain strip of at most so many cells, ``uint8`` (28, W), in the middle of a strip, ``STRIP_HEIGHT`` high."""
    size = (round(grey.shape[1] * STRIP_HEIGHT / CELL), STRIP_HEIGHT)
    part = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    return _middle(part, slots, int(np.median(grey)))


def _resized(
    grey: NDArray[np.uint8], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A part of a picture at another size; what lies outside the picture continues its edge."""
    height, width = grey.shape
    left, top, right, bottom = box
    x0, y0 = max(0, int(left) - 2), max(0, int(top) - 2)
    x1, y1 = min(width, int(right) + 3), min(height, int(bottom) + 3)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    part = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    before = (max(0, int(np.ceil(y0 - top)) + 1), max(0, int(np.ceil(x0 - left)) + 1))
    after = (max(0, int(np.ceil(bottom - y1)) + 1), max(0, int(np.ceil(right - x1)) + 1))
    if any((*before, *after)):
        part = np.pad(part, ((before[0], after[0]), (before[1], after[1])), mode="edge")
    x, y = x0 - before[1], y0 - before[0]
    inner = (max(left - x, 0.0), max(top - y, 0.0), min(right - x, part.shape[1]), min(bottom - y, part.shape[0]))
    way = Image.Resampling.HAMMING if inner[2] - inner[0] > size[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(part).resize(size, way, inner))


def _strip(part: NDArray[np.uint8], slots: int) -> NDArray[np.uint8]:
    """A part of a picture, at most a strip's size, stretched to full contrast in the middle of flat ground."""
    ordered = np.sort(part, axis=None)
    low, high = (int(ordered[round(share * (len(ordered) - 1))]) for share in SHARES)
    if high - low <= FLAT:
        return np.zeros((CELL, CELL * slots), np.uint8)
    levels = np.clip((np.arange(256) - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return _middle(levels[part], slots, int(levels[ordered[len(ordered) // 2]]))


def _middle(part: NDArray[np.uint8], slots: int, ground: int) -> NDArray[np.uint8]:
    """A part, at most a strip's size, in the middle of flat ground."""
    strip = np.full((CELL, CELL * slots), ground, np.uint8)
    y, x = (CELL - part.shape[0]) // 2, (CELL * slots - part.shape[1]) // 2
    strip[y : y + part.shape[0], x : x + part.shape[1]] = part
    return strip


def in_ink(strip: NDArray[np.uint8], stretched: bool) -> list[NDArray[np.uint8]]:
    """A strip as bright ink on dark, for networks that know nothing else: of the polarity that is clear, or of both.

    Args:
        strip: ``uint8`` (28, W), grey.
        stretched: whether its ground is to become black and its brightest ink white.
    """
    ground = int(np.median(strip))
    found = []
    for bright in (True, False):
        levels = strip.astype(np.int32) - ground if bright else ground - strip.astype(np.int32)
        if not stretched:
            found.append(strip if bright else 255 - strip)
            continue
        top = max(int(np.sort(levels, axis=None)[round(SHARES[1] * (levels.size - 1))]), 1)
        found.append(np.clip(levels * 255 // top, 0, 255).astype(np.uint8))
    if ground < DARK or ground > 255 - DARK:
        return found[:1] if ground < DARK else found[1:]
    return found
