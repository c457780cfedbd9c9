"""Printed digits: fonts, meter wheels, seven-segment and dot-matrix displays, without any data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.generated import Dice, Generated, Seed, centred, draw_all
from multidigit.digits.printed.canvas import choose
from multidigit.digits.printed.displays import paint_dots, paint_segments
from multidigit.digits.printed.fonts import Faces, load_faces
from multidigit.digits.printed.lettering import paint_letters, paint_wheels
from multidigit.digits.printed.ranges import Ranges
from multidigit.labels import CELL

__all__ = ["VERSION", "Printed", "draw"]

VERSION = "1"
"""Changes whenever the same seed and fonts give other images: part of the name of anything kept of them."""
DRAWS = 96
"""Random numbers set aside for each image; some are spare, so that a new variation need not move the others."""
STREAM = (0x7E47,)
"""Sets the random numbers of this source apart from those that another one has of the same seed."""

Painter = Callable[[NDArray[np.uint8], Dice, Ranges, Faces], NDArray[np.uint8]]
KINDS: dict[str, Painter] = {
    "fonts": paint_letters,
    "wheels": paint_wheels,
    "seven": paint_segments,
    "dots": paint_dots,
}
"""What draws each kind; the names are those of the kinds' weights in ``Ranges``."""


def draw(labels: NDArray[np.integer], seed: Seed, first: int = 0, fonts: Path | None = None) -> NDArray[np.uint8]:
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
    faces = load_faces(fonts)
    return draw_all(labels, seed, first, DRAWS, lambda part, numbers: draw_batch(part, numbers, faces), STREAM)


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


class Printed(Generated):
    """Printed digits.

    The fonts found are part of what decides the images: see ``fingerprint``. Where other machines must draw the same,
    name a folder of fonts that they share.
    """

    STREAM = STREAM

    def __init__(self, count: int = 60_000, fonts: Path | None = None) -> None:
        """Chooses the pool.

        Args:
            count: digits in the training split; see the base class.
            fonts: a folder of .ttf and .otf fonts, the only ones to use then; ``None`` takes those that Pillow and
                matplotlib bring and those of the system, 64 at most.

        Raises:
            DataError: the count is not positive, or the folder has no font with digits.
        """
        super().__init__(count)
        if fonts is not None:
            load_faces(fonts)
        self.fonts = fonts

    @classmethod
    def from_option(cls, option: str) -> Printed:
        """The source that ``printed:FOLDER`` stands for.

        Raises:
            DataError: the folder has no font with digits.
        """
        return cls(fonts=Path(option).expanduser())

    def fingerprint(self) -> str:
        """What decides the digits: this generator's version, the pool's size, the fonts and what draws them."""
        return f"printed {VERSION} {self.count} {load_faces(self.fonts).fingerprint()}"

    def draw(self, labels: NDArray[np.uint8], seed: Seed) -> NDArray[np.uint8]:
        return draw(labels, seed, fonts=self.fonts)
