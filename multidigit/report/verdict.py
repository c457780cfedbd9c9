"""Who wins on each layout, and whether that is beyond chance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multidigit.errors import RunError
from multidigit.runs import Run
from multidigit.statistics import holm, mcnemar_exact, paired_difference

LEVEL = 0.05
"""A difference counts as beyond chance when its corrected p-value is below this."""


@dataclass(frozen=True)
class Pair:
    """Two strategies on the same test strips.

    Attributes:
        difference: sequence accuracy of ``a`` less that of ``b``, with its 95 % interval.
        only_a, only_b: strips that one read and the other did not.
        p_value: exact McNemar test.
        corrected: the same after Holm's correction over all pairs of the comparison.
    """

    layout: str
    a: str
    b: str
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float
    corrected: float = 1.0


def pairs(runs: Sequence[Run]) -> list[Pair]:
    """Every two strategies on every layout, over the strips of all seeds that both have runs for.

    Raises:
        RunError: two runs of one layout and seed were tested on different strips.
    """
    answers: dict[tuple[str, str], dict[Any, Run]] = {}
    for run in runs:
        settings = run.settings
        # Runs are paired where all but the strategy is the same.
        rest = (settings.seed, settings.digits_name, settings.backbone.name, settings.backbone.width)
        answers.setdefault((settings.layout.name, settings.strategy_name), {})[rest] = run
    found = []
    for (layout, a), (other, b) in itertools.combinations(answers, 2):
        shared = [rest for rest in answers[layout, a] if rest in answers[other, b]]
        if layout == other and shared:
            right_a, right_b = (
                np.concatenate([_right(answers[layout, name][rest]) for rest in shared]) for name in (a, b)
            )
            for rest in shared:
                _same_strips(answers[layout, a][rest], answers[layout, b][rest])
            test, gap = mcnemar_exact(right_a, right_b), paired_difference(right_a, right_b)
            found.append(Pair(layout, a, b, gap.difference, gap.low, gap.high, test.b, test.c, test.p_value))
    corrected = holm([pair.p_value for pair in found])
    return [Pair(**{**asdict(pair), "corrected": p}) for pair, p in zip(found, corrected, strict=True)]


def _right(run: Run) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray((run.answers["slots"] == run.answers["answers"]).all(1))


def _same_strips(a: Run, b: Run) -> None:
    if not np.array_equal(a.answers["slots"], b.answers["slots"]):
        raise RunError(f"{a.path} and {b.path}: tested on different strips, so they cannot be compared pair by pair")


def sequence_means(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean sequence accuracy by layout and strategy, best first."""
    groups: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        groups.setdefault(row["layout"], {}).setdefault(row["strategy"], []).append(row["sequence_accuracy"])
    return {
        layout: dict(sorted(((s, float(np.mean(v))) for s, v in by.items()), key=lambda item: -item[1]))
        for layout, by in groups.items()
    }


def sentences(rows: Sequence[Mapping[str, Any]], found: Sequence[Pair]) -> list[str]:
    """One sentence a layout: who leads, by how much over the next, and whether that is beyond chance."""
    said = []
    for layout, means in sequence_means(rows).items():
        (best, top), *others = means.items()
        if not others:
            said.append(f"On {layout} strips only {best} was trained: {top:.1%} of the numbers right.")
            continue
        second, behind = others[0]
        pair = next((p for p in found if p.layout == layout and {p.a, p.b} == {best, second}), None)
        gap = f"{100 * (top - behind):.1f} points before {second}"
        if pair is None:
            said.append(
                f"On {layout} strips {best} reads {top:.1%} of the numbers right, {gap}; not tested for chance."
            )
            continue
        sign = 1 if pair.a == best else -1
        low, high = sorted((100 * sign * pair.low, 100 * sign * pair.high))
        # Adding zero turns a rounded -0.0 into 0.0.
        low, high = round(low, 1) + 0.0, round(high, 1) + 0.0
        detail = f"95 % interval {low:+.1f} to {high:+.1f}, McNemar with Holm's correction p = {_p(pair.corrected)}"
        if pair.corrected < LEVEL:
            said.append(
                f"On {layout} strips {best} wins: {top:.1%} of the numbers right, {gap}, beyond chance ({detail})."
            )
        else:
            said.append(
                f"On {layout} strips it is unresolved: {best} reads {top:.1%} of the numbers right, {gap}, "
                f"which chance alone could do ({detail})."
            )
    return said


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"


def best_reader(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The run to read pictures with: the best on free strips, which is how most pictures are, or else the best."""
    free = [row for row in rows if row["layout"] == "free"] or list(rows)
    return str(max(free, key=lambda row: row["sequence_accuracy"])["run"]) if free else None
