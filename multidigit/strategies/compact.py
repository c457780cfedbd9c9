"""compact placeholder while exploring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidigit.strategies.base import Backbone, Recipe

if TYPE_CHECKING:
    from keras import KerasTensor


class Compact(Backbone):
    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        from keras import layers

        def conv(x, c, k=3, s=1):
            x = layers.Conv2D(round(c * self.settings.width), k, s, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            return layers.Activation("relu")(x)

        x = conv(pixels, 32, 5, 2)
        x = conv(x, 48, 3, 1)
        x = conv(x, 64, 3, 2)
        x = layers.Conv2D(128, 7, 7, activation="relu")(x)
        return layers.Reshape((slots, 128))(x)

    def recipe(self, strategy: str) -> Recipe:
        return Recipe(batch_size=128, optimizer="adamw", learning_rate=0.003, weight_decay=0.01)
