"""The finder: rows of digits in a picture, by a small network on the picture shrunk to about 128 × 256.

For every fourth pixel the network says how likely a row of digits runs there, how far it is to the row's ends and its
middle line, how high its digits are and how much it is turned. Points of the same row are put together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.litert import Network
from multidigit.pictures.fitting import RowBox, level

SHAPES = ((128, 256), (192, 192), (256, 128))
"""Rows and columns of what the network sees: the shape nearest to the picture's own, the rest flat."""
STRIDE = 4
"""Pixels of what the network sees to a point of what it says."""
LENGTH = 16.0
"""It says a logit; lengths, in so many pixels, to the row's ends and down to its middle line; the logarithm of the
digits' height in as many; a quarter of the angle in radians."""
LARGEST = 3.0
"""Small pictures are enlarged by at most so much."""
LEAST = 0.3
"""Confidence from which a row counts."""
SAME = 0.4
"""Share of a row's middle line within a surer row from which it is the same row."""
CLOSER = 3
"""Rows, the surest ones, that are looked at once more, from near: three points more of amounts on cheques."""
MOST = 12
"""Rows of a picture, at most."""


def shown(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float, tuple[float, float]]:
    """A picture as the network sees it: one of ``SHAPES``, how much it was scaled, and where its corner came (x, y)."""
    height, width = grey.shape
    scales = [min(rows / height, columns / width, LARGEST) for rows, columns in SHAPES]
    best = int(np.argmax(scales))
    rows, columns = SHAPES[best]
    scale = scales[best]
    size = (min(columns, max(1, round(width * scale))), min(rows, max(1, round(height * scale))))
    image = Image.fromarray(grey)
    reduced = int(1 / scale / 2)
    if reduced > 1:
        image = image.reduce(reduced)
    small = _stretched(np.asarray(image.resize(size, Image.Resampling.BILINEAR)))
    canvas = np.full((rows, columns), np.uint8(np.median(small)))
    y, x = (rows - size[1]) // 2, (columns - size[0]) // 2
    canvas[y : y + size[1], x : x + size[0]] = small
    return canvas, scale, (float(x), float(y))


def _stretched(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From black to white."""
    low, high = int(grey.min()), int(grey.max())
    levels = np.clip((np.arange(256) - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    return levels[grey]


def rows_of(fields: NDArray[np.float32]) -> list[RowBox]:
    """Rows of digits from what the network says, ``float32`` (H/4, W/4, 6), the surest first, in its pixels."""
    score = 1 / (1 + np.exp(-np.clip(fields[..., 0], -30, 30)))
    down, across = np.nonzero(score >= LEAST)
    if not len(down):
        return []
    sure, values = score[down, across], fields[down, across, 1:]
    angle = values[:, 4] * 4
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = (across + 0.5) * STRIDE, (down + 0.5) * STRIDE
    left, right, drop = (values[:, field] * LENGTH for field in range(3))
    high = np.exp(np.clip(values[:, 3], -4, 4)) * LENGTH
    # The two ends of the middle line, from every point.
    start = np.stack([x - left * cos - drop * sin, y - left * sin + drop * cos], 1)
    end = np.stack([x + right * cos - drop * sin, y + right * sin + drop * cos], 1)
    middle = (start + end) / 2
    found: list[RowBox] = []
    open_ = np.ones(len(sure), bool)
    while open_.any() and len(found) < MOST:
        best = int(np.argmax(np.where(open_, sure, -1)))
        # Points within the best one's row, and whose middle is near its line.
        c, s, wide = cos[best], sin[best], max(float(left[best] + right[best]), STRIDE)
        off = np.stack([x, y], 1) - middle[best]
        along, beside = off @ (c, s), off @ (-s, c)
        other = (middle - middle[best]) @ (-s, c)
        same = open_ & (np.abs(along) < wide / 2 + 0.3 * high[best]) & (np.abs(beside) < 0.75 * high[best])
        same &= np.abs(other) < 0.5 * high[best]
        same[best] = True
        open_ &= ~same
        # A far end is guessed worse than a near one.
        first = np.average(start[same], 0, sure[same] / (1 + np.abs(left[same])))
        last = np.average(end[same], 0, sure[same] / (1 + np.abs(right[same])))
        gap = last - first
        width, size = float(np.hypot(*gap)), float(np.exp(np.average(np.log(high[same]), weights=sure[same])))
        turned = (
            float(np.arctan2(gap[1], gap[0]))
            if width > 1.5 * size
            else float(np.average(angle[same], weights=sure[same]))
        )
        middle_x, middle_y = (first + last) / 2
        row = RowBox(float(middle_x), float(middle_y), max(width, 0.2 * size), size, turned, float(sure[best]))
        if not any(_covered(row, surer) for surer in found):
            found.append(row)
    return found


def _covered(row: RowBox, surer: RowBox) -> bool:
    """Whether a row is another one seen again: a good part of its middle line lies in the other."""
    along = np.linspace(-0.5, 0.5, 9) * row.width
    x, y = row.x + along * np.cos(row.angle) - surer.x, row.y + along * np.sin(row.angle) - surer.y
    cos, sin = np.cos(surer.angle), np.sin(surer.angle)
    inside = np.abs(x * cos + y * sin) < surer.width / 2 + 0.3 * surer.height
    inside &= np.abs(y * cos - x * sin) < 0.6 * surer.height
    return bool(inside.mean() > SAME)


class Finder:
    """Finds rows of digits; several threads may share it.

    Args:
        path: its ``.tflite`` file: ``uint8`` (N, H, W) -> ``float32`` (N, H/4, W/4, 6).
        threads: processors to use.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._network = Network(path, threads)

    def fields(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the network says of pictures ``uint8`` (N, H, W) of one of ``SHAPES``."""
        return self._network(pictures)

    def __call__(self, grey: NDArray[np.uint8]) -> list[RowBox]:
        """Rows of digits in a grey picture, ``uint8`` (H, W), the surest first; in its own pixels."""
        canvas, scale, (x, y) = shown(grey)
        found = [
            replace(
                row, x=(row.x - x) / scale, y=(row.y - y) / scale, width=row.width / scale, height=row.height / scale
            )
            for row in rows_of(self.fields(canvas[None])[0])
        ]
        return [self._closer(grey, row) if place < CLOSER else row for place, row in enumerate(found)]

    def _closer(self, grey: NDArray[np.uint8], row: RowBox) -> RowBox:
        """A row as it is found in its surroundings alone, enlarged and level as far as is known."""
        rows, columns = SHAPES[0]
        half_y = max(row.width / 4 + 0.6 * row.height, 1.6 * row.height)
        scale = min(rows / 2 / half_y, LARGEST)
        near = _stretched(level(grey, row, (columns / 2 / scale, rows / 2 / scale), (columns, rows)))
        for seen in rows_of(self.fields(near[None])[0]):
            off_x, off_y = (seen.x - columns / 2) / scale, (seen.y - rows / 2) / scale
            if abs(off_x) < max(seen.width / scale, row.width) / 2 and abs(off_y) < 0.8 * row.height:
                cos, sin = np.cos(row.angle), np.sin(row.angle)
                return RowBox(
                    row.x + float(off_x * cos - off_y * sin),
                    row.y + float(off_x * sin + off_y * cos),
                    seen.width / scale,
                    seen.height / scale,
                    row.angle + seen.angle,
                    max(row.confidence, seen.confidence),
                )
        return row
