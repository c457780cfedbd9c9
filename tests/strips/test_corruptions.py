"""Strips made worse: what stays, what grows with severity, and that the same seed gives the same."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Toys

from multidigit.strips.compose import Strips
from multidigit.strips.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def strips(toys: Toys) -> Strips:
    return StripStream(toys.settings()).fixed("test", 30)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_is_worse_the_severer_it_is(name: str, strips: Strips) -> None:
    before = strips.images.copy()
    away = []
    for severity in SEVERITIES:
        made = corrupt(strips.images, name, severity, np.random.default_rng(0))
        assert (made.shape, made.dtype) == (before.shape, np.uint8)
        assert np.array_equal(made, corrupt(strips.images, name, severity, np.random.default_rng(0)))
        away.append(np.abs(made.astype(int) - before).mean())
    assert np.array_equal(strips.images, before)
    assert 0.3 < away[0] < away[-1]


def test_there_are_fifteen() -> None:
    assert len(CORRUPTIONS) == 15
    assert SEVERITIES == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("name", ["zigzag", "dotted line", "spatter"])
def test_one_strip_alone(name: str) -> None:
    blank = np.zeros((1, 28, 28), np.uint8)
    assert corrupt(blank, name, 5, np.random.default_rng(0)).max() == 255
    # On a bright ground ink is dark.
    if name != "spatter":
        assert corrupt(255 - blank, name, 5, np.random.default_rng(0)).min() == 0
