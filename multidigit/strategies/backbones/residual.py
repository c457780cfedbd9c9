"""The backbone of the shipped reader: deeper than ``compact``, for strips of photographs; best trained on a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from multidigit.strategies.backbones.compact import MOMENTUM, Compact, convolve_normalised
from multidigit.strategies.base import Recipe, Speeds

if TYPE_CHECKING:
    from keras import KerasTensor

STEM = ((32, 5, 2), (64, 3, 2))
"""First convolutions: channels at width 1, kernel and stride."""
BLOCKS = 3
"""Residual blocks behind them."""
EXPANSION = 2
"""How many times as many channels a block has inside."""


class Residual(Compact):
    """``compact`` with inverted residual blocks in its trunk (Sandler et al. 2018, arXiv 1801.04381)."""

    recipe_origin = "the one that the shipped reader was trained with, the same for all strategies"
    speeds = Speeds(structured=250, free=250, scene=150)

    def trunk(self, pixels: KerasTensor, queried: bool) -> KerasTensor:
        from keras import layers

        x = pixels
        for count, kernel, strides in STEM:
            x = convolve_normalised(x, self.channels(count), kernel, strides)
        channels = x.shape[-1]
        for _ in range(BLOCKS):
            y = convolve_normalised(x, EXPANSION * channels, 1)
            y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(y))
            y = layers.Conv2D(channels, 1, use_bias=False)(y)
            x = layers.Add()([x, layers.BatchNormalization(momentum=MOMENTUM)(y)])
        return x

    def recipe(self, strategy: str) -> Recipe:
        return replace(super().recipe(strategy), learning_rate=0.006, ema=0.99, strips=None, short=None)
