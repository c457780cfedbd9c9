"""What packages test their strategies and backbones with: it finds what breaks the contract, and names it."""

from __future__ import annotations

from typing import Any

import pytest

from multidigit import Backbone, Strategy
from multidigit.strategies.base import Recipe
from multidigit.strategies.heads import Heads
from multidigit.strategies.sigmoid import Sigmoid
from multidigit.testing import check_backbone, check_strategy


class Small(Backbone):
    """The least that can be learnt from."""

    per_slot = False

    def features(self, pixels: Any, slots: int) -> Any:
        from keras import layers

        return layers.Flatten()(layers.AveragePooling2D(4)(pixels))

    def recipe(self, strategy: str) -> Recipe:
        return Recipe(batch_size=16, optimizer="adam", learning_rate=0.01)


def test_classes_of_another_package_pass() -> None:
    class Mine(Heads):
        class Options(Heads.Options):
            depth: int = 1

    check_backbone(Small, slots=[3], strategies=["cut"])
    check_strategy(Mine, options={"depth": 2, "length": True}, backbone=Small, slots=[3])


class FewInputs(Sigmoid):
    def examples(self, images: Any, slots: Any) -> Any:
        inputs, targets = super().examples(images, slots)
        return inputs[:-1], targets


class UnevenSlots(Sigmoid):
    def reading_model(self, training_model: Any) -> Any:
        import keras

        reading = super().reading_model(training_model)
        return keras.Model(reading.input, reading.output * 0.9)


class OneSlotTooMany(Sigmoid):
    def reading_model(self, training_model: Any) -> Any:
        import keras

        reading = super().reading_model(training_model)
        return keras.Model(reading.input, keras.ops.concatenate([reading.output, reading.output[:, :1]], 1))


class UnusedHead(Heads):
    def loss(self, label_smoothing: float) -> Any:
        loss = super().loss(label_smoothing)
        return lambda targets, logits: loss(targets[:, :1], logits[:, :1])


class Unlearning(Sigmoid):
    def loss(self, label_smoothing: float) -> Any:
        import keras

        loss = super().loss(label_smoothing)

        def turned(targets: Any, logits: Any) -> Any:
            value = loss(targets, logits)
            return 2 * keras.ops.stop_gradient(value) - value

        return turned


class OtherWeights(Sigmoid):
    def reading_model(self, training_model: Any) -> Any:
        return super().reading_model(self.training_model())


class NotSaved(Sigmoid):
    """Weights that the training model does not have are not saved with it."""

    def reading_model(self, training_model: Any) -> Any:
        import keras

        reading = super().reading_model(training_model)
        noise = keras.layers.Dense(11, use_bias=False, trainable=False)(keras.ops.ones_like(reading.output))
        return keras.Model(reading.input, keras.ops.softmax(reading.output + noise))


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (FewInputs, "as many inputs as targets"),
        (UnevenSlots, "must sum to 1 in each slot"),
        (OneSlotTooMany, r"must map shapes .* received .*\(None, 3, 11\)"),
        (UnusedHead, "every trainable weight must have a gradient; received zeros for .*slot_1"),
        (Unlearning, "the loss must fall"),
        (OtherWeights, "own weights"),
        (NotSaved, "saved and loaded must answer as the original"),
    ],
)
def test_a_broken_strategy_is_found(strategy: type[Strategy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(strategy, backbone=Small, slots=[2])


class WrongPerSlot(Small):
    per_slot = True


class NoRecipe(Small):
    def recipe(self, strategy: str) -> Any:
        return {"optimizer": "adam"}


class FewSlots(Small):
    per_slot = True

    def features(self, pixels: Any, slots: int) -> Any:
        from keras import layers

        return layers.Reshape((1, -1))(super().features(pixels, slots))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (WrongPerSlot, r"shape \(N, 8, F\) go with per_slot = True; received \(None, 392\)"),
        (FewSlots, r"shape \(N, 8, F\) go with per_slot = True; received \(None, 1, 392\)"),
        (NoRecipe, r"recipe\('heads'\) must be a Recipe"),
    ],
)
def test_a_broken_backbone_is_found(backbone: type[Backbone], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_backbone(backbone, slots=[8], strategies=[])


def test_a_backbone_must_say_whether_features_are_per_slot() -> None:
    class Silent(Small):
        per_slot: Any = Backbone.per_slot

    with pytest.raises(TypeError, match="per_slot"):
        check_backbone(Silent, strategies=[])
