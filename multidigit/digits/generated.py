"""What sources that make their digits out of nothing have in common."""

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

Seed = int | Sequence[int]


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


def draw_all(
    labels: NDArray[np.integer],
    seed: Seed,
    first: int,
    draws: int,
    draw_batch: Callable[[NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]],
    stream: Sequence[int] = (),
) -> NDArray[np.uint8]:
    """Images ``uint8`` (N, 28, 28) of labels (N,), drawn in batches by threads.

    Args:
        labels: the digits to draw, integers 0 to 9, shape (N,).
        seed: one or more whole numbers from 0.
        first: number of the first image in the set that the seed stands for, from 0.
        draws: random numbers set aside for each image.
        draw_batch: draws labels (B,) from numbers between 0 and 1, shape (B, draws).
        stream: sets the random numbers apart from those that another source has of the same seed.

    Raises:
        DataError: labels, seed or first are not these.
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
        generator = np.random.Generator(random_bits(seed, stream).advance((first + start) * draws))
        images[start : start + BATCH] = draw_batch(part, generator.random((len(part), draws)))

    # numpy lets go of the interpreter while it computes, so threads draw side by side.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw_part, range(0, len(labels), BATCH)))
    return images


def random_bits(seed: Seed, stream: Sequence[int] = ()) -> np.random.PCG64:
    """The random bits that a seed stands for.

    Raises:
        DataError: it is not one or more whole numbers from 0.
    """
    words = [seed] if isinstance(seed, int) else list(seed)
    if not words or min(words) < 0:
        raise DataError(f"a seed must be whole numbers from 0; Received: {seed}")
    return np.random.PCG64(np.random.SeedSequence([*stream, *words]))


class Generated(DigitSource):
    """Every split has every digit equally often, to within one, in random order.

    Image i of a split depends on the seed, the split and i alone, so parts may be made in any order.

    Args:
        count: digits in the training split; validation and test have a tenth as many, but at least 1,000 each.

    Raises:
        DataError: the count is not positive.
    """

    STREAM: tuple[int, ...] = ()
    """Sets the random order of this source apart from that which another one has of the same seed."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise DataError(f"the number of digits to draw must be positive; Received: {count}")
        self.count = count

    def load(self, split: Split, seed: int) -> Digits:
        count = self.count if split == "train" else max(self.count // 10, 1000)
        number = SPLITS.index(split)
        order = np.random.Generator(random_bits((seed, number, 0), self.STREAM)).permutation(count)
        labels = (order % 10).astype(np.uint8)
        return Digits(self.draw(labels, (seed, number, 1)), labels)

    @abstractmethod
    def draw(self, labels: NDArray[np.uint8], seed: Seed) -> NDArray[np.uint8]:
        """Images ``uint8`` (N, 28, 28) of labels (N,)."""
