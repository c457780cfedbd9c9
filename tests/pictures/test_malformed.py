"""Odd files are read as they should be; broken ones are read or refused in one line, soon and in little memory."""

from __future__ import annotations

import numpy as np
import pytest
from pictures.malformed import BROKEN, ODD

from multidigit.errors import PictureError
from multidigit.pictures import load_picture

MEANT = (13, 11)
"""Width and height of what all files show, or would if they were whole."""
REFUSED = (
    "signature",
    "no IHDR",
    "no IDAT",
    "width",
    "height",
    "size",
    "bits: ",
    "cut short after 3",
    "huge",
    "a header of 0",
)
"""Parts of the names of files that nobody could make a picture of."""


@pytest.mark.parametrize("name", ODD)
def test_odd_files_have_the_right_levels(name: str) -> None:
    data, levels = ODD[name]
    found = load_picture(data)
    assert found.shape == levels.shape
    # Five bits hold a level to within 4.
    assert np.abs(found.astype(int) - levels).max() <= (4 if name.startswith("bmp, 16") else 0)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("little_memory")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_read_or_refused_in_one_line(name: str) -> None:
    found = refused = None
    try:
        found = load_picture(BROKEN[name])
    except PictureError as error:
        refused = str(error)
    if found is None:
        assert refused
        assert refused.isprintable()
        assert refused.startswith("picture bytes: expected ")
    else:
        assert not any(part in name for part in REFUSED)
        assert found.dtype == np.uint8
        assert found.shape[::-1] == MEANT
