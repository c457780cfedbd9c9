"""The finder's network and its loss; see ``multidigit.pictures.finder`` for what it says."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


def build_finder() -> keras.Model:
    """The network: ``uint8`` (N, H, W) of sizes that 32 divides -> ``float32`` (N, H/4, W/4, 6)."""
    pictures = keras.Input((None, None), dtype="uint8", name="pictures")
    x = layers.Rescaling(1 / 255)(pictures)
    x = ops.expand_dims(x, -1)
    x = _conv(x, 16, 5, 2)
    x = _block(_conv(x, 32, 3, 2), 3)
    quarter = x
    x = _block(_block(_conv(x, 48, 3, 2), 3), 3)
    eighth = x
    x = _conv(x, 64, 3, 2)
    for _ in range(3):
        x = _block(x, 5)
    sixteenth = x
    x = _block(_block(_conv(x, 96, 3, 2), 5), 5)
    for finer, channels in ((sixteenth, 64), (eighth, 48), (quarter, 32)):
        x = layers.UpSampling2D(2)(_conv(x, channels, 1, 1))
        x = _block(layers.Add()([x, finer]), 3)
    x = _conv(x, 32, 3, 1)
    fields = layers.Conv2D(6, 1, name="fields", bias_initializer=keras.initializers.Constant(0.0))(x)
    return keras.Model(pictures, fields, name="finder")


def _conv(x: Any, channels: int, kernel: int, strides: int) -> Any:
    x = layers.Conv2D(channels, kernel, strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))


def _block(x: Any, kernel: int, expansion: int = 2) -> Any:
    """An inverted residual block."""
    channels = x.shape[-1]
    y = _conv(x, expansion * channels, 1, 1)
    y = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(y))
    y = layers.BatchNormalization(momentum=0.95)(layers.Conv2D(channels, 1, use_bias=False)(y))
    return layers.Add()([x, y])


def finder_loss(truth: Any, fields: Any) -> Any:
    """Cross-entropy of the score, and the distance of the other fields on rows.

    Args:
        truth: (N, H/4, W/4, 8): the five fields of a row, whether the point is on one, and the weights of the point in
            both parts of the loss.
    """
    score, values = fields[..., 0], fields[..., 1:]
    wanted, on_row, weight, share = truth[..., :5], truth[..., 5], truth[..., 6], truth[..., 7]
    entropy = ops.maximum(score, 0) - score * on_row + ops.log1p(ops.exp(-ops.abs(score)))
    chance = ops.sigmoid(score)
    # Most points are easy ground: what is hard counts more (Lin et al. 2017, arXiv 1708.02002).
    focus = ops.square(on_row - chance) + 0.02
    missed = ops.sum(weight * focus * entropy, (1, 2)) / 40
    away = ops.abs(values - wanted)
    distance = ops.sum(ops.where(away < 0.1, 5 * away * away, away - 0.05), -1)
    return ops.mean(missed + ops.sum(share * distance, (1, 2)))
