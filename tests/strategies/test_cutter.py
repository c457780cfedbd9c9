"""Cutting where there is little ink: digits are found one by one, in training and in reading alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.labels import BLANK, CELL, CLASSES, texts_to_slots
from multidigit.reading.inference import Model
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make
from multidigit.strips.compose import Composer
from multidigit.training.conversion import to_tflite

Image = NDArray[np.uint8]


@cache
def strategy_of(slots: int) -> Strategy:
    settings = {"strategy": "cut", "layout": "free", "slots": slots, "backbone": {"width": 0.25}}
    return make(validate({**settings, "cut": {"cutter": "ink"}}))


def ring(height: int = 20, width: int = 15, stroke: float = 2.5) -> Image:
    """A zero: an ellipse of even stroke."""
    y, x = np.mgrid[:height, :width] + 0.5
    radius = np.hypot((y - height / 2) / (height / 2), (x - width / 2) / (width / 2))
    return ((radius <= 1) & (radius >= 1 - 2 * stroke / width)).astype(np.uint8) * 255


def bar(height: int = 20, width: int = 3) -> Image:
    """A one."""
    return np.full((height, width), 255, np.uint8)


def seven(height: int = 20, width: int = 13) -> Image:
    image = np.zeros((height, width), np.uint8)
    image[:3] = 255
    for row in range(height):
        image[row, (width - 3) * (height - 1 - row) // (height - 1) :][:3] = 255
    return image


def strip(*placed: tuple[Image, int], top: int = 4, slots: int = 5) -> Image:
    """A strip with pictures at columns."""
    image = np.zeros((CELL, CELL * slots), np.uint8)
    for picture, left in placed:
        area = image[top : top + picture.shape[0], left : left + picture.shape[1]]
        np.maximum(area, picture, out=area)
    return image


def cells(*strips: Image) -> Image:
    """The cells of strips, (N, slots, 28, 28)."""
    images = np.stack(strips)
    slots = images.shape[2] // CELL
    found, _ = strategy_of(slots).examples(images, np.full((len(images), slots), BLANK, np.uint8))
    return found.reshape(-1, slots, CELL, CELL)


def filled(found: Image) -> list[bool]:
    """Which of a strip's cells hold anything."""
    return [bool(cell.any()) for cell in found]


def first(count: int, slots: int = 5) -> list[bool]:
    return [slot < count for slot in range(slots)]


def alike(one: Image, other: Image) -> bool:
    return bool(np.abs(one.astype(int) - other).mean() < 6)


def test_digits_apart_are_found_in_their_order() -> None:
    digits = [ring(), bar(), seven()]
    alone = [cells(strip((digit, 60)))[0, 0] for digit in digits]
    assert not any(alike(alone[a], alone[b]) for a, b in ((0, 1), (1, 2), (0, 2)))
    found = cells(strip((digits[0], 8), (digits[1], 40), (digits[2], 50), (digits[0], 100)))[0]
    assert filled(found) == first(4)
    assert all(alike(cell, alone[which]) for cell, which in zip(found, (0, 1, 2, 0), strict=False))


def test_a_piece_is_scaled_to_its_cell_and_stands_in_its_middle() -> None:
    small, large = cells(strip((ring(14, 11), 20), top=12), strip((ring(26, 20), 100), top=1))[:, 0]
    for cell in (small, large):
        rows, columns = np.flatnonzero((cell > 127).any(1)), np.flatnonzero((cell > 127).any(0))
        assert 18 <= np.ptp(rows) + 1 <= 22
        assert abs(rows.mean() - 13.5) <= 1
        assert abs(columns.mean() - 13.5) <= 1


