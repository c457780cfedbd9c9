"""Digits drawn from pen strokes: handwriting out of nothing, for a first network without any data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.drawn.pen import DRAWS, draw_batch
from multidigit.digits.generated import Generated, Seed, draw_all
from multidigit.errors import DataError

__all__ = ["VERSION", "Drawn", "draw"]

VERSION = "1"
"""Changes whenever the same seed gives other images: part of the name of anything kept of them."""


def draw(labels: NDArray[np.integer], seed: Seed, first: int = 0, slashed: bool = False) -> NDArray[np.uint8]:
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
    return draw_all(labels, seed, first, DRAWS, lambda part, numbers: draw_batch(part, numbers, slashed))


class Drawn(Generated):
    """Digits drawn from pen strokes.

    Args:
        count: digits in the training split; see the base class.
        slashed: whether some zeros get a stroke through them.
    """

    def __init__(self, count: int = 60_000, slashed: bool = False) -> None:
        super().__init__(count)
        self.slashed = slashed

    @classmethod
    def from_option(cls, option: str) -> Drawn:
        """``drawn:slashed`` gives some zeros a stroke through them."""
        if option != "slashed":
            raise DataError(f"drawn:{option}: unknown option; known is drawn:slashed")
        return cls(slashed=True)

    def fingerprint(self) -> str:
        return f"drawn {VERSION} {self.count} {self.slashed}"

    def draw(self, labels: NDArray[np.uint8], seed: Seed) -> NDArray[np.uint8]:
        return draw(labels, seed, slashed=self.slashed)
