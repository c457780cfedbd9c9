"""Sweeps in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from helpers import fake_run

from multidigit.comparison import Crossover, Sweep, compare_runs
from multidigit.comparison.crossover import find_crossover
from multidigit.report.crossover import clauses, crossover_tables, format_place, interval_ends, sweep_sentence

SWEEP = Sweep("layout.gap", "free", "free", ([-3, -3], [0, 0], [4, 4], [9, 9]), (-3, 0, 4, 9), ())


def crossover(ahead: Sequence[int], gaps: Sequence[float] = ()) -> Crossover:
    """A and B at values where A is ahead beyond chance (1), B is (-1), or neither (0)."""
    differences = [(0.1 * sign, 0.1 * sign - 0.05, 0.1 * sign + 0.05) for sign in ahead]
    places = SWEEP.places if len(ahead) == 4 else range(len(ahead))
    return find_crossover("A", "B", differences, gaps or [float(sign) for sign in ahead], places, range(len(ahead)))


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        ([-1, 0, 0, 1], "B is ahead of A up to 0 and behind from there on (95 % interval -3 to 9)"),
        ([1, 1, 1, 1], "A is ahead of B throughout"),
        ([1, 1, 0, 0], "A is ahead of B up to 0, and beyond it is unresolved"),
        (
            [1, 0, 1, 0],
            "A is ahead of B up to -3, and beyond it is unresolved (taken alone, A is ahead at 2 of 4 values)",
        ),
        ([0, 0, -1, -1], "B is ahead of A from 4 on, and before it is unresolved"),
        (
            [0, 1, 0, -1],
            "B is ahead of A from 9 on, and before it is unresolved "
            "(taken alone, A is ahead at 1 and B at 1 of 4 values)",
        ),
        ([0, 0, 0, 0], "between A and B it is unresolved throughout"),
        ([0, -1, 1, 0], "between B and A it is unresolved (taken alone, B is ahead at 1 and A at 1 of 4 values)"),
        (
            [1, -1, 1, 0],
            "A and B take the lead from each other more than once "
            "(taken alone, A is ahead at 2 and B at 1 of 4 values)",
        ),
    ],
)
def test_a_clause_for_each_state(ahead: list[int], words: str) -> None:
    assert clauses(SWEEP, [crossover(ahead)]) == [words]


def test_a_sentence_has_every_clause() -> None:
    found = [crossover([1, 1, 0, -1], [0.25, 0.125, 0.0, -0.5]), crossover([1, 1, 1, 1])]
    assert sweep_sentence(SWEEP, found) == (
        "From layout.gap -3 to 9 on free strips: A is ahead of B up to 4 and behind from there on (95 % interval 0 to "
        "9); A is ahead of B throughout."
    )
    alone = "From layout.gap -3 to 9 on free strips: there are no two strategies to compare."
    assert sweep_sentence(SWEEP, []) == alone


def test_places_and_ends_of_ranges() -> None:
    ranges = Sweep("layout.shift", "free", "free", ([0, 0], [-2, 2], [-4, 4]), (0, 2, 4), ())
    assert [format_place(SWEEP, at) for at in (None, 3, -1.23456)] == ["–", "3", "-1.23"]
    assert format_place(ranges, 1.5) == "±1.5"
    assert interval_ends(ranges, crossover([1, 0, -1])) == ("0", "±4")
    assert interval_ends(ranges, crossover([1, 1, 0])) == ("±2", "±4")


def test_tables_of_a_sweep_over_slots() -> None:
    runs = [
        fake_run(name, wrong + seed, slots=slots, seed=seed)
        for slots, errors in ((1, (60, 0)), (3, (40, 40)), (8, (0, 60)))
        for name, wrong in zip(("heads", "cut"), errors, strict=True)
        for seed in (0, 1, 2)
    ]
    ((sweep, found),) = compare_runs(runs).swept
    leads, accuracies = crossover_tables(sweep, found)
    assert leads.caption == "slots on free strips: who leads"
    assert leads.lines[0].cells == ["cut, heads", "cut, then heads", format_place(sweep, found[0].at), "1 to 8"]
    assert accuracies.heads == ["slots", "heads", "cut"]
    assert accuracies.lines[0].cells == ["1", "39.00% (38.00% – 40.00%)", "99.00% (98.00% – 100.00%)"]