def slash(height: int = 20, lean: int = 9) -> Image:
    """A one that leans."""
    image = np.zeros((height, lean + 3), np.uint8)
    for row in range(height):
        image[row, lean * (height - 1 - row) // (height - 1) :][:3] = 255
    return image


def test_digits_that_overlap_without_touching_are_taken_apart() -> None:
    image = strip((slash(), 40), (slash(), 47))
    # No column between them is free of ink.
    assert image[:, 40:59].any(0).all()
    found = cells(image)[0]
    assert filled(found) == first(2)
    alone = cells(strip((slash(), 60)))[0, 0]
    assert alike(found[0], alone)
    assert alike(found[1], alone)


def test_a_touching_pair_is_split_where_it_touches() -> None:
    # One arm runs into the other.
    image = strip((seven(), 40), (seven(), 53))
    assert image[4:7, 40:66].all()
    alone = cells(strip((seven(), 40)))[0, 0]
    found = cells(image)[0]
    assert filled(found) == first(2)
    # Half a stroke more or less is left at the end of an arm.
    assert all(np.abs(cell.astype(int) - alone).mean() < 8 for cell in found[:2])


@pytest.mark.parametrize("digit", [ring(), ring(20, 19), ring(16, 15), bar(), bar(22, 5), seven(), seven(20, 17)])
@pytest.mark.parametrize("left", [0, 57, 120])
def test_a_digit_alone_is_left_whole(digit: Image, left: int) -> None:
    assert filled(cells(strip((digit, left)))[0]) == first(1)


def test_blank_strips_have_five_empty_cells() -> None:
    faint = np.random.default_rng(0).integers(90, 100, (CELL, CELL * 5)).astype(np.uint8)
    images = np.stack([strip(), faint])
    blank = np.full((2, 5), BLANK, np.uint8)
    found, targets = strategy_of(5).examples(images, blank)
    assert not found.any()
    assert np.array_equal(targets.argmax(-1), blank.ravel())
    assert targets.sum() == 2 * 5


@pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
def test_there_is_at_most_one_piece_a_slot(slots: int) -> None:
    crowded = strip(*((ring(20, 12), 1 + 16 * place) for place in range(28 * slots // 16)), slots=slots)
    assert 28 * slots // 16 > slots or slots == 1
    assert filled(cells(crowded)[0]) == first(slots, slots)


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
def test_strips_of_any_number_of_slots_are_cut_into_their_digits(slots: int) -> None:
    digits = [ring(), bar(), seven()]
    alone = [cells(strip((digit, 6), slots=slots))[0, 0] for digit in digits]
    which = [place % 3 for place in range(slots)]
    for count in {1, slots}:
        image = strip(*((digits[which[place]], 5 + 28 * place) for place in range(count)), slots=slots)
        found = cells(image)[0]
        assert filled(found) == first(count, slots)
        assert all(alike(found[place], alone[which[place]]) for place in range(count))


@pytest.mark.parametrize("slots", [5, 12])
def test_a_digit_behind_much_ink_is_found(slots: int) -> None:
    sevens = [(seven(20, 20), 2 + 27 * place) for place in range(slots - 1)]
    found = cells(strip(*sevens, (ring(), 28 * slots - 18), slots=slots))[0]
    assert filled(found) == first(slots, slots)
    assert alike(found[-1], cells(strip((ring(), 6), slots=slots))[0, 0])


@pytest.mark.parametrize("slots", [1, 5, 12])
@pytest.mark.parametrize("top", [0, 14])
def test_rows_full_of_ink_overflow_nothing(slots: int, top: int) -> None:
    image = np.zeros((CELL, CELL * slots), np.uint8)
    image[top : top + 14] = 255
    found = cells(image)[0]
    assert found[0].any()
    for cell in found[filled(found)]:
        assert abs(np.flatnonzero((cell > 127).any(0)).mean() - 13.5) <= 1
        assert abs(np.flatnonzero((cell > 127).any(1)).mean() - 13.5) <= 1


def test_a_grey_ground_and_fainter_ink_change_nothing_of_note() -> None:
    clean = strip((ring(), 8), (seven(), 40), (bar(), 70))
    noise = np.random.default_rng(1).integers(0, 12, clean.shape)
    greyed = (60 + noise + clean * 0.6).astype(np.uint8)
    plain, grey = cells(clean, greyed)
    assert filled(plain) == filled(grey) == first(3)
    for one, other in zip(plain[:3], grey, strict=False):
        assert alike(other, (one * 0.6).astype(np.uint8))


def test_a_speck_is_no_piece() -> None:
    image = strip((ring(), 20), (seven(), 50))
    image[9, 100] = image[20, 5] = 255
    assert filled(cells(image)[0]) == first(2)


def test_only_strips_cut_into_the_right_number_teach() -> None:
    images = np.stack([strip((ring(), 8), (bar(), 40))] * 3)
    slots = texts_to_slots(["01", "011", "0"], 5)
    found, targets = strategy_of(5).examples(images, slots)
    assert (found.shape, found.dtype) == ((15, CELL, CELL), np.uint8)
    assert (targets.shape, targets.dtype) == ((15, CLASSES), np.float32)
    by_strip = targets.reshape(3, 5, CLASSES)
    assert np.array_equal(by_strip[0].argmax(-1), slots[0])
    assert by_strip.sum((1, 2)).tolist() == [5, 0, 0]


@pytest.mark.parametrize(("layout", "slots", "least"), [("structured", 5, 0.99), ("free", 5, 0.55), ("free", 12, 0.3)])
def test_composed_strips_are_mostly_cut_right(layout: str, slots: int, least: float) -> None:
    shapes = [ring(), bar(), seven(), slash(), ring(20, 12)]
    images = np.zeros((len(shapes), CELL, CELL), np.uint8)
    for image, shape in zip(images, shapes, strict=True):
        image[4:24, 5 : 5 + shape.shape[1]] = shape
    source = Digits(images, np.arange(len(shapes), dtype=np.uint8))
    settings = validate({"layout": layout, "slots": slots})
    strips = Composer(source, settings.layout, slots).compose(512, np.random.default_rng(3))
    _, targets = strategy_of(slots).examples(strips.images, strips.slots)
    assert targets.reshape(512, -1).any(1).mean() > least


def samples(slots: int) -> Image:
    return np.stack(
        [
            strip((ring(), 8), (bar(), 40), (seven(), 50), (ring(), 28 * slots - 40), slots=slots),
            strip((ring(), 40), (ring(), 54), (seven(), 80), slots=slots),
            strip((seven(24, 16), 28 * slots - 22), top=2, slots=slots),
            strip(slots=slots),
        ]
    )


@pytest.fixture(scope="module", params=[5, pytest.param(12, marks=pytest.mark.slow)])
def built(request: pytest.FixtureRequest) -> tuple[Any, Any, Image]:
    import keras

    keras.utils.set_random_seed(0)
    strategy = strategy_of(request.param)
    model = strategy.training_model()
    return model, strategy.reading_model(model), samples(request.param)


def test_reading_sees_the_cells_that_training_saw(built: tuple[Any, Any, Image]) -> None:
    import keras

    model, reading, strips = built
    alone = np.asarray(keras.ops.softmax(model(cells(*strips).reshape(-1, CELL, CELL))))
    found = np.asarray(reading(strips))
    assert np.allclose(found, alone.reshape(found.shape), atol=1e-5)
    assert np.ptp(found[0], axis=0).max() > 1e-3


@pytest.mark.slow
def test_an_8_bit_file_cuts_and_reads_alike(built: tuple[Any, Any, Image], tmp_path: Path) -> None:
    _, reading, strips = built
    path = tmp_path / "model.tflite"
    path.write_bytes(to_tflite(reading, strips))
    wanted = np.asarray(reading(strips))
    for count in (1, len(strips)):
        assert np.abs(Model(path).probabilities(strips[:count]) - wanted[:count]).max() < 0.05
