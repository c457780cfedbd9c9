"""The run to read pictures with."""

from __future__ import annotations

from collections.abc import Sequence

from multidigit.comparison.groups import Condition
from multidigit.runs import Run


def pick_winner(conditions: Sequence[Condition], *, swept: bool) -> str | None:
    """The name of the run to read pictures with; ``None`` without runs.

    It is the best on free strips, which is how most pictures are, or else the best. Runs of fewer slots than others
    cannot read what these can, so only those with most are considered. Along a sweep it is the best in the condition
    that even the best read worst: that run reads the easier strips, too.
    """
    most = max((run.settings.slots for condition in conditions for run in condition.runs), default=0)
    candidates = [
        runs for condition in conditions if (runs := [run for run in condition.runs if run.settings.slots == most])
    ]
    if not candidates:
        return None
    if swept:
        candidates = [min(candidates, key=lambda runs: max(map(_accuracy, runs)))]
    runs = [run for some in candidates for run in some]
    free = [run for run in runs if run.settings.layout.name == "free"]
    return max(free or runs, key=_accuracy).name


def _accuracy(run: Run) -> float:
    return float(run.metrics["test"]["sequence_accuracy"])
