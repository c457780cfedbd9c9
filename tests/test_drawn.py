"""Digits drawn from pen strokes: the same on every machine, independent of how they are asked for, and varied."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from multidigit.digits import generated, make_source
from multidigit.digits.base import SPLITS
from multidigit.digits.drawn import VERSION, Drawn, draw, pen
from multidigit.digits.drawn.styles import SAMPLES, STYLES, choice, parse, tables
from multidigit.errors import DataError

EVERY = np.arange(10, dtype=np.uint8).repeat(60)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw(EVERY, 5)


def test_bytes_are_those_of_this_version():
    """Whoever changes the generator on purpose raises VERSION and puts the new digest here."""
    bank = Drawn(300).load("train", 1)
    digest = hashlib.sha256(bank.images.tobytes() + bank.labels.tobytes()).hexdigest()
    assert (VERSION, digest) == ("1", "2f9a988cbaa7192a48141e874f97cea1c07cffab57a91a56fbaaf1647c42b970")


def test_images_fit_the_contract(images):
    assert images.shape == (600, 28, 28)
    assert images.dtype == np.uint8
    assert (images.max((1, 2)) > 150).all(), "every image has bright ink"
    assert (images.reshape(600, -1).mean(1) < 128).all(), "and more paper than ink"


def test_ink_stands_in_its_box_and_centred(images):
    inked = images > 0
    for axis in (1, 2):
        line = inked.any(axis)
        span = 28 - line.argmax(1) - line[:, ::-1].argmax(1)
        assert span.max() <= pen.BOX
        assert np.median(span) > 12
        centre = (images.sum(axis, dtype=np.int64) * np.arange(28)).sum(1) / images.sum((1, 2), dtype=np.int64)
        assert np.abs(centre - 14).max() <= 0.5


def test_same_seed_same_bytes_and_other_seed_other_bytes(images):
    assert (draw(EVERY, 5) == images).all()
    assert (draw(EVERY, 6) != images).any((1, 2)).all()


def test_an_image_depends_on_its_number_not_on_its_part(images):
    for start, stop in ((0, 1), (1, 4), (100, 100 + generated.BATCH + 3), (599, 600)):
        assert (draw(EVERY[start:stop], 5, first=start) == images[start:stop]).all()


def test_bytes_do_not_depend_on_the_batch(images, monkeypatch):
    monkeypatch.setattr("multidigit.digits.generated.BATCH", 7)
    assert (draw(EVERY[:50], 5) == images[:50]).all()


def test_another_process_draws_the_same(images):
    code = (
        "import sys, numpy as np; from multidigit.digits.drawn import draw;"
        "sys.stdout.buffer.write(draw(np.arange(10).repeat(60)[90:110], 5, first=90).tobytes());"
        "assert not {'scipy', 'tensorflow', 'PIL', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == images[90:110].tobytes()


def test_splits_share_no_image_and_no_image_comes_twice():
    banks = [Drawn(3000).load(split, 3) for split in SPLITS]
    assert [len(bank) for bank in banks] == [3000, 1000, 1000]
    seen = [image.tobytes() for bank in banks for image in bank.images]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("count", [1, 9, 10, 1234])
def test_classes_are_balanced_and_shuffled(count):
    labels = Drawn(count).load("train", 0).labels
    counts = np.bincount(labels, minlength=10)
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1
    if count > 100:
        assert (np.diff(labels.astype(int)) % 10 == 1).mean() < 0.2
        assert (labels != Drawn(count).load("train", 1).labels).any()


def test_a_label_is_drawn_as_itself(images):
    """Far from recognition: each class's mean image resembles the same class of another seed more than any other."""

    def means(bank: np.ndarray) -> np.ndarray:
        flat = bank.reshape(10, 60, -1).mean(1)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.sqrt((flat * flat).sum(1, keepdims=True))

    assert ((means(images) @ means(draw(EVERY, 8)).T).argmax(1) == np.arange(10)).all()


