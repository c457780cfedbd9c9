"""The one generator of strips that all strategies share: training strips without end, and fixed ones to judge by."""

from __future__ import annotations

import numpy as np

from multidigit.digits import SPLITS, Split, load_digits
from multidigit.settings import Settings
from multidigit.strips.compose import Composer, Strips


class StripStream:
    """Strips as the settings describe them: digit source, layout and seed.

    Every training batch has a random stream of its own, made from the seed and the batch's number. So no batch of a
    run repeats another, two strategies with one seed see the same strips, and a run that was broken off goes on with
    the strip that would have come next.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._composers: dict[Split, Composer] = {}

    def _composer(self, split: Split) -> Composer:
        if split not in self._composers:
            digits = load_digits(self._settings.digits, split, self._settings.seed)
            self._composers[split] = Composer(digits, self._settings.layout)
        return self._composers[split]

    def batch(self, index: int, size: int) -> Strips:
        """Training batch number ``index`` of a run."""
        return self._draw("train", size, index)

    def fixed(self, split: Split, count: int) -> Strips:
        """Validation or test strips: the same for the same settings, from digits that training never sees."""
        return self._draw(split, count, 0)

    def _draw(self, split: Split, count: int, index: int) -> Strips:
        rng = np.random.default_rng([self._settings.seed, SPLITS.index(split), index])
        return self._composer(split).compose(count, rng)
