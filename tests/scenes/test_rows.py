"""Rows of characters by themselves: ink, windows, and a box for every digit."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.scenes.rows import KINDS, draw_row
from multidigit.scenes.texts import Text

pytestmark = pytest.mark.usefixtures("small_world")


@pytest.mark.parametrize("kind", ["hand", "font", "segments", "dots"])
def test_the_boxes_hold_the_ink(kind: str) -> None:
    shares = []
    for seed in range(15):
        row = draw_row(Text(tuple("40719"), "40719"), 24, np.random.default_rng(seed), "validation", kind)
        assert (row.digits, row.kind, row.boxes.shape) == ("40719", kind, (5, 4))
        assert row.ink.dtype == row.tone.dtype == row.boxes.dtype == np.float32
        assert (np.diff(row.boxes[:, [0, 2]].mean(1)) > 0).all()
        y, x = np.indices(row.ink.shape)
        held = np.zeros(row.ink.shape, bool)
        for left, top, right, bottom in row.boxes:
            held |= (x >= left - 2) & (x < right + 2) & (y >= top - 2) & (y < bottom + 2)
            assert row.ink[int(top) : int(bottom), int(left) : int(right)].max() > 0.4
        shares.append(row.ink[held].sum() / row.ink.sum())
    # Ink is thickened and bent, and written numbers may be underlined.
    assert np.median(shares) > 0.95
    assert min(shares) > 0.6


def test_signs_and_words_have_no_boxes() -> None:
    row = draw_row(Text(("€", "4", ",", "2", " ", "kWh"), "42"), 20, np.random.default_rng(0), "test", "font")
    assert len(row.boxes) == 2
    assert len(draw_row(Text(("Total",), ""), 20, np.random.default_rng(0), "test", "font").boxes) == 0


def test_wheels_stand_in_windows() -> None:
    for seed in range(15):
        row = draw_row(Text(tuple("0382"), "0382"), 24, np.random.default_rng(seed), "validation", "wheels")
        assert row.plate is not None
        assert row.plate_tone is not None
        assert row.plate.shape == row.plate_tone.shape == row.ink.shape
        middles = row.boxes.reshape(-1, 2, 2).mean(1).astype(int)
        assert (row.plate[middles[:, 1], middles[:, 0]] == 1).all()
        # Neighbours on a wheel are seen as far as the window goes.
        assert row.ink[row.plate == 0].sum() == 0
        assert np.allclose(np.diff(row.boxes[:, [0, 2]].mean(1)), np.diff(row.boxes[:, [0, 2]].mean(1))[0], atol=0.1)


@pytest.mark.parametrize("kind", ["hand", *KINDS])
def test_the_same_seed_draws_the_same_row(kind: str) -> None:
    one, other = (draw_row(Text(tuple("65"), "65"), 18, np.random.default_rng(4), "validation", kind) for _ in range(2))
    assert np.array_equal(one.ink, other.ink)
    assert np.array_equal(one.boxes, other.boxes)
