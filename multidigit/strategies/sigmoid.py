"""One vector of 11 sigmoid units for each slot (55 for five), each unit a decision of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from multidigit.labels import CLASSES, slots_to_vector
from multidigit.settings import Section
from multidigit.strategies.base import Strategy, picture_input

if TYPE_CHECKING:
    import keras

_LOWEST = -4.0
"""Lower bound of a block's largest logit: a sigmoid much below it would be 0 in 8 bits."""


class Sigmoid(Strategy):
    """Binary cross-entropy over all units; reads the arg max within each block of 11."""

    class Options(Section):
        """The section ``sigmoid`` of the settings."""

        positive_weight: float = Field(1.0, gt=0)
        """How much more the one unit of a block that is to be 1 counts than each of the ten that are to be 0."""
        initial_bias: float = -2.3
        """Bias of every unit before training: at -2.3 each begins with the share of ones, one in eleven; at 0 training
        first has to learn that most are to be 0."""

    options: Options

    def training_model(self) -> keras.Model:
        import keras
        from keras import layers

        strips, pixels = picture_input(self.slots)
        features = self.backbone.features(pixels, self.slots)
        # Features by slot share the 11 units of a block; features of the whole strip feed the units of all blocks.
        units = CLASSES if self.backbone.per_slot else self.slots * CLASSES
        bias = keras.initializers.Constant(self.options.initial_bias)
        logits = layers.Dense(units, bias_initializer=bias, name="units")(features)
        return keras.Model(strips, layers.Reshape((self.slots * CLASSES,), name="vector")(logits), name="sigmoid")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        weight = self.options.positive_weight
        if weight == 1:
            return keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)

        class WeightedCrossentropy(keras.losses.Loss):
            """Binary cross-entropy in which units that are to be 1 count more."""

            def call(self, y_true: Any, y_pred: Any) -> Any:
                targets = y_true * (1 - label_smoothing) + label_smoothing / 2
                each = keras.ops.binary_crossentropy(targets, y_pred, from_logits=True)
                return keras.ops.mean(each * (1 + (weight - 1) * y_true), -1)

        return WeightedCrossentropy()

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        return images, slots_to_vector(slots)

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras
        from keras import layers, ops

        blocks = layers.Reshape((self.slots, CLASSES), name="blocks")(training_model.output)
        # Units of a block need not sum to 1; dividing by their sum keeps their order. Where all are near 0, lift them
        # first, so that their sum can be divided by; this changes their proportions by 2 % at most.
        lift = ops.relu(_LOWEST - ops.max(blocks, -1, keepdims=True))
        units = ops.sigmoid(blocks + lift)
        probabilities = units / ops.sum(units, -1, keepdims=True)
        return keras.Model(training_model.input, probabilities, name="sigmoid_reading")
