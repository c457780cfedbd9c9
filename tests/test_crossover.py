"""Where the lead changes: cases made by hand, then made-up runs.

That it claims no false crossings, and that its intervals cover, is in test_crossover_simulated.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers import make_up_run

from multidigit.comparison.crossover import Crossover, crossovers, meet, paired_runs, short
from multidigit.comparison.groups import Sweep, SweepSeries, sweeps
from multidigit.errors import RunError
from multidigit.experiments import make_plan
from multidigit.report.crossover import ends, place, sentence
from multidigit.settings import overlay, validate
from multidigit.statistics import difference_over_trainings


def met(ahead: Sequence[int], gaps: Sequence[float] | None = None, places: Sequence[float] | None = None) -> Crossover:
    """A and B at values where A is ahead beyond chance (1), B is (-1), or nobody (0)."""
    differences = [(0.1 * sign, 0.1 * sign - 0.05, 0.1 * sign + 0.05) for sign in ahead]
    count = range(len(ahead))
    return meet("A", "B", differences, gaps or [float(sign) for sign in ahead], places or list(count), list(count))


@pytest.mark.parametrize(
    ("ahead", "state", "one", "low", "high"),
    [
        ([0, 0, 0], "unresolved", "A", None, None),
        ([1, 1, 1], "throughout", "A", 2, None),
        ([1, 1, 0, 0], "at first", "A", 1, None),
        ([0, 0, -1, -1], "at last", "A", None, 2),
        ([0, 1, 0], "here and there", "A", None, None),
        ([0, 1, -1, 0], "here and there", "A", None, None),
        ([1, 1, 0, -1], "crossing", "A", 1, 3),
        ([1, -1], "crossing", "A", 0, 1),
        ([1, 0, 0, 0, -1], "crossing", "A", 0, 4),
        # The first ones end where the first of them fails, whatever comes after it.
        ([1, 0, 1, 0, -1, 0, -1], "crossing", "A", 0, 6),
        ([1, 0, 1], "at first", "A", 0, None),
        ([1, 1, 0, 1, 0], "at first", "A", 1, None),
        ([1, 0, -1, 0], "at first", "A", 0, None),
        ([0, 1, 0, -1], "at last", "A", None, 3),
        ([1, -1, 1], "several", "A", 0, None),
        ([1, -1, 1, -1], "several", "A", 0, 3),
        ([0, 1, -1, 1, 0], "several", "A", None, None),
    ],
)  # fmt: skip
def test_states(ahead: list[int], state: str, one: str, low: int | None, high: int | None) -> None:
    found = met(ahead)
    assert (found.state, found.one, found.low, found.high) == (state, one, low, high)
    assert (found.at is not None) == (state == "crossing")
    # Whoever of the two is named first to begin with, the same is found of the same two.
    turned = meet(
        "B",
        "A",
        [(-difference, -high, -low) for difference, low, high in found.differences],
        [-float(sign) for sign in ahead],
        list(range(len(ahead))),
        list(range(len(ahead))),
    )
    if state == "unresolved":
        assert turned.state == "unresolved"
    else:
        assert turned == found


def test_the_one_is_who_leads_at_first() -> None:
    found = met([-1, 0, 1])
    assert (found.one, found.two, found.state) == ("B", "A", "crossing")
    assert found.differences == (
        (0.1, 0.05, pytest.approx(0.15)),
        (0, -0.05, 0.05),
        (-0.1, pytest.approx(-0.15), -0.05),
    )
    # Where nobody does, it is who does not lead at last, or else who leads first of all.
    assert met([0, 0, 1]).one == "B"
    assert met([0, -1, 1]).one == "B"
    assert met([0, -1, 1, 0]).one == "B"
    assert met([0, 1, 1, 0]).one == "A"


def test_what_only_touches_nothing_is_not_ahead() -> None:
    differences = [(0.1, 0.0, 0.2), (-0.1, -0.2, 0.0)]
    assert meet("A", "B", differences, [1, -1], [0, 1], [0, 1]).state == "unresolved"


@pytest.mark.parametrize(
    ("ahead", "gaps", "places", "at"),
    [
        ([1, -1], [1, -1], [0, 1], 0.5),
        ([1, -1], [3, -1], [0, 8], 6),
        ([1, 0, -1], [1, 0.5, -0.5], [-3, 0, 4], 2),
        # On a value.
        ([1, 0, -1], [1, 0, -1], [0, 10, 11], 10),
        ([1, -1], [2, -2], [-6, -2], -4),
        # What is beyond chance counts; what lies between the last and the first crosses where it first does so.
        ([1, 0, 0, 0, -1], [1, -1, 1, -1, -1], [0, 1, 2, 3, 4], 0.5),
        ([1, 0, 1, 0, -1], [1, -1, 1, -1, -1], [0, 1, 2, 3, 4], 2.5),
        ([-1, 0, 1], [-1, 1, 1], [0, 1, 2], 0.5),
    ],
)
def test_lines_cross_where_they_are_straight_between_two_values(
    ahead: list[int], gaps: list[float], places: list[float], at: float
) -> None:
    found = met(ahead, gaps, places)
    assert found.at == pytest.approx(at)
    assert found.low is not None
    assert found.high is not None
    assert places[found.low] <= found.at <= places[found.high]


def test_values_that_only_one_has_are_passed_over_and_their_indices_kept() -> None:
    found = meet("A", "B", [(0.1, 0.05, 0.15), (-0.1, -0.15, -0.05)], [1, -1], [2.0, 6.0], [1, 4])
    assert (found.values, found.low, found.high, found.at) == ((1, 4), 1, 4, 4)


SWEEP = Sweep("layout.gap", "free", "free", ([-3, -3], [0, 0], [4, 4], [9, 9]), (-3, 0, 4, 9), ())


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        ([1, 1, 0, -1], "A is ahead of B up to 4 and behind from there on (95 % interval 0 to 9)"),
        ([-1, 0, 0, 1], "B is ahead of A up to 0 and behind from there on (95 % interval -3 to 9)"),
        ([1, 1, 1, 1], "A is ahead of B throughout"),
        ([1, 1, 0, 0], "A is ahead of B up to 0, and beyond it is unresolved"),
        (
            [1, 0, 1, 0],
            "A is ahead of B up to -3, and beyond it is unresolved (taken alone, A is ahead at 2 of 4 values)",
        ),
        ([0, 0, -1, -1], "B is ahead of A from 4 on, and before it is unresolved"),
        ([0, 0, 1, 1], "A is ahead of B from 4 on, and before it is unresolved"),
        (
            [0, 1, 0, -1],
            "B is ahead of A from 9 on, and before it is unresolved "
            "(taken alone, A is ahead at 1 and B at 1 of 4 values)",
        ),
        ([0, 0, 0, 0], "between A and B it is unresolved throughout"),
        ([0, 1, 1, 0], "between A and B it is unresolved (taken alone, A is ahead at 2 of 4 values)"),
        ([0, -1, 1, 0], "between B and A it is unresolved (taken alone, B is ahead at 1 and A at 1 of 4 values)"),
        (
            [1, -1, 1, 0],
            "A and B take the lead from each other more than once "
            "(taken alone, A is ahead at 2 and B at 1 of 4 values)",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_what_was_found(ahead: list[int], words: str) -> None:
    found = met(ahead, [0.25, 0.125, 0.0, -0.5] if ahead == [1, 1, 0, -1] else None, SWEEP.places)
    assert sentence(SWEEP, [found]) == f"From layout.gap -3 to 9 on free strips: {words}."


def test_several_are_told_after_one_another_and_nobody_is_told_too() -> None:
    assert sentence(SWEEP, [met([1, 1, 1, 1]), met([0, 0, 0, 0])]).endswith(
        ": A is ahead of B throughout; between A and B it is unresolved throughout."
    )
    assert sentence(SWEEP, []) == "From layout.gap -3 to 9 on free strips: nobody to compare."


def test_places_and_names_in_words() -> None:
    ranges = Sweep("layout.shift", "free", "free", ([0, 0], [-2, 2], [-4, 4]), (0, 2, 4), ())
    assert [place(SWEEP, at) for at in (None, 3, -1.23456)] == ["–", "3", "-1.23"]
    assert place(ranges, 1.5) == "±1.5"
    assert ends(ranges, met([1, 0, -1])) == ("0", "±4")
    assert ends(ranges, met([1, 1, 0])) == ("±2", "±4")
    assert [short(key) for key in ("layout.gap", "effects.noise.strength", "train.strips")] == [
        *("gap", "noise strength", "strips")
    ]


COUNT = 200


def run(strategy: str, gap: int, wrong: int, seed: int = 0, truth: int = 1) -> Any:
    """A run that read all of 200 strips right but so many."""
    slots = np.full((COUNT, 5), truth, np.uint8)
    answers = slots.copy()
    answers[:wrong, 2] += 1
    settings = validate({"strategy": strategy, "layout": {"name": "free", "gap": gap}, "seed": seed})
    path = Path("runs") / f"{strategy}-gap{gap}-seed{seed}"
    return SimpleNamespace(path=path, settings=settings, answers={"slots": slots, "answers": answers})


def along(wrong: dict[str, list[int | None]], seeds: int = 1) -> Sweep:
    """Runs along gaps 0, 1, 2 and so on with so many strips read wrongly, one more with every seed."""
    count = len(next(iter(wrong.values())))
    series = [
        SweepSeries(name, name, tuple(
            () if many is None else tuple(run(name, gap, many + seed, seed) for seed in range(seeds))
            for gap, many in enumerate(each)
        ))
        for name, each in wrong.items()
    ]  # fmt: skip
    return Sweep(
        "layout.gap", "free", "free", tuple([gap, gap] for gap in range(count)), tuple(range(count)), tuple(series)
    )


def test_runs_are_paired_strip_by_strip_at_each_value() -> None:
    (found,) = crossovers(along({"cut": [0, 100, 120], "heads": [40, 20, 20]}))
    assert (found.one, found.two, found.state, found.values) == ("cut", "heads", "crossing", (0, 1, 2))
    assert [difference for difference, _, _ in found.differences] == pytest.approx([0.2, -0.4, -0.5])
    # No error counts as half a strip: heads makes eighty times as many, and then a fifth.
    assert found.at == pytest.approx(math.log(80) / (math.log(80) + math.log(5)))
    assert (found.low, found.high) == (0, 1)


def test_intervals_are_those_over_trainings() -> None:
    sweep = along({"cut": [10, 10], "heads": [40, 40]}, seeds=3)
    (found,) = crossovers(sweep)
    right = [[(10 + seed) / COUNT, (40 + seed) / COUNT] for seed in range(3)]
    gaps = [two - one for one, two in right]
    variances = [gap * (1 - gap) / COUNT for gap in gaps]
    expected = difference_over_trainings(gaps, variances, 0.0)
    assert found.differences[0] == pytest.approx((expected.difference, expected.low, expected.high))


def test_a_value_that_one_has_no_run_of_is_passed_over() -> None:
    sweep = along({"cut": [0, None, 0, 90], "heads": [60, 60, 60, 20], "sigmoid": [None, None, None, 5]})
    (found,) = crossovers(sweep)
    assert (found.one, found.two, found.values, found.low, found.high) == ("cut", "heads", (0, 2, 3), 2, 3)
    # Pair by pair there are three more at the last value.
    assert [(each.a, each.b, each.strips_are) for each in paired_runs(sweep)] == [
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
    every = paired_runs(Sweep(sweep.key, "free", "free", sweep.values, sweep.places, (cut, fewer)))
    assert [len(contest.seeds) for contest in every] == [1, 2]


def test_different_strips_are_refused() -> None:
    sweep = along({"cut": [0, 0, 0], "heads": [60, 60, 60]})
    other = SweepSeries("heads", "heads", tuple((run("heads", gap, 3, truth=2),) for gap in range(3)))
    with pytest.raises(RunError, match=r"cut-gap0-seed0 and .*heads-gap0-seed0: tested on different strips"):
        crossovers(Sweep(sweep.key, "free", "free", sweep.values, sweep.places, (sweep.series[0], other)))


def test_made_up_runs_meet_where_their_errors_do(toy_npz: Path, tmp_path: Path) -> None:
    base = {
        "digits": str(toy_npz),
        "layout": {"name": "free", "length": 1},
        "evaluation": {"validation_strips": 10, "test_strips": 1000},
    }
    runs = []
    for gap, errors in ((0, (0.01, 0.1)), (1, (0.01, 0.1)), (2, (0.1, 0.01)), (3, (0.1, 0.01))):
        for name, error in zip(("cut", "heads"), errors, strict=True):
            plan = make_plan(overlay(base, {"layout": {"gap": gap}, "strategy": name}), {"seed": [0, 1, 2]})
            # Runs of one name in several folders: a plan of one value says nothing of it.
            runs += [make_up_run(tmp_path / str(gap) / planned.name, planned, error) for planned in plan]
    (sweep,) = sweeps(runs)
    (found,) = crossovers(sweep)
    assert (found.one, found.two, found.state, found.low, found.high) == ("cut", "heads", "crossing", 1, 2)
    assert found.at == pytest.approx(1.5, abs=0.2)
    assert "cut is ahead of heads up to 1." in sentence(sweep, [found])
