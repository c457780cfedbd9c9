"""Strips from digits: the two layouts, composed by integer arithmetic so that every machine draws the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.errors import SettingsError
from multidigit.labels import BLANK, CELL, SLOTS, WIDTH
from multidigit.settings import LayoutSettings
from multidigit.strips.distractors import Marks, textures
from multidigit.strips.meter_windows import Places, draw_windows

_ONE = 256
"""Fixed-point one: scales and interpolation weights are kept in 256ths."""
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
        images: ``uint8``, shape (N, 28, 140), ink bright on dark.
        slots: ``uint8`` class ids, shape (N, 5).
    """

    images: NDArray[np.uint8]
    slots: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.slots)


class _Placed(NamedTuple):
    """What stands in one slot of some strips of a chunk, ready to be pasted: M patches.

    Attributes:
        rows: the strips, shape (M,).
        patches: ``uint8``, shape (M, 28, W).
        down, right: upper left corners in the strips, shape (M,).
        middle: ``right`` of one that stands in the middle of the first cell, shape (M,).
        lean: how much further to the right each row is moved, shape (M, 28); not at all where ``None``.
    """

    rows: NDArray[np.int64]
    patches: NDArray[np.uint8]
    down: NDArray[np.int64]
    right: NDArray[np.int64]
    middle: NDArray[np.int64]
    lean: NDArray[np.int64] | None = None


class _Chunk(NamedTuple):
    """Strips of one chunk, and how they came about: for each slot the digit or mark in it, (M, 5), and its patches."""

    strips: Strips
    chosen: NDArray[np.int64]
    placed: Sequence[_Placed]


