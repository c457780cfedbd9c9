"""Strips from digits: the two layouts, composed in whole numbers so that every machine draws the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.errors import SettingsError
from multidigit.labels import BLANK, CELL
from multidigit.settings import LayoutSettings
from multidigit.strips.distractors import Distractors, textures
from multidigit.strips.meter_windows import Places, draw_meter_windows
from multidigit.strips.pixels import INK, ONE, Images, Numbers, row_positions, sample_rows

CHUNK = 256
"""Strips composed at a time: small enough for its arrays to stay in the processor's cache. Random numbers are drawn for
so many at once: of two draws from one seed the strips of all whole chunks are the same, not those of the last one."""
_MARGIN = CELL
"""Empty border around the canvas, so that a digit may be pasted partly outside without a check."""
_LINE = 20
"""Height of a digit at scale 1, as sources draw them (a 20×20 box, as in MNIST)."""


@dataclass(frozen=True)
class Strips:
    """Strips and their numbers.

    Attributes:
        images: ``uint8``, shape (N, 28, 28·slots), ink bright on dark.
        slots: ``uint8`` class ids, shape (N, slots).
    """

    images: NDArray[np.uint8]
    slots: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.slots)

    def first(self, count: int) -> Strips:
        """The first so many, or all."""
        return Strips(self.images[:count], self.slots[:count])


class _Placed(NamedTuple):
    """What stands in one slot of M strips of a chunk, ready to be pasted.

    Attributes:
        rows: the strips, shape (M,).
        patches: ``uint8``, shape (M, 28, W).
        down, right: upper left corners in the strips, shape (M,).
        middle: ``right`` of one that stands in the middle of the first cell, shape (M,).
        lean: how much further to the right each row is moved, shape (M, 28); not at all where ``None``.
    """

    rows: Numbers
    patches: Images
    down: Numbers
    right: Numbers
    middle: Numbers
    lean: Numbers | None = None


class _Chunk(NamedTuple):
    """Strips of one chunk; for each slot the digit or distractor in it, (M, slots), and its patches."""

    strips: Strips
    chosen: Numbers
    placed: Sequence[_Placed]


class Composer:
    """Draws strips of one layout from a pool of digits.

    Args:
        digits: the pool; every strip takes its digits from it, each equally likely.
        layout: how they stand; a length beyond ``slots`` counts as ``slots``.
        slots: the most digits of a number, 1 to 12; strips are 28·slots columns wide.
        distractors: what stands beside the digits or in their place, where the layout asks for it.

    Raises:
        SettingsError: the layout needs distractors and there are none.
    """

    def __init__(
        self, digits: Digits, layout: LayoutSettings, slots: int, distractors: Distractors | None = None
    ) -> None:
        if distractors is None and layout.has_distractors:
            raise SettingsError("layout.empty and layout.beside need distractors; received none")
        self.layout, self.slots, self._distractors = layout, slots, distractors
        self.labels = digits.labels
        self._width = slots * CELL
        self._length = min(layout.length[0], slots), min(layout.length[1], slots)
        # Behind the digits the distractors, and one more image, empty, for the slots that hold nothing.
        others = [] if distractors is None else [distractors.images]
        self._images = np.concatenate([digits.images, *others, np.zeros((1, CELL, CELL), np.uint8)])
        self._nothing = len(self._images) - 1
        self._classes = np.append(digits.labels, np.full(len(self._images) - len(digits), BLANK, np.uint8))
        self._boxes = _ink_boxes(self._images)

    def loosened(self, share: float) -> Composer:
        """One that draws the same digits, but leaves them only this share, 0 to 1, of the layout's freedom."""
        composer = copy(self)
        composer.layout = self.layout.model_copy(update={"freedom": share * self.layout.freedom})
        return composer

    def compose(self, count: int, rng: np.random.Generator) -> Strips:
        """Fresh strips: the next ``count`` that ``rng`` gives."""
        parts = [chunk.strips for chunk in self._chunks(count, rng)]
        if not parts:
            return Strips(np.empty((0, CELL, self._width), np.uint8), np.empty((0, self.slots), np.uint8))
        return Strips(np.concatenate([p.images for p in parts]), np.concatenate([p.slots for p in parts]))

    def alone(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Each digit of the strips that ``compose`` would give, by itself.

        It stands in the middle of the first cell, as large, as high and as slanted as in its strip, and nothing stands
        beside it. Where no number is shorter than two digits or more, it is repeated in the next cells: a strip with a
        single digit would be none of this layout.

        Returns:
            ``uint8``, shape (N, slots, 28, 28·slots): for each strip the digits of its number from the left; zeros for
            slots that are blank.
        """
        strips = np.empty((count, self.slots, CELL, self._width), np.uint8)
        for start, chunk in zip(range(0, count, CHUNK), self._chunks(count, rng), strict=True):
            strips[start : start + CHUNK] = self._alone(chunk)
        return strips

    def _alone(self, chunk: _Chunk) -> NDArray[np.uint8]:
        digit = chunk.chosen < len(self.labels)
        # Distractors may stand before a digit, so its place in the number is not its place in the strip.
        place = digit.cumsum(1) - 1
        canvas = _Canvas(digit.size, self._width)
        for slot, placed in enumerate(chunk.placed):
            kept = np.flatnonzero(digit[placed.rows, slot])
            rows = placed.rows[kept]
            patches, down, middle = placed.patches[kept], placed.down[kept], placed.middle[kept]
            lean = None if placed.lean is None else placed.lean[kept]
            for cell in range(self._length[0]):
                canvas.paste(patches, down, middle + cell * CELL, rows * self.slots + place[rows, slot], lean)
        return canvas.images().reshape(-1, self.slots, CELL, self._width)

    def _chunks(self, count: int, rng: np.random.Generator) -> Iterator[_Chunk]:
        for start in range(0, count, CHUNK):
            yield self._chunk(min(CHUNK, count - start), rng)

    def _chunk(self, count: int, rng: np.random.Generator) -> _Chunk:
        length = rng.integers(*self._length, size=count, endpoint=True)
        chosen = rng.integers(len(self.labels), size=(count, self.slots))
        chosen[np.arange(self.slots) >= length[:, None]] = self._nothing
        slots = self._classes[chosen]
        bare = np.empty(0, np.int64)
        if self._distractors is not None:
            bare = self._distract(self._distractors, chosen, slots, length, rng)
        images, placed = (self._structured if self.layout.name == "structured" else self._free)(chosen, rng)
        images[bare] = textures(len(bare), self._width, rng)
        return _Chunk(Strips(images, slots), chosen, placed)

    def _distract(
        self,
        distractors: Distractors,
        chosen: Numbers,
        slots: NDArray[np.uint8],
        length: Numbers,
        rng: np.random.Generator,
    ) -> Numbers:
        """Put distractors beside some numbers and in the place of others, in place; gives the strips for textures."""
        layout, first, order = self.layout, len(self.labels), np.arange(self.slots)
        clear, points = (first + np.flatnonzero(kind) for kind in (distractors.clear, distractors.points))
        every = rng.integers(first, first + len(distractors.clear) - len(points), size=chosen.shape)
        sure = clear[rng.integers(len(clear), size=len(chosen))]
        point = points[rng.integers(len(points), size=len(chosen))]
        dice = rng.random((3, len(chosen)))

        # Beside: before the number, between two of its digits, or after it. What stands behind moves on by one.
        rows = np.flatnonzero((dice[0] >= layout.empty) & (dice[1] < layout.beside) & (length < self.slots))
        place = length[rows]
        if layout.name != "structured":
            place = np.where(dice[2, rows] < 0.4, 0, place)
            between = (dice[2, rows] * (5 / 3) % 1 * np.maximum(place - 1, 0)).astype(np.int64) + 1
            place = np.where((dice[2, rows] >= 0.6) & (place > 1), between, place)
        beside = np.where((place > 0) & (place < length[rows]), point[rows], sure[rows])
        moved = np.take_along_axis(chosen[rows], order - (order > place[:, None]), 1)
        moved[np.arange(len(rows)), place] = beside
        chosen[rows] = moved

        # In its place: nothing at all, texture, or one distractor or more, at least one of which is clear.
        rows = np.flatnonzero(dice[0] < layout.empty)
        count = rng.integers(1, self.slots, size=len(rows), endpoint=True)
        count[dice[2, rows] < 0.2] = 0
        chosen[rows] = np.where(order < count[:, None], every[rows], self._nothing)
        filled = rows[count > 0]
        chosen[filled, (dice[1, filled] * count[count > 0]).astype(np.int64)] = sure[filled]
        slots[rows] = BLANK
        return rows[dice[2, rows] < 0.13]

    def _structured(self, chosen: Numbers, rng: np.random.Generator) -> tuple[Images, list[_Placed]]:
        """One digit per cell; ``chosen`` has shape (N, slots)."""
        patches = self._images[chosen]
        down, right = self._shifts(chosen.shape, rng)
        rows, middle = np.arange(len(chosen)), np.zeros(len(chosen), np.int64)
        placed = [
            _Placed(rows, patches[:, slot], down[:, slot], right[:, slot] + slot * CELL, middle)
            for slot in range(self.slots)
        ]
        if any(self.layout.shift):
            return self._pasted(len(chosen), placed), placed
        return np.ascontiguousarray(patches.transpose(0, 2, 1, 3)).reshape(-1, CELL, self._width), placed

    def _shifts(self, shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
        """How much lower, and how much further to the right, digits stand than the middle of their cells."""
        if not any(self.layout.shift):
            return np.zeros((2, *shape), np.int64)
        return rng.integers(*self.layout.shift, size=(2, *shape), endpoint=True)

    def _free(self, chosen: Numbers, rng: np.random.Generator) -> tuple[Images, list[_Placed]]:
        """Cropped digits of varying size one after the other, at any offset; ``chosen`` has shape (N, slots)."""
        layout, count, strip = self.layout, len(chosen), self._width
        used = chosen != self._nothing
        number_scale = _fixed_point(layout.scale, (count, 1), rng)
        scale = number_scale * _fixed_point(layout.digit_scale, chosen.shape, rng) // ONE
        gap = rng.integers(*layout.gap, size=chosen.shape, endpoint=True)
        drift = rng.integers(*layout.baseline, size=chosen.shape, endpoint=True)
        where = rng.random(count)
        tilt = rng.integers(*layout.tilt, size=(count, 1), endpoint=True)
        slant = _fixed_point(layout.slant, (count, 1), rng)

        top, left, height, width = self._boxes[chosen].transpose(2, 0, 1)
        # No digit may grow beyond the 28 rows and columns that it is pasted with.
        scale = np.minimum(scale, CELL * ONE // np.maximum(np.maximum(height, width), 1))
        # Nor may one that leans reach further out than half of a short strip.
        scale = np.minimum(scale, (strip // 4 - 1) * 2 * ONE * ONE // np.maximum(np.abs(slant) * height, 1))
        gap[:, 0] = 0
        gap[~used] = 0
        # Leaning digits reach out on both sides.
        reach = (np.abs(slant) * (height * scale // ONE) // (2 * ONE) + (slant != 0)).max(1, keepdims=True)
        across = strip - 2 * reach
        # In a number too wide for the strip, sizes and gaps shrink.
        total = (np.maximum(width * scale // ONE, 1) * used).sum(1) + np.maximum(gap, 0).sum(1)
        shrink = np.minimum(ONE, across * ONE // np.maximum(total, 1)[:, None])
        scale = scale * shrink // ONE
        gap = np.where(gap > 0, gap * shrink // ONE, gap)
        new_height = np.maximum(height * scale // ONE, 1)
        new_width = np.maximum(width * scale // ONE, 1) * used

        # A gap far below zero must not put a digit before the one on its left.
        advance = np.maximum(gap[:, 1:] + new_width[:, :-1], 1) * used[:, 1:]
        start = np.concatenate([np.zeros((count, 1), np.int64), np.cumsum(advance, 1)], 1)
        # Digits that are one pixel wide cannot shrink: what they are too wide is taken from the gaps.
        start = np.minimum(start, across - np.cumsum(new_width[:, ::-1], 1)[:, ::-1])
        room = across[:, 0] - (start + new_width).max(1)
        start += reach + np.floor(where * (room + 1)).astype(np.int64)[:, None]
        line = CELL // 2 + (_LINE * number_scale // ONE * shrink // ONE) // 2
        line = line + tilt * (2 * start + new_width - strip) // (2 * strip)
        upper = line + drift - new_height
        middle = (CELL - new_width) // 2
        held = ONE - round(layout.freedom * ONE)
        if held:
            down, right = self._shifts(chosen.shape, rng)
            cell = np.arange(self.slots) * CELL + middle + right
            start += (cell - start) * held // ONE
            upper += down * held // ONE
        upper = np.clip(upper, 0, CELL - new_height)

        placed = []
        for slot in range(self.slots):
            rows = np.flatnonzero(used[:, slot])
            box = [a[rows, slot] for a in (top, left, height, width, new_height, new_width)]
            patches = _resize(self._images[chosen[rows, slot]], *box)
            lean = None
            if any(layout.slant):
                patches, lean = _slanted(patches, slant[rows, 0], new_height[rows, slot])
            placed.append(_Placed(rows, patches, upper[rows, slot], start[rows, slot], middle[rows, slot], lean))
        images = self._pasted(count, placed)
        if layout.meter_windows:
            rows = np.flatnonzero((rng.random(count) < layout.meter_windows) & used[:, 0])
            lowest = np.where(used, upper + new_height, 0).max(1)
            places = (start - reach, start + new_width + reach, np.where(used, upper, CELL).min(1), lowest, used.sum(1))
            images[rows] = draw_meter_windows(images[rows], Places(*(place[rows] for place in places)), rng)
        return images, placed

    def _pasted(self, count: int, placed: Sequence[_Placed]) -> Images:
        """So many strips with all that is placed in them."""
        canvas = _Canvas(count, self._width)
        for each in placed:
            canvas.paste(each.patches, each.down, each.right, each.rows, each.lean)
        return canvas.images()


class _Canvas:
    """Strips in the making, with a margin all around; where ink lies on ink, the brighter is kept."""

    def __init__(self, count: int, width: int) -> None:
        self._pixels = np.zeros((count, CELL + 2 * _MARGIN, width + 2 * _MARGIN), np.uint8)

    def paste(self, patches: Images, down: Numbers, right: Numbers, rows: Numbers, lean: Numbers | None = None) -> None:
        """Lay patches with their upper left corners at (down, right) of the strips ``rows``; see ``_Placed``."""
        _, high, across = self._pixels.shape
        corner = (rows * high + down + _MARGIN) * across + right + _MARGIN
        begin = corner[:, None] + np.arange(CELL) * across
        if lean is not None:
            begin += lean
        index = begin[..., None] + np.arange(patches.shape[2])
        flat = self._pixels.reshape(-1)
        flat[index] = np.maximum(flat[index], patches)

    def images(self) -> Images:
        return np.ascontiguousarray(self._pixels[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _fixed_point(bounds: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    """Uniform numbers within bounds, in 256ths."""
    return rng.integers(round(bounds[0] * ONE), round(bounds[1] * ONE), size=shape, endpoint=True)


def _ink_boxes(images: Images) -> Numbers:
    """Tight boxes around the ink: (top, left, height, width), shape (N, 4); an empty image has a box of one pixel."""
    ink = images > INK
    boxes = np.empty((len(images), 4), np.int64)
    for first, (axis, size) in enumerate(((2, 0), (1, 1))):
        line = np.asarray(ink.any(axis))
        begin = line.argmax(1)
        end = line.shape[1] - line[:, ::-1].argmax(1)
        boxes[:, first], boxes[:, 2 + size] = begin, end - begin
    boxes[~ink.any((1, 2))] = (0, 0, 1, 1)
    return boxes


def _resize(
    images: Images,
    top: Numbers,
    left: Numbers,
    height: Numbers,
    width: Numbers,
    new_height: Numbers,
    new_width: Numbers,
) -> Images:
    """The boxes of (M, 28, 28) images, resized into the upper left corners of new ones of the same shape."""
    shorter = _resize_rows(images, top, height, new_height)
    return _resize_rows(shorter.transpose(0, 2, 1), left, width, new_width).transpose(0, 2, 1)


def _resize_rows(images: Images, start: Numbers, size: Numbers, new_size: Numbers) -> Images:
    """Rows ``start`` to ``start + size`` of each image, resized to the first ``new_size`` rows."""
    position = start[:, None] * ONE + row_positions(CELL, size, new_size)
    resized = sample_rows(images, position)
    resized *= (np.arange(CELL) < new_size[:, None])[..., None]
    return resized


def _slanted(patches: Images, slant: Numbers, height: Numbers) -> tuple[Images, Numbers]:
    """Patches (M, 28, 28) with the fractions of a slant laid in, one column wider, and its whole columns, (M, 28).

    ``slant`` is in 256ths of a column a row; a digit leans about the middle of its ``height``.
    """
    moved = slant[:, None] * (height[:, None] - 1 - 2 * np.arange(CELL)) // 2
    part = (moved & (ONE - 1)).astype(np.uint16)[..., None]
    wide = np.zeros((*patches.shape[:2], CELL + 1), np.uint16)
    wide[..., :-1] = patches * (ONE - part)
    wide[..., 1:] += patches * part
    return (wide >> 8).astype(np.uint8), moved >> 8
