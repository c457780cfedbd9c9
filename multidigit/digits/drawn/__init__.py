"""Digits drawn from pen strokes: handwriting out of nothing, for a first network without any data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.digits.drawn.pen import BATCH, DRAWS, draw_batch
from multidigit.errors import DataError
from multidigit.labels import CELL

__all__ = ["VERSION", "Drawn", "draw"]

VERSION = "1"
"""Changes whenever the same seed gives other images: part of the name of anything kept of them."""


def draw(
    labels: NDArray[np.integer], seed: int | Sequence[int], first: int = 0, slashed: bool = False
) -> NDArray[np.uint8]:
    """Draws handwritten digits.

    Image i depends on ``labels[i]``, ``seed``, ``first + i`` and ``slashed``, and on nothing else: a set may be drawn
    in parts of any size, in any order and in several processes. The same on any machine, bit for bit.

    Args:
        labels: the digits to draw, integers 0 to 9, shape (N,).
        seed: one or more whole numbers from 0.
        first: number of the first image in the set that the seed stands for, from 0.
        slashed: whether some zeros get a stroke through them.

    Returns:
        ``uint8`` images, shape (N, 28, 28), ink bright on dark: a box of 20 × 20 pixels holds the ink, and its centre
        of mass is in the middle of the image to within a pixel.

    Raises:
        DataError: labels or seed are not these.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels to draw must be one row of integers; Received: {labels.dtype} of shape {labels.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() <= 9:
        raise DataError(f"labels to draw must be 0 to 9; Received: {int(labels.min())} to {int(labels.max())}")
    if first < 0:
        raise DataError(f"the number of the first image must be 0 or more; Received: {first}")
    images = np.empty((len(labels), CELL, CELL), np.uint8)

    def draw_part(start: int) -> None:
        part = labels[start : start + BATCH].astype(np.uint8)
        generator = np.random.Generator(_stream(seed).advance((first + start) * DRAWS))
        images[start : start + BATCH] = draw_batch(part, generator.random((len(part), DRAWS)), slashed)

    # numpy lets go of the interpreter while it computes, so threads draw side by side.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw_part, range(0, len(labels), BATCH)))
    return images


class Drawn(DigitSource):
    """Digits drawn from pen strokes; every split has every digit equally often, to within one, in random order."""

    def __init__(self, count: int = 60_000, slashed: bool = False) -> None:
        """Chooses the pool.

        Args:
            count: digits in the training split; validation and test have a tenth as many, but at least 1,000 each.
            slashed: whether some zeros get a stroke through them.

        Raises:
            DataError: the count is not positive.
        """
        if count < 1:
            raise DataError(f"the number of digits to draw must be positive; Received: {count}")
        self.count = count
        self.slashed = slashed

    def fingerprint(self) -> str:
        return f"drawn {VERSION} {self.count} {self.slashed}"

    def load(self, split: Split, seed: int) -> Digits:
        """The digits of one split; see the base class. Image i depends on the seed, the split and i alone."""
        count = self.count if split == "train" else max(self.count // 10, 1000)
        number = SPLITS.index(split)
        order = np.random.Generator(_stream((seed, number, 0))).permutation(count)
        labels = (order % 10).astype(np.uint8)
        return Digits(draw(labels, (seed, number, 1), slashed=self.slashed), labels)


def _stream(seed: int | Sequence[int]) -> np.random.PCG64:
    """The random bits that a seed stands for."""
    words = [seed] if isinstance(seed, int) else list(seed)
    if not words or min(words) < 0:
        raise DataError(f"a seed must be whole numbers from 0; Received: {seed}")
    return np.random.PCG64(np.random.SeedSequence(words))
