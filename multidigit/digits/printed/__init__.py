"""Printed digits: fonts, meter wheels, seven-segment and dot-matrix displays, without any data set."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.digits.drawn.pen import Dice
from multidigit.digits.printed.canvas import centred, choose
from multidigit.digits.printed.displays import paint_dots, paint_segments
from multidigit.digits.printed.fonts import Faces, load_faces
from multidigit.digits.printed.lettering import paint_letters, paint_wheels
from multidigit.digits.printed.ranges import Ranges
from multidigit.errors import DataError
from multidigit.labels import CELL

__all__ = ["VERSION", "Printed", "draw"]

VERSION = "1"
"""Changes whenever the same seed and fonts give other images: part of the name of anything kept of them."""
DRAWS = 96
"""Random numbers set aside for each image; some are spare, so that a new variation need not move the others."""
BATCH = 128
"""Images drawn at once: few enough that their samples stay in the processor's cache."""
STREAM = 0x7E47
"""Sets the random numbers of this source apart from those that another one has of the same seed."""

Painter = Callable[[NDArray[np.uint8], Dice, Ranges, Faces], NDArray[np.uint8]]
KINDS: dict[str, Painter] = {
    "fonts": paint_letters,
    "wheels": paint_wheels,
    "seven": paint_segments,
    "dots": paint_dots,
}
"""What draws each kind; the names are those of the kinds' weights in ``Ranges``."""


def draw(
    labels: NDArray[np.integer], seed: int | Sequence[int], first: int = 0, fonts: Path | None = None
) -> NDArray[np.uint8]:
    """Draws printed digits.

    Image i depends on ``labels[i]``, ``seed``, ``first + i`` and the fonts, and on nothing else: a set may be drawn in
    parts of any size, in any order and in several processes. The displays are the same on any machine, bit for bit;
    what is set in a font is so with the same fonts, Pillow and FreeType (see ``Printed.fingerprint``).

    Args:
        labels: the digits to draw, integers 0 to 9, shape (N,).
        seed: one or more whole numbers from 0.
        first: number of the first image in the set that the seed stands for, from 0.
        fonts: a folder of fonts; ``None`` takes those that this machine has.

    Returns:
        ``uint8`` images, shape (N, 28, 28), ink bright on dark: a box of 20 × 20 pixels holds the ink, and its centre
        of mass is in the middle of the image, to within a pixel for all but the most uneven.

    Raises:
        DataError: labels or seed are not these, or the folder has no font with digits.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels to draw must be one row of integers; Received: {labels.dtype} of shape {labels.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() <= 9:
        raise DataError(f"labels to draw must be 0 to 9; Received: {int(labels.min())} to {int(labels.max())}")
    if first < 0:
        raise DataError(f"the number of the first image must be 0 or more; Received: {first}")
    faces = load_faces(fonts)
    images = np.empty((len(labels), CELL, CELL), np.uint8)

    def draw_part(start: int) -> None:
        part = labels[start : start + BATCH].astype(np.uint8)
        generator = np.random.Generator(_stream(seed).advance((first + start) * DRAWS))
        images[start : start + BATCH] = draw_batch(part, generator.random((len(part), DRAWS)), faces)

    # numpy lets go of the interpreter while it computes, so threads draw side by side.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw_part, range(0, len(labels), BATCH)))
    return images


def kinds(numbers: NDArray[np.float64], how: Ranges) -> NDArray[np.int64]:
    """Which of ``KINDS`` each image is, shape (B,), by the first of its ``numbers`` (B, ``DRAWS``)."""
    return choose(Dice(numbers), [getattr(how, kind) for kind in KINDS])


def draw_batch(
    labels: NDArray[np.uint8], numbers: NDArray[np.float64], faces: Faces, ranges: Ranges | None = None
) -> NDArray[np.uint8]:
    """Draws one digit per label: ``uint8`` images (B, 28, 28).

    Args:
        labels: the digits, 0 to 9, shape (B,).
        numbers: between 0 and 1, shape (B, ``DRAWS``), that decide everything else.
        faces: the fonts.
        ranges: how much digits differ, and how often each kind comes.
    """
    how = ranges or Ranges()
    kind = kinds(numbers, how)
    cells = np.empty((len(labels), CELL, CELL), np.uint8)
    for number, paint in enumerate(KINDS.values()):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            cells[rows] = centred(paint(labels[rows], Dice(numbers[rows, 1:]), how, faces))
    return cells


class Printed(DigitSource):
    """Printed digits; every split has every digit equally often, to within one, in random order.

    The fonts found are part of what decides the images: see ``fingerprint``. Where other machines must draw the same,
    name a folder of fonts that they share.
    """

    def __init__(self, count: int = 20_000, fonts: Path | None = None) -> None:
        """Chooses the pool.

        Args:
            count: digits in the training split; validation and test have a tenth as many, but at least 1,000 each.
            fonts: a folder of .ttf and .otf fonts, the only ones to use then; ``None`` takes those that Pillow and
                matplotlib bring and those of the system, 64 at most.

        Raises:
            DataError: the count is not positive, or the folder has no font with digits.
        """
        if count < 1:
            raise DataError(f"the number of digits to draw must be positive; Received: {count}")
        if fonts is not None:
            load_faces(fonts)
        self.count = count
        self.fonts = fonts

    @classmethod
    def from_folder(cls, folder: Path) -> Printed:
        """The source that ``printed:FOLDER`` stands for.

        Raises:
            DataError: the folder has no font with digits.
        """
        return cls(fonts=folder.expanduser())

    def fingerprint(self) -> str:
        """What decides the digits: this generator's version, the pool's size, the fonts and what draws them."""
        return f"printed {VERSION} {self.count} {load_faces(self.fonts).fingerprint()}"

    def load(self, split: Split, seed: int) -> Digits:
        """The digits of one split; see the base class. Image i depends on the seed, the split, i and the fonts."""
        count = self.count if split == "train" else max(self.count // 10, 1000)
        number = SPLITS.index(split)
        order = np.random.Generator(_stream((seed, number, 0))).permutation(count)
        labels = (order % 10).astype(np.uint8)
        return Digits(draw(labels, (seed, number, 1), fonts=self.fonts), labels)


def _stream(seed: int | Sequence[int]) -> np.random.PCG64:
    """The random bits that a seed stands for."""
    words = [seed] if isinstance(seed, int) else list(seed)
    if not words or min(words) < 0:
        raise DataError(f"a seed must be whole numbers from 0; Received: {seed}")
    return np.random.PCG64(np.random.SeedSequence([STREAM, *words]))
