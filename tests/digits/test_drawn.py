"""Digits drawn from pen strokes: varied as handwriting is, and well-made styles."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.digits import make_source
from multidigit.digits.drawn import Drawn
from multidigit.digits.drawn.pen import DRAWS, Variation, draw_batch
from multidigit.digits.drawn.styles import STYLES, choice, parse, tables
from multidigit.errors import DataError

EVERY = np.arange(10, dtype=np.uint8).repeat(60)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return Drawn().draw(EVERY, [5])


def test_a_label_is_drawn_as_itself(images):
    """Far from recognition: each class's mean image resembles the same class of another seed more than any other."""

    def means(drawn: np.ndarray) -> np.ndarray:
        flat = drawn.reshape(10, 60, -1).mean(1)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.sqrt((flat * flat).sum(1, keepdims=True))

    assert ((means(images) @ means(Drawn().draw(EVERY, [8])).T).argmax(1) == np.arange(10)).all()


def test_ink_width_and_slant_spread_within_each_digit(images):
    for digit in range(10):
        ink = images[digit == EVERY].astype(float)
        share = (ink > 100).mean((1, 2))
        assert share.std() > 0.15 * share.mean()
        assert (ink > 100).any(1).sum(1).std() > 1.5
        x = y = np.arange(28) - 14
        slant = -(ink * x * y[:, None]).sum((1, 2)) / (ink * (y * y)[:, None]).sum((1, 2))
        assert slant.std() > 0.1


@pytest.mark.parametrize("name", [field for field in vars(Variation()) if field != "rounding_spans"])
def test_every_kind_of_variation_matters(name):
    labels, numbers = EVERY[::6], np.random.Generator(np.random.PCG64(2)).random((100, DRAWS))
    value = getattr(Variation(), name)
    other = value / 2 if isinstance(value, float) else (value[0] * 0.9 + 0.1 * value[1],) * 2
    changed = draw_batch(labels, numbers, variation=Variation(**{name: other}))
    assert (changed != draw_batch(labels, numbers)).any()


def test_still_numbers_give_the_plain_style():
    """With every number at one half nothing but the table of styles is left, so equal labels give equal images."""
    images = draw_batch(np.array([4, 4, 7], np.uint8), np.full((3, DRAWS), 0.5))
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()


def test_enough_numbers_are_set_aside():
    numbers = np.random.default_rng(1).random((20, DRAWS))
    labels = np.arange(20, dtype=np.uint8) % 10
    spare = np.hstack([numbers[:, :-1], 1 - numbers[:, -1:]])
    assert (draw_batch(labels, numbers) == draw_batch(labels, spare)).all(), "the last number is not used"


def test_slashed_zeros_come_on_request_only():
    zeros = np.zeros(200, np.uint8)
    plain, slashed = Drawn().draw(zeros, [1]), Drawn(slashed=True).draw(zeros, [1])
    assert (plain != slashed).any((1, 2)).sum() > 5
    slash = [number for number, style in enumerate(STYLES) if style.slashed]
    assert (np.diff(choice(False)[0], prepend=0)[slash] == 0).all()
    assert (np.diff(choice(True)[0], prepend=0)[slash] > 0).all()


def test_styles_are_well_made():
    for style in STYLES:
        strokes = parse(style.path)
        assert style.weight > 0
        assert all(len(stroke) >= 3 for stroke in strokes), "a stroke of two points cannot bend"
        corners = [[point[2] for point in stroke] for stroke in strokes]
        assert [[point[2] for point in stroke] for stroke in parse(style.towards or style.path)] == corners
        heights = [point[1] for stroke in strokes for point in stroke]
        assert -0.05 <= min(heights) <= 0.1
        assert 0.8 <= max(heights) <= 1.05
    assert len({(style.digit, style.name) for style in STYLES}) == len(STYLES)
    assert min(sum(style.digit == digit for style in STYLES) for digit in range(10)) >= 4


def test_tables_mix_points_fairly():
    table = tables()
    np.testing.assert_allclose(table.share.sum(2), 1, atol=1e-12)
    assert (table.first < table.last).all()
    assert (choice(False)[:, -1] == 1).all()


def test_a_spec_asks_for_slashed_zeros():
    source = make_source("drawn:slashed")
    assert isinstance(source, Drawn)
    assert source.slashed
    assert source.fingerprint() != Drawn().fingerprint()
    with pytest.raises(DataError, match=r"drawn:slashed; received drawn:crossed"):
        make_source("drawn:crossed")
