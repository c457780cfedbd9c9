"""cut: cells of equal width in training and in reading, and what cells without a target teach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.labels import BLANK, CELL, CLASSES, texts_to_slots
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make


def strategy_of(slots: int = 5, **options: Any) -> Strategy:
    return make(validate({"strategy": "cut", "slots": slots, "cut": options, "backbone": {"width": 0.25}}))


def noise(count: int, slots: int) -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (count, CELL, CELL * slots)).astype(np.uint8)


@pytest.mark.parametrize(
    ("slots", "texts"), [(1, ["7", "0"]), (3, ["123", "4"]), (5, ["123", "45678"]), (12, ["0" * 12, "9"])]
)
def test_the_default_cuts_into_cells_of_equal_width(slots: int, texts: list[str]) -> None:
    images, numbers = noise(2, slots), texts_to_slots(texts, slots)
    cells, targets = strategy_of(slots).examples(images, numbers)
    assert np.array_equal(cells, [image[:, CELL * s : CELL * (s + 1)] for image in images for s in range(slots)])
    assert targets.dtype == np.float32
    assert np.array_equal(targets, np.eye(CLASSES)[numbers.ravel()])
    assert np.array_equal(cells, strategy_of(slots, cutter="equal").examples(images, numbers)[0])


def test_blank_cells_teach_the_class_of_no_digit() -> None:
    _, targets = strategy_of().examples(noise(1, 5), texts_to_slots(["12"], 5))
    assert targets.argmax(-1).tolist() == [1, 2, BLANK, BLANK, BLANK]


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_reading_puts_the_answers_to_single_cells_side_by_side(slots: int) -> None:
    import keras

    keras.utils.set_random_seed(0)
    strategy, images = strategy_of(slots), noise(3, slots)
    model = strategy.training_model()
    cells, _ = strategy.examples(images, np.zeros((3, slots), np.uint8))
    alone = np.asarray(keras.ops.softmax(model(cells))).reshape(3, slots, CLASSES)
    found = np.asarray(strategy.reading_model(model)(images))
    assert np.allclose(found, alone, atol=1e-6)
    # Cells differ enough for a wrong order to show.
    assert np.ptp(found, axis=0).max() > 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cells_without_a_target_have_no_gradient(smoothing: float) -> None:
    import tensorflow as tf

    strategy = strategy_of(cutter="ink")
    targets = np.zeros((4, CLASSES), np.float32)
    targets[:2, 3] = 1
    logits = tf.constant(np.random.default_rng(2).normal(size=targets.shape).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = strategy.loss(smoothing)(targets, logits)
    gradient = np.abs(tape.gradient(loss, logits).numpy()).max(1)
    assert (gradient[:2] > 0.01).all()
    assert not gradient[2:].any()
    alone = strategy.loss(smoothing)(targets[:2], logits[:2])
    assert float(loss) == pytest.approx(float(alone) / 2, abs=1e-6)
