"""How far the contenders of a condition agree on the strips that all of them read, from what their runs keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.agreement import Agreement, Level, agreement
from multidigit.report.groups import Condition, Contender, same_strips
from multidigit.report.plots.drawing import Drawing
from multidigit.report.tables import Line, Table


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


def tables(panels: Sequence[Agreeing], drawing: Drawing) -> list[Table]:
    """What agreement is worth, condition by condition; none without panels."""
    made = [
        Table(
            "How many strips they agree on, and how often the number that most of them give is right",
            ["strips", "contenders", "agreement", "strips in all", "share", "right of these", "95 % interval"],
            [line for panel in panels for line in _levels(panel)],
        ),
        Table(
            "Against each one's own confidence: of its surest strips, as many as all agree on, how many are right "
            "(equally sure ones: what a draw among them would give), and how far agreement is ahead (95 % interval: "
            "Tango's; what only one of the two answers is paired by lot)",
            ["strips", "contender", "answered", "right, its surest", "right, all agree", "ahead", "95 % interval"],
            [line for panel in panels for line in _rivals(panel, drawing)],
        ),
        Table(
            "The number that most of them give, of several the surest one's, against the best of them alone (95 % "
            "interval: Tango's; p: exact McNemar test)",
            [
                *("strips", "contenders", "numbers right", "best alone", "numbers right, best alone"),
                *("difference", "95 % interval", "only the vote", "only the best", "p"),
            ],
            [_vote(panel) for panel in panels],
        ),
    ]
    return [table for table in made if table.lines]


def _levels(panel: Agreeing) -> list[Line]:
    who = ", ".join(member.label for member in panel.members)
    return [
        Line(
            [
                panel.condition.label,
                who,
                panel.what(level),
                f"{level.strips:,}",
                f"{level.strips / panel.found.strips:.1%}",
                f"{level.right / level.strips:.2%}" if level.strips else "–",
                f"{level.low:.2%} – {level.high:.2%}" if level.strips else "–",
            ],
            panel.condition.layout,
        )
        for level in panel.found.levels
    ]


def _rivals(panel: Agreeing, drawing: Drawing) -> list[Line]:
    agreed = panel.found.agreed
    if not agreed.strips:
        return []
    return [
        Line(
            [
                panel.condition.label,
                member.label,
                f"{agreed.strips:,}",
                f"{rival.surest / agreed.strips:.2%}",
                f"{agreed.right / agreed.strips:.2%}",
                *_points(rival.difference, rival.low, rival.high),
            ],
            panel.condition.layout,
            drawing.looks.index[member.strategy],
        )
        for member, rival in zip(panel.members, panel.found.rivals, strict=True)
    ]


def _vote(panel: Agreeing) -> Line:
    found = panel.found
    return Line(
        [
            panel.condition.label,
            ", ".join(member.label for member in panel.members),
            f"{found.voted / found.strips:.2%}",
            panel.members[found.best].label,
            f"{found.rivals[found.best].right / found.strips:.2%}",
            *_points(found.difference, found.low, found.high),
            f"{found.only_vote:,}",
            f"{found.only_best:,}",
            f"{found.p_value:.2g}" if found.p_value >= 1e-9 else "< 1e-9",
        ],
        panel.condition.layout,
    )


def _points(difference: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """A difference in points, and its interval."""
    if difference is None or low is None or high is None:
        return "–", "–"
    return f"{100 * difference:+.2f} points", f"{100 * low:+.2f} to {100 * high:+.2f}"
