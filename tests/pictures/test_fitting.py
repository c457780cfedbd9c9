"""A row, or a whole picture, as a strip: level, scaled, in the middle, stretched to full contrast, in its polarity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import difference, drawing
from numpy.typing import NDArray
from PIL import Image

from multidigit.pictures.fitting import RowBox, cut_row, fit_whole, in_ink

Grey = NDArray[np.uint8]


def row_of(grey: Grey) -> RowBox:
    """Where the dark digits of a picture are."""
    y, x = np.nonzero(grey < 128)
    return RowBox((x.min() + x.max() + 1) / 2, (y.min() + y.max() + 1) / 2, float(np.ptp(x)) + 1, float(np.ptp(y)) + 1)


def ink_box(strip: Grey) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (exclusive) of a strip's clear dark ink."""
    rows, columns = np.flatnonzero((strip < 96).any(1)), np.flatnonzero((strip < 96).any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


ROW = row_of(drawing())
REFERENCE = cut_row(drawing(), ROW, 5)


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
@pytest.mark.parametrize("size", [9, 60, 200])
def test_a_row_stands_in_the_middle_of_its_strip(slots: int, size: int) -> None:
    grey = drawing("908173524610"[:slots], size, (2 * size, size * (slots + 1)))
    strip = cut_row(grey, row_of(grey), slots)
    assert strip.shape == (28, 28 * slots)
    assert strip.dtype == np.uint8
    top, bottom, left, right = ink_box(strip)
    assert 18 <= bottom - top <= 22
    assert abs(top - (28 - bottom)) <= 2
    assert abs(left - (28 * slots - right)) <= 2
    assert (strip.min(), strip.max()) == (0, 255)
    assert strip[0, 0] > 220


def test_a_row_and_a_whole_can_be_smaller() -> None:
    heights = []
    for scale in (1.0, 0.8):
        for strip in (cut_row(drawing(), ROW, 5, scale), fit_whole(drawing(size=100), 5, scale)):
            top, bottom, left, right = ink_box(strip)
            assert abs(left - (140 - right)) <= 2
            heights.append(bottom - top)
    assert heights[2] == pytest.approx(0.8 * heights[0], abs=1)
    assert heights[3] == pytest.approx(0.8 * heights[1], abs=1)


def test_corners_go_around_a_row_clockwise() -> None:
    corners = RowBox(10, 20, 6, 2, math.pi / 2).corners()
    assert np.allclose(corners, [(11, 17), (11, 23), (9, 23), (9, 17)])


@pytest.mark.parametrize("degrees", [-30, -5, 3, 20, 90, 180])
def test_turned_rows_are_made_level(degrees: float) -> None:
    grey = np.pad(drawing(), ((140, 140), (10, 10)), constant_values=255)
    turned = np.asarray(Image.fromarray(grey).rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=255))
    row = replace(row_of(grey), angle=math.radians(degrees))
    middle = np.array([grey.shape[1], grey.shape[0]]) / 2
    x, y = np.array([row.x, row.y]) - middle
    cos, sin = math.cos(row.angle), math.sin(row.angle)
    row = replace(row, x=middle[0] + x * cos - y * sin, y=middle[1] + x * sin + y * cos)
    assert difference(cut_row(turned, row, 5), REFERENCE) < 8


y, x = np.mgrid[0:120, 0:400]
NOISE = np.random.default_rng(1).normal(0, 1, (120, 400))


@pytest.mark.parametrize(
    ("grey", "limit"),
    [
        pytest.param(drawing(ink=215, paper=240), 3, id="faint"),
        pytest.param(drawing(ink=70, paper=180) + 5 * NOISE, 12, id="noise"),
        pytest.param(np.where(NOISE > 3.2, 0, drawing()), 6, id="pepper"),
        pytest.param(drawing() * 0.35 + 60 + 0.05 * x, 16, id="gradient"),
    ],
)
def test_contrast_and_noise_hardly_matter(grey: NDArray[np.floating], limit: float) -> None:
    assert difference(cut_row(np.clip(grey, 0, 255).astype(np.uint8), ROW, 5), REFERENCE) < limit


def test_polarity_is_kept() -> None:
    assert difference(255 - cut_row(255 - drawing(), ROW, 5), REFERENCE) <= 1


def test_beyond_its_edges_a_picture_goes_on() -> None:
    top, left = int(ROW.y - ROW.height / 2), int(ROW.x - ROW.width / 2)
    tight = drawing()[top - 1 : top + int(ROW.height) + 1, left - 1 : left + int(ROW.width) + 1]
    assert difference(cut_row(tight, replace(ROW, x=ROW.x - left + 1, y=ROW.y - top + 1), 5), REFERENCE) < 1
    for away in (RowBox(-900, 60, 100, 40), RowBox(200, 5000, 100, 40, 0.5)):
        assert not cut_row(drawing(), away, 5).any(), "what is far outside is flat"


@pytest.mark.parametrize("shape", [(4, 4), (4, 900), (900, 4), (1, 1), (28, 140)])
@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_any_picture_and_row_give_a_strip(shape: tuple[int, int], angle: float) -> None:
    grey = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    rows = [RowBox(2, 2, 3, 3, angle), RowBox(2, 2, 0.1, 0.4, angle), RowBox(0, 0, 3000, 9, angle)]
    for strip in (fit_whole(grey, 5), *(cut_row(grey, row, 5) for row in rows)):
        assert strip.shape == (28, 140)
    assert strip.dtype == np.uint8


@pytest.mark.parametrize("level", [0, 127, 255])
def test_flat_pictures_are_zeros(level: int) -> None:
    grey = np.full((60, 200), level, np.uint8)
    grey[10, 10] ^= 2
    for strip in (fit_whole(grey, 5), cut_row(grey, ROW, 5), cut_row(grey, replace(ROW, angle=0.3), 5)):
        assert strip.shape == (28, 140)
        assert not strip.any()


@pytest.mark.parametrize(("shape", "height", "width"), [((120, 400), 28, 93), ((70, 700), 14, 140), ((90, 90), 28, 28)])
def test_a_whole_picture_is_scaled_to_fit_and_not_squeezed(shape: tuple[int, int], height: int, width: int) -> None:
    strip = fit_whole(np.clip(np.indices(shape).sum(0), 0, 255).astype(np.uint8), 5)
    ground = strip[0, 0] if height < 28 else strip[0, -1]
    assert strip.shape == (28, 140)
    left, top = (140 - width) // 2, (28 - height) // 2
    outside = np.ones(strip.shape, bool)
    outside[top : top + height, left : left + width] = False
    assert (strip[outside] == ground).all()
    assert (strip.min(), strip.max()) == (0, 255)


@pytest.mark.parametrize(
    ("ground", "ink", "found"),
    [(10, 200, 1), (250, 60, 1), (120, 220, 2), (120, 20, 2)],
    ids=["dark ground", "bright ground", "grey ground, bright ink", "grey ground, dark ink"],
)
def test_ink_becomes_bright_on_dark(ground: int, ink: int, found: int) -> None:
    strip = np.full((28, 140), ground, np.uint8)
    strip[5:20, 40:60] = ink
    for stretched in (True, False):
        strips = in_ink(strip, stretched)
        assert len(strips) == found
        bright = [each for each in strips if each[10, 50] > each[0, 0]]
        assert len(bright) == 1
        assert not stretched or (bright[0][10, 50], bright[0][0, 0]) == (255, 0)
        assert stretched or any(np.array_equal(bright[0], each) for each in (strip, 255 - strip))
