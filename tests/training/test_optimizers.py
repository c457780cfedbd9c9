"""Optimisers: what the settings name is what comes, and Muon turns kernels as it should."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.settings import TrainSettings
from multidigit.training.muon import SMALLEST
from multidigit.training.optimizers import make_optimizer


def moved(
    shape: tuple[int, ...], name: str = "kernel", optimizer: str = "muon", weight_decay: float = 0.0
) -> np.ndarray:
    """How far one step moves a variable of this shape and name, at learning rate 0.01 and a random gradient."""
    import keras

    rng = np.random.default_rng(0)
    before = rng.normal(size=shape).astype(np.float32)
    variable = keras.Variable(before, name=name)
    settings = TrainSettings(optimizer=optimizer, learning_rate=0.01, weight_decay=weight_decay, ema=0)
    make_optimizer(settings).apply([rng.normal(size=shape).astype(np.float32)], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable)) - before


class TestMuon:
    @pytest.mark.parametrize("shape", [(5, 5, 8, 32), (96, 48), (7, 1, 16, 128)])
    def test_a_step_moves_all_directions_of_a_kernel_alike(self, shape: tuple[int, ...]) -> None:
        matrix = moved(shape).reshape(-1, shape[-1])
        sizes = np.linalg.svd(matrix, compute_uv=False)
        # As large as a step of AdamW, whose entries are about the learning rate, times 0.2.
        assert sizes / (0.01 * 0.2 * max(matrix.shape) ** 0.5) == pytest.approx(np.ones(len(sizes)), abs=0.35)
        assert np.linalg.matrix_rank(matrix) == min(matrix.shape)

    def test_the_sign_is_that_of_descent(self) -> None:
        gradient = np.random.default_rng(0).normal(size=(2, 96, 48))[1]
        assert float((moved((96, 48)) * gradient).sum()) < 0

    @pytest.mark.parametrize(
        ("shape", "name"),
        [((128, 11), "kernel"), ((5, 5, 1, SMALLEST - 1), "kernel"), ((64,), "bias"), ((35, 64), "bias")],
    )
    def test_output_layers_and_offsets_are_left_to_adamw(self, shape: tuple[int, ...], name: str) -> None:
        # Adam's first step is the learning rate in the direction of the sign.
        assert np.abs(moved(shape, name)) == pytest.approx(np.full(shape, 0.01), abs=1e-3)

    def test_weights_shrink_and_offsets_do_not(self) -> None:
        for shape, name, shrinks in (
            ((96, 48), "kernel", True),
            ((128, 11), "kernel", True),
            ((35, 64), "bias", False),
        ):
            before = np.random.default_rng(0).normal(size=shape)
            more = moved(shape, name, weight_decay=0.5) - moved(shape, name)
            expected = -0.01 * 0.5 * before if shrinks else np.zeros(shape)
            assert more == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["adam", "adamw", "adadelta", "sgd", "muon"])
def test_every_optimiser_has_the_settings_rate_and_average(name: str) -> None:
    made = make_optimizer(TrainSettings(optimizer=name, learning_rate=0.25, weight_decay=0.125, ema=0.75))
    assert float(made.learning_rate) == 0.25
    assert (made.weight_decay, made.use_ema, made.ema_momentum) == (0.125, True, 0.75)
    assert made.__class__.__name__.lower() == name
    assert not make_optimizer(TrainSettings(optimizer=name, learning_rate=0.25, ema=0)).use_ema