class Composer:
    """Draws strips of one layout from a pool of digits.

    Args:
        digits: the pool; every strip takes its digits from it, each equally likely.
        layout: how they stand.
        marks: what stands beside them or in their place, where the layout says so.

    Raises:
        SettingsError: the layout wants marks and there are none.
    """

    def __init__(self, digits: Digits, layout: LayoutSettings, marks: Marks | None = None) -> None:
        if marks is None and layout.marked:
            raise SettingsError("layout.empty and layout.beside need marks; Received: none")
        self.layout, self._marks = layout, marks
        self.labels = digits.labels
        # Behind the digits the marks, and one more image, empty, for the slots that hold nothing.
        others = [] if marks is None else [marks.images]
        self._images = np.concatenate([digits.images, *others, np.zeros((1, CELL, CELL), np.uint8)])
        self._nothing = len(self._images) - 1
        self._classes = np.append(digits.labels, np.full(len(self._images) - len(digits), BLANK, np.uint8))
        self._boxes = _ink_boxes(self._images)

    def compose(self, count: int, rng: np.random.Generator) -> Strips:
        """Fresh strips: the next ``count`` that ``rng`` gives."""
        parts = [chunk.strips for chunk in self._chunks(count, rng)]
        if not parts:
            return Strips(np.empty((0, CELL, WIDTH), np.uint8), np.empty((0, SLOTS), np.uint8))
        return Strips(np.concatenate([p.images for p in parts]), np.concatenate([p.slots for p in parts]))

    def alone(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Each digit of the strips that ``compose`` would give, by itself.

        It stands in the middle of the first cell, as large, as high and as slanted as in its strip, and nothing stands
        beside it. Where no number is shorter than two digits or more, it is repeated in the next cells: a strip with a
        single digit would be none of this layout.

        Returns:
            ``uint8``, shape (N, 5, 28, 140): for each strip the digits of its number from the left; zeros for slots
            that are blank.
        """
        strips = np.empty((count, SLOTS, CELL, WIDTH), np.uint8)
        for start, chunk in zip(range(0, count, CHUNK), self._chunks(count, rng), strict=True):
            strips[start : start + CHUNK] = self._alone(chunk)
        return strips

    def _alone(self, chunk: _Chunk) -> NDArray[np.uint8]:
        digit = chunk.chosen < len(self.labels)
        # Marks may stand before a digit, so its place in the number is not its place in the strip.
        place = digit.cumsum(1) - 1
        canvas = _Canvas(digit.size)
        for slot, placed in enumerate(chunk.placed):
            kept = np.flatnonzero(digit[placed.rows, slot])
            rows = placed.rows[kept]
            patches, down, middle = placed.patches[kept], placed.down[kept], placed.middle[kept]
            lean = None if placed.lean is None else placed.lean[kept]
            for copy in range(self.layout.length[0]):
                canvas.paste(patches, down, middle + copy * CELL, rows * SLOTS + place[rows, slot], lean)
        return canvas.images().reshape(-1, SLOTS, CELL, WIDTH)

    def _chunks(self, count: int, rng: np.random.Generator) -> Iterator[_Chunk]:
        for start in range(0, count, CHUNK):
            yield self._chunk(min(CHUNK, count - start), rng)

    def _chunk(self, count: int, rng: np.random.Generator) -> _Chunk:
        length = rng.integers(self.layout.length[0], self.layout.length[1], size=count, endpoint=True)
        chosen = rng.integers(len(self.labels), size=(count, SLOTS))
        chosen[np.arange(SLOTS) >= length[:, None]] = self._nothing
        slots = self._classes[chosen]
        bare = np.empty(0, np.int64)
        if self._marks is not None:
            bare = self._mark(self._marks, chosen, slots, length, rng)
        images, placed = (self._structured if self.layout.name == "structured" else self._free)(chosen, rng)
        images[bare] = textures(len(bare), rng)
        return _Chunk(Strips(images, slots), chosen, placed)

    def _mark(
        self,
        marks: Marks,
        chosen: NDArray[np.int64],
        slots: NDArray[np.uint8],
        length: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Lay marks beside some numbers and in the place of others, in place; gives the strips to fill with texture."""
        layout, first = self.layout, len(self.labels)
        clear, points = (first + np.flatnonzero(kind) for kind in (marks.clear, marks.points))
        every = rng.integers(first, first + len(marks.clear) - len(points), size=chosen.shape)
        sure = clear[rng.integers(len(clear), size=len(chosen))]
        point = points[rng.integers(len(points), size=len(chosen))]
        dice = rng.random((3, len(chosen)))

        # Beside: before the number, between two of its digits, or after it. What stands behind moves on by one.
        rows = np.flatnonzero((dice[0] >= layout.empty) & (dice[1] < layout.beside) & (length < SLOTS))
        place = length[rows]
        if layout.name == "free":
            place = np.where(dice[2, rows] < 0.4, 0, place)
            between = (dice[2, rows] * (5 / 3) % 1 * np.maximum(place - 1, 0)).astype(np.int64) + 1
            place = np.where((dice[2, rows] >= 0.6) & (place > 1), between, place)
        mark = np.where((place > 0) & (place < length[rows]), point[rows], sure[rows])
        source = np.arange(SLOTS) - (np.arange(SLOTS) > place[:, None])
        moved = np.take_along_axis(chosen[rows], source, 1)
        moved[np.arange(len(rows)), place] = mark
        chosen[rows] = moved

        # In its place: nothing at all, texture, or up to five marks, at least one of which is clear.
        rows = np.flatnonzero(dice[0] < layout.empty)
        count = rng.integers(1, SLOTS, size=len(rows), endpoint=True)
        count[dice[2, rows] < 0.2] = 0
        chosen[rows] = np.where(np.arange(SLOTS) < count[:, None], every[rows], self._nothing)
        marked = rows[count > 0]
        chosen[marked, (dice[1, marked] * count[count > 0]).astype(np.int64)] = sure[marked]
        slots[rows] = BLANK
        return rows[dice[2, rows] < 0.13]

    def _structured(
        self, chosen: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], list[_Placed]]:
        """One digit per cell; ``chosen`` has shape (N, 5)."""
        patches = self._images[chosen]
        down, right = self._shifts(chosen.shape, rng)
        rows, middle = np.arange(len(chosen)), np.zeros(len(chosen), np.int64)
        placed = [
            _Placed(rows, patches[:, slot], down[:, slot], right[:, slot] + slot * CELL, middle)
            for slot in range(SLOTS)
        ]
        if any(self.layout.shift):
            return _pasted(len(chosen), placed), placed
        return np.ascontiguousarray(patches.transpose(0, 2, 1, 3)).reshape(-1, CELL, WIDTH), placed

    def _shifts(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
        """How much lower, and how much further to the right, digits stand than the middle of their cells."""
        if not any(self.layout.shift):
            return np.zeros((2, *shape), np.int64)
        return rng.integers(*self.layout.shift, size=(2, *shape), endpoint=True)

    def _free(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[_Placed]]:
        """Cropped digits of varying size one after the other, at any offset; ``chosen`` has shape (N, 5)."""
        layout, count = self.layout, len(chosen)
        used = chosen != self._nothing
        number_scale = _fixed_point(layout.scale, (count, 1), rng)
        scale = number_scale * _fixed_point(layout.digit_scale, chosen.shape, rng) // _ONE
        gap = rng.integers(*layout.gap, size=chosen.shape, endpoint=True)
        drift = rng.integers(*layout.baseline, size=chosen.shape, endpoint=True)
        where = rng.random(count)
        tilt = rng.integers(*layout.tilt, size=(count, 1), endpoint=True)
        slant = _fixed_point(layout.slant, (count, 1), rng)

        top, left, height, width = self._boxes[chosen].transpose(2, 0, 1)
        # No digit may grow beyond the 28 rows and columns that it is pasted with.
        scale = np.minimum(scale, CELL * _ONE // np.maximum(np.maximum(height, width), 1))
        gap[:, 0] = 0
        gap[~used] = 0
        # Leaning digits reach out on both sides.
        reach = (np.abs(slant) * (height * scale // _ONE) // (2 * _ONE) + (slant != 0)).max(1, keepdims=True)
        across = WIDTH - 2 * reach
        # A number too wide for the strip is set tighter, as one writes when the paper ends: sizes and gaps shrink.
        total = (np.maximum(width * scale // _ONE, 1) * used).sum(1) + np.maximum(gap, 0).sum(1)
        shrink = np.minimum(_ONE, across * _ONE // np.maximum(total, 1)[:, None])
        scale = scale * shrink // _ONE
        gap = np.where(gap > 0, gap * shrink // _ONE, gap)
        new_height = np.maximum(height * scale // _ONE, 1)
        new_width = np.maximum(width * scale // _ONE, 1) * used

        # A gap far below zero must not put a digit before the one on its left.
        advance = np.maximum(gap[:, 1:] + new_width[:, :-1], 1) * used[:, 1:]
        start = np.concatenate([np.zeros((count, 1), np.int64), np.cumsum(advance, 1)], 1)
        # Digits that are one pixel wide cannot shrink: what they are too wide is taken from the gaps.
        start = np.minimum(start, across - np.cumsum(new_width[:, ::-1], 1)[:, ::-1])
        room = across[:, 0] - (start + new_width).max(1)
        start += reach + np.floor(where * (room + 1)).astype(np.int64)[:, None]
        line = CELL // 2 + (_LINE * number_scale // _ONE * shrink // _ONE) // 2
        line = line + tilt * (2 * start + new_width - WIDTH) // (2 * WIDTH)
        upper = line + drift - new_height
        middle = (CELL - new_width) // 2
        held = _ONE - round(layout.freedom * _ONE)
        if held:
            down, right = self._shifts(chosen.shape, rng)
            cell = np.arange(SLOTS) * CELL + middle + right
            start += (cell - start) * held // _ONE
            upper += down * held // _ONE
        upper = np.clip(upper, 0, CELL - new_height)

        placed = []
        for slot in range(SLOTS):
            rows = np.flatnonzero(used[:, slot])
            box = [a[rows, slot] for a in (top, left, height, width, new_height, new_width)]
            patches = _resize(self._images[chosen[rows, slot]], *box)
            lean = None
            if any(layout.slant):
                patches, lean = _slanted(patches, slant[rows, 0], new_height[rows, slot])
            placed.append(_Placed(rows, patches, upper[rows, slot], start[rows, slot], middle[rows, slot], lean))
        images = _pasted(count, placed)
        if layout.framed:
            rows = np.flatnonzero((rng.random(count) < layout.framed) & used[:, 0])
            lowest = np.where(used, upper + new_height, 0).max(1)
            places = (start - reach, start + new_width + reach, np.where(used, upper, CELL).min(1), lowest, used.sum(1))
            images[rows] = draw_windows(images[rows], Places(*(place[rows] for place in places)), rng)
        return images, placed


class _Canvas:
    """Strips under way, with a margin all around; ink laid over ink keeps the brighter."""

    def __init__(self, count: int) -> None:
        self._pixels = np.zeros((count, CELL + 2 * _MARGIN, WIDTH + 2 * _MARGIN), np.uint8)

    def paste(
        self,
        patches: NDArray[np.uint8],
        down: NDArray[np.int64],
        right: NDArray[np.int64],
        rows: NDArray[np.int64],
        lean: NDArray[np.int64] | None = None,
    ) -> None:
        """Lay patches of shape (M, 28, W) with their upper left corners at (down, right) of the strips ``rows``.

        ``lean``, of shape (M, 28), moves each row of a patch that much further to the right.
        """
        _, high, across = self._pixels.shape
        corner = (rows * high + down + _MARGIN) * across + right + _MARGIN
        begin = corner[:, None] + np.arange(CELL) * across
        if lean is not None:
            begin += lean
        index = begin[..., None] + np.arange(patches.shape[2])
        flat = self._pixels.reshape(-1)
        flat[index] = np.maximum(flat[index], patches)

    def images(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self._pixels[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _pasted(count: int, placed: Sequence[_Placed]) -> NDArray[np.uint8]:
    """So many strips with all that is placed in them."""
    canvas = _Canvas(count)
    for each in placed:
        canvas.paste(each.patches, each.down, each.right, each.rows, each.lean)
    return canvas.images()


def _fixed_point(bounds: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Uniform numbers within bounds, in 256ths."""
    return rng.integers(round(bounds[0] * _ONE), round(bounds[1] * _ONE), size=shape, endpoint=True)


def _ink_boxes(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Tight boxes around the ink: (top, left, height, width), shape (N, 4); an empty image has a box of one pixel."""
    # Faint edges are no ink: an eighth of full brightness.
    ink = images > 31
    boxes = np.empty((len(images), 4), np.int64)
    for first, (axis, size) in enumerate(((2, 0), (1, 1))):
        line = np.asarray(ink.any(axis))
        begin = line.argmax(1)
        end = line.shape[1] - line[:, ::-1].argmax(1)
        boxes[:, first], boxes[:, 2 + size] = begin, end - begin
    boxes[~ink.any((1, 2))] = (0, 0, 1, 1)
    return boxes


def _resize(
    images: NDArray[np.uint8],
    top: NDArray[np.int64],
    left: NDArray[np.int64],
    height: NDArray[np.int64],
    width: NDArray[np.int64],
    new_height: NDArray[np.int64],
    new_width: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """The boxes of (M, 28, 28) images, resized into the upper left corners of new ones of the same shape."""
    shorter = _resize_rows(images, top, height, new_height)
    return _resize_rows(shorter.transpose(0, 2, 1), left, width, new_width).transpose(0, 2, 1)


def _slanted(
    patches: NDArray[np.uint8], slant: NDArray[np.int64], height: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Patches (M, 28, 28) with the fractions of a slant laid in, one column wider, and its whole columns, (M, 28).

    ``slant`` is in 256ths of a column a row; a digit leans about the middle of its ``height``.
    """
    moved = slant[:, None] * (height[:, None] - 1 - 2 * np.arange(CELL)) // 2
    part = (moved & (_ONE - 1)).astype(np.uint16)[..., None]
    wide = np.zeros((*patches.shape[:2], CELL + 1), np.uint16)
    wide[..., :-1] = patches * (_ONE - part)
    wide[..., 1:] += patches * part
    return (wide >> 8).astype(np.uint8), moved >> 8


def _resize_rows(
    images: NDArray[np.uint8],
    start: NDArray[np.int64],
    size: NDArray[np.int64],
    new_size: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Rows ``start`` to ``start + size`` of each image, resized bilinearly to the first ``new_size`` rows."""
    target = np.arange(CELL)
    # Middle of each new row, in 256ths of an old one.
    position = (2 * target + 1) * (size * (_ONE // 2))[:, None] // new_size[:, None] - _ONE // 2
    position = np.clip(position, 0, ((size - 1) * _ONE)[:, None])
    first = position >> 8
    second = np.minimum(first + 1, size[:, None] - 1)
    weight = (position & (_ONE - 1)).astype(np.uint16)[..., None]
    # Whole rows are picked: far faster than picking pixels.
    each = np.arange(len(images))[:, None]
    above = images[each, start[:, None] + first].astype(np.uint16)
    below = images[each, start[:, None] + second].astype(np.uint16)
    # 255 · 256 + 128 still fits 16 bits.
    mixed = (above * (_ONE - weight) + below * weight + np.uint16(128)) >> 8
    mixed *= (target < new_size[:, None])[..., None]
    return mixed.astype(np.uint8)
