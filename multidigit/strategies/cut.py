"""The strip is cut into one cell a slot, and one classifier of single digits reads each cell."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL, CLASSES, lengths
from multidigit.settings import Section
from multidigit.strategies.base import Strategy, picture_input, slot_logits
from multidigit.strategies.cutter import cut_ink

if TYPE_CHECKING:
    import keras


class Cut(Strategy):
    """Categorical cross-entropy on single cells, blank ones among them; reads their answers side by side."""

    class Options(Section):
        """The section ``cut`` of the settings."""

        cutter: Literal["equal", "ink"] = "equal"
        """Where to cut: ``equal`` into cells of equal width, ``ink`` between the digits that it finds."""

    options: Options

    def training_model(self) -> keras.Model:
        import keras
        from keras import layers

        cells, pixels = picture_input(1)
        logits = slot_logits(self.backbone.features(pixels, 1), 1, self.backbone.per_slot)
        return keras.Model(cells, layers.Reshape((CLASSES,), name="digit")(logits), name="cut")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        class KnownCrossentropy(keras.losses.CategoricalCrossentropy):
            """Leaves out cells without a target."""

            def call(self, y_true: Any, y_pred: Any) -> Any:
                # Without a target the loss is 0 anyway, but TensorFlow's gradient assumes that targets sum to 1.
                return super().call(y_true, y_pred) * keras.ops.sum(y_true, -1)

        kind = KnownCrossentropy if self.options.cutter == "ink" else keras.losses.CategoricalCrossentropy
        return kind(from_logits=True, label_smoothing=label_smoothing)

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        targets = np.eye(CLASSES, dtype=np.float32)[slots]
        if self.options.cutter == "ink":
            found, pieces = (part.numpy() for part in self._cutter(images))
            cells = found.reshape(-1, CELL, CELL)
            # Where a strip was cut into too many or too few pieces, it is unknown which digit a piece shows.
            targets[pieces != lengths(slots)] = 0
        else:
            cells = images.reshape(-1, CELL, self.slots, CELL).swapaxes(1, 2).reshape(-1, CELL, CELL)
        return np.ascontiguousarray(cells), targets.reshape(-1, CLASSES)

    @cached_property
    def _cutter(self) -> Any:
        """``cut_ink`` as one graph, on the CPU: it runs beside training."""
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((None, CELL, CELL * self.slots), tf.uint8)])  # type: ignore[untyped-decorator]
        def cutter(strips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.device("CPU"):
                return cut_ink(strips)

        return cutter

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras
        from keras import layers, ops

        strips = keras.Input((CELL, CELL * self.slots), dtype="uint8", name="pictures")
        if self.options.cutter == "ink":
            cut = layers.Lambda(
                lambda pictures: cut_ink(pictures)[0], output_shape=(self.slots, CELL, CELL), name="cells"
            )
            cells = ops.reshape(cut(strips), (-1, CELL, CELL))
        else:
            columns = ops.reshape(strips, (-1, CELL, self.slots, CELL))
            cells = ops.reshape(ops.transpose(columns, (0, 2, 1, 3)), (-1, CELL, CELL))
        answers = layers.Softmax(name="answers")(training_model(cells))
        return keras.Model(strips, ops.reshape(answers, (-1, self.slots, CLASSES)), name="cut_reading")
