"""Distractors: letters, shapes, scribbles and texture, and strips that hold them beside numbers or in their place."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.digits import load_digits
from multidigit.digits.printed.fonts import load_letter_fonts
from multidigit.errors import SettingsError
from multidigit.labels import BLANK, CELL, WIDTH, lengths
from multidigit.settings import LayoutSettings, Settings, validate
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.distractors import (
    ALIKE,
    CLEAR,
    LETTERS,
    POINTS,
    SCRIBBLES,
    SHAPES,
    Distractors,
    _has,
    load_distractors,
    textures,
)
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def marks() -> Distractors:
    return load_distractors(0)


def composed(
    layout: LayoutSettings, marks: Distractors | None, count: int = 250
) -> Strips:  # one chunk: its numbers come before its marks
    return Composer(load_digits("drawn", "validation", 0), layout, 5, marks).compose(count, np.random.default_rng(5))


def test_the_pool_is_like_digits_and_the_same_for_a_seed(marks: Distractors) -> None:
    assert marks.images.shape == (LETTERS + SHAPES + SCRIBBLES + POINTS, CELL, CELL)
    assert marks.images.dtype == np.uint8
    again = load_distractors.__wrapped__(0)
    assert np.array_equal(again.images, marks.images)
    assert np.array_equal(again.clear, marks.clear)
    assert not np.array_equal(load_distractors(1).images, marks.images)
    rows, columns = (marks.images.any(axis) for axis in (2, 1))
    assert rows.any(1).all(), "a mark without ink"
    tall = CELL - rows[:, ::-1].argmax(1) - rows.argmax(1)
    wide = CELL - columns[:, ::-1].argmax(1) - columns.argmax(1)
    longer = np.maximum(tall, wide)
    assert longer.max() <= 20
    assert longer[~marks.points].min() >= 8
    assert (longer[marks.points].min(), longer[marks.points].max()) == (2, 14)
    # Some letters look like digits alone, shapes and scribbles never count as such.
    assert 0.2 < 1 - marks.clear[:LETTERS].mean() < 0.4
    assert marks.clear[LETTERS:-POINTS].all()
    assert not marks.clear[-POINTS:].any()
    assert np.array_equal(np.flatnonzero(marks.points), np.arange(len(marks.images))[-POINTS:])


def test_no_letter_that_looks_like_a_digit_counts_as_clear() -> None:
    assert not set(CLEAR) & (set(ALIKE) | set("0123456789"))


def test_letters_that_a_font_lacks_are_not_drawn() -> None:
    for font in load_letter_fonts(40):
        # U+10FFFD is no character: fonts draw their box for it.
        assert "\U0010fffd" not in _has(font, "A\U0010fffd")
        assert "A" in _has(font, "A\U0010fffd")


@pytest.mark.parametrize("name", ["structured", "free"])
def test_empty_strips_hold_no_number_and_the_others_stay_as_they_are(marks: Distractors, name: str) -> None:
    layout = LayoutSettings(name=name, empty=0.4)  # type: ignore[arg-type]
    strips, plain = composed(layout, marks), composed(LayoutSettings(name=name), None)  # type: ignore[arg-type]
    bare = (strips.slots == BLANK).all(1)
    assert 0.33 < bare.mean() < 0.47
    assert np.array_equal(strips.slots[~bare], plain.slots[~bare])
    # A fifth of them have no marks, two thirds of which texture.
    blank = ~strips.images[bare].any((1, 2))
    assert 0.02 < blank.mean() < 0.15
    assert 0.5 < (strips.images[bare].max((1, 2)) > 200).mean()


def test_marks_stand_beside_numbers_that_leave_room(marks: Distractors) -> None:
    strips = composed(LayoutSettings(beside=1.0), marks)
    plain = composed(LayoutSettings(), None)
    assert np.array_equal(strips.slots, plain.slots)
    room = lengths(plain.slots) < 5
    more = [images.astype(np.int64).sum((1, 2)) for images in (strips.images, plain.images)]
    assert more[0][room].mean() > 1.2 * more[1][room].mean()
    assert 0.8 < more[0][~room].mean() / more[1][~room].mean() < 1.25


def test_in_cells_a_mark_follows_the_number(marks: Distractors) -> None:
    strips = composed(LayoutSettings(name="structured", beside=1.0), marks)
    plain = composed(LayoutSettings(name="structured"), None)
    assert np.array_equal(strips.slots, plain.slots)
    cells = [images.reshape(-1, CELL, 5, CELL).swapaxes(1, 2) for images in (strips.images, plain.images)]
    digit = strips.slots != BLANK
    assert np.array_equal(cells[0][digit], cells[1][digit])
    marked = cells[0].any((2, 3)).sum(1)
    assert np.array_equal(marked, np.minimum(lengths(strips.slots) + 1, 5))


def test_textures_are_coarse_and_fine_dark_and_bright() -> None:
    strips = textures(200, 140, np.random.default_rng(0))
    assert strips.shape == (200, CELL, WIDTH)
    means = strips.mean((1, 2))
    assert means.min() < 60
    assert means.max() > 190
    change = np.abs(np.diff(strips.astype(int), axis=2)).mean((1, 2))
    assert change.max() > 10 * max(np.median(change), 1e-9) or change.max() > 40
    assert np.array_equal(strips, textures(200, 140, np.random.default_rng(0)))


def test_marks_must_be_given_where_the_layout_wants_them() -> None:
    with pytest.raises(SettingsError, match=r"layout\.empty"):
        composed(LayoutSettings(empty=0.1), None)


def test_splits_share_no_marks(marks: Distractors) -> None:
    settings: Settings = validate({"layout": {"empty": 1.0}, "effects": "none"})
    stream = StripStream(settings)
    train, validation = stream.batch(0, 300), stream.fixed("validation", 300)
    assert (train.slots == BLANK).all()
    seen = {image.tobytes() for image in train.images if image.any()}
    assert not seen & {image.tobytes() for image in validation.images}


@pytest.mark.parametrize("text", ["layout.empty", "layout.beside"])
def test_shares_lie_between_0_and_1(text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        validate({"layout": {text.partition(".")[2]: 1.5}})
