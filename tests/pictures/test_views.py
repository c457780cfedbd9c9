"""What is read of a picture: strips as they are, the rows that the finder sees, and the whole where it may be tight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import drawing
from numpy.typing import NDArray

from multidigit.pictures import Looker, RowBox
from multidigit.pictures.fitting import cut_row, fit_whole, in_ink, shrunk
from multidigit.pictures.views import ROW_SCALES, WHOLE_SCALES

ROWS = [RowBox(200, 60, 170, 45, 0.0, 0.9), RowBox(100, 30, 50, 20, 0.2, 0.4)]
NOISE = np.random.default_rng(3).integers(0, 256, (28, 140)).astype(np.uint8)


def looker(rows: list[RowBox], inked: bool = False, slots: int = 5) -> Looker:
    """One whose finder sees these rows in any picture."""
    made = Looker(slots, inked, Path("finder.tflite"))
    made.rows = lambda grey: rows  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize("slots", [1, 3, 5, 12])
def test_a_strip_passes_byte_for_byte(slots: int) -> None:
    strip = np.resize(np.minimum(NOISE, 40), (28, 28 * slots))
    # The finder is not even loaded.
    seen = Looker(slots, True, Path("none.tflite"))(strip)
    assert [view.row for view in seen.views] == [None]
    assert np.array_equal(seen.views[0].strip, strip)
    assert seen.box(seen.views[0]) == RowBox(14 * slots, 14, 28 * slots, 28)


def test_a_smaller_strip_stands_on_its_own_ground() -> None:
    small = np.where(NOISE[:, :28] > 200, NOISE[:, :28], 7).astype(np.uint8)
    (view,) = looker(ROWS, inked=True)(small).views
    assert np.array_equal(view.strip[:, :28], small)
    assert (view.strip[:, 28:] == 7).all()
    # Readers of scenes see it a little smaller, in the middle.
    (view,) = looker(ROWS)(small).views
    assert np.array_equal(view.strip, shrunk(small, 5))
    assert (np.delete(view.strip, np.s_[57:83], 1) == 7).all()


@pytest.mark.parametrize(
    ("shape", "rows", "numbers"),
    [
        ((120, 400), 2, [0, 0, 1]),
        ((120, 400), 0, [0]),
        ((28, 168), 1, [0, 0]),
        ((400, 120), 2, [0, 1]),
        ((400, 120), 0, [0]),
        ((20, 4000), 1, [0]),
        ((20, 4000), 0, [0]),
    ],
    ids=lambda value: str(value),
)
def test_rows_and_the_whole(shape: tuple[int, int], rows: int, numbers: list[int]) -> None:
    """The whole only of what is neither higher than wide nor very flat, or where there is no row."""
    grey = drawing(shape=shape)
    seen = looker(ROWS[:rows])(grey)
    assert seen.shape == shape
    assert [view.number for view in seen.views] == numbers
    whole = [np.stack([fit_whole(grey, 5, scale) for scale in WHOLE_SCALES])]
    expected = whole * (len(numbers) > rows)
    expected += [np.stack([cut_row(grey, row, 5, scale) for scale in ROW_SCALES]) for row in ROWS[:rows]]
    assert [view.row for view in seen.views] == [None] * (len(numbers) - rows) + ROWS[:rows]
    for view, strips in zip(seen.views, expected, strict=True):
        assert np.array_equal(view.strips, strips)
    box = RowBox(shape[1] / 2, shape[0] / 2, shape[1], shape[0])
    assert [seen.box(view) for view in seen.views] == [view.row or box for view in seen.views]


def test_networks_of_plain_strips_get_bright_ink_of_either_polarity() -> None:
    for ink, paper in ((0, 255), (255, 0)):
        views = looker([], inked=True)(drawing(ink=ink, paper=paper)).views
        assert len(views) == 1
        assert np.median(views[0].strip) == 0
        assert views[0].strip.max() == 255
    doubtful: NDArray[np.uint8] = drawing(ink=0, paper=120)
    doubtful[:10] = 255
    views = looker(ROWS, inked=True)(doubtful).views
    strips = [
        strip
        for grey in (fit_whole(doubtful, 5), *(cut_row(doubtful, row, 5) for row in ROWS))
        for strip in in_ink(grey, True)
    ]
    assert len(strips) > 3
    assert [view.strip.tobytes() for view in views] == [strip.tobytes() for strip in strips]
    plain = np.full((28, 140), 20, np.uint8)
    plain[4:24, 30:40] = 90
    for strip in (plain, 255 - plain):
        (view,) = looker([], inked=True)(strip).views
        assert np.array_equal(view.strip, plain)
