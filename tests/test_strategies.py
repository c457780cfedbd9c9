"""Strategies and backbones: the thread's network to the letter, and the contract for every registered one."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.errors import MultidigitError, SettingsError
from multidigit.labels import BLANK, CELL, CLASSES, SLOTS, text_to_slots
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import LAYOUTS, LayoutSettings, Settings, validate
from multidigit.strategies.base import Strategy, make, resolve
from multidigit.strips.compose import Composer, Strips
from multidigit.training.loop import compile_model


def strips(digits: Digits, layout: str, count: int = 8) -> Strips:
    settings = validate({"layout": layout}).layout
    assert isinstance(settings, LayoutSettings)
    return Composer(digits, settings, 5).compose(count, np.random.default_rng(1))


WIDTHS = {"streetview": 0.125}
"""Narrower than usual, so that tests are quick."""


def strategy_of(strategy: str, backbone: str = "thread", layout: str = "structured") -> Strategy:
    chosen = {"name": backbone, "width": WIDTHS.get(backbone, 1)}
    return make(validate({"strategy": strategy, "backbone": chosen, "layout": layout}))


@pytest.mark.parametrize(("strategy", "parameters"), [("heads", 2_891_191), ("sigmoid", 2_891_191), ("cut", 120_203)])
def test_the_threads_networks_have_its_parameters(strategy: str, parameters: int) -> None:
    assert strategy_of(strategy).training_model().count_params() == parameters


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_the_threads_layers_stand_in_its_order(strategy: str) -> None:
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
    assert [kind for kind, *_ in layers[first + 6 :] if kind == "Dense"] == ["Dense"] * (
        5 if strategy == "heads" else 1
    )


@pytest.mark.parametrize(
    ("strategy", "optimizer", "rate"),
    [("heads", "Adam", 0.001), ("sigmoid", "Adadelta", 1.0), ("cut", "Adadelta", 1.0)],
)
def test_the_threads_recipe_is_what_it_was(strategy: str, optimizer: str, rate: float) -> None:
    settings = resolve(validate({"strategy": strategy, "backbone": "thread"}))
    model = compile_model(make(settings), settings.train)
    assert type(model.optimizer).__name__ == optimizer
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    assert not model.optimizer.weight_decay
    assert (settings.train.schedule, settings.train.warmup, settings.train.batch_size) == ("constant", 0.0, 128)


def test_the_thread_cannot_be_widened() -> None:
    with pytest.raises(SettingsError, match=r"backbone.width: baseline is as it was written, 1; received 2"):
        make(validate({"backbone": {"name": "thread", "width": 2}})).training_model()


def test_recipes_fill_what_was_left_open_and_nothing_else() -> None:
    asked = validate({"backbone": "thread", "train": {"batch_size": 7, "warmup": 0.5}})
    train = resolve(asked).train
    assert (train.batch_size, train.warmup, train.optimizer, train.learning_rate) == (7, 0.5, "adam", 0.001)
    assert None not in [getattr(train, key) for key in ("weight_decay", "schedule", "label_smoothing", "ema")]
    assert (train.epochs, train.strips) == (asked.train.epochs, asked.train.strips)


def test_another_optimiser_needs_a_learning_rate_of_its_own() -> None:
    with pytest.raises(SettingsError, match=r"train.optimizer: sgd is not what .* set train.learning_rate too"):
        resolve(validate({"backbone": "thread", "train": {"optimizer": "sgd"}}))
    chosen = validate({"backbone": "thread", "train": {"optimizer": "sgd", "learning_rate": 0.1}})
    assert (resolve(chosen).train.optimizer, resolve(chosen).train.learning_rate) == ("sgd", 0.1)


@pytest.fixture(
    scope="module",
    params=list(itertools.product(STRATEGIES, BACKBONES, LAYOUTS)),
    ids=lambda names: "-".join(names),
)
def built(request: pytest.FixtureRequest, toy_digits: Digits) -> tuple[Strategy, Any, Any, Strips]:
    import keras

    keras.utils.set_random_seed(0)
    name, backbone, layout = request.param
    strategy = strategy_of(name, backbone, layout)
    model = strategy.training_model()
    return strategy, model, strategy.reading_model(model), strips(toy_digits, layout)


class TestContract:
    """What evaluation, export and reading may rely on, for every strategy on every backbone and layout."""

    def test_examples_fit_the_training_model(self, built: tuple[Strategy, Any, Any, Strips]) -> None:
        strategy, model, _, batch = built
        inputs, targets = strategy.examples(batch.images, batch.slots)
        assert inputs.shape[1:] == model.input_shape[1:]
        assert targets.shape[1:] == model.output_shape[1:]
        assert (inputs.dtype, targets.dtype) == (np.uint8, np.float32)
        assert len(inputs) == len(targets) >= len(batch)
        # Five slots a strip, and one of eleven classes in each, however they are arranged.
        assert targets.size == len(batch) * SLOTS * CLASSES
        assert np.array_equal(targets.reshape(-1, SLOTS, CLASSES).argmax(-1), batch.slots)
        assert targets.sum() == len(batch) * SLOTS

    def test_the_training_model_learns_a_batch(self, built: tuple[Strategy, Any, Any, Strips]) -> None:
        import keras

        strategy, model, reading, batch = built
        before = np.asarray(reading(batch.images))
        model.compile(keras.optimizers.Adam(0.002), strategy.loss(0.0), run_eagerly=True)
        inputs, targets = strategy.examples(batch.images, batch.slots)
        losses = [float(model.train_on_batch(inputs, targets)) for _ in range(16)]
        assert min(losses[8:]) < 0.8 * losses[0]
        # The reading model holds the same weights, not a copy of them.
        assert {id(weight) for weight in reading.weights} == {id(weight) for weight in model.weights}
        assert np.abs(np.asarray(reading(batch.images)) - before).max() > 0.01

    @pytest.mark.parametrize("count", [1, 3, 8])
    def test_the_reading_model_gives_probabilities(self, built: tuple[Strategy, Any, Any, Strips], count: int) -> None:
        _, _, reading, batch = built
        assert (reading.input_shape, reading.output_shape) == ((None, CELL, SLOTS * CELL), (None, SLOTS, CLASSES))
        assert reading.inputs[0].dtype == "uint8"
        found = np.asarray(reading(batch.images[:count]))
        assert (found.shape, found.dtype) == ((count, SLOTS, CLASSES), np.float32)
        assert found.min() >= 0
        assert np.allclose(found.sum(-1), 1, atol=1e-5)

    def test_the_loss_is_smaller_for_better_answers(self, built: tuple[Strategy, Any, Any, Strips]) -> None:
        strategy, _, _, batch = built
        _, targets = strategy.examples(batch.images, batch.slots)
        loss = strategy.loss(0.0)
        good, none, bad = (float(loss(targets, logits)) for logits in (targets * 8 - 4, targets * 0, 4 - targets * 8))
        assert good < none < bad
        # Smoothed targets make the sure answer dearer.
        assert float(strategy.loss(0.1)(targets, targets * 40 - 20)) > float(loss(targets, targets * 40 - 20)) + 0.1


def test_heads_and_sigmoid_are_taught_the_threads_vector() -> None:
    images, slots = np.zeros((1, CELL, SLOTS * CELL), np.uint8), text_to_slots("9754", 5)[None]
    ones = [9, 18, 27, 37, 54]
    for name in ("heads", "sigmoid"):
        _, targets = strategy_of(name).examples(images, slots)
        assert np.flatnonzero(targets.reshape(-1)).tolist() == ones


def cells_of(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [image[:, CELL * slot : CELL * (slot + 1)] for image in images for slot in range(SLOTS)]


def test_cut_trains_on_the_five_fifths_blank_ones_among_them(toy_digits: Digits) -> None:
    batch = strips(toy_digits, "structured")
    cells, targets = strategy_of("cut").examples(batch.images, batch.slots)
    assert np.array_equal(cells, np.stack(cells_of(batch.images)))
    assert np.array_equal(targets.argmax(-1), batch.slots.ravel())
    blank = targets.argmax(-1) == BLANK
    assert blank.any()
    assert not cells[blank].any()
    assert cells[~blank].any((1, 2)).all()


def test_cut_reads_with_the_classifier_on_each_cell_side_by_side(toy_digits: Digits) -> None:
    import keras

    strategy = strategy_of("cut")
    model = strategy.training_model()
    images = strips(toy_digits, "structured", 3).images
    alone = [np.asarray(keras.ops.softmax(model(cell[None])))[0] for cell in cells_of(images)]
    found = np.asarray(strategy.reading_model(model)(images))
    assert np.allclose(found, np.stack(alone).reshape(3, SLOTS, CLASSES), atol=1e-6)
    # The cells differ enough for a wrong order to show.
    assert np.ptp(found, axis=1).max() > 1e-3


def sigmoid_reading(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the sigmoid strategy reads from a network that always gives these 55 logits."""
    import keras

    strip = keras.Input((CELL, SLOTS * CELL), dtype="uint8")
    pixels = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(strip))
    vector = keras.layers.Dense(SLOTS * CLASSES, kernel_initializer="zeros")
    model = keras.Model(strip, vector(pixels))
    vector.bias.assign(logits)
    reading = strategy_of("sigmoid").reading_model(model)
    return np.asarray(reading(np.zeros((1, CELL, SLOTS * CELL), np.uint8)))[0]


