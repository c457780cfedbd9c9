"""Meter windows: what stands round the digits of meters, counters and boards, by where the digits are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from multidigit.strips.pixels import Images, Numbers

_BARS, _FRAMES, _PLATE, _NOTHING = range(4)
"""Bars between the digits; the same with lines above and below; a bright plate in which digits have dark windows."""
_PANEL = 0.4
"""Share of the strips whose last digits stand on a panel of another colour; all of those that have nothing else."""


class Places(NamedTuple):
    """Where the digits of M strips stand, in pixels; ends are exclusive.

    Attributes:
        left, right: columns of each slot, shape (M, slots); of empty slots, anything.
        top, bottom: rows of the whole number, shape (M,).
        digits: how many slots are filled, from the left, shape (M,), at least 1.
    """

    left: Numbers
    right: Numbers
    top: Numbers
    bottom: Numbers
    digits: Numbers


def draw_meter_windows(images: Images, places: Places, rng: np.random.Generator) -> Images:
    """Strips with bars, frames, a plate or a panel round their digits, whose own pixels only ever get brighter.

    Args:
        images: ``uint8``, shape (M, 28, W), ink bright on dark.
        places: where their digits stand.
        rng: consumed in a fixed order.
    """
    strips, slots = len(images), places.left.shape[1]
    high, wide = images.shape[1:]
    kind = rng.integers(4, size=strips)[:, None]
    level = rng.integers(40, 256, size=strips)[:, None, None]
    share = rng.integers(257, size=(strips, 1))
    room = rng.integers(1, 7, size=(2, strips, 1))
    panel = (rng.random(strips) < _PANEL)[:, None] | (kind == _NOTHING)
    last = rng.integers(1, 3, size=strips)[:, None]
    shade = rng.integers(20, 120, size=strips)[:, None, None]

    x, y = np.arange(wide), np.arange(high)
    slot, final = np.arange(slots), places.digits[:, None] - 1
    used = slot <= final
    # Empty slots are folded onto the last digit, so that they add no bar.
    each = np.minimum(slot, final)
    left, right = (np.take_along_axis(side, each, 1) for side in (places.left, places.right))
    outer_left, outer_right = left[:, :1] - room[0], right.max(1, keepdims=True) + room[0]
    # From gap to gap, those at both ends included: where one begins and ends.
    begin = np.concatenate([outer_left - room[1], right], 1)
    end = np.concatenate([outer_left, left[:, 1:], outer_right + room[1]], 1)
    begin[:, -1:] = outer_right
    inner = slice(1, slots)
    gap = np.maximum(end - begin, 0)[:, inner]
    spare = (gap - np.maximum(gap * share >> 8, 1)) // 2
    begin[:, inner] += spare
    end[:, inner] -= spare
    # In a gap too narrow for it, a bar would look like a 1.
    end[:, inner][~used[:, 1:] | (gap < 3)] = -1
    bars = np.asarray(((x >= begin[..., None]) & (x < end[..., None])).any(1))

    above, below = places.top[:, None] - room[1], places.bottom[:, None] + room[1]
    inside = (y >= above) & (y < below)
    rails = ((y >= above - 2) & (y < above)) | ((y >= below) & (y < below + 2))
    within = (x >= outer_left) & (x < outer_right)
    drawn = bars[:, None, :] & (inside | (kind == _BARS))[..., None] & (kind <= _FRAMES)[..., None]
    drawn |= rails[..., None] & within[:, None, :] & (kind == _FRAMES)[..., None]
    margin = np.minimum(room[0], 3)[..., None]
    windows = np.asarray(((x >= left[..., None] - margin) & (x < right[..., None] + margin)).any(1))
    drawn |= ~(windows[:, None, :] & inside[..., None]) & (kind == _PLATE)[..., None]
    out = np.maximum(images, (drawn * level).astype(np.uint8))

    # The panel begins in the middle of the gap before its digits.
    first = np.maximum(final + 1 - last, 0)
    before = np.take_along_axis(right, np.maximum(first - 1, 0), 1)
    edge = np.where(first > 0, (before + np.take_along_axis(left, first, 1)) // 2, outer_left)
    behind = ((x >= edge) & (x < outer_right))[:, None, :] & inside[..., None] & panel[..., None]
    return np.maximum(out, (behind * shade).astype(np.uint8))
