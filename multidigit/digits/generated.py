"""What sources that draw their digits have in common."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.errors import DataError
from multidigit.labels import CELL

BOX = 20
"""Height and width in pixels of the box that holds the ink, before it is centred in the cell (as in MNIST)."""
BATCH = 128
"""Images drawn at once: few enough that what they are made of stays in the processor's cache."""

Painter = Callable[[NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]]
"""Draws labels (B,) from numbers between 0 and 1, shape (B, draws): ``uint8`` images (B, 28, 28)."""


class Dice:
    """Random numbers of a batch, handed out column by column in the order in which they are asked for."""

    def __init__(self, numbers: NDArray[np.float64]) -> None:
        """Takes ``numbers`` between 0 and 1, shape (B, draws)."""
        self.numbers = numbers
        self.used = 0

    def even(self, limits: tuple[float, float], count: int = 1) -> NDArray[np.float64]:
        """Evenly spread between two limits, shape (B, count)."""
        self.used += count
        return limits[0] + (limits[1] - limits[0]) * self.numbers[:, self.used - count : self.used]

    def bell(self, deviation: float, count: int = 1) -> NDArray[np.float64]:
        """Bell-shaped about 0, ending at three standard deviations, shape (B, count): the sum of three even ones."""
        a, b, c = (self.even((0.0, 1.0), count) for _ in range(3))
        return (a + b + c - 1.5) * (2 * deviation)


def centred(boxes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cells (B, 28, 28) with the boxes (B, 20, 20) moved by whole pixels: centre of mass to pixel (14, 14).

    A box never leaves its cell, so an uneven one, such as a 1 on the right of its display, may stay a little aside.
    """
    ink = boxes.astype(np.int64)
    total = np.maximum(ink.sum((1, 2)), 1)
    span = np.arange(BOX)
    tops, lefts = (
        # floor(14 - centre + 0.5) in whole numbers.
        np.clip(((CELL + 1) * total - 2 * (ink.sum(axis) * span).sum(1)) // (2 * total), 0, CELL - BOX)
        for axis in (2, 1)
    )
    cells = np.zeros((len(boxes), CELL, CELL), np.uint8)
    rows = np.arange(len(boxes))[:, None, None]
    cells[rows, (tops[:, None] + span)[:, :, None], (lefts[:, None] + span)[:, None, :]] = boxes
    return cells


class Generated(DigitSource):
    """Every split has every digit equally often, to within one, in random order.

    Image i of a split depends on the seed, the split and i alone, so parts may be drawn in any order.

    Args:
        count: digits in the training split; validation and test have a tenth as many, but at least 1,000 each.

    Raises:
        DataError: the count is not positive.
    """

    DRAWS: int
    """Random numbers set aside for each image; some are spare, so that a new variation need not move the others."""
    STREAM: tuple[int, ...] = ()
    """Sets the random numbers of this source apart from those that another one has of the same seed."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise DataError(f"the number of digits to draw must be positive; received {count}")
        self.count = count

    def load(self, split: Split, seed: int) -> Digits:
        count = self.count if split == "train" else max(self.count // 10, 1000)
        number = SPLITS.index(split)
        order = np.random.Generator(self._bits((seed, number, 0))).permutation(count)
        labels = (order % 10).astype(np.uint8)
        return Digits(self.draw(labels, (seed, number, 1)), labels)

    def draw(self, labels: NDArray[np.uint8], seed: Sequence[int]) -> NDArray[np.uint8]:
        """Images ``uint8`` (N, 28, 28), ink bright on dark, of labels (N,).

        A box of 20 × 20 pixels holds the ink, and its centre of mass is in the middle of the image, to within a pixel
        for all but the most uneven. Image i depends on ``labels[i]``, ``seed``, i and the source alone.
        """
        images = np.empty((len(labels), CELL, CELL), np.uint8)
        paint = self.painter()

        def draw_part(start: int) -> None:
            part = labels[start : start + BATCH]
            generator = np.random.Generator(self._bits(seed).advance(start * self.DRAWS))
            images[start : start + BATCH] = paint(part, generator.random((len(part), self.DRAWS)))

        # numpy releases the interpreter lock while it computes, so threads draw side by side.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(draw_part, range(0, len(labels), BATCH)))
        return images

    @abstractmethod
    def painter(self) -> Painter:
        """What draws a batch, once all that it needs is loaded; threads call it side by side."""

    def _bits(self, seed: Sequence[int]) -> np.random.PCG64:
        return np.random.PCG64(np.random.SeedSequence([*self.STREAM, *seed]))
