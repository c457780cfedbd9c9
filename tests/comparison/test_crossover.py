"""Where the lead changes: cases made by hand. The error rates are in test_error_rates.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from helpers import fake_run

from multidigit.comparison import Crossover, Sweep
from multidigit.comparison.crossover import compare_sweep, find_crossover, short_name
from multidigit.comparison.groups import SweepSeries
from multidigit.statistics import difference_over_trainings


def crossover(ahead: Sequence[int], gaps: Sequence[float] = (), places: Sequence[float] = ()) -> Crossover:
    """A and B at values where A is ahead beyond chance (1), B is (-1), or neither (0)."""
    differences = [(0.1 * sign, 0.1 * sign - 0.05, 0.1 * sign + 0.05) for sign in ahead]
    count = range(len(ahead))
    return find_crossover("A", "B", differences, gaps or [float(sign) for sign in ahead], places or count, count)


@pytest.mark.parametrize(
    ("ahead", "state", "low", "high"),
    [
        ([0, 0, 0], "unresolved", None, None),
        ([1, 1, 1], "throughout", 2, None),
        ([1, 1, 0, 0], "at first", 1, None),
        ([0, 0, -1, -1], "at last", None, 2),
        ([0, 1, 0], "here and there", None, None),
        ([0, 1, -1, 0], "here and there", None, None),
        ([1, 1, 0, -1], "crossing", 1, 3),
        ([1, -1], "crossing", 0, 1),
        ([1, 0, 0, 0, -1], "crossing", 0, 4),
        # The first values end where the first of them fails, whatever comes after it.
        ([1, 0, 1, 0, -1, 0, -1], "crossing", 0, 6),
        ([1, 0, 1], "at first", 0, None),
        ([1, 1, 0, 1, 0], "at first", 1, None),
        ([1, 0, -1, 0], "at first", 0, None),
        ([0, 1, 0, -1], "at last", None, 3),
        ([1, -1, 1], "several", 0, None),
        ([1, -1, 1, -1], "several", 0, 3),
        ([0, 1, -1, 1, 0], "several", None, None),
    ],
)
def test_states(ahead: list[int], state: str, low: int | None, high: int | None) -> None:
    found = crossover(ahead)
    assert (found.state, found.one, found.low, found.high) == (state, "A", low, high)
    assert (found.at is not None) == (state == "crossing")
    # Whichever of the two comes first to begin with, the same is found of the same two.
    turned = [(-difference, -high, -low) for difference, low, high in found.differences]
    values = range(len(ahead))
    other = find_crossover("B", "A", turned, [-float(sign) for sign in ahead], values, values)
    assert other == found or state == other.state == "unresolved"


def test_the_one_is_who_leads_at_first() -> None:
    found = crossover([-1, 0, 1])
    assert (found.one, found.two, found.state) == ("B", "A", "crossing")
    assert [difference for difference, _, _ in found.differences] == pytest.approx([0.1, 0, -0.1])
    # Where neither does, it is who does not lead at last, or else who leads first of all.
    assert [crossover(ahead).one for ahead in ([0, 0, 1], [0, -1, 1], [0, -1, 1, 0], [0, 1, 1, 0])] == [*"BBBA"]


def test_an_interval_that_only_touches_zero_is_no_lead() -> None:
    differences = [(0.1, 0.0, 0.2), (-0.1, -0.2, 0.0)]
    assert find_crossover("A", "B", differences, [1, -1], [0, 1], [0, 1]).state == "unresolved"


@pytest.mark.parametrize(
    ("ahead", "gaps", "places", "at"),
    [
        ([1, -1], [1, -1], [0, 1], 0.5),
        ([1, -1], [3, -1], [0, 8], 6),
        ([1, 0, -1], [1, 0.5, -0.5], [-3, 0, 4], 2),
        # On a value.
        ([1, 0, -1], [1, 0, -1], [0, 10, 11], 10),
        ([1, 0, 0, -1], [1, 0, 1, -1], [0, 1, 2, 3], 1),
        ([1, -1], [2, -2], [-6, -2], -4),
        # After the last value at which the one is ahead beyond chance, the first crossing counts.
        ([1, 0, 0, 0, -1], [1, -1, 1, -1, -1], [0, 1, 2, 3, 4], 0.5),
        ([1, 0, 1, 0, -1], [1, -1, 1, -1, -1], [0, 1, 2, 3, 4], 2.5),
        ([-1, 0, 1], [-1, 1, 1], [0, 1, 2], 0.5),
    ],
)
def test_lines_are_straight_between_two_values(
    ahead: list[int], gaps: list[float], places: list[float], at: float
) -> None:
    found = crossover(ahead, gaps, places)
    assert found.at == pytest.approx(at)
    assert found.low is not None
    assert found.high is not None
    assert places[found.low] <= found.at <= places[found.high]


def along(wrong: dict[str, list[int | None]], seeds: int = 1) -> Sweep:
    """Runs along gaps 0, 1, 2 and so on that misread so many of 200 strips, one more with every seed."""

    def runs(name: str, gap: int, many: int | None) -> tuple[Any, ...]:
        if many is None:
            return ()
        return tuple(fake_run(name, many + seed, 200, seed=seed, layout={"gap": gap}) for seed in range(seeds))

    count = len(next(iter(wrong.values())))
    series = tuple(
        SweepSeries(name, name, tuple(runs(name, gap, many) for gap, many in enumerate(each)))
        for name, each in wrong.items()
    )
    return Sweep("layout.gap", "free", "free", tuple([gap, gap] for gap in range(count)), tuple(range(count)), series)


def test_runs_are_paired_strip_by_strip_at_each_value() -> None:
    _, (found,), _ = compare_sweep(along({"cut": [0, 100, 120], "heads": [40, 20, 20]}))
    assert (found.one, found.two, found.state, found.values) == ("cut", "heads", "crossing", (0, 1, 2))
    assert [difference for difference, _, _ in found.differences] == pytest.approx([0.2, -0.4, -0.5])
    # No error counts as half a strip: heads makes eighty times as many, and then a fifth.
    assert found.at == pytest.approx(math.log(80) / (math.log(80) + math.log(5)))
    assert (found.low, found.high) == (0, 1)


def test_intervals_are_those_over_trainings() -> None:
    _, (found,), _ = compare_sweep(along({"cut": [10, 10], "heads": [40, 40]}, seeds=3))
    gaps = [30 / 200] * 3
    expected = difference_over_trainings(gaps, [gap * (1 - gap) / 200 for gap in gaps], 0.0)
    assert found.differences[0] == pytest.approx((expected.difference, expected.low, expected.high))


def test_a_value_that_one_has_no_run_of_is_passed_over() -> None:
    sweep = along({"cut": [0, None, 0, 90], "heads": [60, 60, 60, 20], "sigmoid": [None, None, None, 5]})
    measured, (found,), _ = compare_sweep(sweep, 0.03)
    assert {(each.pair.layout, each.pair.margin) for each in measured} == {("free", 0.03)}
    assert (found.one, found.two, found.values, found.low, found.high) == ("cut", "heads", (0, 2, 3), 2, 3)
    # Pair by pair there are two more at the last value.
    assert [(each.pair.a, each.pair.b, each.pair.condition) for each in measured] == [
        ("cut", "heads", "gap 0"),
        ("cut", "heads", "gap 2"),
        ("cut", "heads", "gap 3"),
        ("cut", "sigmoid", "gap 3"),
        ("heads", "sigmoid", "gap 3"),
    ]


def test_only_seeds_that_both_have_count() -> None:
    sweep = along({"cut": [0, 0, 0], "heads": [60, 60, 60]}, seeds=2)
    cut, heads = sweep.series
    fewer = SweepSeries("heads", "heads", (heads.runs[0][:1], heads.runs[1], ()))
    measured, _, _ = compare_sweep(Sweep(sweep.key, "free", "free", sweep.values, sweep.places, (cut, fewer)))
    assert [each.pair.seeds for each in measured] == [1, 2]


def test_short_names() -> None:
    keys = ("layout.gap", "effects.noise.strength", "train.strips", "slots")
    assert [short_name(key) for key in keys] == ["gap", "noise strength", "strips", "slots"]
