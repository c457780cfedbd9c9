"""The backbone for longer trainings: its size, and which part of a strip each slot sees."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.labels import CELL
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make, resolve


def strategy_of(layout: str, slots: int, strategy: str = "heads", width: float = 1.0) -> Strategy:
    backbone = {"name": "deep", "width": width}
    return make(validate({"strategy": strategy, "layout": layout, "slots": slots, "backbone": backbone}))


@pytest.mark.parametrize(
    ("layout", "slots", "strategy", "parameters"),
    [
        ("structured", 5, "heads", 542_507),
        ("structured", 3, "heads", 542_507),
        ("structured", 5, "cut", 542_507),
        ("free", 5, "cut", 542_507),
        ("free", 5, "heads", 357_098),
    ],
)
def test_its_size_is_known(layout: str, slots: int, strategy: str, parameters: int) -> None:
    assert strategy_of(layout, slots, strategy).training_model().count_params() == parameters


@pytest.mark.parametrize(("layout", "seeing"), [("structured", [1]), ("free", [0, 1, 2])])
def test_a_slot_sees_its_own_cell_or_the_whole_strip(layout: str, seeing: list[int]) -> None:
    model = strategy_of(layout, 3, width=0.25).training_model()
    strips = np.zeros((2, CELL, CELL * 3), np.uint8)
    # Up to the edges of the cell: on structured strips its neighbours see nothing of them.
    strips[1, :, CELL : 2 * CELL] = 255
    dark, lit = np.asarray(model(strips))
    assert np.flatnonzero(np.abs(lit - dark).max(-1) > 1e-6).tolist() == seeing


@pytest.mark.parametrize("layout", ["structured", "free"])
def test_it_is_trained_as_compact_is(layout: str) -> None:
    deep, compact = (
        resolve(validate({"backbone": name, "layout": layout, "train": {"epochs": 10}})).train.model_dump()
        for name in ("deep", "compact")
    )
    assert deep == compact


def test_short_trainings_of_it_are_like_others() -> None:
    few, many = (
        resolve(validate({"backbone": "deep", "train": {"epochs": 1, "strips": strips}})).train
        for strips in (1_000, 20_000)
    )
    assert (few.batch_size, few.learning_rate) == (many.batch_size, many.learning_rate)
