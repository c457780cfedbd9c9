"""Where the lead changes as strips change: one setting moves, and all are trained anew at each of its values.

At each value two contenders differ as ``statistics.difference_over_trainings`` has it: over seeds and over strips,
which are the same for both. The interval of a crossing assumes nothing about what lies between two values, but that the
lead changes once. From the first value on, as long as the one is ahead beyond chance at 95 %, it counts as ahead; from
the last value backwards, as long as the other is. What lies between is the interval. Each end is a sequence of tests in
an order set beforehand that stops at the first that fails, so that all of them together err in no more than 2.5 % (a
fixed sequence needs no correction: Maurer, Hothorn and Lehmacher 1995). A crossing is claimed only where both ends
stand: leads in the middle, picked from among many values, are often chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from multidigit.comparison.groups import Sweep, format_value
from multidigit.comparison.pairs import MARGIN, Incomparable, MeasuredPair, PairedRuns, measure_pair, pair_answers

State = Literal["crossing", "throughout", "at first", "at last", "here and there", "unresolved", "several"]
Difference = tuple[float, float, float]
"""A difference with the ends of its 95 % interval."""


@dataclass(frozen=True)
class Crossover:
    """Two contenders along a sweep.

    Attributes:
        one, two: their labels; ``one`` leads first.
        state: ``crossing``: ``one`` is ahead beyond chance from the first value on, ``two`` up to the last;
            ``throughout``: ``one`` is at every value; ``at first``: only ``one`` is from the first value on;
            ``at last``: only ``two`` is up to the last; ``here and there``: neither is, but at some value taken alone
            one is ahead, which among so many is no proof; ``unresolved``: neither is anywhere; ``several``: at values
            taken alone they take the lead from each other more than once.
        differences: sequence accuracy of ``one`` less that of ``two`` at each value that both have.
        values: indices of these values in the sweep.
        at: where both make as many errors, by a straight line between two values; ``None`` without a crossing.
        low, high: indices, in the sweep, of the last of the first values at which ``one`` is ahead, and of the first of
            the last ones at which ``two`` is; ``None`` where there are none.
    """

    one: str
    two: str
    state: State
    differences: tuple[Difference, ...]
    values: tuple[int, ...]
    at: float | None = None
    low: int | None = None
    high: int | None = None


def compare_sweep(
    sweep: Sweep, margin: float = MARGIN
) -> tuple[list[MeasuredPair], list[Crossover], list[Incomparable]]:
    """Every two contenders at every value, what follows where they share at least two values, and runs left out."""
    at_values, refused = [], []
    for index, value in enumerate(sweep.values):
        for one, two in combinations(sweep.series, 2):
            keyed = [[(run.settings.seed, run) for run in series.runs[index]] for series in (one, two)]
            seeds, left_out = pair_answers(*keyed)
            refused += left_out
            if seeds:
                condition = f"{short_name(sweep.key)} {format_value(value)}"
                paired = PairedRuns(sweep.layout, one.label, two.label, seeds, condition)
                at_values.append((index, measure_pair(paired, margin)))
    found = []
    for one, two in combinations(sweep.series, 2):
        both = [(index, each) for index, each in at_values if (each.pair.a, each.pair.b) == (one.label, two.label)]
        if len(both) > 1:
            found.append(
                find_crossover(
                    one.label,
                    two.label,
                    [(each.mean.difference, each.mean.low, each.mean.high) for _, each in both],
                    [math.log(each.errors[1] / each.errors[0]) for _, each in both],
                    [sweep.places[index] for index, _ in both],
                    [index for index, _ in both],
                )
            )
    return [each for _, each in at_values], found, refused


def find_crossover(
    one: str,
    two: str,
    differences: Sequence[Difference],
    gaps: Sequence[float],
    places: Sequence[float],
    values: Sequence[int],
) -> Crossover:
    """Who leads where along a sweep.

    Args:
        differences: sequence accuracy of ``one`` less that of ``two`` at each value.
        gaps: the logarithm of how many times more errors ``two`` makes: lines are drawn over logarithms of errors, so
            this is what decides where two lines cross.
        places: of these values, ascending.
        values: their indices in the sweep.
    """
    ahead = [sign(difference) for difference in differences]
    signs = [sign for sign in ahead if sign]
    # ``one`` leads at the first value, or else does not at the last, or else is the first to lead.
    if next((sign for sign in (ahead[0], -ahead[-1], *signs) if sign), 0) < 0:
        turned = [(-difference, -high, -low) for difference, low, high in differences]
        return find_crossover(two, one, turned, [-gap for gap in gaps], places, values)
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
        at = _zero(places, gaps, max(index for index, sign in enumerate(ahead) if sign > 0))
    low = values[leading - 1] if leading else None
    high = values[-trailing] if trailing else None
    return Crossover(one, two, state, tuple(differences), tuple(values), at, low, high)


def sign(difference: Difference) -> int:
    """Who is ahead beyond chance: 1 for the first, -1 for the second, 0 for neither."""
    _, low, high = difference
    return 1 if low > 0 else -1 if high < 0 else 0


def leading_run(ahead: Sequence[int], sign: int) -> int:
    """How many of the first values have that sign."""
    return next((count for count, one in enumerate(ahead) if one != sign), len(ahead))


def _zero(places: Sequence[float], gaps: Sequence[float], start: int) -> float:
    """Where the line through the gaps first reaches zero after ``start``, at which it is above."""
    index = next(index for index in range(start, len(gaps) - 1) if gaps[index + 1] <= 0)
    return float(np.interp(0, [gaps[index + 1], gaps[index]], [places[index + 1], places[index]]))


def short_name(key: str) -> str:
    """A setting's name without its section: ``gap``, ``noise strength``."""
    head, _, last = key.rpartition(".")
    return f"{head.removeprefix('effects.')} {last}" if head.startswith("effects.") else last
