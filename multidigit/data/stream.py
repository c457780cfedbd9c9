"""Training strips of which a share is cut out of a user's own pictures, and those pictures to judge by."""

from __future__ import annotations

import numpy as np

from multidigit.data.strips import OwnStrips, load_own
from multidigit.digits import Split
from multidigit.settings import Settings
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

ENOUGH = 500
"""Validation pictures from which confidence is calibrated on them alone, without generated strips."""
_OWN = 4
"""Marks the random stream of a user's own pictures."""


def make_stream(settings: Settings) -> StripStream:
    """Strips as the settings describe them: generated, or mixed with a user's own pictures where ``data`` is given."""
    return OwnStream(settings) if settings.data else StripStream(settings)


class OwnStream(StripStream):
    """Generated strips mixed with a user's own pictures; validation and test strips are theirs alone.

    Args:
        settings: with the section ``data``.

    Attributes:
        own: the pictures.

    Raises:
        DataError: see ``load_own``.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        assert settings.data
        self._share = settings.data.share
        self.own: OwnStrips = load_own(settings.data, settings.slots, settings.seed)

    def batch(self, index: int, size: int) -> Strips:
        rng = np.random.default_rng([*self._key("train", index), _OWN])
        count = int(rng.binomial(size, self._share))
        return _joined(super().batch(index, size - count), self.own.draw(count, rng))

    def fixed(self, split: Split, count: int, again: int = 0) -> Strips:
        own = self.own.fixed(split)
        return _joined(own, super().fixed(split, count, again)) if again and len(own) < ENOUGH else own


def _joined(one: Strips, two: Strips) -> Strips:
    return Strips(np.concatenate([one.images, two.images]), np.concatenate([one.slots, two.slots]))
