"""A picture -> the strips to read: the rows of digits that the finder sees in it, and the picture as a whole."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL
from multidigit.pictures.finder import Finder
from multidigit.pictures.fitting import RowBox, cut_row, fit_whole, in_ink, shrunk

ROW_SCALES = (1.0, 0.88, 1.15)
"""Scales at which a row is read. Of handwritten amounts on cheques three read three points more right than one."""
WHOLE_SCALES = (1.0, 0.9, 0.8)
"""Scales at which a picture as a whole is read."""
WIDEST = 16
"""Width by height from which a picture as a whole is too flat to be read."""


@dataclass(frozen=True)
class View:
    """A part of a picture as strips of one or of several scales, which are read together.

    Attributes:
        strips: ``uint8``, shape (K, 28, 28·slots).
        row: where it was cut out; ``None`` where it is the whole picture.
        number: of the row that it shows, 0 for the surest; the whole picture counts as row 0.
    """

    strips: NDArray[np.uint8]
    row: RowBox | None
    number: int = 0

    @property
    def strip(self) -> NDArray[np.uint8]:
        """The first strip, ``uint8`` (28, 28·slots)."""
        return self.strips[0]


@dataclass(frozen=True)
class Seen:
    """A picture's height and width in pixels, and its strips; of each row the surest reading counts."""

    shape: tuple[int, int]
    views: tuple[View, ...]

    def box(self, view: View) -> RowBox:
        """Where a view was cut out."""
        height, width = self.shape
        return view.row or RowBox(width / 2, height / 2, float(width), float(height))


class Looker:
    """Turns pictures into the strips to read.

    1. A picture of 28 × 28·k pixels, k up to ``slots``, is a strip already: its contrast stays as it is.
    2. Of any other the rows are cut out that the finder sees, and the picture as a whole is a strip as well, unless it
       is higher than wide: it may be tight around its number.

    Args:
        slots: of the network that reads the strips, 1 to 12.
        inked: whether the network knows nothing but bright ink on dark, as strips of the layouts ``structured`` and
            ``free`` have it. It gets strips of either polarity, their ground made dark.
        finder: the finder's file, loaded for the first picture that is no strip; ``None`` looks for no rows and takes
            every picture as a whole.
        threads: processors for the finder.
    """

    def __init__(self, slots: int, inked: bool, finder: Path | None, threads: int = 1) -> None:
        self.slots, self.inked, self.finder = slots, inked, finder
        self._threads = threads
        self._loading = threading.Lock()
        self._find: Finder | None = None

    def rows(self, grey: NDArray[np.uint8]) -> list[RowBox]:
        """Rows of digits in a grey picture, ``uint8`` (H, W), the surest first."""
        if self.finder is None:
            return []
        with self._loading:
            if self._find is None:
                self._find = Finder(self.finder, self._threads)
        return self._find(grey)

    def __call__(self, grey: NDArray[np.uint8]) -> Seen:
        """What is seen in a grey picture, ``uint8`` (H, W)."""
        height, width = grey.shape
        slots, shape = self.slots, (height, width)
        if height == CELL and width % CELL == 0 and width <= CELL * slots:
            if not self.inked:
                return Seen(shape, (View(shrunk(grey, slots)[None], None),))
            # Plain strips begin with their first cell.
            room = ((0, 0), (0, CELL * slots - width))
            strips = in_ink(np.pad(grey, room, constant_values=np.uint8(np.median(grey))), stretched=False)
            return Seen(shape, tuple(View(strip[None], None) for strip in strips))
        views = [
            View(np.stack([cut_row(grey, row, slots, scale) for scale in ROW_SCALES]), row, number)
            for number, row in enumerate(self.rows(grey))
        ]
        if height <= width < WIDEST * height or not views:
            views.insert(0, View(np.stack([fit_whole(grey, slots, scale) for scale in WHOLE_SCALES]), None))
        if self.inked:
            views = [
                View(strip[None], view.row, view.number)
                for view in views
                for strip in in_ink(view.strip, stretched=True)
            ]
        return Seen(shape, tuple(views))
