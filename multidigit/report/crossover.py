"""Sweeps in words and tables: who is ahead where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multidigit.comparison import Crossover, Sweep
from multidigit.comparison.crossover import leading_run, sign
from multidigit.comparison.groups import format_value
from multidigit.report.tables import Line, Table
from multidigit.runs import Run


def sweep_sentence(sweep: Sweep, crossovers: Sequence[Crossover]) -> str:
    """What a sweep found, in one sentence."""
    return f"{sweep_range(sweep)}: {'; '.join(clauses(sweep, crossovers))}."


def sweep_range(sweep: Sweep) -> str:
    """What was swept: ``From layout.gap -3 to 9 on free strips``."""
    first, last = format_value(sweep.values[0]), format_value(sweep.values[-1])
    return f"From {sweep.key} {first} to {last} on {sweep.label} strips"


def clauses(sweep: Sweep, crossovers: Sequence[Crossover]) -> list[str]:
    """Who is ahead where, a clause for every two contenders."""
    return [_clause(sweep, each) for each in crossovers] or ["there are no two strategies to compare"]


def _clause(sweep: Sweep, crossover: Crossover) -> str:
    one, two = crossover.one, crossover.two
    low, high = interval_ends(sweep, crossover)
    ahead = [sign(difference) for difference in crossover.differences]
    leads = [(who, ahead.count(sign)) for who, sign in ((one, 1), (two, -1)) if sign in ahead]
    alone = ""
    # What the first values, and the last ones, do not show already.
    if sum(count for _, count in leads) > leading_run(ahead, 1) + leading_run(ahead[::-1], -1):
        shares = " and ".join(f"{who}{'' if index else ' is ahead'} at {n}" for index, (who, n) in enumerate(leads))
        alone = f" (taken alone, {shares} of {len(ahead)} values)"
    return {
        "crossing": f"{one} is ahead of {two} up to {format_place(sweep, crossover.at)} and behind from there on "
        f"(95 % interval {low} to {high})",
        "here and there": f"between {one} and {two} it is unresolved{alone}",
        "throughout": f"{one} is ahead of {two} throughout",
        "at first": f"{one} is ahead of {two} up to {low}, and beyond it is unresolved{alone}",
        "at last": f"{two} is ahead of {one} from {high} on, and before it is unresolved{alone}",
        "unresolved": f"between {one} and {two} it is unresolved throughout",
        "several": f"{one} and {two} take the lead from each other more than once{alone}",
    }[crossover.state]


def _lead(crossover: Crossover) -> str:
    """Who is ahead along a sweep, in the fewest words."""
    one, two = crossover.one, crossover.two
    return {
        "crossing": f"{one}, then {two}",
        "throughout": f"{one} throughout",
        "at first": f"{one} at first, then unresolved",
        "at last": f"unresolved at first, then {two}",
    }.get(crossover.state, "unresolved")


def interval_ends(sweep: Sweep, crossover: Crossover) -> tuple[str, str]:
    """The interval of a crossing as text; an end that is not known is the end of the sweep."""
    low = sweep.values[0 if crossover.low is None else crossover.low]
    high = sweep.values[-1 if crossover.high is None else crossover.high]
    return format_value(low), format_value(high)


def format_place(sweep: Sweep, at: float | None) -> str:
    """A position on the sweep's axis as text."""
    if at is None:
        return "–"
    ranges = any(isinstance(value, list) and value[0] == -value[1] < 0 for value in sweep.values)
    return f"{'±' if ranges else ''}{at:.3g}"


def mean_and_range(runs: Sequence[Run]) -> tuple[float, float, float] | None:
    """Sequence accuracy of the runs of one value: mean over seeds, lowest and highest; ``None`` without runs."""
    right = [run.metrics["test"]["sequence_accuracy"] for run in runs]
    return (float(np.mean(right)), min(right), max(right)) if right else None


def crossover_tables(sweep: Sweep, crossovers: Sequence[Crossover]) -> list[Table]:
    """Who is ahead where, and the accuracy of every contender at each value."""
    leads = [
        Line(
            [
                f"{each.one}, {each.two}",
                _lead(each),
                format_place(sweep, each.at),
                " to ".join(interval_ends(sweep, each)) if each.state == "crossing" else "–",
            ],
            sweep.layout,
        )
        for each in crossovers
    ]
    lines = []
    for index, value in enumerate(sweep.values):
        cells = []
        for series in sweep.series:
            right = mean_and_range(series.runs[index])
            cells.append("–" if right is None else f"{right[0]:.2%}")
            if right is not None and right[1] < right[2]:
                cells[-1] += f" ({right[1]:.2%} – {right[2]:.2%})"
        lines.append(Line([format_value(value), *cells], sweep.layout))
    where = f"{sweep.key} on {sweep.label} strips"
    heads = ["strategies", "ahead beyond chance", "equal at", "95 % interval"]
    return [
        *([Table(f"{where}: who leads", heads, leads)] if leads else []),
        Table(
            f"{where}: numbers right, means over seeds and their range",
            [sweep.key, *(series.label for series in sweep.series)],
            lines,
        ),
    ]