@pytest.mark.parametrize("shift", [0, 4, -4, -40, -200])
def test_sigmoid_reads_the_arg_max_of_each_block(shift: int) -> None:
    logits = np.random.default_rng(3).normal(shift, 3, SLOTS * CLASSES).astype(np.float32)
    found = sigmoid_reading(logits)
    assert np.array_equal(found.argmax(-1), logits.reshape(SLOTS, CLASSES).argmax(-1))
    assert len(set(found.argmax(-1))) > 1
    # Each slot sums to 1 even where no unit says yes.
    assert np.allclose(found.sum(-1), 1, atol=1e-5)


def test_sigmoid_reads_units_in_proportion() -> None:
    logits = np.random.default_rng(4).normal(0, 2, SLOTS * CLASSES).astype(np.float32)
    units = (1 / (1 + np.exp(-logits))).reshape(SLOTS, CLASSES)
    assert np.allclose(sigmoid_reading(logits), units / units.sum(-1, keepdims=True), atol=1e-6)


def test_names_that_are_not_registered_are_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"strategy must be .*; received 'head'; did you mean 'heads'\?"):
        validate({"strategy": "head"})
    with pytest.raises(SettingsError, match=r"backbone.name must be .*; received 'baselin'; did you mean 'baseline'\?"):
        validate({"backbone": "baselin"})


