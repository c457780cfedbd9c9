"""What the runs of a contender measure together: means over their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multidigit.comparison.groups import Contender
from multidigit.error_breakdown import CAUSES
from multidigit.labels import CLASSES

CLASS_NAMES = (*map(str, range(CLASSES - 1)), "–")
"""Of the eleven classes, as they stand in figures; the dash is a slot without a digit."""
CAUSE_NAMES = {cause: "picture quality" if cause == "quality" else cause for cause in CAUSES}
"""The causes of errors, as they stand in figures."""


def mean(contender: Contender, measure: str) -> float:
    """A single test measure."""
    return float(np.mean([run.metrics["test"][measure] for run in contender.runs]))


def by_slot(contender: Contender) -> dict[int, float]:
    """Share of the digits right in each slot, counted from 1; slots that no strip fills are left out."""
    columns = zip(*(run.metrics["test"]["accuracy_by_slot"] for run in contender.runs), strict=True)
    return {
        slot: float(np.mean([share for share in column if share is not None]))
        for slot, column in enumerate(columns, 1)
        if any(share is not None for share in column)
    }


def by_length(contender: Contender) -> tuple[dict[int, float], dict[int, int]]:
    """Share of the numbers right of each length, and how many strips of it there were with all seeds."""
    counts: dict[int, int] = {}
    hits: dict[int, float] = {}
    for run in contender.runs:
        for length, part in run.metrics["test"]["accuracy_by_length"].items():
            counts[int(length)] = counts.get(int(length), 0) + part["strips"]
            hits[int(length)] = hits.get(int(length), 0.0) + part["accuracy"] * part["strips"]
    return {length: hits[length] / counts[length] for length in sorted(counts)}, counts


def under_corruptions(contender: Contender) -> dict[str, float]:
    """Share of the numbers right of ``clean`` strips and under each corruption, the mean over its severities; empty
    where that was not measured."""
    measured = [run.metrics["corruptions"] for run in contender.runs if "corruptions" in run.metrics]
    if not measured:
        return {}
    found = {name: float(np.mean([one["accuracy"][name] for one in measured])) for name in measured[0]["accuracy"]}
    return {"clean": float(np.mean([one["clean"] for one in measured])), **found}


def taken(contender: Contender) -> NDArray[np.float64]:
    """Which share of each true class was answered as which other, shape (11, 11): 0 where the two are the same."""
    counts = np.sum([run.metrics["test"]["confusion"] for run in contender.runs], 0)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    wrong: NDArray[np.float64] = shares * (1 - np.eye(CLASSES))
    return wrong


def most_taken(wrong: NDArray[np.float64], most: int) -> list[tuple[int, int]]:
    """The true and the answered class of the most frequent mistakes in ``taken``, so many at most."""
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    return [(int(index) // CLASSES, int(index) % CLASSES) for index in order if wrong.flat[index] > 0]


def epochs(contender: Contender) -> int:
    """Most epochs of a run; 0 where no run has a history."""
    return max(len(run.history) for run in contender.runs)


def learnt(contender: Contender, after: Sequence[int]) -> list[float | None]:
    """Validation numbers right after each of these epochs, counted from 1; ``None`` where no run has so many."""
    histories = [[line["sequence_accuracy"] for line in run.history] for run in contender.runs]
    shares = [[history[epoch - 1] for history in histories if epoch <= len(history)] for epoch in after]
    return [float(np.mean(each)) if each else None for each in shares]


def shares_by_cause(contender: Contender) -> Mapping[str, float] | None:
    """Share of the numbers wrong by cause; ``None`` where no run has an error breakdown."""
    breakdowns = [run.metrics.get("error_breakdown") for run in contender.runs]
    found = [each["shares"] for each in breakdowns if each]
    return {cause: float(np.mean([each[cause] for each in found])) for cause in CAUSES} if found else None


def format_points(share: float) -> str:
    """A share in points; adding zero turns a rounded -0.0 into 0.0."""
    return f"{round(100 * share, 2) + 0.0:.2f}"
