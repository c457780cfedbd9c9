"""Sweeps in words and tables: who is ahead where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multidigit.comparison.crossover import Crossover, leading_run, sign
from multidigit.comparison.groups import Sweep, said
from multidigit.report.tables import Line, Table


def sentence(sweep: Sweep, found: Sequence[Crossover]) -> str:
    """What a sweep says, in one sentence."""
    told = f"From {sweep.key} {said(sweep.values[0])} to {said(sweep.values[-1])} on {sweep.label} strips"
    return (
        f"{told}: {'; '.join(_clause(sweep, meeting) for meeting in found)}."
        if found
        else f"{told}: nobody to compare."
    )


def _clause(sweep: Sweep, meeting: Crossover) -> str:
    one, two = meeting.one, meeting.two
    low, high = ends(sweep, meeting)
    ahead = [sign(difference) for difference in meeting.differences]
    leads = [(who, ahead.count(sign)) for who, sign in ((one, 1), (two, -1)) if sign in ahead]
    alone = ""
    # What the first values, and the last ones, do not say already.
    if sum(count for _, count in leads) > leading_run(ahead, 1) + leading_run(ahead[::-1], -1):
        shares = " and ".join(f"{who}{'' if index else ' is ahead'} at {n}" for index, (who, n) in enumerate(leads))
        alone = f" (taken alone, {shares} of {len(ahead)} values)"
    return {
        "crossing": f"{one} is ahead of {two} up to {place(sweep, meeting.at)} and behind from there on (95 % interval "
        f"{low} to {high})",
        "here and there": f"between {one} and {two} it is unresolved{alone}",
        "throughout": f"{one} is ahead of {two} throughout",
        "at first": f"{one} is ahead of {two} up to {low}, and beyond it is unresolved{alone}",
        "at last": f"{two} is ahead of {one} from {high} on, and before it is unresolved{alone}",
        "unresolved": f"between {one} and {two} it is unresolved throughout",
        "several": f"{one} and {two} take the lead from each other more than once{alone}",
    }[meeting.state]


def _lead(meeting: Crossover) -> str:
    """Who is ahead along a sweep, in the fewest words."""
    one, two = meeting.one, meeting.two
    return {
        "crossing": f"{one}, then {two}",
        "throughout": f"{one} throughout",
        "at first": f"{one} at first, then unresolved",
        "at last": f"unresolved at first, then {two}",
    }.get(meeting.state, "unresolved")


def ends(sweep: Sweep, meeting: Crossover) -> tuple[str, str]:
    """The interval of a crossing in words; an end that is not known is the end of the sweep."""
    low = sweep.values[0 if meeting.low is None else meeting.low]
    high = sweep.values[-1 if meeting.high is None else meeting.high]
    return said(low), said(high)


def place(sweep: Sweep, at: float | None) -> str:
    """A place on the sweep's axis in words."""
    if at is None:
        return "–"
    ranges = any(isinstance(value, list) and value[0] == -value[1] < 0 for value in sweep.values)
    return f"{'±' if ranges else ''}{at:.3g}"


def mean_and_range(runs: Sequence[Any]) -> tuple[float, float, float] | None:
    """Sequence accuracy of the runs of one value: mean over seeds, lowest and highest; ``None`` without runs."""
    right = [run.metrics["test"]["sequence_accuracy"] for run in runs]
    return (float(np.mean(right)), min(right), max(right)) if right else None


def tables(sweep: Sweep, found: Sequence[Crossover]) -> list[Table]:
    """Who is ahead where, and everybody's accuracy at each value."""
    leads = [
        Line(
            [
                f"{meeting.one}, {meeting.two}",
                _lead(meeting),
                place(sweep, meeting.at),
                " to ".join(ends(sweep, meeting)) if meeting.state == "crossing" else "–",
            ],
            sweep.layout,
        )
        for meeting in found
    ]
    lines = []
    for index, value in enumerate(sweep.values):
        cells = []
        for course in sweep.series:
            right = mean_and_range(course.runs[index])
            cells.append("–" if right is None else f"{right[0]:.2%}")
            if right is not None and right[1] < right[2]:
                cells[-1] += f" ({right[1]:.2%} – {right[2]:.2%})"
        lines.append(Line([said(value), *cells], sweep.layout))
    where = f"{sweep.key} on {sweep.label} strips"
    heads = ["strategies", "ahead beyond chance", "equal at", "95 % interval"]
    return [
        *([Table(f"{where}: who leads", heads, leads)] if leads else []),
        Table(
            f"{where}: numbers right, means over seeds and their range",
            [sweep.key, *(course.label for course in sweep.series)],
            lines,
        ),
    ]
