"""The backbone of the shipped reader: its size, and what each slot sees."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.labels import CELL
from multidigit.settings import validate
from multidigit.strategies.base import make, resolve


def test_its_size_is_known_and_hardly_grows_with_the_slots() -> None:
    five, eight = (
        make(validate({"backbone": "residual", "layout": "scene", "slots": slots})).training_model().count_params()
        for slots in (5, 8)
    )
    assert 300_000 < five < eight < five + 3_000


def test_every_slot_of_a_scene_sees_the_whole_strip() -> None:
    backbone = {"name": "residual", "width": 0.25}
    model = make(validate({"backbone": backbone, "layout": "scene", "slots": 4})).training_model()
    strips = np.zeros((2, CELL, CELL * 4), np.uint8)
    strips[1, 4:24, -CELL // 2 :] = 255
    dark, lit = np.asarray(model(strips))
    assert (np.abs(lit - dark).max(-1) > 0).all()


@pytest.mark.parametrize(("layout", "augment"), [("structured", 1.0), ("free", 0.5), ("scene", 0.5)])
def test_the_recipe_depends_on_the_layout(layout: str, augment: float) -> None:
    assert resolve(validate({"backbone": "residual", "layout": layout})).train.augment == augment
