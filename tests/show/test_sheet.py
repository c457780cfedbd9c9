"""Contact sheets: every strip is there, in rows from the left, with its caption under it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from multidigit.show.sheet import contact_sheet


def pixels(data: bytes) -> NDArray[np.uint8]:
    image = Image.open(BytesIO(data))
    assert (image.format, image.mode) == ("PNG", "L")
    return np.asarray(image)


def noise(count: int, slots: int) -> NDArray[np.uint8]:
    """Strips of which none looks like paper or another one."""
    return np.random.default_rng(0).integers(0, 255, (count, 28, 28 * slots)).astype(np.uint8)


def place(sheet: NDArray[np.uint8], strip: NDArray[np.uint8]) -> tuple[int, int]:
    """Row and column of the one place where a sheet holds a strip, enlarged twice."""
    large = strip.repeat(2, 0).repeat(2, 1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet, large.shape)
    found = [at for at in np.argwhere(windows[..., 0, 0] == large[0, 0]) if np.array_equal(windows[tuple(at)], large)]
    assert len(found) == 1
    return int(found[0][0]), int(found[0][1])


@pytest.mark.parametrize(("slots", "across"), [(1, 20), (3, 6), (5, 4), (8, 2), (12, 1)])
def test_strips_stand_in_rows_from_the_left(slots: int, across: int) -> None:
    strips = noise(across + 1, slots)
    sheet = pixels(contact_sheet(strips, ["x"] * len(strips)))
    places = [place(sheet, strip) for strip in strips]
    assert places == sorted(places)
    assert len({row for row, _ in places[:across]}) == 1
    assert places[across][0] > places[0][0]
    assert places[across][1] == places[0][1]
    # The places after the last strip stay paper.
    assert (sheet[places[across][0] :, places[across][1] + 56 * slots + 1 :] == 255).all()


def test_captions_stand_under_their_own_strip() -> None:
    strips = noise(2, 12)
    bare, captioned = (pixels(contact_sheet(strips, ["", text])) for text in ("", "12345 → 1234 99%"))
    changed = np.argwhere(bare != captioned)
    top, left = place(captioned, strips[1])
    assert len(changed) > 50
    assert changed[:, 0].min() >= top + 56
    assert changed[:, 1].min() >= left


def test_a_sheet_is_no_wider_than_its_strips() -> None:
    assert pixels(contact_sheet(noise(2, 5), ["a", "b"])).shape[1] == 2 * (280 + 6) + 6


def test_each_strip_needs_a_caption() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        contact_sheet(noise(2, 5), ["only one"])
