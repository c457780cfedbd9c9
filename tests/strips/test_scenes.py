"""Strips cut out of scenes: shapes, labels, and nothing in common between splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.labels import BLANK, lengths
from multidigit.settings import validate
from multidigit.strips.compose import Strips
from multidigit.strips.scenes import scene_strips
from multidigit.strips.stream import StripStream

pytestmark = pytest.mark.usefixtures("small_world")


def draw(count: int, slots: int = 5, seed: int = 0, views: int = 1, split: str = "validation") -> Strips:
    return scene_strips(count, slots, split, np.random.default_rng(seed), views)


def same(one: Strips, other: Strips) -> bool:
    return one.images.tobytes() == other.images.tobytes() and one.slots.tobytes() == other.slots.tobytes()


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_shapes_types_and_lengths(slots: int) -> None:
    strips = draw(150, slots)
    assert (strips.images.dtype, strips.images.shape) == (np.uint8, (150, 28, 28 * slots))
    assert (strips.slots.dtype, strips.slots.shape) == (np.uint8, (150, slots))
    assert {0, 1, slots} <= set(lengths(strips.slots).tolist())
    # Digits are on the left; but for those of a number that is too long, which begins with a blank.
    there = strips.slots != BLANK
    assert (there[:, 1:] <= there[:, :-1])[there[:, 0]].all()
    if slots > 2:
        assert (~there[:, 0] & there[:, 1]).any()


def test_strips_are_grey_and_of_either_polarity() -> None:
    grounds = np.median(draw(150).images, (1, 2))
    assert (grounds < 90).mean() > 0.1
    assert (grounds > 165).mean() > 0.1


def test_the_same_seed_draws_the_same_strips() -> None:
    assert same(draw(30), draw(30))
    assert not same(draw(30), draw(30, seed=1))
    assert len({image.tobytes() for image in draw(100).images}) > 97


def test_splits_have_other_writers() -> None:
    one, other = draw(60), draw(60, split="test")
    changed = (one.images != other.images).any((1, 2))
    assert changed.any()


def test_views_show_the_same_number_differently() -> None:
    strips = draw(150, views=3)
    pairs = (strips.slots[1:] == strips.slots[:-1]).all(1) & (lengths(strips.slots)[1:] > 2)
    assert pairs.mean() > 0.3
    assert (strips.images[1:] != strips.images[:-1])[pairs].any((1, 2)).mean() > 0.95


class TestStream:
    @pytest.fixture
    def stream(self, toy_npz: Path) -> StripStream:
        return self.make(toy_npz)

    def make(self, digits: Path, **layout: float) -> StripStream:
        return StripStream(validate({"digits": str(digits), "slots": 6, "layout": {"name": "scene", **layout}}))

    def test_batches_and_fixed_strips_come_again(self, stream: StripStream, toy_npz: Path) -> None:
        other = self.make(toy_npz)
        other.fixed("test", 5)
        for index in (2, 0):
            assert same(stream.batch(index, 16), other.batch(index, 16))
        for split in ("validation", "test"):
            assert same(stream.fixed(split, 20), other.fixed(split, 20))
        drawn = [stream.fixed("validation", 20), stream.fixed("test", 20), stream.batch(0, 20), stream.batch(1, 20)]
        drawn.append(stream.fixed("validation", 20, again=1))
        assert len({strips.images.tobytes() for strips in drawn}) == len(drawn)
        assert not stream.composed

    def test_the_plain_share_is_free_strips_of_either_polarity(self, toy_npz: Path) -> None:
        free = StripStream(validate({"digits": str(toy_npz), "slots": 6, "layout": "free"})).fixed("test", 40)
        plain = self.make(toy_npz, plain=1).fixed("test", 40)
        assert np.array_equal(plain.slots, free.slots)
        assert np.array_equal(plain.images[::2], free.images[::2])
        assert np.array_equal(plain.images[1::2], 255 - free.images[1::2])
        some = self.make(toy_npz, plain=0.5).fixed("test", 40)
        shares = [count for count in range(1, 40) if (some.images[-count:] == self.plain(toy_npz, count)).all()]
        assert len(shares) == 1
        assert 8 < shares[0] < 32

    def plain(self, digits: Path, count: int) -> NDArray[np.uint8]:
        return self.make(digits, plain=1).fixed("test", count).images
