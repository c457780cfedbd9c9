"""Pictures become strips by rule: what is ink, which side is bright, and where the digits stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import difference, drawing, encoded
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from multidigit.pictures import candidates, read_strip, see
from multidigit.pictures.fitting import MARGIN_X

Grey = NDArray[np.uint8]


def ink_box(strip: Grey) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (exclusive) of a strip's clear ink."""
    rows, columns = np.flatnonzero((strip > 96).any(1)), np.flatnonzero((strip > 96).any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def levels(values: NDArray[Any]) -> Grey:
    clipped: Grey = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


REFERENCE = read_strip(drawing(), 5)


def sample_strip() -> Grey:
    """A strip with a digit in every cell, as a training strip of the structured layout."""
    strip = np.hstack([drawing(digit, 24, (28, 28), 255, 0) for digit in "20419"])
    assert strip.shape == (28, 140)
    return strip


# --- Cropped pictures ------------------------------------------------------------------------------------------------


def test_strip_stands_as_in_training() -> None:
    top, bottom, left, right = ink_box(REFERENCE)
    assert REFERENCE.shape == (28, 140)
    assert REFERENCE.dtype == np.uint8
    assert abs(bottom - top - 20) <= 1
    assert abs(top - (28 - bottom)) <= 1
    assert abs(left - (140 - right)) <= 1
    assert REFERENCE.max() == 255
    assert REFERENCE[0].max() == 0
    assert np.median(REFERENCE) == 0


@pytest.mark.parametrize("text", ["1", "7", "11111", "88888", "42"])
@pytest.mark.parametrize("size", [9, 24, 200])
def test_both_polarities_give_the_same_strip(text: str, size: int) -> None:
    grey = drawing(text, size, (2 * size, 5 * size))
    assert difference(read_strip(grey, 5), read_strip(255 - grey, 5)) < 1
    top, bottom, _, _ = ink_box(read_strip(grey, 5))
    assert 18 <= bottom - top <= 22


def test_aspect_is_kept_and_long_numbers_fit() -> None:
    grey = drawing("12345678901234567890", 40, (100, 900))
    rows, columns = np.nonzero(grey < 128)
    top, bottom, left, right = ink_box(read_strip(grey, 5))
    assert left >= MARGIN_X - 1
    assert right <= 140 - MARGIN_X + 1
    assert (right - left) / (bottom - top) == pytest.approx(np.ptp(columns) / np.ptp(rows), rel=0.15)


y, x = np.mgrid[0:120, 0:400]
noise = np.random.default_rng(1).normal(0, 1, (120, 400))


@pytest.mark.parametrize(
    ("grey", "limit"),
    [
        pytest.param(drawing(ink=215, paper=240), 4, id="faint"),
        pytest.param(levels(drawing() * 0.35 + 60 + 0.25 * x), 4, id="gradient"),
        pytest.param(levels(drawing(ink=120, paper=230) * (1.1 - 0.4 * ((x - 200) / 200) ** 2)), 8, id="vignette"),
        pytest.param(levels(drawing(ink=200, paper=80) * (0.6 + 0.001 * x) + y * 0.3), 8, id="bright, uneven light"),
        pytest.param(levels(drawing(ink=70, paper=180) + 15 * noise), 8, id="noise"),
        pytest.param(levels(np.where(noise > 2.4, 0, drawing())), 4, id="pepper"),
        pytest.param(levels(np.where(np.abs(noise) > 2.4, 127 + 999 * noise, drawing())), 14, id="salt and pepper"),
        pytest.param(drawing(shape=(300, 1200)), 2, id="wide margins"),
        pytest.param(drawing()[36:84, 115:285], 2, id="tight"),
        pytest.param(drawing(size=480, shape=(960, 3200)), 14, id="large, by parts of a pixel elsewhere"),
        pytest.param(np.pad(drawing(), 15, constant_values=40), 2, id="on a dark table"),
    ],
)
def test_circumstances_do_not_matter(grey: Grey, limit: float) -> None:
    assert difference(read_strip(grey, 5), REFERENCE) < limit


def test_small_digits_of_a_large_picture_are_found_and_sharp() -> None:
    grey = np.full((1500, 2000), 235, np.uint8)
    grey[1200:1260, 100:300] = drawing(size=30, shape=(60, 200), paper=235)
    assert difference(read_strip(grey, 5), read_strip(drawing(size=30, shape=(60, 200)), 5)) < 14


def test_frames_and_lines_of_forms_are_left_out() -> None:
    framed = Image.fromarray(drawing())
    ImageDraw.Draw(framed).rectangle((15, 8, 385, 112), outline=0, width=3)
    assert difference(read_strip(np.array(framed), 5), REFERENCE) < 1
    large = np.array(framed.resize((3200, 960)))
    assert difference(read_strip(large, 5), REFERENCE) < 14
    lined = drawing()
    lined[104:107, 10:390] = 0
    assert difference(read_strip(lined, 5), REFERENCE) < 1


def test_bold_ink_on_most_of_the_area() -> None:
    bold = Image.fromarray(drawing()).filter(ImageFilter.MinFilter(9)).crop((104, 32, 296, 88))
    grey = np.array(bold)
    assert (grey < 128).mean() > 0.5
    # Strokes as wide as the ground between them: which of both is ink is in doubt.
    seen = [max(see(each, 5).strips, key=np.mean) for each in (grey, 255 - grey)]
    assert seen[0][0].max() == 0
    assert seen[0].mean() > 40
    assert difference(*seen) < 1


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
@pytest.mark.parametrize("shape", [(4, 4), (28, 140), (56, 280), (100, 300), (4, 5000), (3000, 4)])
def test_blank(shape: tuple[int, int], level: int) -> None:
    strip = read_strip(np.full(shape, level, np.uint8), 5)
    assert strip.shape == (28, 140)
    if shape in ((28, 140), (56, 280)) and level < 128:
        assert (strip == level).all()  # a strip with a dark background is not touched
    else:
        assert not strip.any()


@pytest.mark.parametrize("shape", [(28, 100), (200, 600), (700, 900)])
@pytest.mark.parametrize("spread", [2, 6, 20])
def test_mere_noise_is_blank(shape: tuple[int, int], spread: float) -> None:
    values = np.random.default_rng(3).normal(190, spread, shape)
    assert not read_strip(levels(values), 5).any()


def test_any_shape_and_content_gives_a_strip() -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        height, width = rng.integers(4, 90, 2)
        grey = rng.integers(0, 256, (height, width), np.uint8)
        if rng.random() < 0.5:
            grey = np.where(rng.random((height, width)) < rng.random(), 255, 0).astype(np.uint8)
        strip = read_strip(grey, 5)
        assert strip.shape == (28, 140)
        assert strip.dtype == np.uint8


# --- Strips and strip-shaped pictures --------------------------------------------------------------------------------


def test_strips_pass_untouched_and_negatives_are_inverted() -> None:
    rng = np.random.default_rng(7)
    strip = sample_strip()
    for dark in (0, 40, 90):
        noisy = levels(strip * 0.6 + dark + rng.normal(0, 8, strip.shape))
        assert np.array_equal(read_strip(noisy, 5), noisy)
        assert np.array_equal(read_strip(255 - noisy, 5), noisy)
    assert np.array_equal(read_strip(encoded(strip), 5), strip)
    one = np.hstack([strip[:, :28], np.zeros((28, 112), np.uint8)])
    assert np.array_equal(read_strip(one, 5), one)
    assert np.array_equal(read_strip(255 - one, 5), one)


@pytest.mark.parametrize("factor", [2, 3, 10])
def test_strips_saved_larger_come_back(factor: int) -> None:
    strip = sample_strip()
    larger = strip.repeat(factor, 0).repeat(factor, 1)
    assert np.array_equal(read_strip(larger, 5), strip)
    assert difference(read_strip(255 - larger, 5), strip) < 6


@pytest.mark.parametrize("shape", [(100, 500), (61, 300), (99, 502)])
def test_cells_of_strip_shaped_pictures_stay_in_place(shape: tuple[int, int]) -> None:
    for strip in (sample_strip(), np.hstack([np.zeros((28, 112), np.uint8), sample_strip()[:, :28]])):
        larger = np.array(Image.fromarray(strip).resize(shape[::-1], Image.Resampling.BICUBIC))
        assert difference(read_strip(larger, 5), strip) < 12
        assert difference(read_strip(255 - larger, 5), strip) < 12


def test_other_shapes_are_cropped() -> None:
    strip = np.hstack([np.zeros((28, 112), np.uint8), sample_strip()[:, :28]])
    for padding in ((3, 0), (0, 10)):
        padded = np.pad(strip, (padding[:1] * 2, padding[1:] * 2))
        _, _, left, right = ink_box(read_strip(padded, 5))
        assert abs(left - (140 - right)) <= 1


# --- see -------------------------------------------------------------------------------------------------------------


def test_clean_pictures_have_one_candidate() -> None:
    seen = see(drawing(), 5)
    assert seen.strips.shape == (1, 28, 140)
    assert seen.rule == "cropped"
    assert not seen.bright
    assert see(255 - drawing(), 5).bright
    assert np.array_equal(seen.grey, drawing())
    assert seen.box is not None
    rows, columns = np.nonzero(drawing() < 128)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.subtract(seen.box, expected)).max() <= 2
    assert np.array_equal(candidates(drawing(), 5), seen.strips)
    assert np.array_equal(read_strip(drawing(), 5), seen.strips[0])


