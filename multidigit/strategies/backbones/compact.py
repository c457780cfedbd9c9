"""The default backbone: a small network with one feature vector a slot, trained in minutes on two cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multidigit.strategies.base import Backbone, Recipe, Short, Speeds

if TYPE_CHECKING:
    from keras import KerasTensor

WINDOWED = ((32, 5, 2), (64, 3, 2))
"""Convolutions of structured strips: channels at width 1, kernel and stride. A third one would cost as much as both; in
equal time two read more accurately."""
QUERIED = ((32, 5, 2), (48, 3, 2), (64, 3, 1))
"""Convolutions of free strips, likewise: digits of many sizes need one more."""
FEATURES = 128
"""Length of a slot's feature vector at width 1."""
MOMENTUM = 0.95
"""Of batch normalisation's statistics. Keras' default 0.99 lags for hundreds of steps, too slow for runs of a minute. A
much lower one would not fit the averaged weights that are validated."""
COUNTERS = 16
"""Running counts along a free strip."""
COUNT_SCALE = 0.5
"""Brings the counts, a few digits' worth, to the size of the other features."""
SHORT = Short(strips=10_000, batch_size=16, learning_rate=0.007)
"""Steps count more than strips: 7,500 structured strips teach networks to read 77 instead of 72 % of the numbers."""
SHORT_FREE = Short(strips=40_000, batch_size=16, learning_rate=0.007, curriculum=3_000)
"""After 15,000 free strips in batches of 64 some trainings read 6 % of the numbers and others 65 %: queries find the
digits late or early. They find them sooner in more steps, and where both digits and queries begin in their cells. At a
higher rate they differ more (experiments/LOG.md)."""


def convolve_normalised(
    x: KerasTensor, count: int, kernel: int | tuple[int, int], strides: int = 1, padding: str = "same"
) -> KerasTensor:
    """A convolution to ``count`` channels, batch normalisation and a rectifier."""
    from keras import layers

    x = layers.Conv2D(count, kernel, strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))


class Compact(Backbone):
    """Convolutions over the whole strip, the same weights for every slot.

    On structured strips, and on single cells, one convolution over each cell gives the slot's features. On free strips
    a learned query for each slot attends to the columns of the strip.

    Only the layers along the strip have batch normalisation. Below them Muon reads as accurately without, and on maps
    of so many pixels it would take a good part of the training time.
    """

    per_slot = True
    recipe_origin = (
        "of each strategy and layout the best of 17 trials of 15,000 strips, by validation accuracy; of those that are "
        "as good within chance, the one that is best for all (experiments/search.yaml and its successors); for up to "
        "40,000 free and 10,000 other strips the batches and rate of eight trials of 7,500 whose trainings vary least, "
        "and on free strips a curriculum, after trials with sigmoid most of all (experiments/LOG.md)"
    )
    speeds = Speeds(structured=1_867, free=1_121, scene=300)

    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Features by slot, shape (N, slots, F)."""
        from keras import layers

        queried = self.layout != "structured" and slots > 1
        x = self.trunk(pixels, queried)
        if queried:
            return self._queried(x, slots)
        # One window a cell: the same weights read every slot. A convolution of 7x7 with strides of 7 would be the same,
        # but TensorFlow takes eight times as long for its gradient on a processor.
        cells = layers.Permute((2, 1, 3, 4))(layers.Reshape((7, slots, 7, x.shape[-1]))(x))
        cells = layers.Reshape((slots, 49 * x.shape[-1]))(cells)
        return layers.Dense(self.channels(FEATURES), activation="relu")(cells)

    def trunk(self, pixels: KerasTensor, queried: bool) -> KerasTensor:
        """Convolutions over the strip, down to shape (N, 7, 7·slots, C)."""
        from keras import layers

        x = pixels
        for count, kernel, strides in QUERIED if queried else WINDOWED:
            x = layers.Conv2D(self.channels(count), kernel, strides, padding="same", activation="relu")(x)
        return x

    def _queried(self, x: KerasTensor, slots: int) -> KerasTensor:
        """Slot features by attention over the columns of ``x``, shape (N, 7, columns, C)."""
        import keras
        from keras import layers, ops

        columns, length = x.shape[2], self.channels(FEATURES)
        x = layers.Conv2D(length, (x.shape[1], 1), activation="relu")(x)  # (N, 1, columns, F): the rows are used up
        # Which digit of the number a column belongs to depends on the columns on its left: convolve along the strip …
        context = x
        for _ in range(3):
            context = convolve_normalised(context, self.channels(96), (1, 5))
        values = layers.Conv2D(length, 1, activation="relu")(layers.Concatenate()([x, context]))
        values = layers.Reshape((columns, length))(values)
        # … and keep running counts from the left, a column's own counted by half at that column.
        context = layers.Reshape((columns, context.shape[-1]))(context)
        events = layers.Dense(COUNTERS, activation="sigmoid", bias_initializer=keras.initializers.Constant(-1.5))(
            context
        )
        left = 0.5 * (
            np.tril(np.ones((columns, columns), np.float32)) + np.tril(np.ones((columns, columns), np.float32), -1)
        )
        counts = COUNT_SCALE * ops.matmul(left, events)
        # The bias of each column gives a query its position.
        keys = layers.EinsumDense(
            "ntf,fg->ntg",
            output_shape=(columns, self.channels(64)),
            bias_axes="tg",
            activation="relu",
            bias_initializer="glorot_uniform",
        )(layers.Concatenate()([context, counts]))
        if self.layout == "free":
            # Each query begins with the columns of its own cell, where a curriculum has digits stand at first.
            queries = layers.EinsumDense("ntg,gs->nts", output_shape=(columns, slots), bias_axes="ts", name="queries")
            scores = queries(keys)  # (N, columns, slots)
            cells = (np.arange(columns)[:, None] + 0.5) / columns * slots - (np.arange(slots) + 0.5)
            queries.bias.assign(-0.5 * cells**2)
        else:
            scores = layers.Dense(slots, name="queries")(keys)
        return ops.matmul(ops.transpose(ops.softmax(scores, axis=1), (0, 2, 1)), values)

    def recipe(self, strategy: str) -> Recipe:
        return Recipe(
            batch_size=64,
            # On equal strips Muon makes a third fewer errors than AdamW.
            optimizer="muon",
            # On structured strips all but sigmoid read as accurately at half the rate, and trainings differ less.
            learning_rate=0.01 if self.layout == "structured" and strategy != "sigmoid" else 0.02,
            weight_decay=0.05,
            # Free strips vary so much already that half the augmentation reads best.
            augment=1.0 if self.layout == "structured" else 0.5,
            # A longer average lags behind in trainings of a minute: with 0.99 free strips read 20 to 30 points worse.
            ema=0.97,
            strips=20_000,
            short=SHORT_FREE if self.layout == "free" else SHORT,
        )
