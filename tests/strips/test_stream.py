"""The one generator: the same strips for every strategy, no strip twice, and pools that share no digit."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multidigit.digits import SPLITS, load_digits
from multidigit.digits.drawn import Drawn
from multidigit.labels import BLANK, lengths
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import Settings, validate
from multidigit.strips.compose import CHUNK, Strips
from multidigit.strips.stream import StripStream


def make(digits: Path | str, **data: Any) -> Settings:
    return validate({"digits": str(digits), "layout": "free", **data})


def stream(digits: Path | str, **data: Any) -> StripStream:
    return StripStream(make(digits, **data))


def same(one: Strips, other: Strips) -> bool:
    return one.images.tobytes() == other.images.tobytes() and one.slots.tobytes() == other.slots.tobytes()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits that were kept before, by another version perhaps, prove nothing."""
    monkeypatch.setenv("MULTIDIGIT_CACHE", str(tmp_path))


@pytest.fixture
def few_drawn(monkeypatch: pytest.MonkeyPatch) -> str:
    """A source by another name: drawn digits, but not as many as training has, which take long to draw."""
    monkeypatch.setattr("multidigit.digits.SOURCES", {"few_drawn": partial(Drawn, 3000)})
    return "few_drawn"


@pytest.fixture(params=["structured", "free"])
def layout(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
def test_shapes_and_types(toy_npz, layout, slots):
    strips = stream(toy_npz, layout=layout, slots=slots, effects="photo", train={"augment": 1})
    for drawn, count in ((strips.batch(0, 33), 33), (strips.fixed("validation", 20), 20), (strips.fixed("test", 1), 1)):
        assert (drawn.images.dtype, drawn.images.shape) == (np.uint8, (count, 28, 28 * slots))
        assert (drawn.slots.dtype, drawn.slots.shape) == (np.uint8, (count, slots))
    assert set(lengths(strips.batch(1, 200).slots).tolist()) == set(range(1, slots + 1))
    assert strips.alone("test", strips.fixed("test", 9)).shape == (9, slots, 28, 28 * slots)


def test_a_batch_depends_on_its_number_alone(toy_npz, layout):
    first = stream(toy_npz, layout=layout)
    forwards = [first.batch(index, 64) for index in range(4)]
    other = stream(toy_npz, layout=layout)
    other.fixed("test", 50)
    other.batch(7, 10)
    for index in (3, 1, 0, 2, 1):
        assert same(other.batch(index, 64), forwards[index])


def test_successive_batches_are_never_equal(toy_npz, layout):
    strips = stream(toy_npz, layout=layout)
    batches = [strips.batch(index, 16) for index in range(100)]
    assert len({batch.images.tobytes() for batch in batches}) == 100
    assert len({batch.slots.tobytes() for batch in batches}) == 100


def test_with_a_curriculum_digits_leave_their_cells_strip_by_strip(toy_npz):
    easing = stream(toy_npz, train={"curriculum": 80}, layout={"name": "free", "freedom": 0.5})
    for batch, freedom in enumerate([0, 0.125, 0.25, 0.375, 0.5, 0.5]):
        there = stream(toy_npz, layout={"name": "free", "freedom": freedom})
        assert same(easing.batch(batch, 20), there.batch(batch, 20))
    assert same(easing.fixed("test", 20), there.fixed("test", 20))
    for nothing in (0, None):
        assert same(stream(toy_npz, train={"curriculum": nothing}).batch(0, 20), stream(toy_npz).batch(0, 20))


def test_fixed_strips_stay_what_they_are(toy_npz, layout):
    one = stream(toy_npz, layout=layout)
    kept = {split: one.fixed(split, 100) for split in ("validation", "test")}
    one.batch(0, 100)
    one.batch(1, 100)
    for split, strips in kept.items():
        assert same(one.fixed(split, 100), strips)
        assert same(stream(toy_npz, layout=layout).fixed(split, 100), strips)
    # Not even where the digits stand is the same in two splits: each has a random stream of its own.
    shapes = {lengths(strips.slots).tobytes() for strips in (*kept.values(), one.batch(0, 100))}
    assert len(shapes) == 3


def test_another_seed_gives_other_strips(toy_npz):
    one, other = (stream(toy_npz, seed=seed) for seed in (0, 1))
    for draw in (lambda strips: strips.batch(0, 200), lambda strips: strips.fixed("test", 200)):
        assert (draw(one).slots != draw(other).slots).any(1).mean() > 0.9


def test_nothing_but_digits_layout_effects_and_seed_changes_the_strips(toy_npz, layout):
    one = stream(toy_npz, layout=layout, seed=5)
    budget = {"train": {"epochs": 3, "strips": 50, "batch_size": 7}, "evaluation": {"test_strips": 9}}
    for strategy in STRATEGIES:
        for backbone in BACKBONES:
            other = stream(toy_npz, layout=layout, strategy=strategy, backbone=backbone, seed=5, **budget)
            assert same(one.batch(3, 40), other.batch(3, 40))
            assert same(one.fixed("test", 40), other.fixed("test", 40))


@pytest.mark.parametrize("length", [(1, 5), (2, 2)])
def test_the_layout_of_the_settings_is_used(toy_npz, length):
    strips = stream(toy_npz, layout={"name": "structured", "length": list(length)}).batch(0, 300)
    digits = (strips.slots != BLANK).sum(1)
    assert set(digits.tolist()) == set(range(length[0], length[1] + 1))
    inked = strips.images.reshape(-1, 28, 5, 28).any((1, 3))
    assert (inked.sum(1) == digits).all()


def contents(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def pools(digits: str, seed: int = 0) -> dict[str, set[bytes]]:
    """The images of each split; no image comes twice, in one split or in two."""
    loaded = {split: load_digits(digits, split, seed) for split in SPLITS}
    found = {split: contents(loaded[split].images) for split in SPLITS}
    assert sum(map(len, found.values())) == sum(map(len, loaded.values()))
    assert len(set.union(*found.values())) == sum(map(len, found.values()))
    return found


def assert_strips_come_from_their_own_pool(digits: str, count: int) -> None:
    pool = pools(digits)
    strips = stream(digits, layout={"name": "structured", "length": 5})
    drawn = {
        "train": np.concatenate([strips.batch(index, count).images for index in range(3)]),
        "validation": strips.fixed("validation", count).images,
        "test": strips.fixed("test", count).images,
    }
    for split, images in drawn.items():
        cells = contents(images.reshape(-1, 28, 5, 28).swapaxes(1, 2).reshape(-1, 28, 28))
        assert len(cells) > 30
        assert cells <= pool[split]
        assert not any(cells & pool[other] for other in SPLITS if other != split)


def test_strips_come_from_the_pool_of_their_split(toy_npz, few_drawn):
    assert_strips_come_from_their_own_pool(str(toy_npz), 200)
    assert_strips_come_from_their_own_pool(few_drawn, 500)


def test_files_of_digits_are_split_into_pools_that_share_no_image(toy_npz):
    with np.load(toy_npz) as archive:
        for seed in (0, 1):
            pool = pools(str(toy_npz), seed)
            assert pool["train"] | pool["validation"] == contents(archive["x_train"])
            assert pool["test"] == contents(archive["x_test"])
    assert pools(str(toy_npz), 0)["validation"] != pools(str(toy_npz), 1)["validation"]


def test_no_strip_comes_twice_in_training(few_drawn):
    """10,000 strips of five digits in their cells, where a strip is repeated as soon as its five digits are."""
    strips = stream(few_drawn, layout={"name": "structured", "length": 5})
    seen: set[bytes] = set()
    for index in range(20):
        seen.update(
            hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in strips.batch(index, 500).images
        )
    assert len(seen) == 10_000


class TestAlone:
    @pytest.mark.parametrize("effects", ["none", "photo"])
    def test_a_number_of_one_digit_in_a_cell_is_that_digit_alone(self, toy_npz, effects):
        """With the very effects of its strip, byte for byte."""
        strips = stream(toy_npz, layout={"name": "structured", "length": 1}, effects=effects)
        test = strips.fixed("test", 150)
        alone = strips.alone("test", test)
        assert np.array_equal(alone[:, 0], test.images)
        assert not alone[:, 1:].any()
        assert strips.affected == (effects == "photo")

    def test_without_effects_it_is_as_composed(self, toy_npz, layout):
        affected, plain = (stream(toy_npz, layout=layout, effects=name) for name in ("photo", "none"))
        test = affected.fixed("test", 100)
        clean = affected.alone("test", test, affected=False)
        assert np.array_equal(clean, plain.alone("test", plain.fixed("test", 100)))
        there = test.slots != BLANK
        changed = (affected.alone("test", test) != clean).any((2, 3))
        assert changed[there].mean() > 0.9
        assert not changed[~there].any()

    def test_the_first_whole_chunks_of_strips_are_alike_however_many_there_are(self, toy_npz, layout):
        strips = stream(toy_npz, layout=layout, effects="scan")
        few, many = strips.fixed("test", CHUNK), strips.fixed("test", CHUNK + 40)
        assert np.array_equal(many.images[:CHUNK], few.images)
        assert np.array_equal(strips.alone("test", many)[:CHUNK], strips.alone("test", few))
