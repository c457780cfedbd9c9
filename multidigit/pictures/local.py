"""The local way to ink: what differs from its surroundings, and is no wider than a stroke."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.pictures.ink import MIN_INK_HEIGHT, Box, Ink, tallest, without_speckle
from multidigit.pictures.pieces import Pieces, Runs, find_pieces

LOCAL_ROWS = 140
"""The picture is shrunk to at most so many rows, and as many columns a slot, for the local way."""
FEWEST_LOCAL_COLUMNS = 5 * LOCAL_ROWS
"""With few slots there is room to both sides of the digits as well."""
WIDEST_STROKE = 0.3
"""Width of the widest strokes, as a share of the height."""
BRINK = 0.9
"""Difference of the ground on both sides, as a share of the contrast, from which on ink is the brink of a shape."""
MOST_PIECES = 1000
"""More pieces than this are noise."""
LOCAL_CONTRAST = 8
"""As ``MIN_CONTRAST``, for the local way."""


def nearby(grey: NDArray[np.uint8], area: tuple[int, int, int, int], slots: int) -> NDArray[np.uint8]:
    """A part of a picture (left, top, right, bottom), small and without single odd pixels."""
    left, top, right, bottom = area
    part = Image.fromarray(grey[top:bottom, left:right])
    factor = min(1, LOCAL_ROWS / part.height, max(FEWEST_LOCAL_COLUMNS, LOCAL_ROWS * slots) / part.width)
    if factor < 1:
        size = max(1, round(part.width * factor)), max(1, round(part.height * factor))
        part = part.resize(size, Image.Resampling.HAMMING, reducing_gap=3)
    return without_speckle(np.asarray(part))


def local_row(levels: NDArray[np.uint8], bright: bool) -> tuple[Ink, Box] | None:
    """The row of digits among what is brighter (or darker) than its surroundings.

    What is wider and higher than a stroke, such as a board, a window or a shadow, becomes background, whatever its
    level; its edges and frames are then recognised by their shapes.
    """
    height = len(levels)
    reach = max(3, int(WIDEST_STROKE * height) | 1)
    least, most = (np.minimum, np.maximum) if bright else (np.maximum, np.minimum)
    ground = _extreme(_extreme(levels, reach, least), reach, most)
    amount = (levels - ground if bright else ground - levels).astype(np.float32)
    zero = float(np.median(amount))
    noise = 1.4826 * float(np.median(np.abs(amount - zero)))
    floor = min(zero + 2 * noise, 0.3 * _strongest(amount))
    amount = np.maximum(amount - floor, 0)
    soft = max(1, round(0.018 * height))  # how far soft edges reach, and the gaps in broken strokes
    clean = np.zeros(0, np.bool_)
    for _ in range(2):
        contrast = _strongest(amount)
        if contrast < LOCAL_CONTRAST:
            return None
        mask = amount > 0.4 * contrast
        pieces, runs = find_pieces(mask)
        if pieces.area.size > MOST_PIECES:
            return None
        clean = ~(_frames(pieces, mask) | _brinks(pieces, runs, ground, contrast))
        if clean.all():
            break
        # Frames may be far stronger than digits: what is ink is decided without them.
        amount[_extreme(runs.mask(~clean), 2 * soft + 1, np.maximum)] = 0
    if not clean.any():
        return None
    pieces, runs = find_pieces(_extreme(runs.mask(clean), 2 * soft + 1, np.maximum))
    row = _in_row(pieces)
    if not row.any():
        return None
    kept = runs.mask(row)
    amount[~kept] = 0
    digits, _ = find_pieces(mask & kept)
    top, left = float(digits.top.min()), float(digits.left.min())
    tall, wide = float(digits.bottom.max()) - top, float(digits.right.max()) - left
    if tall < MIN_INK_HEIGHT:
        return None
    box = Box(top, left, tall, wide, tallest(digits))
    return Ink(amount, contrast, noise, bright), box


def _strongest(amount: NDArray[np.float32]) -> float:
    """What a four-hundredth of the pixels reach, at least four of them."""
    rank = min(max(4, amount.size // 400), amount.size)
    return float(np.partition(amount, amount.size - rank, axis=None)[-rank])


def _extreme(values: NDArray[Any], reach: int, extreme: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """The least or most of the ``reach`` × ``reach`` pixels around each pixel; ``reach`` is odd."""
    for _ in range(2):
        values = np.pad(values, ((reach // 2, reach // 2), (0, 0)), mode="edge")
        # Two windows make a larger one: as many steps as the reach has binary digits.
        seen = 1
        while seen < reach:
            step = min(seen, reach - seen)
            values = extreme(values[:-step], values[step:])
            seen += step
        values = values.T
    return values


def _frames(pieces: Pieces, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pieces are frames round others, long lines, or what is left of a board's edge; shape of the pieces."""
    height, width = mask.shape
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    full = pieces.area / (tall * wide)
    middle = (pieces.top + pieces.bottom) / 2
    around = (pieces.left[:, None] < pieces.left) & (pieces.right[:, None] > pieces.right)
    around &= (pieces.top[:, None] < middle) & (pieces.bottom[:, None] > middle)
    inner = np.where(around, tall, 0).max(1, initial=0)
    frames = (inner >= 0.1 * tall) & (full < 0.5)
    for i in np.flatnonzero(frames):
        # An outlined 0 is round another piece, too, but has round corners.
        side = max(1, round(0.13 * min(tall[i], wide[i])))
        part = mask[pieces.top[i] : pieces.bottom[i], pieces.left[i] : pieces.right[i]]
        ends = slice(None, side), slice(-side, None)
        corners = sum(bool(part[rows, columns].any()) for rows in ends for columns in ends)
        sharp = corners >= 3 and (inner[i] >= 0.3 * tall[i] or wide[i] > 1.2 * tall[i])
        frames[i] = sharp or (wide[i] > 1.6 * tall[i] and full[i] < 0.35)
    lines = (wide > 6 * tall) | ((wide >= 0.6 * width) & (tall <= 0.12 * height))
    lines |= (wide >= 0.8 * width) & (full < 0.1)
    edges = (pieces.left == 0).astype(int) + (pieces.right == width) + (pieces.top == 0) + (pieces.bottom == height)
    rest = (edges >= 2) & (full < 0.35) & (wide >= 0.5 * width)
    rest |= (edges >= 1) & (tall < 0.25 * height) & (wide > 3 * tall)
    return frames | lines | rest


