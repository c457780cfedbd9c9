"""What is made from settings: strategies with their options, recipes."""

from __future__ import annotations

from typing import Any

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import Section, Settings, validate
from multidigit.strategies.base import STARTED, make, resolve, set_otherwise
from multidigit.strategies.heads import Heads
from multidigit.strategies.sigmoid import Sigmoid


def test_a_strategy_knows_its_name_options_backbone_and_slots() -> None:
    strategy = make(validate({"strategy": "cut", "cut": {"cutter": "ink"}, "backbone": {"width": 0.5}, "slots": 8}))
    assert (strategy.name, strategy.options.model_dump(), strategy.slots) == ("cut", {"cutter": "ink"}, 8)
    assert (strategy.backbone.settings.width, strategy.backbone.layout) == (0.5, "free")


@pytest.mark.parametrize(("count", "width", "channels"), [(32, 1, 32), (32, 0.3, 8), (96, 0.3, 32), (8, 0.01, 8)])
def test_channels_are_whole_eights(count: int, width: float, channels: int) -> None:
    assert make(validate({"backbone": {"width": width}})).backbone.channels(count) == channels


def test_recipes_fill_what_was_left_open_and_nothing_else() -> None:
    asked = validate({"backbone": "baseline", "train": {"batch_size": 7, "warmup": 0.5}})
    assert asked.train.optimizer is None
    train = resolve(asked).train
    assert (train.batch_size, train.warmup, train.optimizer, train.learning_rate) == (7, 0.5, "adam", 0.001)
    assert None not in [getattr(train, key) for key in ("weight_decay", "schedule", "label_smoothing", "ema")]
    assert (train.epochs, train.strips) == (asked.train.epochs, asked.train.strips)
    # What else a recipe holds is no setting.
    assert vars(train).keys() == vars(asked.train).keys()


@pytest.mark.parametrize(
    ("given", "others"),
    [
        ({}, []),
        ({"minutes": 3}, []),
        ({"weight_decay": 0.05}, []),  # as the recipe has it
        ({"weight_decay": 0.0}, ["weight_decay"]),
        # Batches, rate and curriculum of a short training go together.
        ({"batch_size": 64}, ["batch_size", "learning_rate", "curriculum"]),
        ({"optimizer": "sgd", "learning_rate": 0.1}, ["batch_size", "optimizer", "learning_rate", "curriculum"]),
    ],
)
def test_what_is_not_as_the_recipe_has_it(given: dict[str, Any], others: list[str]) -> None:
    asked = validate({"backbone": "compact", "layout": "free", "train": {"epochs": 1, "strips": 20_000, **given}})
    assert set_otherwise(resolve(asked)) == [f"train.{key}" for key in others]


def test_what_an_older_run_could_not_set_is_left_out() -> None:
    old = resolve(validate({"backbone": "compact", "layout": "structured"}))
    old = old.model_copy(update={"train": old.train.model_copy(update={"curriculum": None})})
    assert set_otherwise(old) == []


def test_longer_trainings_have_a_lower_rate_and_a_longer_average() -> None:
    def train(**given: Any) -> tuple[float, float]:
        found = resolve(validate({"layout": "structured", "train": given})).train
        assert found.learning_rate is not None
        assert found.ema is not None
        return found.learning_rate, found.ema

    short, trials = train(epochs=1, strips=10_001), train(epochs=1, strips=20_000)
    assert short == trials
    long = train(epochs=12, strips=20_000)
    ratio = (1 / 12) ** 0.3
    assert long[0] / trials[0] == pytest.approx(ratio)
    assert (1 - long[1]) / (1 - trials[1]) == pytest.approx(ratio)
    # A budget in minutes counts by the backbone's usual speed.
    assert train(minutes=240_000 / 1_867 / 60) == pytest.approx(long)
    assert train(epochs=12, strips=20_000, learning_rate=0.5, ema=0.0) == (0.5, 0.0)


def test_short_trainings_have_small_batches_at_a_rate_of_their_own_and_free_ones_begin_in_cells() -> None:
    def train(layout: str = "free", **given: Any) -> tuple[Any, ...]:
        found = resolve(validate({"backbone": {"name": "compact"}, "layout": layout, "train": given})).train
        return found.batch_size, found.learning_rate, found.curriculum

    assert train(epochs=1, strips=20_000) == train(epochs=4, strips=5_000) == train(minutes=0.2) == (16, 0.007, 3_000)
    # It takes three tenths of the shortest ones.
    assert train(epochs=1, strips=1_000) == (16, 0.007, 300)
    assert train(epochs=2, strips=20_000) == (16, pytest.approx(0.007 * 0.5**0.3), 3_000)
    assert train(epochs=1, strips=40_001) == (64, pytest.approx(0.02 * 0.5**0.3, rel=1e-4), 0)
    assert train("structured", epochs=1, strips=10_000) == (16, 0.007, 0)
    assert train("structured", epochs=1, strips=10_001) == (64, 0.01, 0)
    # They go together: where batch or rate is set, the others are those of all trainings.
    assert train(epochs=1, strips=100, batch_size=32) == (32, 0.02, 0)
    assert train(epochs=1, strips=100, learning_rate=0.1) == (64, 0.1, 0)
    assert train(epochs=1, strips=100, curriculum=0) == (16, 0.007, 0)
    # From weights that are good already they were not tried.
    assert train(epochs=1, strips=100, start="run") == (64, 0.02 * STARTED, 0)


def test_another_optimizer_needs_a_learning_rate_of_its_own() -> None:
    with pytest.raises(SettingsError, match=r"^train\.learning_rate must be set .*\(adam\); received .* sgd alone$"):
        resolve(validate({"backbone": "baseline", "train": {"optimizer": "sgd"}}))
    chosen = validate({"backbone": "baseline", "train": {"optimizer": "sgd", "learning_rate": 0.1}})
    assert (resolve(chosen).train.optimizer, resolve(chosen).train.learning_rate) == ("sgd", 0.1)


class TestOptions:
    def test_a_derived_strategy_has_the_options_of_its_parent(self) -> None:
        class Deep(Heads):
            class Options(Heads.Options):
                depth: int = 3

        assert Deep.Options().model_dump() == {"length": False, "depth": 3}

    def test_options_of_another_origin_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"^Deep\.Options must derive from Heads\.Options; received <class "):

            class Deep(Heads):
                class Options(Section):
                    depth: int = 3

    def test_a_strategy_may_be_given_more(self) -> None:
        class Lifted(Sigmoid):
            class Options(Sigmoid.Options):
                lift: float = -4.0

        assert Lifted.Options().model_dump() == {"positive_weight": 1.0, "initial_bias": -2.3, "lift": -4.0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "head"}, r"'head'.*'heads'"),
        ({"backbone": "baselin"}, r"'baselin'.*'baseline'"),
        ({"heads": {"length": "perhaps"}}, r"heads\.length .*received 'perhaps'$"),
        ({"heads": {"length": 2}}, r"heads\.length .*received 2$"),
        ({"heads": {"lenght": True}}, r"'heads\.lenght'.*'length'"),
        ({"cut": {"cutter": "inks"}}, r"cut\.cutter .*equal or ink; received 'inks'$"),
    ],
)
def test_unknown_names_and_options_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        validate(settings)
    assert "\n" not in str(caught.value)


def test_the_former_name_of_the_baseline_still_loads() -> None:
    assert validate({"backbone": "thread"}).backbone == validate({"backbone": "baseline"}).backbone
    assert Settings.model_validate({"backbone": {"name": "thread"}}).backbone.name == "baseline"
