"""Effects of the camera or scanner and of reading its pictures: perspective, blur, resolution, noise, levels."""

from __future__ import annotations

import numpy as np

from multidigit.labels import CELL
from multidigit.strips.effects.base import Chosen, padded, per_strip, smooth
from multidigit.strips.pixels import ONE, Images, Numbers, row_positions, sample_rows

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Ways in which the camera may move: along, down and the two diagonals."""


def noise_bytes(width: int) -> int:
    """Random bytes of noise for each strip: two a pixel."""
    return 2 * CELL * width


def perspective(chosen: Chosen) -> Images:
    """Seen at a slant: tilted, sheared and one end or edge farther away; shrunk so that no corner leaves the strip.

    With u and v the distances from the middle, the pixel at (u, v) shows what stood at (a·u + b·v + c·u·v,
    d·v + e·u + f·u·v).
    """
    # In 65,536ths per pixel, so that the corners of 5 slots move by about 2 rows and 3 columns at strength 1, and those
    # of more or fewer slots by as many rows.
    width, most = chosen.images.shape[2], chosen.strength
    shear, stretch = chosen.between(0, -32 * most, 32 * most), chosen.between(1, -most // 2, most // 2)
    tilt = chosen.between(2, -700 * most // width, 700 * most // width)
    taper = chosen.between(3, -35 * most // width, 35 * most // width)
    one = 1 << 16
    u, v = np.arange(width) * 2 + 1 - width, np.arange(CELL) * 2 + 1 - CELL  # in half pixels
    # Shrink by as much as the corners go out.
    wide = one + np.abs(shear) * CELL // width + np.abs(stretch) * (CELL // 2)
    high = one + np.abs(tilt) * width // CELL + np.abs(taper) * (width // 2)
    # Positions in 256ths of a pixel, counted from one pixel outside the strip; (65,536ths · half pixels) >> 9.
    per_column = (wide[:, None] * 2 + stretch[:, None] * v).astype(np.int32)[:, :, None]
    moved = ((shear[:, None] * v) >> 9).astype(np.int32)[:, :, None]
    x = ((per_column >> 2) * u.astype(np.int32) >> 8) + (moved + np.int32((width + 1) * ONE // 2))
    per_row = (high[:, None] * 2 + taper[:, None] * u).astype(np.int32)[:, None, :]
    moved = ((tilt[:, None] * u) >> 9).astype(np.int32)[:, None, :]
    y = ((per_row >> 2) * v.astype(np.int32)[:, None] >> 8) + (moved + np.int32((CELL + 1) * ONE // 2))
    np.clip(x, 0, (width + 1) * ONE - 1, out=x)
    np.clip(y, 0, (CELL + 1) * ONE - 1, out=y)

    # Every pixel with its three neighbours in one number: a single look-up instead of four.
    field = padded(chosen.images, 1, edge=False).astype(np.uint32)
    four = field[:, :-1, :-1] | field[:, :-1, 1:] << 8 | field[:, 1:, :-1] << 16 | field[:, 1:, 1:] << 24
    index = (y >> 8) * np.int32(width + 1)
    index += x >> 8
    index += (np.arange(len(four), dtype=np.int32) * np.int32((CELL + 1) * (width + 1)))[:, None, None]
    found = four.reshape(-1).take(index)
    right, below = (x & 255).view(np.uint32), (y & 255).view(np.uint32)
    # Two pixels at once, 16 bits apart: upper left and lower left, then upper right and lower right.
    pair = (found & 0x00FF00FF) * (np.uint32(ONE) - right)
    pair += (found >> 8 & 0x00FF00FF) * right
    mixed = (pair & 0xFFFF) * (np.uint32(ONE) - below)
    mixed += (pair >> 16) * below
    mixed += np.uint32(1 << 15)
    mixed >>= 16
    return mixed.astype(np.uint8)


def blur(chosen: Chosen) -> Images:
    """Out of focus: three passes with three weights, a standard deviation of 0.75 pixels at strength 1."""
    weight = 24 * chosen.strength**2 >> 16
    images = chosen.images
    for _ in range(3):
        images = smooth(smooth(images, 0, 1, weight), 1, 0, weight)
    return images


def motion(chosen: Chosen) -> Images:
    """Moved while it was taken: the mean over 3 pixels at strength 1, over 5 at most, in one of four directions."""
    length = ONE + 2 * chosen.strength
    near = np.minimum(length - ONE, 2 * ONE) * (ONE // 2) // length
    far = np.maximum(length - 3 * ONE, 0) * (ONE // 2) // length
    direction = chosen.between(0, 0, len(DIRECTIONS) - 1)
    images = np.empty_like(chosen.images)
    for number, (down, right) in enumerate(DIRECTIONS):
        rows = np.flatnonzero(direction == number)
        images[rows] = smooth(chosen.images[rows], down, right, near[rows], far[rows])
    return images


def low_resolution(chosen: Chosen) -> Images:
    """Fewer pixels: shrunk to 1 / 1.6 at strength 1, and enlarged again; one in three shows its pixels as squares."""
    size = ONE + chosen.up_to(154)
    # What one small pixel covers is averaged first, as a sensor does.
    weight = np.minimum(size - ONE, ONE) // 3
    images = smooth(smooth(chosen.images, 0, 1, weight), 1, 0, weight)
    squares = chosen.between(0, 0, 2) == 0
    return _coarser(_coarser(images, size, squares).transpose(0, 2, 1), size, squares).transpose(0, 2, 1)


def _coarser(images: Images, size: Numbers, squares: Numbers) -> Images:
    """Images (M, H, W) with H / size rows, brought back to H; size in 256ths, shape (M,)."""
    high = images.shape[1]
    fewer = high * ONE // size
    small = row_positions(int(fewer.max(initial=1)), np.full_like(fewer, high), fewer)
    back = row_positions(high, fewer, np.full_like(fewer, high))
    back = np.where(squares[:, None], (back + ONE // 2) & -ONE, back)
    return sample_rows(sample_rows(images, small), back)


def noise(chosen: Chosen) -> Images:
    """Grain: the mean of two random bytes at every pixel, now and then smoothed into coarser grain."""
    first, second = chosen.grain.reshape(len(chosen.grain), 2, CELL, -1).transpose(1, 0, 2, 3)
    # The mean of two bytes, rounded down, without leaving eight bits: twice as fast.
    bell = (first & second) + ((first ^ second) >> 1)
    weight = chosen.between(0, 0, 72)
    bell = smooth(smooth(bell, 0, 1, weight), 1, 0, weight)
    grain = bell.astype(np.int16)
    grain -= np.int16(128)
    # The standard deviation of the bell is 52 of 255; what smoothing takes from it is given back, about.
    # 128 · 255 still fits 16 bits.
    grain *= per_strip(np.minimum(chosen.up_to(90) * (ONE + 2 * weight) // ONE, 255))
    grain >>= 8
    grain += chosen.images
    return np.clip(grain, 0, 255, out=grain).astype(np.uint8)


def specks(chosen: Chosen) -> Images:
    """Salt and pepper: up to 1 pixel in 100 white and as many black at strength 1."""
    high, low = chosen.grain.reshape(len(chosen.grain), 2, CELL, -1).transpose(1, 0, 2, 3)
    value = high.astype(np.uint16)
    value <<= 8
    value |= low
    share = chosen.up_to(655)
    images = np.where(value < per_strip(chosen.between(0, 0, share), np.uint16), np.uint8(255), chosen.images)
    images[value > per_strip(65535 - chosen.between(1, 0, share), np.int64)] = 0
    return images


def levels(chosen: Chosen) -> Images:
    """What reading does to pictures (``multidigit.pictures``): background taken off, cores of strokes made white.

    At strength 1 up to an eighth of the strip's greatest brightness is taken off, and what has six sevenths of it, or
    only all of it, becomes white.
    """
    most = np.minimum(chosen.strength, ONE)
    peak = chosen.images.max((1, 2)).astype(np.int64)
    floor = peak * chosen.between(0, 0, chosen.up_to(32)) // ONE
    white = peak - peak * chosen.between(1, 0, chosen.up_to(36)) // ONE
    target = white + (255 - white) * most // ONE
    # 255 · gain fits 32 bits, whatever the gain is.
    gain = target * ONE // np.maximum(white - floor, 1)
    images = np.maximum(chosen.images, per_strip(floor, np.uint8)) - per_strip(floor, np.uint8)
    stretched = images * per_strip(gain, np.uint32)
    stretched >>= 8
    return np.minimum(stretched, 255).astype(np.uint8)
