"""Grey pictures -> strips: polarity, background, crop and scale, by the rules in ``multidigit.pictures``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.labels import CELL
from multidigit.pictures.ink import MIN_CONTRAST, Box, Ink, edge_of, find_box, find_ink, is_dark
from multidigit.pictures.local import local_row, nearby

WORKING_PIXELS = 500_000
"""Larger pictures are shrunk to at most this before the ink is looked for."""
INK_HEIGHT = 20
"""Height of the tallest digit in a strip, in pixels: training digits fill a 20×20 box."""
MARGIN_X = 4
"""Columns kept free at both ends of a strip."""
MARGIN_Y = 1
"""Rows kept free at the top and the bottom of a strip."""
STRIP_ASPECT_TOLERANCE = 0.02
"""How far from slots : 1 a picture may be and still count as strip-shaped."""
FULL = 0.45
"""Share of its box from which ink rather looks like the ground that digits stand on."""
DIFFERENT = 0.3
"""Share of their ink by which two strips of the same row of digits may differ."""
Rule: TypeAlias = Literal["strip", "strip-shaped", "cropped", "blank"]


@dataclass(frozen=True)
class Seen:
    """What was made of a picture.

    Attributes:
        grey: the picture as grey levels, ``uint8``, shape (H, W).
        strips: candidates, ``uint8``, shape (K, 28, 28·slots), bright ink on dark, the likeliest first. There is more
            than one, up to four, only where it is in doubt what is ink; the one read with most confidence counts.
        bright: whether the first candidate took the ink to be brighter than its background.
        box: left, top, right and bottom of the ink of the first candidate, in pixels of ``grey``, ends exclusive;
            ``None`` where that is the whole picture, and where it is blank.
        rule: how the first candidate was made: the picture is a ``strip`` already; it is ``strip-shaped`` and was
            resized as a whole; it was ``cropped`` to its ink; or it is ``blank``.
    """

    grey: NDArray[np.uint8]
    strips: NDArray[np.uint8]
    bright: bool
    box: tuple[int, int, int, int] | None
    rule: Rule


class _Found(NamedTuple):
    """A row of digits that was found in a picture."""

    strip: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    """Left, top, right and bottom, in pixels of the picture."""
    bright: bool

    def full(self) -> bool:
        """Whether there is so much ink that it may be the ground of digits instead."""
        inked = self.strip > 96
        box = inked[inked.any(1)][:, inked.any(0)]
        return bool(box.size and box.mean() > FULL)

    def agrees(self, other: _Found) -> bool:
        """Whether both strips show the same, but for soft edges."""
        a, b = self.strip.astype(np.float32), other.strip.astype(np.float32)
        return bool(np.abs(a - b).sum() <= DIFFERENT * np.maximum(a, b).sum())


def look(grey: NDArray[np.uint8], slots: int) -> Seen:
    """What a grey picture, ``uint8`` of shape (H, W), shows to a network of that many slots."""
    height, width = grey.shape
    wide = slots * CELL
    if (height, width) == (CELL, wide):
        return _strip(grey)
    if height >= CELL and width >= wide and abs(width * CELL / (height * wide) - 1) <= STRIP_ASPECT_TOLERANCE:
        return _whole(grey, slots)
    found = _candidates(grey, slots)
    if not found:
        return Seen(grey, _zeros(slots)[None], is_dark(grey), None, "blank")
    left, top, right, bottom = found[0].box
    box = (int(left), int(top), min(width, int(np.ceil(right))), min(height, int(np.ceil(bottom))))
    return Seen(grey, np.stack([each.strip for each in found]), found[0].bright, box, "cropped")


def _strip(grey: NDArray[np.uint8]) -> Seen:
    """A picture that has a strip's size already."""
    low, high = int(grey.min()), int(grey.max())
    # For most strips it is enough to count the dark, or light, pixels of all and of the upper and lower edge.
    dark = grey <= (low + high) // 2
    for bright, ground in ((True, dark), (False, ~dark)):
        edges = ground[:: CELL - 1]
        clear = np.count_nonzero(ground) >= 0.6 * ground.size and np.count_nonzero(edges) >= 0.8 * edges.size
        if clear and high - low >= MIN_CONTRAST:
            return Seen(grey, (grey if bright else 255 - grey)[None], bright, None, "strip")
    ink = find_ink(grey)
    if ink.contrast < MIN_CONTRAST:
        blank = grey if ink.bright else np.zeros_like(grey)
        return Seen(grey, blank[None], ink.bright, None, "strip" if ink.bright else "blank")
    strips = [grey, 255 - grey] if ink.bright else [255 - grey, grey]
    return Seen(grey, np.stack(strips[: 1 if ink.clear else 2]), ink.bright, None, "strip")


