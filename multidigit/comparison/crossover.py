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
from typing import Literal

import numpy as np

from multidigit.comparison.groups import Sweep, SweepSeries, said
from multidigit.comparison.pairs import PairedRuns, couples, measured

State = Literal["crossing", "throughout", "at first", "at last", "here and there", "unresolved", "several"]


@dataclass(frozen=True)
class Crossover:
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


def crossovers(sweep: Sweep) -> list[Crossover]:
    """Every two contenders of a sweep that share at least two values.

    Raises:
        RunError: two runs of one value and seed were tested on different strips.
    """
    found = []
    for one, two in combinations(sweep.series, 2):
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


def _log_error(contest: PairedRuns, side: int) -> float:
    """The logarithm of the share of strips that one side read wrongly, at least half a strip."""
    right = [couple[side] for seed in contest.seeds for couple in seed]
    wrong, every = sum(int((~each).sum()) for each in right), sum(each.size for each in right)
    return math.log(max(wrong, 0.5) / every)


def paired_runs(sweep: Sweep) -> list[PairedRuns]:
    """Every two contenders at every value, to be judged pair by pair."""
    every = [
        _contest(sweep, one, two, index)
        for index in range(len(sweep.values))
        for one, two in combinations(sweep.series, 2)
    ]
    return [contest for contest in every if contest]


def _contest(sweep: Sweep, one: SweepSeries, two: SweepSeries, index: int) -> PairedRuns | None:
    seeds = couples(
        [(run.settings.seed, run) for run in one.runs[index]], [(r.settings.seed, r) for r in two.runs[index]]
    )
    if not seeds:
        return None
    strips = f"{short(sweep.key)} {said(sweep.values[index])}"
    return PairedRuns(sweep.layout, one.label, two.label, [[couple] for couple in seeds.values()], strips)


def meet(
    one: str,
    two: str,
    differences: Sequence[tuple[float, float, float]],
    gaps: Sequence[float],
    places: Sequence[float],
    values: Sequence[int],
) -> Crossover:
    """What becomes of two contenders along a sweep.

    Args:
        differences: sequence accuracy of ``one`` less that of ``two`` at each value, with the ends of its interval.
        gaps: the same as by how much ``two`` makes more errors, in logarithms: by these, as they are drawn, it is
            reckoned where two lines cross.
        places: of these values, ascending.
        values: their indices in the sweep.
    """
    ahead = [sign(difference) for difference in differences]
    signs = [sign for sign in ahead if sign]
    # Who leads at the first value is the one, or else who does not at the last, or else who is the first to lead.
    if next((sign for sign in (ahead[0], -ahead[-1], *signs) if sign), 0) < 0:
        turned = [(-difference, -high, -low) for difference, low, high in differences]
        return meet(two, one, turned, [-gap for gap in gaps], places, values)
    leading, trailing = leading_run(ahead, 1), leading_run(ahead[::-1], -1)
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
    return Crossover(
        one,
        two,
        state,
        tuple(differences),
        tuple(values),
        at,
        values[leading - 1] if leading else None,
        values[-trailing] if trailing else None,
    )


def sign(difference: tuple[float, float, float]) -> int:
    """Who is ahead beyond chance: 1 for the first, -1 for the second, 0 for nobody."""
    _, low, high = difference
    return 1 if low > 0 else -1 if high < 0 else 0


def leading_run(ahead: Sequence[int], sign: int) -> int:
    """How many of the first values have that sign."""
    return next((count for count, one in enumerate(ahead) if one != sign), len(ahead))


def _zero(places: Sequence[float], gaps: Sequence[float], start: int) -> float:
    """Where the line through the gaps first reaches zero after ``start``, at which it is above."""
    index = next(index for index in range(start, len(gaps) - 1) if gaps[index + 1] <= 0)
    return float(np.interp(0, [gaps[index + 1], gaps[index]], [places[index + 1], places[index]]))


def short(key: str) -> str:
    """A setting's name without its section, where that says enough."""
    head, _, last = key.rpartition(".")
    return f"{head.removeprefix('effects.')} {last}" if head.startswith("effects.") else last
