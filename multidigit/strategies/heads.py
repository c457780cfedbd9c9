"""Five softmax heads of 11 classes over one shared feature map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CLASSES, SLOTS, slots_to_vector
from multidigit.strategies.base import Strategy, picture_input, slot_logits

if TYPE_CHECKING:
    import keras


class Heads(Strategy):
    """Categorical cross-entropy, one term per head; reads the arg max of each head."""

    def training_model(self) -> keras.Model:
        import keras

        strips, pixels = picture_input(SLOTS)
        logits = slot_logits(self.backbone.features(pixels, SLOTS), SLOTS)
        return keras.Model(strips, logits, name="heads")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        return images, slots_to_vector(slots).reshape(-1, SLOTS, CLASSES)

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras

        probabilities = keras.layers.Softmax(name="probabilities")(training_model.output)
        return keras.Model(training_model.input, probabilities, name="heads_reading")
