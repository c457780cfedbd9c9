"""The levelled way to ink: what differs from a smooth background, and where it stands."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from multidigit.pictures.pieces import Pieces, find_pieces

MIN_CONTRAST = 10
"""Grey levels of 255 between background and ink below which a picture counts as blank."""
MIN_INK_HEIGHT = 4
"""Smallest height of ink in pixels: below that it is dirt, not a digit."""
SPECK_SHARE = 0.08
"""Pieces of less than this share of the largest piece's area do not count as ink."""
CLEAR_VOTE = 0.5
"""How far from even the vote on polarity must be, of 2, to be beyond doubt."""


class Ink(NamedTuple):
    """A picture with its background taken off."""

    amount: NDArray[np.float32]
    """Distance from the background towards the ink, shape (H, W), 0 and more."""
    contrast: float
    """Amount that the strongest ink has."""
    noise: float
    """Standard deviation of the background, estimated from its median deviation."""
    bright: bool
    """Whether the ink is brighter than the background."""
    clear: bool = True
    """Whether that is beyond doubt."""

    def within(self, box: Box, room: float) -> Ink:
        """The ink without what lies more than ``room`` pixels outside a box."""
        kept = np.zeros_like(self.amount)
        rows = slice(max(0, int(box.top - room)), int(np.ceil(box.top + box.tall + room)))
        columns = slice(max(0, int(box.left - room)), int(np.ceil(box.left + box.wide + room)))
        kept[rows, columns] = self.amount[rows, columns]
        return self._replace(amount=kept)


def is_dark(grey: NDArray[np.uint8]) -> bool:
    return bool(np.median(grey) < 128)


