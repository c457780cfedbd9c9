"""Where the lead changes as strips change: one setting moves, and all are trained anew at each of its values.

At each value two contenders differ as ``statistics.difference_over_trainings`` has it: over seeds and over strips,
which are the same for both. The crossing has an interval that takes nothing for granted about what lies between two
values, but that the lead changes once. From the first value on, as long as the one is ahead beyond chance at 95 %, it
counts as ahead; from the last value backwards, as long as the other is. What lies between is the interval. Each end is
a sequence of tests in an order set beforehand that stops at the first that fails, so that all of them together err in
no more than 2.5 % (a fixed sequence needs no correction: Maurer, Hothorn and Lehmacher 1995). A crossing is claimed
only where both ends stand: leads in the middle, picked from among many values, are often chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from multidigit.report.groups import Course, Sweep, said
from multidigit.report.tables import Line, Table
from multidigit.report.verdict import Contest, couples, measured

State = Literal["crossing", "throughout", "at first", "at last", "here and there", "unresolved", "several"]


@dataclass(frozen=True)
class Meeting:
    """Two contenders along a sweep.

    Attributes:
        one, two: their labels; ``one`` is who leads first.
        state: ``crossing``: ``one`` is ahead beyond chance from the first value on, ``two`` up to the last;
            ``throughout``: ``one`` is at every value; ``at first``: only ``one`` is from the first value on;
            ``at last``: only ``two`` is up to the last; ``here and there``: neither is, but at some value taken alone
            somebody is ahead, which among so many is no proof; ``unresolved``: nobody anywhere; ``several``: at values
            taken alone they take the lead from each other more than once.
        differences: sequence accuracy of ``one`` less that of ``two`` at each value both have, with the ends of its
            95 % interval.
        values: indices of these values in the sweep.
        at: where both make as many errors, by a straight line between two values; ``None`` without a crossing.
        low, high: indices, in the sweep, of the last of the first values at which ``one`` is ahead, and of the first of
            the last ones at which ``two`` is; ``None`` where there are none.
    """

    one: str
    two: str
    state: State
    differences: tuple[tuple[float, float, float], ...]
    values: tuple[int, ...]
    at: float | None = None
    low: int | None = None
    high: int | None = None


def meetings(sweep: Sweep) -> list[Meeting]:
    """Every two contenders of a sweep that share at least two values.

    Raises:
        RunError: two runs of one value and seed were tested on different strips.
    """
    found = []
    for one, two in combinations(sweep.courses, 2):
        seen = [(index, contest) for index in range(len(sweep.values)) if (contest := _contest(sweep, one, two, index))]
        if len(seen) > 1:
            means = [measured(contest)[1] for _, contest in seen]
            differences = [(mean.difference, mean.low, mean.high) for mean in means]
            values = [index for index, _ in seen]
            gaps = [_log_error(contest, 1) - _log_error(contest, 0) for _, contest in seen]
            found.append(
                meet(one.label, two.label, differences, gaps, [sweep.places[index] for index in values], values)
            )
    return found


def _log_error(contest: Contest, side: int) -> float:
    """The logarithm of the share of strips that one side read wrongly, at least half a strip."""
    right = [couple[side] for seed in contest.seeds for couple in seed]
    wrong, every = sum(int((~each).sum()) for each in right), sum(each.size for each in right)
    return math.log(max(wrong, 0.5) / every)


def contests(sweep: Sweep) -> list[Contest]:
    """Every two contenders at every value, to be judged pair by pair."""
    every = [
        _contest(sweep, one, two, index)
        for index in range(len(sweep.values))
        for one, two in combinations(sweep.courses, 2)
    ]
    return [contest for contest in every if contest]


def _contest(sweep: Sweep, one: Course, two: Course, index: int) -> Contest | None:
    seeds = couples(
        [(run.settings.seed, run) for run in one.runs[index]], [(r.settings.seed, r) for r in two.runs[index]]
    )
    if not seeds:
        return None
    strips = f"{short(sweep.key)} {said(sweep.values[index])}"
    return Contest(sweep.layout, one.label, two.label, [[couple] for couple in seeds.values()], strips)


def meet(
    one: str,
    two: str,
    differences: Sequence[tuple[float, float, float]],
    gaps: Sequence[float],
    places: Sequence[float],
    values: Sequence[int],
) -> Meeting:
    """What becomes of two contenders along a sweep.

    Args:
        differences: sequence accuracy of ``one`` less that of ``two`` at each value, with the ends of its interval.
        gaps: the same as by how much ``two`` makes more errors, in logarithms: by these, as they are drawn, it is
            reckoned where two lines cross.
        places: of these values, ascending.
        values: their indices in the sweep.
    """
    ahead = [_sign(difference) for difference in differences]
    signs = [sign for sign in ahead if sign]
    # Who leads at the first value is the one, or else who does not at the last, or else who is the first to lead.
    if next((sign for sign in (ahead[0], -ahead[-1], *signs) if sign), 0) < 0:
        turned = [(-difference, -high, -low) for difference, low, high in differences]
        return meet(two, one, turned, [-gap for gap in gaps], places, values)
    leading, trailing = _run(ahead, 1), _run(ahead[::-1], -1)
    state: State
    if not signs:
        state = "unresolved"
    elif leading == len(ahead):
        state = "throughout"
    elif signs != sorted(signs, reverse=True):
        state = "several"
    elif leading and trailing:
        # Both have to lead at their end of the sweep: among many values some are won by chance.
        state = "crossing"
    elif leading or trailing:
        state = "at first" if leading else "at last"
    else:
        state = "here and there"
    at = None
    if state == "crossing":
        last = max(index for index, sign in enumerate(ahead) if sign > 0)
        at = _zero(places, gaps, last)
    return Meeting(
        one,
        two,
        state,
        tuple(differences),
        tuple(values),
        at,
        values[leading - 1] if leading else None,
        values[-trailing] if trailing else None,
    )


def _sign(difference: tuple[float, float, float]) -> int:
    """Who is ahead beyond chance: 1 for the first, -1 for the second, 0 for nobody."""
    _, low, high = difference
    return 1 if low > 0 else -1 if high < 0 else 0


def _run(ahead: Sequence[int], sign: int) -> int:
    """How many of the first values have that sign."""
    return next((count for count, one in enumerate(ahead) if one != sign), len(ahead))


def _zero(places: Sequence[float], gaps: Sequence[float], start: int) -> float:
    """Where the line through the gaps first reaches zero after ``start``, at which it is above."""
    index = next(index for index in range(start, len(gaps) - 1) if gaps[index + 1] <= 0)
    return float(np.interp(0, [gaps[index + 1], gaps[index]], [places[index + 1], places[index]]))


def sentence(sweep: Sweep, found: Sequence[Meeting]) -> str:
    """What a sweep says, in one sentence."""
    told = f"From {sweep.key} {said(sweep.values[0])} to {said(sweep.values[-1])} on {sweep.label} strips"
    return (
        f"{told}: {'; '.join(_clause(sweep, meeting) for meeting in found)}."
        if found
        else f"{told}: nobody to compare."
    )


def _clause(sweep: Sweep, meeting: Meeting) -> str:
    one, two = meeting.one, meeting.two
    low, high = ends(sweep, meeting)
    ahead = [_sign(difference) for difference in meeting.differences]
    leads = [(who, ahead.count(sign)) for who, sign in ((one, 1), (two, -1)) if sign in ahead]
    alone = ""
    # What the first values, and the last ones, do not say already.
    if sum(count for _, count in leads) > _run(ahead, 1) + _run(ahead[::-1], -1):
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


def _lead(meeting: Meeting) -> str:
    """Who is ahead along a sweep, in the fewest words."""
    one, two = meeting.one, meeting.two
    return {
        "crossing": f"{one}, then {two}",
        "throughout": f"{one} throughout",
        "at first": f"{one} at first, then unresolved",
        "at last": f"unresolved at first, then {two}",
    }.get(meeting.state, "unresolved")


def ends(sweep: Sweep, meeting: Meeting) -> tuple[str, str]:
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


def short(key: str) -> str:
    """A setting's name without its section, where that says enough."""
    head, _, last = key.rpartition(".")
    return f"{head.removeprefix('effects.')} {last}" if head.startswith("effects.") else last


def mean_and_range(runs: Sequence[Any]) -> tuple[float, float, float] | None:
    """Sequence accuracy of the runs of one value: mean over seeds, lowest and highest; ``None`` without runs."""
    right = [run.metrics["test"]["sequence_accuracy"] for run in runs]
    return (float(np.mean(right)), min(right), max(right)) if right else None


def tables(sweep: Sweep, found: Sequence[Meeting]) -> list[Table]:
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
        for course in sweep.courses:
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
            [sweep.key, *(course.label for course in sweep.courses)],
            lines,
        ),
    ]