def test_variation_changes_things(images):
    """Ink, width, slant and thickness spread as handwriting does, within each class."""
    for digit in range(10):
        inked = images[digit == EVERY] > 100
        share = inked.mean((1, 2))
        assert share.std() > 0.15 * share.mean()
        width = inked.any(1).sum(1)
        assert width.std() > 1.5
        y, x = np.arange(28) - 14, np.arange(28) - 14
        ink = images[digit == EVERY].astype(float)
        slant = -(ink * x * y[:, None]).sum((1, 2)) / (ink * (y * y)[:, None]).sum((1, 2))
        assert slant.std() > 0.1


@pytest.mark.parametrize("name", [field for field in vars(pen.Variation()) if field != "rounding_spans"])
def test_every_kind_of_variation_matters(name):
    labels, numbers = EVERY[::6], np.random.Generator(np.random.PCG64(2)).random((100, pen.DRAWS))
    usual = pen.Variation()
    value = getattr(usual, name)
    other = value / 2 if isinstance(value, float) else (value[0] * 0.9 + 0.1 * value[1],) * 2
    changed = pen.draw_batch(labels, numbers, variation=pen.Variation(**{**vars(usual), name: other}))
    assert (changed != pen.draw_batch(labels, numbers)).any()


def test_still_numbers_give_the_plain_style():
    """With every number at one half nothing but the table of styles is left, so equal labels give equal images."""
    images = pen.draw_batch(np.array([4, 4, 7], np.uint8), np.full((3, pen.DRAWS), 0.5))
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()


def test_enough_numbers_are_set_aside():
    dice = generated.Dice(np.full((1, pen.DRAWS), 0.5))
    style = np.array([0])
    x, y, along = pen._strokes(style, dice, pen.Variation())
    pen._ink(*pen._posture(x, y, dice, pen.Variation()), along, tables().length[style][:, None], dice, pen.Variation())
    assert dice.used < pen.DRAWS


def test_slashed_zeros_come_on_request_only():
    zeros = np.zeros(200, np.uint8)
    plain, slashed = draw(zeros, 1), draw(zeros, 1, slashed=True)
    assert (plain != slashed).any((1, 2)).sum() > 5
    slash = [number for number, style in enumerate(STYLES) if style.slashed]
    assert (np.diff(choice(False)[0], prepend=0)[slash] == 0).all()
    assert (np.diff(choice(True)[0], prepend=0)[slash] > 0).all()


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.digit} {style.name}")
def test_styles_are_well_made(style):
    strokes = parse(style.path)
    assert style.weight > 0
    assert all(len(stroke) >= 3 for stroke in strokes), "a stroke of two points cannot bend"
    if style.towards:
        assert [[point[2] for point in stroke] for stroke in parse(style.towards)] == [
            [point[2] for point in stroke] for stroke in strokes
        ]
    heights = [point[1] for stroke in strokes for point in stroke]
    assert -0.05 <= min(heights) <= 0.1
    assert 0.8 <= max(heights) <= 1.05


def test_every_digit_has_several_styles_of_one_name_each():
    assert len({(style.digit, style.name) for style in STYLES}) == len(STYLES)
    assert min(sum(style.digit == digit for style in STYLES) for digit in range(10)) >= 4


def test_tables_mix_points_fairly():
    table = tables()
    assert table.index.shape == (len(STYLES), SAMPLES, 4)
    np.testing.assert_allclose(table.share.sum(2), 1, atol=1e-12)
    assert (table.first < table.last).all()
    assert (choice(False)[:, -1] == 1).all()


@pytest.mark.parametrize("count", [0, -5])
def test_a_count_that_is_not_positive_is_refused(count):
    with pytest.raises(DataError, match=f"Received: {count}"):
        Drawn(count)


@pytest.mark.parametrize(
    ("labels", "seed", "first"),
    [([10], 0, 0), ([-1], 0, 0), ([[1]], 0, 0), ([0.5], 0, 0), ([1], -1, 0), ([1], (), 0), ([1], 0, -1)],
)
def test_what_cannot_be_drawn_is_refused(labels, seed, first):
    with pytest.raises(DataError, match="Received"):
        draw(np.array(labels), seed, first)


def test_a_spec_asks_for_slashed_zeros():
    source = make_source("drawn:slashed")
    assert isinstance(source, Drawn)
    assert source.slashed
    assert source.fingerprint() != Drawn().fingerprint()
    with pytest.raises(DataError, match="known is drawn:slashed"):
        make_source("drawn:crossed")
