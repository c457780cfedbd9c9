"""The schedule of the learning rate."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.settings import TrainSettings
from multidigit.training.schedule import learning_rate


def test_it_warms_up_in_a_line_then_falls_as_a_cosine_to_zero() -> None:
    recipe = TrainSettings(learning_rate=0.4, warmup=0.2, schedule="cosine")
    rates = [learning_rate(recipe, done) for done in (0.05, 0.1, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.0])
    falling = [learning_rate(recipe, done) for done in np.linspace(0.2, 1, 50)]
    assert falling == sorted(falling, reverse=True)


def test_the_first_step_counts_and_nothing_comes_after_the_end() -> None:
    recipe = TrainSettings(learning_rate=0.4, warmup=0.2, schedule="cosine")
    assert 0 < learning_rate(recipe, 0) < 0.02
    assert learning_rate(recipe, 1.2) == pytest.approx(0)


def test_constant_stays_after_the_warm_up() -> None:
    recipe = TrainSettings(learning_rate=0.4, warmup=0.5, schedule="constant")
    assert [learning_rate(recipe, done) for done in (0.25, 0.5, 0.75, 1)] == pytest.approx([0.2, 0.4, 0.4, 0.4])
    assert learning_rate(TrainSettings(learning_rate=0.4, warmup=0.0, schedule="constant"), 0) == 0.4
