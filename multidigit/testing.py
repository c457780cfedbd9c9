"""Tests of the contracts, to be run by any package that adds a strategy or a backbone.

    from multidigit.testing import check_strategy

    def test_contract():
        check_strategy(Mine)

Each check is an ``assert`` whose message says what the contract asks for and what was received.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.labels import CELL, CLASSES
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import BackboneSettings, Layout, LayoutSettings
from multidigit.strategies.base import Backbone, Recipe, Strategy
from multidigit.strips.compose import Composer, Strips

if TYPE_CHECKING:
    import keras

STRIPS = 8
"""Strips in the batch that a strategy is checked with."""
STEPS = 4
"""Steps of training in which the loss must fall."""
_TOLERANCE = 1e-4


def check_strategy(
    strategy: type[Strategy] | str,
    *,
    options: Mapping[str, Any] | None = None,
    backbone: type[Backbone] | str = "compact",
    width: float = 1.0,
    layout: Layout = "structured",
    slots: Iterable[int] = (1, 8),
) -> None:
    """Check that a strategy keeps the contract.

    Shapes and dtypes; the loss falls in training, and every trainable weight has a gradient; the reading model shares
    the weights, and each slot of its probabilities sums to 1; saved weights and the export to LiteRT give the same
    answers.

    Args:
        strategy: a class, or the name of a registered one.
        options: its options, those that differ from the defaults.
        backbone: the backbone to build it on, a class or a name.
        width: the backbone's width.
        layout: how digits stand in the strips.
        slots: numbers of slots, each checked by itself.

    Raises:
        AssertionError: the contract is broken; the message says where.
    """
    import keras

    kind = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    name = strategy if isinstance(strategy, str) else strategy.__name__.lower()
    for count in slots:
        keras.utils.set_random_seed(0)
        made = kind(name, kind.Options.model_validate(options or {}), _backbone(backbone, width, layout), count)
        _check(made, _strips(layout, count))


def check_backbone(
    backbone: type[Backbone] | str,
    *,
    width: float = 1.0,
    layout: Layout = "structured",
    slots: Iterable[int] = (1, 8),
    strategies: Iterable[str] = ("heads", "sigmoid", "cut"),
) -> None:
    """Check that a backbone keeps the contract: features and recipes, and ``check_strategy`` with each strategy on it.

    Args:
        backbone: a class, or the name of a registered one.
        width, layout, slots: as for ``check_strategy``.
        strategies: names of the strategies to build on it.

    Raises:
        AssertionError: the contract is broken; the message says where.
    """
    import keras

    slots = tuple(slots)
    for count in slots:
        made = _backbone(backbone, width, layout)
        found = made.features(keras.Input((CELL, CELL * count, 1)), count).shape
        rule = f"(N, {count}, F)" if made.per_slot else "(N, F)"
        matches = len(found) == (3 if made.per_slot else 2) and (not made.per_slot or found[1] == count)
        assert matches, f"features of shape {rule} go with per_slot = {made.per_slot}; received {found}"
        assert isinstance(found[-1], int), f"the number of features must be known when built; received {found}"
    for strategy in STRATEGIES:
        recipe = _backbone(backbone, width, layout).recipe(strategy)
        assert isinstance(recipe, Recipe), f"recipe({strategy!r}) must be a Recipe; received {recipe!r}"
    for strategy in strategies:
        check_strategy(strategy, backbone=backbone, width=width, layout=layout, slots=slots)


def _backbone(backbone: type[Backbone] | str, width: float, layout: Layout) -> Backbone:
    kind = BACKBONES[backbone] if isinstance(backbone, str) else backbone
    # A class need not be registered, and an unregistered name would not pass validation.
    return kind(BackboneSettings.model_construct(name=kind.__name__.lower(), width=width), layout)


def _strips(layout: Layout, slots: int) -> Strips:
    """Strips of digits that differ in the height of a bar."""
    images = np.zeros((10, CELL, CELL), np.uint8)
    for label, image in enumerate(images):
        image[4 + 2 * label : 6 + 2 * label, 6:22] = 255
        image[4:24, 12:15] = 160
    digits = Digits(images, np.arange(10, dtype=np.uint8))
    settings = LayoutSettings(name=layout, length=(1, slots))
    return Composer(digits, settings, slots).compose(STRIPS, np.random.default_rng(1))


def _check(strategy: Strategy, strips: Strips) -> None:
    slots = strategy.slots
    model = strategy.training_model()
    inputs, targets = strategy.examples(strips.images, strips.slots)
    assert len(inputs) == len(targets) >= len(strips), (
        f"examples must give as many inputs as targets, at least one a strip; received {len(inputs)} and "
        f"{len(targets)} for {len(strips)} strips"
    )
    assert inputs.shape[1:] == model.input_shape[1:], (
        f"inputs must have the training model's shape {model.input_shape}; received {inputs.shape}"
    )
    reading = strategy.reading_model(model)
    shapes = (reading.input_shape, reading.output_shape)
    wanted = (None, CELL, CELL * slots), (None, slots, CLASSES)
    assert shapes == wanted, f"the reading model must map shapes {wanted[0]} to {wanted[1]}; received {shapes}"
    dtype = reading.inputs[0].dtype
    assert dtype == "uint8", f"the reading model must take uint8; received {dtype}"
    _check_training(strategy, model, inputs, targets)
    answers = _check_reading(reading, strips.images)
    _check_copies(strategy, model, reading, strips.images, answers)


def _check_training(strategy: Strategy, model: keras.Model, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
    import keras
    import tensorflow as tf

    loss, optimizer, losses = strategy.loss(0.0), keras.optimizers.Adam(0.002), []
    weights = model.trainable_weights
    reached: set[str] = set()
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            value = loss(targets, model(inputs, training=True))
        gradients = tape.gradient(value, [weight.value for weight in weights])
        found = {weight.path: gradient for weight, gradient in zip(weights, gradients, strict=True)}
        unused = [path for path, gradient in found.items() if gradient is None]
        assert not unused, f"the loss must depend on every trainable weight; received none of {unused}"
        reached.update(path for path, gradient in found.items() if np.any(tf.convert_to_tensor(gradient)))
        losses.append(float(value))
        assert np.isfinite(losses[-1]), f"the loss must be finite; received {losses}"
        optimizer.apply(gradients, weights)
    unreached = sorted(set(found) - reached)
    assert not unreached, f"every trainable weight must have a gradient; received zeros for {unreached}"
    assert min(losses[1:]) < losses[0], f"the loss must fall in training; received {losses}"


def _check_reading(reading: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    answers = np.asarray(reading(images))
    assert answers.dtype == np.float32, f"probabilities must be float32; received {answers.dtype}"
    low, sums = float(answers.min()), answers.sum(-1)
    assert low >= 0, f"probabilities must be at least 0; received {low:.4g}"
    assert np.allclose(sums, 1, atol=_TOLERANCE), (
        f"probabilities must sum to 1 in each slot; received sums from {sums.min():.6g} to {sums.max():.6g}"
    )
    # Trained or not, a strip's answer depends on that strip alone.
    off = float(np.abs(np.asarray(reading(images[:1])) - answers[:1]).max())
    assert off <= _TOLERANCE, f"a strip must be answered alike alone and in a batch; received {off:.4g} apart"
    return answers


def _check_copies(
    strategy: Strategy,
    model: keras.Model,
    reading: keras.Model,
    images: NDArray[np.uint8],
    answers: NDArray[np.float32],
) -> None:
    from multidigit.reading.inference import Model
    from multidigit.training.conversion import to_tflite

    assert {id(weight) for weight in reading.trainable_weights} == {id(weight) for weight in model.trainable_weights}, (
        "the reading model must have the training model's own weights; received others"
    )
    with tempfile.TemporaryDirectory() as folder:
        saved, exported = Path(folder) / "model.keras", Path(folder) / "model.tflite"
        model.save(saved)
        again = strategy.training_model()
        again.load_weights(saved)
        exported.write_bytes(to_tflite(reading))
        for how, found in (
            ("saved and loaded", np.asarray(strategy.reading_model(again)(images))),
            ("exported to LiteRT", Model(exported).probabilities(images)),
        ):
            off = float(np.abs(found - answers).max())
            assert off <= _TOLERANCE, f"a model {how} must answer as the original; received {off:.4g} apart"
