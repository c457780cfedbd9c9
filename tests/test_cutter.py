"""Cutting where there is little ink: digits are found one by one, in training and in reading alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.errors import SettingsError
from multidigit.labels import BLANK, CELL, CLASSES, SLOTS, WIDTH, text_to_slots
from multidigit.reading.inference import Model
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make
from multidigit.strips.compose import Composer
from multidigit.training.conversion import to_tflite

Image = NDArray[np.uint8]


def cut(cutter: str = "ink") -> Strategy:
    return make(validate({"strategy": "cut", "layout": "free", "backbone": {"width": 0.25}, "cut": {"cutter": cutter}}))


@pytest.fixture(scope="module")
def strategy() -> Strategy:
    return cut()


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


def strip(*placed: tuple[Image, int], top: int = 4) -> Image:
    """A strip with pictures at columns."""
    image = np.zeros((CELL, WIDTH), np.uint8)
    for picture, left in placed:
        area = image[top : top + picture.shape[0], left : left + picture.shape[1]]
        np.maximum(area, picture, out=area)
    return image


def cells(strategy: Strategy, *strips: Image) -> Image:
    """The cells of strips, (N, 5, 28, 28)."""
    images = np.stack(strips)
    found, _ = strategy.examples(images, np.full((len(images), SLOTS), BLANK, np.uint8))
    return found.reshape(-1, SLOTS, CELL, CELL)


def filled(found: Image) -> list[bool]:
    """Which of five cells hold anything; none may stand after an empty one."""
    return [bool(cell.any()) for cell in found]


def first(count: int) -> list[bool]:
    return [slot < count for slot in range(SLOTS)]


def alike(one: Image, other: Image) -> bool:
    return bool(np.abs(one.astype(int) - other).mean() < 6)


def test_digits_apart_are_found_in_their_order(strategy: Strategy) -> None:
    digits = [ring(), bar(), seven()]
    alone = [cells(strategy, strip((digit, 60)))[0, 0] for digit in digits]
    assert not any(alike(alone[a], alone[b]) for a, b in ((0, 1), (1, 2), (0, 2)))
    found = cells(strategy, strip((digits[0], 8), (digits[1], 40), (digits[2], 50), (digits[0], 100)))[0]
    assert filled(found) == first(4)
    assert all(alike(cell, alone[which]) for cell, which in zip(found, (0, 1, 2, 0), strict=False))


def test_a_piece_is_scaled_to_its_cell_and_stands_in_its_middle(strategy: Strategy) -> None:
    small, large = cells(strategy, strip((ring(14, 11), 20), top=12), strip((ring(26, 20), 100), top=1))[:, 0]
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


def test_digits_that_overlap_without_touching_are_taken_apart(strategy: Strategy) -> None:
    image = strip((slash(), 40), (slash(), 47))
    # No column between them is free of ink.
    assert image[:, 40:59].any(0).all()
    found = cells(strategy, image)[0]
    assert filled(found) == first(2)
    alone = cells(strategy, strip((slash(), 60)))[0, 0]
    assert alike(found[0], alone)
    assert alike(found[1], alone)


def test_a_touching_pair_is_split_where_it_touches(strategy: Strategy) -> None:
    # One arm runs into the other.
    image = strip((seven(), 40), (seven(), 53))
    assert image[4:7, 40:66].all()
    alone = cells(strategy, strip((seven(), 40)))[0, 0]
    found = cells(strategy, image)[0]
    assert filled(found) == first(2)
    # Half a stroke more or less is left at the end of an arm.
    assert all(np.abs(cell.astype(int) - alone).mean() < 8 for cell in found[:2])


@pytest.mark.parametrize("digit", [ring(), ring(20, 19), ring(16, 15), bar(), bar(22, 5), seven(), seven(20, 17)])
@pytest.mark.parametrize("left", [0, 57, 120])
def test_a_digit_alone_is_left_whole(strategy: Strategy, digit: Image, left: int) -> None:
    assert filled(cells(strategy, strip((digit, left)))[0]) == first(1)


def test_blank_strips_have_five_empty_cells(strategy: Strategy) -> None:
    faint = np.random.default_rng(0).integers(90, 100, (CELL, WIDTH)).astype(np.uint8)
    images = np.stack([strip(), faint])
    blank = np.full((2, SLOTS), BLANK, np.uint8)
    found, targets = strategy.examples(images, blank)
    assert not found.any()
    assert np.array_equal(targets.argmax(-1), blank.ravel())
    assert targets.sum() == 2 * SLOTS


def test_there_are_never_more_than_five_pieces(strategy: Strategy) -> None:
    six = strip(*((ring(), 3 + 23 * place) for place in range(6)))
    found, targets = strategy.examples(six[None], text_to_slots("00000")[None])
    assert found.reshape(SLOTS, CELL, CELL).any((1, 2)).all()
    assert targets.shape == (SLOTS, CLASSES)


def test_a_grey_ground_and_fainter_ink_change_nothing_of_note(strategy: Strategy) -> None:
    clean = strip((ring(), 8), (seven(), 40), (bar(), 70))
    noise = np.random.default_rng(1).integers(0, 12, clean.shape)
    greyed = (60 + noise + clean * 0.6).astype(np.uint8)
    plain, grey = cells(strategy, clean, greyed)
    assert filled(plain) == filled(grey) == first(3)
    for one, other in zip(plain[:3], grey, strict=False):
        assert alike(other, (one * 0.6).astype(np.uint8))


def test_a_speck_is_no_piece(strategy: Strategy) -> None:
    image = strip((ring(), 20), (seven(), 50))
    image[9, 100] = image[20, 5] = 255
    assert filled(cells(strategy, image)[0]) == first(2)


def test_only_strips_cut_into_the_right_number_teach(strategy: Strategy) -> None:
    images = np.stack([strip((ring(), 8), (bar(), 40))] * 3)
    slots = np.stack([text_to_slots("01"), text_to_slots("011"), text_to_slots("0")])
    found, targets = strategy.examples(images, slots)
    assert (found.shape, found.dtype) == ((15, CELL, CELL), np.uint8)
    assert (targets.shape, targets.dtype) == ((15, CLASSES), np.float32)
    by_strip = targets.reshape(3, SLOTS, CLASSES)
    assert np.array_equal(by_strip[0].argmax(-1), slots[0])
    assert by_strip.sum((1, 2)).tolist() == [SLOTS, 0, 0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cells_without_a_target_pull_at_nothing(strategy: Strategy, smoothing: float) -> None:
    import tensorflow as tf

    targets = np.zeros((4, CLASSES), np.float32)
    targets[:2, 3] = 1
    logits = tf.constant(np.random.default_rng(2).normal(size=targets.shape).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = strategy.loss(smoothing)(targets, logits)
    pull = np.abs(tape.gradient(loss, logits).numpy()).max(1)
    assert (pull[:2] > 0.01).all()
    assert not pull[2:].any()
    alone = strategy.loss(smoothing)(targets[:2], logits[:2])
    assert float(loss) == pytest.approx(float(alone) / 2, abs=1e-6)


@pytest.mark.parametrize(("layout", "least"), [("structured", 0.99), ("free", 0.55)])
def test_composed_strips_are_mostly_cut_right(strategy: Strategy, layout: str, least: float) -> None:
    shapes = [ring(), bar(), seven(), slash(), ring(20, 12)]
    images = np.zeros((len(shapes), CELL, CELL), np.uint8)
    for image, shape in zip(images, shapes, strict=True):
        image[4:24, 5 : 5 + shape.shape[1]] = shape
    source = Digits(images, np.arange(len(shapes), dtype=np.uint8))
    strips = Composer(source, validate({"layout": layout}).layout, 5).compose(512, np.random.default_rng(3))
    _, targets = strategy.examples(strips.images, strips.slots)
    assert targets.reshape(-1, SLOTS * CLASSES).any(1).mean() > least


def test_equal_fifths_are_the_default(strategy: Strategy) -> None:
    image = np.random.default_rng(4).integers(0, 256, (2, CELL, WIDTH)).astype(np.uint8)
    slots = np.stack([text_to_slots("123"), text_to_slots("45")])
    default, targets = make(validate({"strategy": "cut"})).examples(image, slots)
    assert np.array_equal(default, [one[:, 28 * slot : 28 * slot + 28] for one in image for slot in range(SLOTS)])
    assert np.array_equal(targets.argmax(-1), slots.ravel())
    assert np.array_equal(default, cut("equal").examples(image, slots)[0])
    assert not np.array_equal(default, strategy.examples(image, slots)[0])


STRIPS = np.stack(
    [
        strip((ring(), 8), (bar(), 40), (seven(), 50), (ring(), 100)),
        strip((ring(), 40), (ring(), 54), (seven(), 80)),
        strip((seven(24, 16), 118), top=2),
        strip(),
    ]
)


@pytest.fixture(scope="module")
def built(strategy: Strategy) -> tuple[Any, Any]:
    import keras

    keras.utils.set_random_seed(0)
    model = strategy.training_model()
    return model, strategy.reading_model(model)


def test_reading_sees_the_cells_that_training_saw(strategy: Strategy, built: tuple[Any, Any]) -> None:
    import keras

    model, reading = built
    alone = np.asarray(keras.ops.softmax(model(cells(strategy, *STRIPS).reshape(-1, CELL, CELL))))
    found = np.asarray(reading(STRIPS))
    assert np.allclose(found, alone.reshape(-1, SLOTS, CLASSES), atol=1e-5)
    assert np.ptp(found[0], axis=0).max() > 1e-3
    assert reading.trainable_weights == model.trainable_weights


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_the_exported_file_cuts_and_reads_alike(built: tuple[Any, Any], tmp_path: Path, kind: str) -> None:
    _, reading = built
    path = tmp_path / "reader.tflite"
    path.write_bytes(to_tflite(reading, STRIPS if kind == "int8" else None))
    wanted = np.asarray(reading(STRIPS))
    for count in (1, len(STRIPS)):
        found = Model(path).probabilities(STRIPS[:count])
        assert found.shape == (count, SLOTS, CLASSES)
        assert np.abs(found - wanted[:count]).max() < (1e-4 if kind == "float" else 0.05)


def test_an_unknown_cutter_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^settings: cut\.cutter: .*'equal' or 'ink'; received 'inks'$") as told:
        validate({"strategy": "cut", "cut": {"cutter": "inks"}})
    assert "\n" not in str(told.value)