def test_open_settings_stay_open_until_they_are_resolved() -> None:
    assert Settings().train.optimizer is None
    with pytest.raises(MultidigitError):
        make(validate({"strategy": "heads", "cut": {"no_such_option": 1}}))


PLUGIN = '''
from multidigit.settings import Section
from multidigit.strategies.heads import Heads


class Toy(Heads):
    """The five heads, with an option of its own."""

    class Options(Section):
        depth: int = 1

    def training_model(self):
        if self.options.depth != 2:
            raise RuntimeError("the option did not arrive")
        return super().training_model()
'''


class TestAddedByAPackage:
    """A strategy that an installed package names under the entry point group ``multidigit.strategies``."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        site = tmp_path / "site"
        about = site / "toy_strategy-1.0.dist-info"
        about.mkdir(parents=True)
        (site / "toy_strategy.py").write_text(PLUGIN)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-strategy\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[multidigit.strategies]\ntoy = toy_strategy:Toy\n")
        return site

    def called(self, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "multidigit", *arguments],
            cwd=site.parent,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_is_listed_trained_and_read_back(self, site: Path, toys: Toys) -> None:
        from PIL import Image

        told = self.called(site, "info", "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["strategies"] == [*STRATEGIES, "toy"]

        trained = self.called(
            site, "train", "--strategy", "toy", *toys.options(), "--layout", "structured", "--set", "toy.depth=2"
        )
        assert trained.returncode == 0, trained.stderr
        # Nothing of TensorFlow's own logs is let through, whichever way they take.
        assert all(line.startswith("toy-structured: ") for line in trained.stderr.splitlines()), trained.stderr
        Image.fromarray(np.zeros((CELL, SLOTS * CELL), np.uint8)).save(site.parent / "image.png")
        read = self.called(site, "predict", "image.png", "--json")
        assert read.returncode == 0, read.stderr
        assert "(toy (depth=2) on compact, structured strips" in read.stderr
        assert len(json.loads(read.stdout)["readings"]) == 1

    def test_its_options_are_checked(self, site: Path) -> None:
        wrong = self.called(site, "train", "--strategy", "toy", "--set", "toy.dept=2")
        assert wrong.returncode == 1
        assert wrong.stderr == "multidigit: settings: unknown key 'toy.dept'; did you mean 'depth'?\n"

    def test_one_that_cannot_be_imported_is_named(self, site: Path) -> None:
        (site / "toy_strategy.py").write_text("import no_such_module\n")
        wrong = self.called(site, "train", "--strategy", "toy")
        assert wrong.returncode == 1
        *_, line = wrong.stderr.splitlines()
        assert line.startswith("multidigit: strategy 'toy' was added by an installed package as toy_strategy:Toy")
        assert "Traceback" not in wrong.stderr
