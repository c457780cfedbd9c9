"""Connectionist temporal classification (Graves et al. 2006) as a strategy of multidigit.

A column of the strip shows one of the ten digits, or nothing. What the columns show from left to right, repeats taken
as one and nothing left out, is the number: columns need not be told which digit is whose. Two equal digits side by side
are told apart by a column between them that shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import BLANK, CLASSES
from multidigit.strategies.base import Strategy, picture_input

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor

CONVOLUTIONS = ((32, 5, 2), (48, 3, 2), (64, 3, 1))
"""Channels, kernel and stride: seven columns a cell remain."""
CONTEXT = (96, 5, 3)
"""Channels, kernel and number of the convolutions along the columns."""
FEATURES = 128


class Ctc(Strategy):
    """The CTC loss over columns; reads the exact probability of each digit in each slot.

    Its features are its own: it needs columns, where a backbone gives slots.
    """

    def training_model(self) -> keras.Model:
        """``uint8`` (N, 28, 28·slots) -> logits (N, 7·slots, 11): no digit, then the digits 0 to 9."""
        import keras
        from keras import layers

        strips, x = picture_input(self.slots)
        for channels, kernel, strides in CONVOLUTIONS:
            x = layers.Conv2D(self.backbone.channels(channels), kernel, strides, padding="same", activation="relu")(x)
        x = layers.Conv2D(self.backbone.channels(FEATURES), (x.shape[1], 1), activation="relu")(x)
        channels, kernel, count = CONTEXT
        y = x
        for _ in range(count):
            y = layers.Conv2D(self.backbone.channels(channels), (1, kernel), padding="same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(y))
        x = layers.Concatenate()([x, y])
        x = layers.Reshape((x.shape[2], x.shape[3]))(x)
        return keras.Model(strips, layers.Dense(CLASSES, name="columns")(x), name="ctc")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        """The CTC loss. Smoothing means nothing where there are no targets by column, and is left out."""
        import keras

        return keras.losses.CTC()

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Strips, and their digits plus one, 0 behind the last."""
        return images, np.where(slots == BLANK, 0, slots + 1).astype(np.float32)

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras
        from keras import ops

        columns = ops.softmax(training_model.output, -1)
        return keras.Model(training_model.input, slot_probabilities(columns, self.slots), name="ctc_reading")


def slot_probabilities(columns: KerasTensor, slots: int) -> KerasTensor:
    """The exact probability of each digit in each slot, summed over all that the columns may show.

    Columns are independent of each other. Slot s is filled with digit k in the column that shows k, where s slots are
    filled before it and the column before it does not show k. So one pass from the left does, with the probability of
    each pair of how many slots are filled and what the last column shows.

    Args:
        columns: ``float32`` (N, T, 11), probabilities of no digit and of the digits 0 to 9, each column's sum is 1.
        slots: how many there are; what would fill a further one counts for none.

    Returns:
        ``float32`` (N, slots, 11): the digits 0 to 9, then no digit.
    """
    from keras import ops

    nothing, digits = columns[:, :, :1], columns[:, :, 1:]
    # At the start no slot is filled, and there is no last column. Built of the input, so that the batch size is known.
    zero = ops.zeros_like(digits[:, :1]) * np.zeros((1, slots, 1), np.float32)  # (N, slots, 10)
    showing = zero  # the last column shows digit k, and s slots are filled: (N, slots, 10)
    clear = zero[:, :, 0] + np.eye(1, slots, dtype=np.float32)  # it shows none: (N, slots)
    filled = zero
    further = np.eye(slots, k=-1, dtype=np.float32)  # one slot more is filled; of more than there are nothing is kept
    for column in range(columns.shape[1]):
        every = clear + ops.sum(showing, -1)
        here = digits[:, column : column + 1]
        fills = here * (ops.expand_dims(every, -1) - showing)
        filled = filled + fills
        showing = here * showing + ops.matmul(further, fills)
        clear = nothing[:, column] * every
    # Sums of probabilities may round to just above 1.
    empty = ops.relu(1 - ops.sum(filled, -1, keepdims=True))
    found = ops.concatenate([ops.relu(filled), empty], -1)
    return found / ops.sum(found, -1, keepdims=True)
