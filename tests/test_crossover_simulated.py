"""What a crossing claims, held against sweeps whose trainings and strips are drawn at random.

Networks are drawn as in test_verdict_simulated.py: two strategies at each value of a setting, anew with every seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped, unused-ignore]
from test_verdict_simulated import contest, networks

from multidigit.comparison.crossover import Crossover, meet
from multidigit.comparison.pairs import TRAINING_NOISE, measured

DRAWS = 300
PLACES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
Curves = tuple[tuple[float, float], ...]
"""True accuracies of a and b at each value."""


@cache
def swept(curves: Curves, seeds: int, draws: int = DRAWS) -> list[Crossover]:
    """What is found of a and b along so many sweeps."""
    rng = np.random.default_rng(1)
    right = [networks(rng, (draws, seeds), pair, TRAINING_NOISE) for pair in curves]
    found = []
    for draw in range(draws):
        means = [measured(contest(each[draw, :, 0], each[draw, :, 1]))[1] for each in right]
        wrong = [[max((~each[draw, :, side]).sum(), 0.5) for side in (0, 1)] for each in right]
        found.append(
            meet(
                "a",
                "b",
                [(mean.difference, mean.low, mean.high) for mean in means],
                [math.log(b / a) for a, b in wrong],
                [float(place) for place in range(len(curves))],
                list(range(len(curves))),
            )
        )
    return found


def holds(found: Crossover, crossing: float) -> bool:
    """Whether all that is said of where who is ahead is true, if a is up to the crossing and b from there on."""
    if found.one == "b":
        return found.low is None and found.high is None
    return (found.low is None or found.low <= crossing) and (found.high is None or found.high >= crossing)


def line(crossing: float, slope: float) -> Curves:
    """a falls, b stays as it is, and at the crossing both read 85 %."""
    return tuple((0.85 + slope * (crossing - place), 0.85) for place in PLACES)


def step(before: float, after: float) -> Curves:
    """a is ahead by so much up to 2, and b by so much from 3 on."""
    return ((0.85 + before, 0.85),) * 3 + ((0.85 - after, 0.85),) * 3


# The hardest for each end: one is far ahead, and the other by next to nothing.
HARD_END, HARD_BEGINNING = step(0.12, 1e-4), step(1e-4, 0.2)


@pytest.mark.parametrize(
    ("curves", "crossing", "seeds"),
    [
        (line(2.4, 0.03), 2.4, 3),
        (line(3, 0.01), 3, 3),
        (line(0.5, 0.02), 0.5, 3),
        (HARD_END, 2.5, 3),
        (HARD_BEGINNING, 2.5, 3),
        (line(2.4, 0.03), 2.4, 1),
        (HARD_BEGINNING, 2.5, 1),
    ],
    ids=["straight", "on a value", "early", "hard end", "hard beginning", "one seed", "hard beginning, one seed"],
)
def test_the_interval_covers(curves: Curves, crossing: float, seeds: int) -> None:
    held = sum(holds(found, crossing) for found in swept(curves, seeds))
    # As few of 300 as a coverage of 95 % yields at worst.
    assert held >= stats.binom.ppf(0.01, DRAWS, 0.95)


NEVER: dict[str, Callable[[int], Curves]] = {
    "equals": lambda count: ((0.85, 0.85),) * count,
    "one just ahead": lambda count: ((0.87, 0.85),) * count,
    "one far ahead": lambda count: ((0.95, 0.8),) * count,
    "one ahead, then equals": lambda count: ((0.95, 0.8),) * (count // 2) + ((0.8, 0.8),) * (count - count // 2),
    "equals but at first": lambda count: ((0.95, 0.8),) + ((0.8, 0.8),) * (count - 1),
    "equals but at last": lambda count: ((0.8, 0.8),) * (count - 1) + ((0.8, 0.95),),
}


@pytest.mark.parametrize(
    ("kind", "count", "seeds"),
    [
        *((kind, 6, 3) for kind in NEVER),
        ("equals", 12, 3),
        ("equals but at first", 12, 3),
        ("equals but at last", 6, 1),
    ],
)
def test_where_nobody_overtakes_no_crossing_is_claimed(kind: str, count: int, seeds: int) -> None:
    found = swept(NEVER[kind](count), seeds)
    assert np.mean([each.state == "crossing" for each in found]) <= 0.05


@pytest.mark.parametrize("count", [3, 12])
def test_more_values_make_no_more_false_leads(count: int) -> None:
    """Of equals each is said to lead at each end with 2.5 %, however many values there are."""
    said = sum(each.low is not None or each.high is not None for each in swept(NEVER["equals"](count), 3))
    assert said <= stats.binom.ppf(0.99, DRAWS, 4 * 0.025)


def test_leads_in_the_middle_would_claim_false_crossings() -> None:
    """Why both have to lead at their end of the sweep: among many values some are won by chance."""
    named = []
    for found in swept(NEVER["equals but at first"](12), 3):
        signs = [1 if low > 0 else -1 for _, low, high in found.differences if low > 0 or high < 0]
        named.append(any(a > b for a, b in itertools.pairwise(signs)))
    assert np.mean(named) > 0.15


def test_a_real_crossing_is_found_where_it_is() -> None:
    found = swept(line(2.4, 0.06), 5, 100)
    crossings = [each.at for each in found if each.state == "crossing"]
    assert len(crossings) >= 90
    assert np.mean(crossings) == pytest.approx(2.4, abs=0.1)
    assert np.std(crossings) < 0.4