def find_ink(grey: NDArray[np.uint8], bright: bool | None = None) -> Ink:
    """Takes the background off; polarity as given, or by the rule that ``multidigit.pictures`` describes."""
    calm = without_speckle(grey)
    level = (calm - _background(calm)).astype(np.float32)
    # The extremes are those that a few pixels reach, at least four, so that no single fault of a scan sets the scale.
    rank = min(max(4, level.size // 5000), level.size) - 1
    ranked = np.partition(level, [rank, level.size - 1 - rank], axis=None)
    low, high = sorted((float(ranked[rank]), float(ranked[-1 - rank])))
    middle = (low + high) / 2
    clear = True
    if bright is None and high - low < MIN_CONTRAST:
        bright = is_dark(calm)
    elif bright is None:
        above = level > middle
        vote = 3 * above.mean() + edge_of(above).mean() - 2
        bright, clear = bool(vote < 0), bool(abs(vote) >= CLEAR_VOTE)
    if not bright:
        level, low, high, middle = -level, -high, -low, -middle

    ground = level[level <= middle]
    ground = ground[:: 1 + ground.size // 50_000]  # enough for medians
    zero = float(np.median(ground))
    noise = 1.4826 * float(np.median(np.abs(ground - zero)))
    # Up to the floor it is background; never so high that thin grey strokes go with it.
    floor = min(2 * noise, 0.15 * (high - zero))
    amount = np.maximum(level - (zero + floor), 0, dtype=np.float32)
    return Ink(amount, high - zero - floor, noise, bright, clear)


def edge_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels of a mask, in one row."""
    return np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])


def without_speckle(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel clipped to the range of its eight neighbours, so that single odd pixels go and thin lines stay.

    In pictures of 64 rows and more, the most extreme neighbour at either end does not count, so that odd pairs go too;
    in smaller ones that would cost strokes one pixel wide their ends.
    """
    height, width = grey.shape
    padded = np.pad(grey, 1, mode="edge") if min(height, width) < 2 else np.pad(grey, 1, mode="reflect")
    low, high = np.full_like(grey, 255), np.zeros_like(grey)
    second_low, second_high = low.copy(), high.copy()
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                neighbour = padded[y : y + height, x : x + width]
                np.minimum(second_low, np.maximum(low, neighbour), out=second_low)
                np.maximum(second_high, np.minimum(high, neighbour), out=second_high)
                np.minimum(low, neighbour, out=low)
                np.maximum(high, neighbour, out=high)
    return np.clip(grey, second_low, second_high) if height >= 64 else np.clip(grey, low, high)


def _background(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Level of the background, shape (H, W): a surface of second degree through most pixels, or else their median.

    The surface minimises the sum of absolute deviations (by reweighted least squares), so that ink, as the minority,
    hardly bends it, and it is too stiff to follow digits. It is used only where most pixels lie clearly nearer to it
    than to one level: lamps and shadows are worth levelling; clean pictures, or a page on a dark table, are not.
    """
    height, width = grey.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    rows = np.unique(np.linspace(0, height - 1, min(height, 48)).astype(int))
    columns = np.unique(np.linspace(0, width - 1, min(width, 96)).astype(int))
    values = grey[np.ix_(rows, columns)].astype(np.float64).ravel()
    v, u = (axis.ravel() for axis in np.meshgrid(y[rows], x[columns], indexing="ij"))
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1).astype(np.float64)

    median = float(np.median(values))
    flat = np.full((1, 1), median, np.float32)
    weights = np.ones_like(values)
    ridge = 1e-6 * np.eye(terms.shape[1])  # keeps the solution defined for pictures one or two pixels wide
    for _ in range(12):
        weighted = terms * weights[:, None]
        factors = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values)
        misfit = np.abs(values - terms @ factors)
        weights = 1 / np.maximum(misfit, 1.0)
    if np.median(misfit) > 0.5 * np.median(np.abs(values - median)) - 1:
        return flat
    a, b, c, d, e, f = (np.float32(factor) for factor in factors)
    column = y[:, None]
    return cast("NDArray[np.float32]", a + b * x + c * column + d * x * x + e * column * x + f * column * column)


class Box(NamedTuple):
    """Where ink stands in a picture, in pixels."""

    top: float
    left: float
    tall: float
    wide: float
    digit: float
    """Height of the tallest digit."""

    def around(
        self, factor: int, shape: tuple[int, ...], down: float = 0.25, across: float = 0.25
    ) -> tuple[slice, slice]:
        """Rows and columns of a picture ``factor`` times larger, of the given shape, with some background around.

        ``down`` and ``across`` tell how much, in heights of the box.
        """
        room_y, room_x = 2 + down * self.tall, 2 + across * self.tall
        top, left = max(0, int((self.top - room_y) * factor)), max(0, int((self.left - room_x) * factor))
        bottom = min(shape[0], int((self.top + self.tall + room_y) * factor))
        return slice(top, bottom), slice(left, min(shape[1], int((self.left + self.wide + room_x) * factor)))

    def corners(self, left: float, top: float, scale: float) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in a picture ``scale`` times larger, of which this one begins there."""
        x, y = left + self.left * scale, top + self.top * scale
        return x, y, x + self.wide * scale, y + self.tall * scale

    def seen_in(self, scale: float, top: float, left: float) -> Box:
        """The box in a picture ``scale`` times larger that begins at ``top`` and ``left`` of it."""
        y, x, *lengths = (value * scale for value in self)
        return Box(y - top, x - left, *lengths)


def find_box(ink: Ink, lines: bool = False) -> Box | None:
    """Where the ink stands, lines and frames left out unless ``lines`` is given; None where nothing can be ink."""
    if ink.contrast < MIN_CONTRAST:
        return None
    # Over a third of full ink, so that a weaker digit counts; higher where noise reaches that far.
    mask = ink.amount > max(0.35 * ink.contrast, min(2.5 * ink.noise, 0.6 * ink.contrast))
    pieces, _ = find_pieces(mask)
    if not lines:
        pieces = _without_lines(pieces, mask)
    largest = int(pieces.area.max(initial=0))
    pieces = pieces.take(pieces.area >= SPECK_SHARE * largest)
    # Mere noise: the strongest pixels stand out little, and make many small pieces instead of a few large ones.
    if ink.contrast < 7 * ink.noise and (largest < 16 or pieces.area.size > 40):
        return None
    if not largest or pieces.bottom.max() - pieces.top.min() < MIN_INK_HEIGHT:
        return None
    top, left = float(pieces.top.min()), float(pieces.left.min())
    return Box(top, left, float(pieces.bottom.max()) - top, float(pieces.right.max()) - left, tallest(pieces))


def _without_lines(pieces: Pieces, mask: NDArray[np.bool_]) -> Pieces:
    """Pieces but for a form's frames and ruled lines and the table round a page; all, if no digit would be left."""
    height, width = mask.shape
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    line = (wide >= 0.8 * width) & ((pieces.area < 0.1 * tall * wide) | (tall <= 0.08 * height))
    if edge_of(mask).mean() > 0.7:
        line |= (tall == height) & (wide == width)
    return pieces.take(~line) if tall[~line].max(initial=0) >= 0.15 * tall[line].max(initial=0) else pieces


def tallest(pieces: Pieces) -> float:
    """Height of the tallest digit: pieces above one another (a broken stroke, seven segments) count as one digit."""
    order = np.argsort(pieces.left)
    left, reach = pieces.left[order], np.maximum.accumulate(pieces.right[order])
    first = np.concatenate([[0], np.flatnonzero(left[1:] >= reach[:-1]) + 1])
    bottom = np.maximum.reduceat(pieces.bottom[order], first)
    return float((bottom - np.minimum.reduceat(pieces.top[order], first)).max())
