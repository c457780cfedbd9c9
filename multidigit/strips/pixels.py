"""Pixel arithmetic that composing and effects share, in whole numbers: positions and weights are kept in 256ths."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

ONE = 256
"""Fixed-point one: positions, scales, strengths and weights are kept in 256ths."""
INK = 31
"""Up to this brightness, an eighth of full, a pixel is an edge or noise and holds no ink."""

Images: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.int64]


def row_positions(rows: int, old: Numbers, new: Numbers) -> Numbers:
    """Where the middles of the first ``rows`` of ``new`` rows lie among ``old`` rows.

    Args:
        rows: rows to place.
        old: number of rows before resizing, shape (M,).
        new: number of rows after resizing, shape (M,).

    Returns:
        Positions in 256ths of an old row, shape (M, rows), 0 to 256·(old - 1).
    """
    middle = (2 * np.arange(rows) + 1) * (old * (ONE // 2))[:, None] // new[:, None] - ONE // 2
    return np.clip(middle, 0, ((old - 1) * ONE)[:, None])


def sample_rows(images: Images, position: Numbers) -> Images:
    """Rows between the rows of images, bilinearly.

    Args:
        images: ``uint8``, shape (M, H, W).
        position: in 256ths of a row, shape (M, K), 0 to 256·(H - 1).

    Returns:
        ``uint8``, shape (M, K, W).
    """
    first = position >> 8
    second = np.minimum(first + 1, images.shape[1] - 1)
    weight = (position & (ONE - 1)).astype(np.uint16)[..., None]
    # Whole rows are picked: far faster than picking pixels. 255 · 256 + 128 still fits 16 bits.
    each = np.arange(len(images))[:, None]
    mixed = images[each, first] * (np.uint16(ONE) - weight)
    mixed += images[each, second] * weight
    mixed += np.uint16(128)
    mixed >>= 8
    return mixed.astype(np.uint8)
