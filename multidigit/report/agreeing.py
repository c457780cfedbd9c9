"""How far the contenders of a condition agree on the strips that all of them read, from what their runs keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.agreement import Agreement, Level, agreement
from multidigit.report.groups import Condition, Contender, same_strips


@dataclass(frozen=True)
class Agreeing:
    """Contenders that read the same strips, of all seeds that each of them has a run of.

    Attributes:
        condition: whose contenders they are.
        members: at least two, M.
        seeds: sets of strips, a seed each.
        confidence: how sure each was of each strip, shape (M, N).
        right: whether it was right, ``bool``, shape (M, N).
        found: what comes of them together.
    """

    condition: Condition
    members: tuple[Contender, ...]
    seeds: int
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    found: Agreement

    def as_json(self) -> dict[str, Any]:
        """In plain Python values; members by their labels."""
        found = asdict(self.found)
        labels = [member.label for member in self.members]
        return {
            "condition": self.condition.label,
            "layout": self.condition.layout,
            "members": labels,
            "seeds": self.seeds,
            **found,
            "levels": [{"what": self.what(level), **asdict(level)} for level in self.found.levels],
            "rivals": [{"member": label, **rival} for label, rival in zip(labels, found["rivals"], strict=True)],
            "best": labels[self.found.best],
        }

    def what(self, level: Level) -> str:
        """Who agrees on the strips of a level."""
        if level.fewest == len(self.members):
            return "both agree" if level.fewest == 2 else f"all {level.fewest} agree"
        if level.fewest > 1:
            return f"{level.fewest} or more agree"
        if level.most > 1:
            return "not all agree"
        return "they differ" if len(self.members) == 2 else "no two agree"


def agreeing(condition: Condition) -> Agreeing | None:
    """The contenders of a condition that read the same strips, the most there are; None where no two did."""
    sets = same_strips(condition)
    widest = max(sets, key=len, default=[])
    members = [contender for contender, _ in widest]
    if len(members) < 2:
        return None
    # Strips that one of them has not read tell nothing of their agreement.
    runs = [[run for _, run in read] for read in sets if [contender for contender, _ in read] == members]

    def pooled(key: str) -> NDArray[Any]:
        return np.concatenate([np.stack([run.answers[key] for run in seed]) for seed in runs], 1)

    slots, answers, confidence = pooled("slots")[0], pooled("answers"), pooled("confidence").astype(np.float64)
    return Agreeing(
        condition,
        tuple(members),
        len(runs),
        confidence,
        (answers == slots).all(-1),
        agreement(slots, answers, confidence),
    )
