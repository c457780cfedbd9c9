"""The network of Goodfellow et al. 2013 for house numbers (arXiv 1312.6082, section 5.1), on strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidigit.strategies.base import Backbone, Recipe, Speeds

if TYPE_CHECKING:
    from keras import KerasTensor

UNITS = (48, 64, 128, 160, 192, 192, 192, 192)
"""Units at each place of the convolutional layers at width 1; the locally connected layer has as many as the last."""
FILTERS = 3
"""Filters of a maxout unit."""
KERNEL = 5
"""Height and width of all kernels."""
DENSE_UNITS = 3072
"""Units of each of the two dense layers at width 1."""
DROPOUT = 0.02
"""Share of units left out behind a convolutional layer."""
DENSE_DROPOUT = 0.2
"""Share of units left out behind the locally connected layer and the dense ones."""


class Streetview(Backbone):
    """Eight convolutional layers, one locally connected, two dense: eleven hidden layers without shortcuts.

    As in the paper: kernels of 5×5, padded with zeros; maxout units of three filters in the first layer and rectifiers
    in all others; behind each convolution max pooling over 2×2, its stride 2 and 1 by turns, and subtractive
    normalisation over 3×3; dropout behind every hidden layer; from each picture its mean is taken beforehand.

    Where the paper leaves a choice open, or strips differ from its pictures:

    - Its crops of 54×54 end as 4×4 maps, strips of 28×140 as 2×9 and single cells as 2×2, rounded up at each halving.
    - Subtractive normalisation takes from every unit the mean of all units in the window, as in Jarrett et al. 2009
      (the paper's source for its rectifiers). With the mean of the unit's own map it learnt hardly anything in 12,000
      strips: a window covers nearly all of so small a map.
    - A window of the locally connected layer covers the whole height of such a map. So each column has a dense layer of
      its own, from the columns within two of it to both of its rows: the same as 25 unshared weights a place, without
      those that would only see padding.
    - The paper gives no rates of dropout; see ``DROPOUT`` and ``recipe``.
    """

    per_slot = False
    recipe_origin = "Adam at its usual rate, the same for all strategies; the paper gives none that fits"
    speeds = Speeds(structured=42, free=42, scene=42)

    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Features of the whole picture, shape (N, 3072) at width 1."""
        from keras import layers, ops

        x = pixels - ops.mean(pixels, axis=(1, 2), keepdims=True)
        # Shapes of a strip: (N, 14, 70, 48) and (N, 14, 70, 64), (N, 7, 35, 128) … and at the end (N, 2, 9, 192).
        for index, units in enumerate(UNITS):
            size = self.channels(units)
            if index == 0:
                x = layers.Maximum(name="maxout")([_conv(x, size) for _ in range(FILTERS)])
            else:
                x = _conv(x, size, "relu")
            x = layers.MaxPooling2D(2, strides=2 - index % 2, padding="same")(x)
            x = x - layers.AveragePooling2D(3, strides=1, padding="same")(ops.mean(x, axis=-1, keepdims=True))
            x = layers.Dropout(DROPOUT)(x)
        x = layers.Dropout(DENSE_DROPOUT)(_locally_connected(x))
        for _ in range(2):
            x = layers.Dropout(DENSE_DROPOUT)(_dense(x, self.channels(DENSE_UNITS)))
        return x

    def recipe(self, strategy: str) -> Recipe:
        # Dropout is for days of training on one set of pictures. Strips are new each time, and with plenty of data the
        # paper uses none (section 5.2). With 0.1 behind every layer a network of width 0.25 had 24 % of the digits
        # right after 12,000 strips, without any 72 %.
        return Recipe(
            batch_size=64,
            optimizer="adam",
            learning_rate=0.001,
            augment=1.0 if self.layout == "structured" else 0.5,
        )


# He et al. 2015 (arXiv 1502.01852) keeps the signal's size through eleven layers of rectifiers.
_START = "he_normal"


def _conv(x: KerasTensor, units: int, activation: str | None = None) -> KerasTensor:
    from keras import layers

    return layers.Conv2D(units, KERNEL, padding="same", activation=activation, kernel_initializer=_START)(x)


def _dense(x: KerasTensor, units: int) -> KerasTensor:
    from keras import layers

    return layers.Dense(units, activation="relu", kernel_initializer=_START)(x)


def _locally_connected(x: KerasTensor) -> KerasTensor:
    """An unshared convolution of a map (N, 2, columns, C) into as many units, shape (N, columns·2·C)."""
    from keras import layers

    _, rows, columns, units = x.shape
    reach = KERNEL // 2
    windows = [x[:, :, max(0, column - reach) : column + reach + 1] for column in range(columns)]
    return layers.Concatenate()([_dense(layers.Flatten()(window), rows * units) for window in windows])
