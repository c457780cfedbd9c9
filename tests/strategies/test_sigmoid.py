"""sigmoid: what its units are taught, and how they are read."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.labels import CELL, CLASSES, texts_to_slots
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make

SLOTS = [1, 3, 5, 12]


def strategy_of(slots: int, **options: float) -> Strategy:
    return make(validate({"strategy": "sigmoid", "slots": slots, "backbone": {"width": 0.25}, "sigmoid": options}))


@pytest.mark.parametrize(
    ("slots", "text", "ones"), [(5, "9754", [9, 18, 27, 37, 54]), (1, "7", [7]), (3, "12", [1, 13, 32])]
)
def test_targets_are_one_hot_within_each_block(slots: int, text: str, ones: list[int]) -> None:
    images, numbers = np.zeros((1, CELL, CELL * slots), np.uint8), texts_to_slots([text], slots)
    inputs, targets = strategy_of(slots).examples(images, numbers)
    assert inputs is images
    assert (targets.shape, targets.dtype) == ((1, CLASSES * slots), np.float32)
    assert np.flatnonzero(targets[0]).tolist() == ones
    assert set(targets[0]) == {0, 1}


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_the_loss_is_the_mean_over_units(weight: float) -> None:
    targets = np.eye(33, dtype=np.float32)[[1]]
    logits = np.random.default_rng(2).normal(0, 2, (1, 33)).astype(np.float32)
    units = 1 / (1 + np.exp(-logits.astype(np.float64)))
    for smoothing in (0.0, 0.1):
        wanted = targets * (1 - smoothing) + smoothing / 2
        each = -(wanted * np.log(units) + (1 - wanted) * np.log(1 - units))
        loss = (each * np.where(targets == 1, weight, 1)).mean()
        found = strategy_of(3, positive_weight=weight).loss(smoothing)(targets, logits)
        assert float(found) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(("options", "bias"), [({}, -2.3), ({"initial_bias": 0.5}, 0.5)])
def test_units_begin_with_the_share_of_ones_or_the_bias_that_is_asked_for(
    options: dict[str, float], bias: float
) -> None:
    model = strategy_of(3, **options).training_model()
    assert np.allclose(np.asarray(model(np.zeros((1, CELL, 3 * CELL), np.uint8))), bias)


def read(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the strategy reads from a network that yields these logits, shape (N, 11·slots)."""
    import keras

    vector = keras.Input((logits.shape[1],))
    model = keras.Model(vector, keras.layers.Identity()(vector))
    return np.asarray(strategy_of(logits.shape[1] // CLASSES).reading_model(model)(logits))


@pytest.mark.parametrize("slots", SLOTS)
@pytest.mark.parametrize("shift", [0, 4, -4, -40, -200])
def test_reading_takes_the_arg_max_of_each_block(slots: int, shift: int) -> None:
    logits = np.random.default_rng(3).normal(shift, 3, (4, slots * CLASSES)).astype(np.float32)
    found = read(logits)
    assert np.array_equal(found.argmax(-1), logits.reshape(4, slots, CLASSES).argmax(-1))
    assert len(np.unique(found.argmax(-1))) > 1
    # Each slot sums to 1 even where all units are near 0.
    assert np.allclose(found.sum(-1), 1, atol=1e-5)


def test_reading_keeps_the_proportions_of_the_units() -> None:
    logits = np.random.default_rng(4).normal(0, 2, (2, 5 * CLASSES)).astype(np.float32)
    units = (1 / (1 + np.exp(-logits))).reshape(2, 5, CLASSES)
    assert np.allclose(read(logits), units / units.sum(-1, keepdims=True), atol=1e-6)
