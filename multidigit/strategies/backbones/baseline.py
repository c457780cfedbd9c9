"""The network of the question, exactly as it was written; README.md says where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidigit.errors import SettingsError
from multidigit.strategies.base import Backbone, Recipe, Speeds

if TYPE_CHECKING:
    from keras import KerasTensor


class Baseline(Backbone):
    """Two 3×3 convolutions of 32 and 64 channels, pooling, dropout, flatten, dropout.

    With five heads of 11 or with 55 units it has 2,891,191 parameters; on one cell with 11 classes 120,203.
    """

    per_slot = False
    recipe_origin = "as the three networks were trained that the question started from"
    speeds = Speeds(structured=344, free=344, scene=200)

    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Features of the whole picture, shape (N, 768·(14·slots - 2))."""
        from keras import layers

        if self.settings.width != 1:
            raise SettingsError(f"backbone.width must be 1 for backbone 'baseline'; received {self.settings.width:g}")
        x = layers.Conv2D(32, 3, activation="relu")(pixels)
        x = layers.Conv2D(64, 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.25)(x)
        x = layers.Flatten()(x)
        return layers.Dropout(0.5)(x)

    def recipe(self, strategy: str) -> Recipe:
        # Adam trained the five heads. The other two used Adadelta, whose learning rate was 1.0 in Keras then; today's
        # default of 0.001 hardly learns. There was no schedule.
        if strategy == "heads":
            return Recipe(batch_size=128, optimizer="adam", learning_rate=0.001, schedule="constant", warmup=0.0)
        return Recipe(batch_size=128, optimizer="adadelta", learning_rate=1.0, schedule="constant", warmup=0.0)
