"""A weighted mix of digit sources."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from multidigit.digits import cache
from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.errors import DataError


class Mixed(DigitSource):
    """Digits of several sources in given shares.

    No digit is taken twice: the pool is as large as the source that is scarcest for its share allows.

    Args:
        sources: the sources, each with a positive weight; the weights need not sum to 1.

    Raises:
        DataError: no source, or a weight that is not positive.
    """

    def __init__(self, sources: Sequence[tuple[DigitSource, float]]) -> None:
        if not sources or not all(0 < weight < math.inf for _, weight in sources):
            raise DataError(f"a mix needs weights above zero; received {[weight for _, weight in sources]}")
        self.sources = list(sources)

    def load(self, split: Split, seed: int) -> Digits:
        """Joined pools; which of a source's digits are taken is the same for the same split and seed."""
        pools = [cache.load(source, split, seed) for source, _ in self.sources]
        total = sum(weight for _, weight in self.sources)
        shares = [weight / total for _, weight in self.sources]
        size = min(len(pool) / share for pool, share in zip(pools, shares, strict=True))
        rng = np.random.default_rng([seed, SPLITS.index(split), len(pools)])
        chosen = [rng.permutation(len(pool))[: max(1, round(size * s))] for pool, s in zip(pools, shares, strict=True)]
        return Digits(
            np.concatenate([pool.images[rows] for pool, rows in zip(pools, chosen, strict=True)]),
            np.concatenate([pool.labels[rows] for pool, rows in zip(pools, chosen, strict=True)]),
        )
