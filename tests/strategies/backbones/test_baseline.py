"""The network of the question, to the letter: its layers, parameters and optimizers."""

from __future__ import annotations

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make, resolve


def strategy_of(strategy: str, **settings: object) -> Strategy:
    return make(validate({"strategy": strategy, "backbone": "baseline", "layout": "structured", **settings}))


@pytest.mark.parametrize(("strategy", "parameters"), [("heads", 2_891_191), ("sigmoid", 2_891_191), ("cut", 120_203)])
def test_five_slots_have_the_parameters_of_the_question(strategy: str, parameters: int) -> None:
    assert strategy_of(strategy).training_model().count_params() == parameters


@pytest.mark.parametrize("slots", [1, 3, 12])
def test_other_numbers_of_slots_have_the_same_layers(slots: int) -> None:
    convolutions, flat = 32 * 9 + 32 + 64 * 9 * 32 + 64, 768 * (14 * slots - 2)
    parameters = convolutions + 11 * slots * (flat + 1)
    assert strategy_of("heads", slots=slots).training_model().count_params() == parameters
    assert strategy_of("sigmoid", slots=slots).training_model().count_params() == parameters
    assert strategy_of("cut", slots=slots).training_model().count_params() == 120_203


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_layers_stand_in_their_order(strategy: str) -> None:
    wanted = {"Conv2D": ("filters", "kernel_size", "activation"), "MaxPooling2D": ("pool_size",), "Dropout": ("rate",)}
    layers = [
        (type(layer).__name__, *(layer.get_config()[key] for key in wanted.get(type(layer).__name__, ())))
        for layer in strategy_of(strategy).training_model().layers
    ]
    first = layers.index(("Conv2D", 32, (3, 3), "relu"))
    assert layers[first : first + 6] == [
        ("Conv2D", 32, (3, 3), "relu"),
        ("Conv2D", 64, (3, 3), "relu"),
        ("MaxPooling2D", (2, 2)),
        ("Dropout", 0.25),
        ("Flatten",),
        ("Dropout", 0.5),
    ]
    assert layers[first + 6 :].count(("Dense",)) == (5 if strategy == "heads" else 1)


@pytest.mark.parametrize(
    ("strategy", "optimizer", "rate"),
    [("heads", "adam", 0.001), ("sigmoid", "adadelta", 1.0), ("cut", "adadelta", 1.0)],
)
def test_the_recipe_is_that_of_the_question(strategy: str, optimizer: str, rate: float) -> None:
    train = resolve(validate({"strategy": strategy, "backbone": "baseline"})).train
    assert (train.optimizer, train.learning_rate, train.batch_size) == (optimizer, rate, 128)
    assert (train.schedule, train.warmup, train.weight_decay, train.augment, train.ema) == ("constant", 0, 0, 0, 0)


def test_it_cannot_be_widened() -> None:
    with pytest.raises(SettingsError, match=r"backbone\.width must be 1 .*; received 2"):
        strategy_of("heads", backbone={"name": "baseline", "width": 2}).training_model()
