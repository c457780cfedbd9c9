"""Distractors: letters, shapes, scribbles and texture, and strips that hold them beside numbers or in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multidigit.digits import load_digits
from multidigit.digits.printed.fonts import load_letter_fonts
from multidigit.errors import SettingsError
from multidigit.labels import BLANK, CELL, lengths
from multidigit.settings import LayoutSettings, validate
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.distractors import (
    ALIKE,
    CLEAR,
    LETTERS,
    POINTS,
    SCRIBBLES,
    SHAPES,
    Distractors,
    letters_of,
    load_distractors,
    textures,
)
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def pool() -> Distractors:
    return load_distractors(0)


def composed(pool: Distractors | None, slots: int = 5, **layout: Any) -> Strips:
    """One chunk, whose numbers are drawn before its distractors."""
    settings = LayoutSettings(**{"length": (1, slots)} | layout)
    digits = load_digits("drawn", "test", 0)
    return Composer(digits, settings, slots, pool).compose(250, np.random.default_rng(5))


def test_the_pool_is_like_digits_and_the_same_for_a_seed(pool: Distractors) -> None:
    assert pool.images.shape == (LETTERS + SHAPES + SCRIBBLES + POINTS, CELL, CELL)
    assert pool.images.dtype == np.uint8
    again = load_distractors.__wrapped__(0)
    assert np.array_equal(again.images, pool.images)
    assert np.array_equal(again.clear, pool.clear)
    rows, columns = (pool.images.any(axis) for axis in (2, 1))
    assert rows.any(1).all(), "one without ink"
    tall = CELL - rows[:, ::-1].argmax(1) - rows.argmax(1)
    wide = CELL - columns[:, ::-1].argmax(1) - columns.argmax(1)
    longer = np.maximum(tall, wide)
    assert longer.max() <= 20
    assert longer[~pool.points].min() >= 8
    assert (longer[pool.points].min(), longer[pool.points].max()) == (2, 14)
    # Some letters look like digits alone, shapes and scribbles never count as such.
    assert 0.2 < 1 - pool.clear[:LETTERS].mean() < 0.4
    assert pool.clear[LETTERS:-POINTS].all()
    assert not pool.clear[-POINTS:].any()
    assert np.array_equal(np.flatnonzero(pool.points), np.arange(len(pool.images))[-POINTS:])


def test_no_letter_that_looks_like_a_digit_counts_as_clear() -> None:
    assert not set(CLEAR) & (set(ALIKE) | set("0123456789"))


def test_letters_that_a_font_lacks_are_not_drawn() -> None:
    for font in load_letter_fonts(40):
        # U+10FFFD is no character: fonts draw their box for it.
        assert letters_of(font, "A\U0010fffd") == "A"


@pytest.mark.parametrize("slots", [1, 5, 12])
@pytest.mark.parametrize("name", ["structured", "free"])
def test_empty_strips_hold_no_number_and_the_others_stay_as_they_are(pool: Distractors, name: str, slots: int) -> None:
    strips, plain = composed(pool, slots, name=name, empty=0.4), composed(None, slots, name=name)
    bare = (strips.slots == BLANK).all(1)
    assert 0.33 < bare.mean() < 0.47
    assert np.array_equal(strips.slots[~bare], plain.slots[~bare])
    # A fifth of them have no distractors, two thirds of which texture.
    blank = ~strips.images[bare].any((1, 2))
    assert 0.02 < blank.mean() < 0.15
    assert 0.5 < (strips.images[bare].max((1, 2)) > 200).mean()


@pytest.mark.parametrize("slots", [3, 5, 12])
def test_distractors_stand_beside_numbers_that_leave_room(pool: Distractors, slots: int) -> None:
    strips, plain = composed(pool, slots, beside=1.0), composed(None, slots)
    assert np.array_equal(strips.slots, plain.slots)
    room = lengths(plain.slots) < slots
    more, usual = (images.astype(np.int64).sum((1, 2)) for images in (strips.images, plain.images))
    assert more[room].mean() > (1 + 0.8 / slots) * usual[room].mean()
    assert 0.8 < more[~room].mean() / usual[~room].mean() < 1.25


@pytest.mark.parametrize("slots", [3, 5, 12])
def test_in_cells_a_distractor_follows_the_number(pool: Distractors, slots: int) -> None:
    strips, plain = (composed(some, slots, name="structured", beside=float(some is not None)) for some in (pool, None))
    assert np.array_equal(strips.slots, plain.slots)
    cells = [images.reshape(-1, CELL, slots, CELL).swapaxes(1, 2) for images in (strips.images, plain.images)]
    digit = strips.slots != BLANK
    assert np.array_equal(cells[0][digit], cells[1][digit])
    filled = cells[0].any((2, 3)).sum(1)
    assert np.array_equal(filled, np.minimum(lengths(strips.slots) + 1, slots))


def test_textures_are_coarse_and_fine_dark_and_bright() -> None:
    strips = textures(200, 84, np.random.default_rng(0))
    assert strips.shape == (200, CELL, 84)
    means = strips.mean((1, 2))
    assert means.min() < 60
    assert means.max() > 190
    change = np.abs(np.diff(strips.astype(int), axis=2)).mean((1, 2))
    assert change.max() > 10 * max(np.median(change), 1e-9) or change.max() > 40
    assert np.array_equal(strips, textures(200, 84, np.random.default_rng(0)))


def test_distractors_must_be_given_where_the_layout_has_some() -> None:
    with pytest.raises(SettingsError, match=r"layout\.empty and layout\.beside need distractors; received none"):
        composed(None, empty=0.1)


def test_splits_share_no_distractors(toy_npz: Path) -> None:
    stream = StripStream(validate({"digits": str(toy_npz), "layout": {"empty": 1.0}}))
    train, validation = stream.batch(0, 300), stream.fixed("validation", 300)
    assert (train.slots == BLANK).all()
    seen = {image.tobytes() for image in train.images if image.any()}
    assert not seen & {image.tobytes() for image in validation.images}
