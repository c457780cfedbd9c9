"""Printed digits: fonts, meter wheels, seven-segment and dot-matrix displays, without any data set.

The displays are the same on any machine; what is set in a font is the same with the same fonts, Pillow and FreeType
(see ``Printed.fingerprint``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.generated import Dice, Generated, Painter, centred
from multidigit.digits.printed.canvas import choose
from multidigit.digits.printed.displays import paint_dots, paint_segments
from multidigit.digits.printed.fonts import Faces, load_faces
from multidigit.digits.printed.lettering import paint_letters, paint_wheels
from multidigit.digits.printed.ranges import Ranges
from multidigit.labels import CELL

__all__ = ["VERSION", "Printed"]

VERSION = "1"
"""Changes whenever the same seed and fonts give other images: part of the name of anything kept of them."""

# What draws each kind: boxes (B, 20, 20) from labels (B,), random numbers, ranges and fonts. The names are those of the
# kinds' weights in ``Ranges``.
KINDS: dict[str, Callable[[NDArray[np.uint8], Dice, Ranges, Faces], NDArray[np.uint8]]] = {
    "fonts": paint_letters,
    "wheels": paint_wheels,
    "seven": paint_segments,
    "dots": paint_dots,
}


def kinds(numbers: NDArray[np.float64], how: Ranges) -> NDArray[np.int64]:
    """Which of ``KINDS`` each image is, shape (B,), by the first of its ``numbers`` (B, draws)."""
    return choose(Dice(numbers), [getattr(how, kind) for kind in KINDS])


def draw_batch(
    labels: NDArray[np.uint8], numbers: NDArray[np.float64], faces: Faces, ranges: Ranges | None = None
) -> NDArray[np.uint8]:
    """Draws one digit per label: ``uint8`` images (B, 28, 28).

    Args:
        labels: the digits, 0 to 9, shape (B,).
        numbers: between 0 and 1, shape (B, ``Printed.DRAWS``), that decide everything else.
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

    Args:
        count: digits in the training split; see the base class.
        fonts: a folder of .ttf and .otf fonts, the only ones to use then, so that other machines can draw the same;
            ``None`` takes those that Pillow and matplotlib bring and those of the system, 64 at most.

    Raises:
        DataError: the count is not positive, or the folder has no font with digits.
    """

    DRAWS = 96
    STREAM = (0x7E47,)

    def __init__(self, count: int = 60_000, fonts: Path | None = None) -> None:
        super().__init__(count)
        if fonts is not None:
            load_faces(fonts)
        self.fonts = fonts

    @classmethod
    def from_option(cls, option: str) -> Printed:
        """The source that ``printed:FOLDER`` stands for."""
        return cls(fonts=Path(option).expanduser())

    def fingerprint(self) -> str:
        """This generator's version, the number of digits, the fonts and the versions of what draws fonts."""
        return f"printed {VERSION} {self.count} {load_faces(self.fonts).fingerprint()}"

    def painter(self) -> Painter:
        return partial(draw_batch, faces=load_faces(self.fonts))
