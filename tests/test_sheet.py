"""Contact sheets: every strip is there, where it belongs, with its caption."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from multidigit.labels import CELL, WIDTH
from multidigit.show.sheet import contact_sheet


def pixels(data: bytes) -> NDArray[np.uint8]:
    image = Image.open(BytesIO(data))
    assert (image.format, image.mode) == ("PNG", "L")
    return np.asarray(image)


@pytest.fixture
def strips() -> NDArray[np.uint8]:
    """Strips of noise, none of which looks like paper or another one."""
    return np.random.default_rng(0).integers(0, 255, (5, CELL, WIDTH)).astype(np.uint8)


def place(sheet: NDArray[np.uint8], strip: NDArray[np.uint8]) -> tuple[int, int]:
    """Row and column of the one place where a sheet holds a strip, enlarged twice."""
    large = strip.repeat(2, 0).repeat(2, 1)
    rows, columns = sheet.shape[0] - large.shape[0] + 1, sheet.shape[1] - large.shape[1] + 1
    starts = np.argwhere(sheet[:rows, :columns] == large[0, 0])
    found = [
        (int(y), int(x))
        for y, x in starts
        if np.array_equal(sheet[y : y + large.shape[0], x : x + large.shape[1]], large)
    ]
    assert len(found) == 1
    return found[0]


def test_strips_stand_in_rows_from_the_left(strips: NDArray[np.uint8]) -> None:
    sheet = pixels(contact_sheet(strips, ["x"] * 5, columns=2))
    places = [place(sheet, strip) for strip in strips]
    assert places == sorted(places)
    rows, columns = ([part[axis] for part in places] for axis in (0, 1))
    assert rows[0] == rows[1] < rows[2] == rows[3] < rows[4]
    assert columns[0] == columns[2] == columns[4] < columns[1] == columns[3]
    # The place of a sixth strip stays paper.
    assert (sheet[rows[4] :, columns[1] :] == 255).all()


def test_captions_stand_under_their_own_strip(strips: NDArray[np.uint8]) -> None:
    bare, told = (pixels(contact_sheet(strips[:2], ["", text], columns=1)) for text in ("", "12345 → 1234 99%"))
    changed = np.argwhere(bare != told)
    top, left = place(told, strips[1])
    assert len(changed) > 50
    assert changed[:, 0].min() >= top + 2 * CELL
    assert changed[:, 1].min() >= left
    assert told[tuple(changed[0])] < 255


def test_a_sheet_is_no_wider_than_its_strips(strips: NDArray[np.uint8]) -> None:
    assert contact_sheet(strips[:2], ["a", "b"], columns=9) == contact_sheet(strips[:2], ["a", "b"], columns=2)


def test_each_strip_needs_a_caption(strips: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        contact_sheet(strips, ["only one"])
