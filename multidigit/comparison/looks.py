"""After how many seeds it is looked whether a comparison is decided, and at which level, so that all looks together err
no more often than one would.

The levels are the 5 % quantile of the smallest p-value of Student's t test over the first seeds of as many normal
differences, by simulation of 200,000 sequences; a boundary of constant level as in Pocock 1977, Biometrika 64, 191-199.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidigit.statistics import FEWEST

if TYPE_CHECKING:
    from multidigit.comparison.pairs import Pair

MOST = 20
"""Seeds up to which a comparison that goes on until it knows may go."""


@dataclass(frozen=True)
class LookPlan:
    """A plan of looks.

    Attributes:
        seeds: the numbers of seeds after which it is looked, rising. Seeds are added from one to the next, only for
            strategies of pairs that are still open.
        level: of each look.
        every_pair: whether pairs get further seeds also on a layout whose verdict is known: who is ahead, or that the
            first two are the same.
    """

    seeds: tuple[int, ...]
    level: float
    every_pair: bool = False

    @classmethod
    def from_json(cls, found: Mapping[str, Any] | None) -> LookPlan | None:
        """The plan that ``results.json`` holds, if any."""
        return cls(tuple(found["seeds"]), found["level"], found.get("every_pair", False)) if found else None

    def need_seeds(self, pairs: Sequence[Pair], unresolved: Collection[str]) -> set[tuple[str, str]]:
        """Layout and name of the strategies that need further seeds, where on those layouts the verdict is open."""
        wanted = [pair for pair in pairs if pair.open and (self.every_pair or pair.layout in unresolved)]
        return {(pair.layout, name) for pair in wanted for name in (pair.a, pair.b)}


STAGES = LookPlan((5, 9, 14, 20), 0.0165)
"""Of a comparison by default: what four looks cost is less than what they save."""
EACH_SEED = LookPlan(tuple(range(FEWEST, MOST + 1)), 0.0077, every_pair=True)
"""Of one that goes on until it knows."""
