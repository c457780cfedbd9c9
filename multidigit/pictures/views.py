"""A picture -> the strips to read: the rows of digits that the finder sees in it, and the picture as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL
from multidigit.pictures.fitting import RowBox, cut_row, fit_whole, in_ink

Find: TypeAlias = Callable[[NDArray[np.uint8]], list[RowBox]]
"""Finds rows of digits in a grey picture, the surest first."""
WIDEST = 16
"""Width by height from which a picture as a whole is too flat to be read."""


@dataclass(frozen=True)
class View:
    """One strip of a picture.

    Attributes:
        strip: ``uint8``, shape (28, 28·slots).
        row: where it was cut out; ``None`` where it is the whole picture.
        number: of the row that it shows, 0 for the surest; the whole picture counts as row 0.
    """

    strip: NDArray[np.uint8]
    row: RowBox | None
    number: int = 0


@dataclass(frozen=True)
class Seen:
    """What is seen in a picture: its grey levels, ``uint8`` (H, W), and the strips to read; of each row the surest
    reading counts."""

    grey: NDArray[np.uint8]
    views: tuple[View, ...]


def look(grey: NDArray[np.uint8], slots: int, find: Find, inked: bool) -> Seen:
    """What is seen in a grey picture.

    1. A picture of 28 × 28·k pixels, k up to ``slots``, is a strip already and passes as it is.
    2. Of any other the rows are cut out that ``find`` gives, and the picture as a whole is read as well, unless it is
       higher than wide: it may be tight around its number.

    Args:
        grey: the picture, ``uint8`` (H, W).
        slots: of the network that reads the strips, 1 to 12.
        find: the finder.
        inked: whether the network knows nothing but bright ink on dark, as strips of the layouts ``structured`` and
            ``free`` have it. It gets strips of either polarity, their ground made dark.
    """
    height, width = grey.shape
    if height == CELL and width % CELL == 0 and width <= CELL * slots:
        strip = np.full((CELL, CELL * slots), np.uint8(np.median(grey)) if width < CELL * slots else 0)
        left = (strip.shape[1] - width) // 2 if not inked else 0
        strip[:, left : left + width] = grey
        return Seen(grey, tuple(View(each, None) for each in (in_ink(strip, stretched=False) if inked else [strip])))
    views = [View(cut_row(grey, row, slots), row, number) for number, row in enumerate(find(grey))]
    if height <= width < WIDEST * height or not views:
        views.insert(0, View(fit_whole(grey, slots), None))
    if inked:
        views = [View(strip, view.row, view.number) for view in views for strip in in_ink(view.strip, stretched=True)]
    return Seen(grey, tuple(views))