def test_each_rule_has_its_name() -> None:
    strip = sample_strip()
    assert see(strip, 5).rule == "strip"
    assert see(255 - strip, 5).rule == "strip"
    assert not see(255 - strip, 5).bright
    large = see(strip.repeat(3, 0).repeat(3, 1), 5)
    assert large.rule == "strip-shaped"
    assert len(large.strips) == 1
    blank = see(np.full((90, 90), 200, np.uint8), 5)
    assert blank.rule == "blank"
    assert blank.box is None
    assert not blank.strips.any()


def test_doubtful_strips_have_both_polarities() -> None:
    strip = np.zeros((28, 140), np.uint8)
    strip[:, :61] = 255
    seen = see(strip, 5)
    assert len(seen.strips) == 2
    assert np.array_equal(seen.strips[0], 255 - seen.strips[1])
    assert any(np.array_equal(strip, each) for each in seen.strips)


def test_strip_shaped_photographs_are_cropped_too() -> None:
    grey = drawing(shape=(120, 600), ink=90, paper=200)
    found = candidates(grey, 5)
    assert 1 < len(found) <= 4
    assert min(difference(strip, REFERENCE) for strip in found) < 4
    tall = np.ptp(np.flatnonzero((found[0] > 96).any(1)))
    assert tall < 14  # as large as in the whole picture


