"""The strip is cut into five cells, and one classifier of single digits reads each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL, CLASSES, SLOTS, WIDTH
from multidigit.strategies.base import Strategy, picture_input, slot_logits

if TYPE_CHECKING:
    import keras


class Cut(Strategy):
    """Categorical cross-entropy on single cells, blank ones among them; reads the five answers side by side."""

    def training_model(self) -> keras.Model:
        import keras
        from keras import layers

        cells, pixels = picture_input(1)
        logits = slot_logits(self.backbone.features(pixels, 1), 1)
        return keras.Model(cells, layers.Reshape((CLASSES,), name="digit")(logits), name="cut")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        cells = images.reshape(-1, CELL, SLOTS, CELL).swapaxes(1, 2).reshape(-1, CELL, CELL)
        return np.ascontiguousarray(cells), np.eye(CLASSES, dtype=np.float32)[slots.ravel()]

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras
        from keras import layers, ops

        strips = keras.Input((CELL, WIDTH), dtype="uint8", name="pictures")
        columns = ops.reshape(strips, (-1, CELL, SLOTS, CELL))
        cells = ops.reshape(ops.transpose(columns, (0, 2, 1, 3)), (-1, CELL, CELL))
        answers = layers.Softmax(name="answers")(training_model(cells))
        return keras.Model(strips, ops.reshape(answers, (-1, SLOTS, CLASSES)), name="cut_reading")