def _brinks(pieces: Pieces, runs: Runs, ground: NDArray[np.uint8], contrast: float) -> NDArray[np.bool_]:
    """Which pieces are no strokes but lie along the brink of something full, whose inside has become ground.

    A stroke has the same ground on both sides.
    """
    height, width = runs.shape
    found = np.zeros(pieces.area.size, np.bool_)
    # Small ones would take time and do not matter.
    for i in np.flatnonzero(pieces.area >= 0.05 * pieces.area.max(initial=0)):
        room = max(2, (pieces.right[i] - pieces.left[i]) // 6, (pieces.bottom[i] - pieces.top[i]) // 12)
        rows = slice(max(0, pieces.top[i] - room), min(height, pieces.bottom[i] + room))
        columns = slice(max(0, pieces.left[i] - room), min(width, pieces.right[i] + room))
        around = ground[rows, columns].astype(np.int16)
        low, high = np.percentile(around, (15, 85))
        found[i] = high - low > BRINK * contrast
    return found


def _in_row(pieces: Pieces) -> NDArray[np.bool_]:
    """Which pieces are digits of one row: not the bars between windows, nor what stands above or below the others."""
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    middle, x = (pieces.top + pieces.bottom) / 2, (pieces.left + pieces.right) / 2
    slim = wide < 0.35 * tall
    row = ~(slim & (tall > 1.15 * _typical(tall, pieces.area, ~slim if not slim.all() else slim)))
    digit = _typical(tall, pieces.area, row)
    high = row & (tall > 0.6 * digit)
    across = x - x[high].mean()
    slope = (across * middle)[high].sum() / max(1.0, (across[high] ** 2).sum()) if high.sum() >= 3 else 0.0
    middle = middle - float(np.clip(slope, -0.2, 0.2)) * x
    row &= np.abs(middle - np.median(middle[high])) < 0.5 * digit
    return row & (pieces.area >= 0.05 * pieces.area[row].max(initial=1))


def _typical(tall: NDArray[np.int64], area: NDArray[np.int64], chosen: NDArray[np.bool_]) -> float:
    """The height that half of the chosen pieces' area reaches."""
    order = np.argsort(tall[chosen])
    sums = np.cumsum(area[chosen][order])
    return float(tall[chosen][order][np.searchsorted(sums, sums[-1] / 2)])
