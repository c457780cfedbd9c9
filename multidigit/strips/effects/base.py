"""What every effect is given, and the arithmetic that effects share: integers, or single float operations.

Everything here is elementwise and exactly rounded, so that every machine gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL
from multidigit.strips.pixels import ONE, Images, Numbers


@dataclass(frozen=True)
class Chosen:
    """The strips that one effect is applied to, and the random numbers that it may use: M of each.

    Attributes:
        images: ``uint8``, shape (M, 28, W), ink bright on dark; not to be written to.
        strength: ``int64`` in 256ths, shape (M,), 1 to 512.
        dice: ``float64`` from 0 up to 1, shape (M, K), with the K that the effect asks for.
        grain: ``uint8``, any value equally likely, shape (M, B), with the B that the effect asks for.
        pool: single digits ``uint8``, shape (P, 28, 28).
    """

    images: Images
    strength: Numbers
    dice: NDArray[np.float64]
    grain: NDArray[np.uint8]
    pool: Images

    def between(self, die: int, low: int | Numbers, high: int | Numbers) -> Numbers:
        """Die number ``die`` as whole numbers from ``low`` to ``high``, both included, shape (M,)."""
        return low + np.floor(self.dice[:, die] * (np.asarray(high) - low + 1)).astype(np.int64)

    def up_to(self, most: int) -> Numbers:
        """Strength as a whole number: ``most`` at strength 1, twice that at the greatest, shape (M,)."""
        return most * self.strength // ONE


@dataclass(frozen=True)
class Effect:
    """One effect.

    Attributes:
        draw: gives new images ``uint8`` of shape (M, 28, W).
        dice: random numbers that it needs for each strip.
        grain: random bytes that it needs for each strip of a given width, a multiple of 8; ``None`` for none.
    """

    draw: Callable[[Chosen], Images]
    dice: int = 0
    grain: Callable[[int], int] | None = None


def per_strip(values: Numbers, dtype: type[np.number[Any]] = np.int16) -> NDArray[Any]:
    """Values of shape (M,) as (M, 1, 1), to be used beside images."""
    return values.astype(dtype)[:, None, None]


def padded(images: Images, border: int, edge: bool = True) -> NDArray[np.uint16]:
    """Images with a border that repeats their edge, or of zeros: ``uint16``, shape (M, H + 2·border, W + 2·border)."""
    count, high, wide = images.shape
    # Twice as fast as np.pad.
    out = np.zeros((count, high + 2 * border, wide + 2 * border), np.uint16)
    out[:, border:-border, border:-border] = images
    if edge:
        out[:, :border] = out[:, border : border + 1]
        out[:, -border:] = out[:, -border - 1 : -border]
        out[:, :, :border] = out[:, :, border : border + 1]
        out[:, :, -border:] = out[:, :, -border - 1 : -border]
    return out


def smooth(images: Images, down: int, right: int, near: Numbers, far: Numbers | None = None) -> Images:
    """Mean of each pixel and its neighbours in one direction, before and after it.

    Args:
        images: ``uint8``, shape (M, H, W).
        down, right: the step to the next neighbour, each -1, 0 or 1.
        near: weight of the two next neighbours in 256ths, shape (M,), at most 128.
        far: weight of the two after those; ``near`` and ``far`` together at most 128.
    """
    _, high, wide = images.shape
    border = 1 if far is None else 2
    field = padded(images, border)

    def pair(step: int) -> NDArray[np.uint16]:
        y, x = border + step * down, border + step * right
        back_y, back_x = border - step * down, border - step * right
        return field[:, y : y + high, x : x + wide] + field[:, back_y : back_y + high, back_x : back_x + wide]

    # 255 · 256 + 128 still fits 16 bits.
    total = pair(1) * per_strip(near, np.uint16)
    rest = ONE - 2 * near
    if far is not None:
        total += pair(2) * per_strip(far, np.uint16)
        rest = rest - 2 * far
    total += images * per_strip(rest, np.uint16)
    total += np.uint16(128)
    total >>= 8
    return total.astype(np.uint8)


def lattice_bytes(step: int, width: int) -> int:
    """Bytes that ``lattice`` needs for each strip, rounded up to a multiple of 8."""
    rows, columns = _knots(step, width)
    return -(-rows * columns // 8) * 8


def _knots(step: int, width: int) -> tuple[int, int]:
    return -(-CELL // step) + 1, -(-width // step) + 1


def lattice(grain: NDArray[np.uint8], step: int, width: int, most: Numbers | int = 255) -> NDArray[np.int16]:
    """Smooth random fields: bytes every ``step`` pixels and straight lines between them.

    Args:
        grain: random bytes, shape (M, ``lattice_bytes`` or more).
        step: pixels from one byte to the next.
        width: columns of a strip.
        most: what the greatest byte stands for, up to 255, one or shape (M,).

    Returns:
        ``int16`` values 0 to ``most``, about half of them below its half, shape (M, 28, width).
    """
    rows, columns = _knots(step, width)
    knots = grain[:, : rows * columns].reshape(-1, rows, columns) * np.asarray(most, np.uint16).reshape(-1, 1, 1) // 255
    x, y = np.arange(width), np.arange(CELL)
    weight = ((2 * (x % step) + 1) * ONE // (2 * step)).astype(np.uint16)
    lines = (knots[:, :, x // step] * (np.uint16(ONE) - weight) + knots[:, :, x // step + 1] * weight) >> 8
    weight = ((2 * (y % step) + 1) * ONE // (2 * step)).astype(np.uint16)[:, None]
    field = lines[:, y // step] * (np.uint16(ONE) - weight)
    field += lines[:, y // step + 1] * weight
    field >>= 8
    return field.view(np.int16)
