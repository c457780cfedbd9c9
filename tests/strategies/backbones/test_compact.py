"""The default backbone: its size, and which part of a strip each slot sees."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.labels import CELL
from multidigit.settings import LAYOUTS, validate
from multidigit.strategies.base import Strategy, make, resolve


def strategy_of(layout: str, slots: int, strategy: str = "heads", width: float = 1.0) -> Strategy:
    backbone = {"name": "compact", "width": width}
    return make(validate({"strategy": strategy, "layout": layout, "slots": slots, "backbone": backbone}))


@pytest.mark.parametrize(("layout", "parameters"), [("structured", 422_283), ("free", 296_314)])
def test_five_slots_have_a_known_number_of_parameters(layout: str, parameters: int) -> None:
    assert strategy_of(layout, 5).training_model().count_params() == parameters


@pytest.mark.parametrize("slots", [1, 3, 12])
def test_slots_share_the_weights_of_structured_strips(slots: int) -> None:
    assert strategy_of("structured", slots).training_model().count_params() == 422_283


@pytest.mark.parametrize("slots", [3, 12])
def test_a_slot_of_structured_strips_sees_its_own_cell(slots: int) -> None:
    model = strategy_of("structured", slots, width=0.25).training_model()
    strips = np.zeros((2, CELL, CELL * slots), np.uint8)
    strips[1, 8:20, CELL + 8 : CELL + 20] = 255
    dark, lit = np.asarray(model(strips))
    changed = np.abs(lit - dark).max(-1) > 1e-6
    assert changed.tolist() == [slot == 1 for slot in range(slots)]


@pytest.mark.parametrize("slots", [3, 12])
def test_a_slot_of_free_strips_sees_the_whole_strip(slots: int) -> None:
    model = strategy_of("free", slots, width=0.25).training_model()
    strips = np.zeros((2, CELL, CELL * slots), np.uint8)
    strips[1, 4:24, -CELL // 2 :] = 255
    dark, lit = np.asarray(model(strips))
    assert (np.abs(lit - dark).max(-1) > 0).all()


@pytest.mark.parametrize("slots", [3, 12])
def test_a_query_of_free_strips_begins_with_its_own_cell(slots: int) -> None:
    _, first = strategy_of("free", slots, width=0.25).training_model().get_layer("queries").get_weights()
    assert first.shape == (7 * slots, slots)
    assert (first.argmax(0) // 7).tolist() == list(range(slots))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cells_are_read_alike_in_both_layouts(layout: str) -> None:
    assert strategy_of(layout, 5, "cut").training_model().count_params() == 422_283


@pytest.mark.parametrize(
    ("layout", "strategy", "rate", "augment"),
    [
        ("structured", "heads", 0.01, 1.0),
        ("structured", "sigmoid", 0.02, 1.0),
        ("structured", "cut", 0.01, 1.0),
        ("free", "heads", 0.007, 0.5),
        ("free", "cut", 0.007, 0.5),
    ],
)
def test_the_recipe_depends_on_layout_and_strategy(layout: str, strategy: str, rate: float, augment: float) -> None:
    budget = {"epochs": 1, "strips": 20_000}
    train = resolve(validate({"backbone": "compact", "layout": layout, "strategy": strategy, "train": budget})).train
    assert (train.optimizer, train.learning_rate, train.augment, train.ema) == ("muon", rate, augment, 0.97)
