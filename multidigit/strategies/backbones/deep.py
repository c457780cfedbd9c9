"""A backbone for trainings of ten minutes and more: deeper than ``compact``, and a quarter to a half as fast."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from multidigit.labels import CELL
from multidigit.strategies.backbones.compact import FEATURES, Compact, convolve_normalised
from multidigit.strategies.base import Recipe, Speeds

if TYPE_CHECKING:
    from keras import KerasTensor

CELLS = ((32, 5, 2, "same"), (64, 3, 2, "same"), (64, 3, 1, "same"), (128, 3, 1, "valid"), (FEATURES, 5, 1, "valid"))
"""Convolutions of structured strips: channels at width 1, kernel, stride and padding. The last one leaves one pixel."""
QUERIED = ((32, 5, 2, "same"), (32, 3, 1, "same"), (64, 3, 2, "same"), (64, 3, 1, "same"), (64, 3, 1, "same"))
"""Convolutions of free strips, likewise."""


class Deep(Compact):
    """``compact`` with more convolutions, each with batch normalisation.

    On structured strips they read each cell by itself: at the edges of a cell nothing of its neighbours is seen.
    """

    recipe_origin = (
        "that of compact, which was searched with trainings of 15,000 strips; trials of 216,000 strips with twice the "
        "learning rate, other weight decays, augmentations and batches read no better (experiments/LOG.md)"
    )
    speeds = Speeds(structured=360, free=298, scene=150)

    def recipe(self, strategy: str) -> Recipe:
        return replace(super().recipe(strategy), short=None)  # not tried

    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Features by slot, shape (N, slots, F)."""
        from keras import layers, ops

        if self.layout != "structured" and slots > 1:
            return super().features(pixels, slots)
        cells = layers.Permute((2, 1, 3, 4))(layers.Reshape((CELL, slots, CELL, 1))(pixels))
        x = self._convolved(ops.reshape(cells, (-1, CELL, CELL, 1)), CELLS)
        return ops.reshape(x, (-1, slots, x.shape[-1]))

    def trunk(self, pixels: KerasTensor, queried: bool) -> KerasTensor:
        return self._convolved(pixels, QUERIED)

    def _convolved(self, x: KerasTensor, convolutions: tuple[tuple[int, int, int, str], ...]) -> KerasTensor:
        for count, kernel, strides, padding in convolutions:
            x = convolve_normalised(x, self.channels(count), kernel, strides, padding)
        return x