def _whole(grey: NDArray[np.uint8], slots: int) -> Seen:
    """A strip-shaped picture at a strip's size; on a light background it is a scan, and so levelled and stretched."""
    height, width = grey.shape
    multiple = height % CELL == 0 and width == height * slots
    # The mean over blocks gives back exactly the strip whose pixels were repeated.
    filter_ = Image.Resampling.BOX if multiple else Image.Resampling.HAMMING
    small = np.array(Image.fromarray(grey).resize((slots * CELL, CELL), filter_))
    ink = find_ink(small)
    if ink.contrast < MIN_CONTRAST and not ink.bright:
        return Seen(grey, _zeros(slots)[None], False, None, "blank")
    strips = [small if ink.bright else _stretched(ink.amount)]
    # A photograph may have this shape by chance. No strip has light or uneven ground, or much ink at its edges.
    dark = small < (int(small.min()) + int(small.max())) / 2
    if not (ink.bright and ink.clear and np.median(small) < 64 and edge_of(dark).mean() > 0.9):
        strips += [each.strip for each in _candidates(grey, slots)]
    return Seen(grey, np.stack(strips[:4]), ink.bright, None, "strip-shaped")


def _candidates(grey: NDArray[np.uint8], slots: int) -> list[_Found]:
    """Rows of digits in a picture, the likeliest first; none where it is blank, several where it is in doubt."""
    small, factor = _reduced(grey)
    ink = find_ink(small)
    box = find_box(ink)
    if box is None:
        return []
    window = box.around(factor, grey.shape)
    clear, bright, row_box = ink.clear, ink.bright, box
    left, top, scale = 0, 0, float(factor)
    if factor > 1:
        # The ink was found in a small copy; its pixels come from the picture itself, so that small digits stay sharp.
        small, again = _reduced(grey[window])
        ink = find_ink(small, ink.bright)
        row_box = box.seen_in(factor / again, window[0].start / again, window[1].start / again)
        ink = ink.within(row_box, factor / again)
        row_box = find_box(ink, lines=True) or row_box
        left, top, scale = window[1].start, window[0].start, float(again)
    levelled = _Found(_fitted(ink, row_box, slots), row_box.corners(left, top, scale), bright)

    # In uneven light the levelled way may miss digits at the ends of a row.
    wider = box.around(factor, grey.shape, down=1, across=3)
    area = (wider[1].start, wider[0].start, wider[1].stop, wider[0].stop)
    near = nearby(grey, area, slots)
    scale = (area[3] - area[1]) / near.shape[0]

    def found(bright: bool) -> list[_Found]:
        row = local_row(near, bright)
        return [_Found(_fitted(*row, slots), row[1].corners(area[0], area[1], scale), bright)] if row else []

    same = found(bright)
    if clear and same and same[0].agrees(levelled) and not levelled.full():
        return same
    return [*same, levelled, *found(not bright)]


def _zeros(slots: int) -> NDArray[np.uint8]:
    return np.zeros((CELL, slots * CELL), np.uint8)


def _reduced(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The picture in at most about ``WORKING_PIXELS``, and how many times smaller it is."""
    factor = int(np.ceil(np.sqrt(grey.size / WORKING_PIXELS)))
    return (grey if factor <= 1 else np.asarray(Image.fromarray(grey).reduce(factor))), max(1, factor)


def _fitted(ink: Ink, box: Box, slots: int) -> NDArray[np.uint8]:
    """The ink in a box, scaled into the middle of a strip."""
    width = slots * CELL
    scale = min(INK_HEIGHT / box.digit, (CELL - 2 * MARGIN_Y) / box.tall, (width - 2 * MARGIN_X) / box.wide)
    rows, columns = max(1, round(box.tall * scale)), max(1, round(box.wide * scale))
    # One more pixel of the strip on each side, for soft edges; what lies farther out is margin, and becomes zero.
    step_y, step_x = box.tall / rows, box.wide / columns
    ring = int(np.ceil(max(step_y, step_x))) + 1
    top, left = box.top + ring, box.left + ring
    area = (left - step_x, top - step_y, left + box.wide + step_x, top + box.tall + step_y)
    filter_ = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.BICUBIC
    fitted = np.asarray(Image.fromarray(np.pad(ink.amount, ring)).resize((columns + 2, rows + 2), filter_, area))

    strip = np.zeros((CELL, width), np.float32)
    y, x = (CELL - rows) // 2, (width - columns) // 2
    strip[y - 1 : y + rows + 1, x - 1 : x + columns + 1] = fitted
    return _stretched(strip)


def _stretched(amount: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Amounts of ink as grey levels: a fifth of the clearly inked pixels become 255, as the cores of strokes are."""
    strongest = amount.max()
    if strongest <= 0:
        return np.zeros(amount.shape, np.uint8)
    white = np.percentile(amount[amount > strongest / 2], 80)
    levels: NDArray[np.uint8] = np.clip(amount * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    return levels
