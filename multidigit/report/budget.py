"""The error budget of contenders: means over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multidigit.comparison.groups import Condition, Contender
from multidigit.error_breakdown import CAUSES
from multidigit.report.plots.drawing import Drawing
from multidigit.report.tables import Line, Table

WORDS = {cause: "picture quality" if cause == "quality" else cause for cause in CAUSES}
"""The causes of errors as they are told."""


def shares(contender: Contender) -> Mapping[str, float] | None:
    """Share of numbers wrong by cause, means over seeds; ``None`` where no run has a budget."""
    found = [run.metrics["error_breakdown"]["shares"] for run in contender.runs if "error_breakdown" in run.metrics]
    return {cause: float(np.mean([one[cause] for one in found])) for cause in CAUSES} if found else None


def points(share: float) -> str:
    """A share in points, without a sign where it is nought."""
    return f"{round(100 * share, 2) + 0.0:.2f}"


def table(kinds: Sequence[Condition], drawing: Drawing) -> Table:
    """What the charts of the error budget show; without lines where no run has one."""
    lines = []
    for kind in kinds:
        for contender in kind.contenders:
            if found := shares(contender):
                cells = [kind.label, contender.label]
                cells += [points(share) for share in (sum(found.values()), *found.values())]
                lines.append(Line(cells, kind.layout, drawing.looks.index[contender.strategy]))
    heads = ["layout", "strategy", "wrong in all", *WORDS.values()]
    return Table("Numbers wrong by cause, in points", heads, lines)
