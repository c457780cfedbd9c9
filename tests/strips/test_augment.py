"""Bent training strips."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from multidigit.digits.base import Digits
from multidigit.settings import LayoutSettings, validate
from multidigit.strips.augment import OFFSET, SLANT, bend
from multidigit.strips.compose import Composer
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def strips(toy_digits: Digits):
    return (
        Composer(toy_digits, LayoutSettings(name="structured", length=5), 5)
        .compose(100, np.random.default_rng(0))
        .images
    )


def test_strength_0_changes_nothing(strips):
    assert np.array_equal(bend(strips, np.random.default_rng(1), 0.0), strips)


def test_pixels_are_moved_not_changed_and_each_strip_in_its_own_way():
    upright = np.zeros((200, 28, 140), np.uint8)
    upright[:, 4:24, 70] = 200
    bent = bend(upright, np.random.default_rng(1))
    assert bent.shape == upright.shape
    assert bent.dtype == np.uint8
    assert set(np.unique(bent)) == {0, 200}
    columns = np.array([np.nonzero(image)[1].mean() for image in bent])
    assert np.abs(columns - 70).max() <= SLANT * 13.5 + OFFSET + 2
    assert columns.std() > 0.3
    widths = np.array([np.ptp(np.nonzero(image)[1]) for image in bent])
    assert widths.max() >= 4
    assert len({image.tobytes() for image in bent}) > 150


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_ink_that_leaves_on_one_side_does_not_come_back_on_the_other(slots):
    edge = np.zeros((300, 28, 28 * slots), np.uint8)
    edge[:, :, 0] = 255
    bent = bend(edge, np.random.default_rng(2), 3.0)
    assert bent.shape == edge.shape
    assert not bent[:, :, 14 * slots :].any()


def test_bytes_are_those_of_this_version(strips):
    digest = hashlib.sha256(bend(strips, np.random.default_rng(3)).tobytes()).hexdigest()
    assert digest[:24] == "d39e9e9e8ee3edde06767d77"


def test_only_training_strips_are_bent(toy_npz):
    base = {"digits": str(toy_npz), "layout": "structured"}
    plain, bent = (StripStream(validate({**base, "train": {"augment": value}})) for value in (0, 1))
    assert not np.array_equal(plain.batch(0, 64).images, bent.batch(0, 64).images)
    assert np.array_equal(plain.batch(0, 64).slots, bent.batch(0, 64).slots)
    for split in ("validation", "test"):
        assert np.array_equal(plain.fixed(split, 64).images, bent.fixed(split, 64).images)