@pytest.mark.parametrize("ink", [20, 235])
def test_boards_shadows_and_boxes_are_not_ink(ink: int) -> None:
    board = drawing(ink=ink, paper=128)
    framed = np.pad(board, ((25, 25), (40, 40)), constant_values=255 - ink)
    assert min(difference(strip, REFERENCE) for strip in candidates(framed, 5)) < 10
    shaded = board.copy()
    shaded[:, 230:] //= 2
    assert min(difference(strip, REFERENCE) for strip in candidates(shaded, 5)) < 12


@pytest.mark.parametrize("thick", [1, 2, 4])
def test_boxes_to_write_in_are_not_ink(thick: int) -> None:
    cells = [drawing(digit, 60, (80, 60)) for digit in "25704"]
    plain = read_strip(np.hstack(cells), 5)
    boxed = Image.fromarray(np.pad(np.hstack(cells), 20, constant_values=255))
    for left in range(20, 320, 60):
        ImageDraw.Draw(boxed).rectangle((left, 18, left + 60, 101), outline=0, width=thick)
    assert min(difference(strip, plain) for strip in candidates(np.array(boxed), 5)) < 8


def wheels(text: str, ink: int, wheel: int, housing: int) -> Grey:
    """Digits on wheels behind windows in a housing."""
    cells = [np.pad(drawing(digit, 60, (80, 60), ink, wheel), 12, constant_values=housing) for digit in text]
    return np.pad(np.hstack(cells), 10, constant_values=housing)


@pytest.mark.parametrize(("ink", "wheel", "housing"), [(240, 20, 150), (20, 240, 120), (230, 30, 250), (30, 220, 5)])
def test_digits_behind_windows_are_found(ink: int, wheel: int, housing: int) -> None:
    plain = read_strip(np.hstack([drawing(digit, 60, (104, 84)) for digit in "25704"]), 5)
    found = candidates(wheels("25704", ink, wheel, housing), 5)
    assert min(difference(strip, plain) for strip in found) < 6


def test_what_is_above_and_below_the_row_is_left_out() -> None:
    grey = drawing(shape=(170, 400))
    grey[8:16, 130:180] = 0
    grey[150:158, 200:240] = 0
    assert min(difference(strip, REFERENCE) for strip in candidates(grey, 5)) < 12


def test_never_more_than_four_candidates() -> None:
    rng = np.random.default_rng(8)
    for _ in range(40):
        height, width = rng.integers(8, 120, 2)
        blocks = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1), np.uint8)
        found = candidates(blocks.repeat(8, 0).repeat(8, 1), 5)
        assert found.dtype == np.uint8
        assert found.shape[1:] == (28, 140)
        assert 1 <= len(found) <= 4


# --- Other numbers of slots ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
class TestSlots:
    def test_a_number_stands_in_the_middle_as_high_as_in_training(self, slots: int) -> None:
        strip = read_strip(drawing("908173524610"[:slots], 60, (120, 90 * slots)), slots)
        assert strip.shape == (28, 28 * slots)
        top, bottom, left, right = ink_box(strip)
        assert 18 <= bottom - top <= 22
        assert abs(left - (28 * slots - right)) <= 1

    def test_strips_pass_untouched_and_larger_ones_come_back(self, slots: int) -> None:
        strip = np.hstack([drawing(digit, 24, (28, 28), 255, 0) for digit in "204193857604"[:slots]])
        assert np.array_equal(read_strip(strip, slots), strip)
        assert np.array_equal(read_strip(255 - strip, slots), strip)
        large = see(strip.repeat(3, 0).repeat(3, 1), slots)
        assert large.rule == "strip-shaped"
        assert np.array_equal(large.strips[0], strip)

    def test_digits_behind_windows_are_found(self, slots: int) -> None:
        text = "908173524610"[:slots]
        found = candidates(wheels(text, 240, 20, 150), slots)
        assert found.shape[1:] == (28, 28 * slots)
        plain = read_strip(np.hstack([drawing(digit, 60, (104, 84)) for digit in text]), slots)
        assert min(difference(strip, plain) for strip in found) < 10

    def test_blank_pictures_are_blank(self, slots: int) -> None:
        assert not read_strip(np.full((90, 400), 200, np.uint8), slots).any()
