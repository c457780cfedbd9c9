"""How runs are grouped into conditions and sweeps, on runs that are settings and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import fake_run

from multidigit.comparison.groups import (
    Sweep,
    find_sweeps,
    format_value,
    group_by_strips,
    group_conditions,
    group_strategies,
    json_text,
)
from multidigit.experiments import make_plan


def runs(
    grid: dict[str, list[Any]], base: dict[str, Any] | None = None, sweep: dict[str, list[Any]] | None = None
) -> list[Any]:
    return [
        SimpleNamespace(name=planned.name, settings=planned.settings)
        for planned in make_plan(base or {}, grid, sweep=sweep)
    ]


def names(sweep: Sweep, series: int = 0) -> list[list[str]]:
    return [[run.name for run in some] for some in sweep.series[series].runs]


def labels(sweep: Sweep) -> list[str]:
    return [one.label for one in sweep.series]


TWO = {"strategy": ["heads", "cut"]}


def test_what_is_swept_is_found_with_everybody_along_it() -> None:
    (found,) = find_sweeps(runs({**TWO, "layout.gap": [4, -3, 0]}))
    assert (found.key, found.label, found.layout) == ("layout.gap", "free", "free")
    assert found.values == ([-3, -3], [0, 0], [4, 4])
    assert found.places == (-3, 0, 4)
    assert [(series.label, series.strategy) for series in found.series] == [("heads", "heads"), ("cut", "cut")]
    assert names(found, 1) == [["cut-free-gap-3-seed0"], ["cut-free-gap0-seed0"], ["cut-free-gap4-seed0"]]


@pytest.mark.parametrize(
    "grid",
    [
        {**TWO, "layout.gap": [1, 2]},
        {**TWO, "seed": [0, 1, 2, 3]},
        {"strategy": ["heads", "sigmoid", "cut"], "layout": ["structured", "free"]},
        {**TWO, "backbone": ["compact", "baseline", "streetview"]},
        {**TWO, "digits": ["drawn", "printed", "a.npz"]},
        {**TWO, "train.optimizer": ["adam", "muon", "sgd"]},
    ],
    ids=["two values", "seeds", "layouts", "backbones", "digits", "words"],
)
def test_what_is_no_series_of_numbers_is_none(grid: dict[str, list[Any]]) -> None:
    assert find_sweeps(runs(grid)) == []
    assert find_sweeps([]) == []


def test_what_a_strategy_is_trained_with_is_no_sweep() -> None:
    """Three strategies have three learning rates, and none of them moves."""
    found = [
        run for strategy, rate in (("heads", 0.1), ("sigmoid", 0.2), ("cut", 0.3))
        for run in runs({"strategy": [strategy]}, {"train": {"learning_rate": rate}})
    ]  # fmt: skip
    assert find_sweeps(found) == []
    swept = [
        run for strategy, rate in (("heads", 0.1), ("cut", 0.3))
        for run in runs({"strategy": [strategy], "layout.gap": [0, 1, 2]}, {"train": {"learning_rate": rate}})
    ]  # fmt: skip
    (one,) = find_sweeps(swept)
    assert (one.key, labels(one)) == ("layout.gap", ["heads", "cut"])


@pytest.mark.parametrize(
    ("key", "given", "values", "places", "words"),
    [
        ("layout.shift", [0, 2, 4], ([0, 0], [-2, 2], [-4, 4]), (0, 2, 4), ["0", "±2", "±4"]),
        (
            *("layout.digit_scale", [[0.6, 1.4], [0.8, 1.2], [1, 1]]),
            *(([1.0, 1.0], [0.8, 1.2], [0.6, 1.4]), (1, 1.2, 1.4), ["1", "0.8 to 1.2", "0.6 to 1.4"]),
        ),
        ("layout.freedom", [1, 0, 0.25], (0.0, 0.25, 1.0), (0, 0.25, 1), ["0", "0.25", "1"]),
        # The lower ends tell ranges apart that end alike; their number, where these do not either.
        (
            *("layout.gap", [[4, 12], [-3, 12], [10, 12]], ([-3, 12], [4, 12], [10, 12])),
            *((-3, 4, 10), ["-3 to 12", "4 to 12", "10 to 12"]),
        ),
        ("layout.gap", [[1, 2], [0, 2], [0, 1]], ([0, 1], [0, 2], [1, 2]), (0, 1, 2), ["0 to 1", "0 to 2", "1 to 2"]),
    ],
)  # fmt: skip
def test_ranges_are_values_and_their_upper_ends_say_where_they_stand(
    key: str, given: list[Any], values: Sequence[Any], places: Sequence[float], words: list[str]
) -> None:
    (found,) = find_sweeps(runs({**TWO, key: given}, {"layout": "free"}))
    assert found.values == values
    assert found.places == places
    assert [format_value(value) for value in found.values] == words


def test_several_settings_that_move_one_at_a_time_are_several_sweeps_with_the_same_beginning() -> None:
    sweep = {"layout.gap": [0, 3, 6], "layout.tilt": [0, 4, 8, 12], "layout.slant": [0, 0.3]}
    base = {"layout": {"name": "free", "gap": 0}}
    gap, tilt = find_sweeps(runs(TWO, base, sweep))
    assert (gap.key, gap.values) == ("layout.gap", ([0, 0], [3, 3], [6, 6]))
    assert (tilt.key, tilt.places) == ("layout.tilt", (0, 4, 8, 12))
    # The runs that all begin with belong to both.
    assert names(gap)[0] == names(tilt)[0] == ["heads-free-gap0-seed0"]
    assert (gap.label, tilt.label) == ("free", "free")


def test_a_grid_of_two_is_a_sweep_for_each_value_of_the_other() -> None:
    found = find_sweeps(runs({"layout.gap": [0, 3, 6], "layout.tilt": [0, 8]}))
    assert [(one.key, one.label) for one in found] == [
        ("layout.gap", "free (layout.tilt 0)"),
        ("layout.gap", "free (layout.tilt 8)"),
    ]
    both = find_sweeps(runs({"layout.gap": [0, 3, 6], "layout.tilt": [0, 4, 8]}))
    assert [one.key for one in both] == ["layout.gap"] * 3 + ["layout.tilt"] * 3


def test_what_says_nothing_of_strips_may_move_too() -> None:
    (found,) = find_sweeps(runs({**TWO, "train.strips": [500, 1000, 2000], "layout": ["free"]}))
    assert (found.key, found.places) == ("train.strips", (500, 1000, 2000))


def test_one_strategy_in_two_ways_is_two_seriess() -> None:
    (found,) = find_sweeps(runs({"backbone": ["compact", "baseline"], "layout.gap": [0, 1, 2]}))
    assert labels(found) == ["heads (compact)", "heads (baseline)"]


def test_a_series_is_not_named_after_where_it_begins() -> None:
    begun = {"compact": [3, 5, 8], "streetview": [5, 8, 12]}
    every = [
        run for name, slots in begun.items() for run in runs({"backbone": [name], "slots": slots, "layout": ["free"]})
    ]
    (found,) = find_sweeps(every)
    assert labels(found) == ["heads (compact)", "heads (streetview)"]
    assert [len(some) for some in found.series[1].runs] == [0, 1, 1, 1]


def test_a_sweep_is_named_after_the_strips_that_stay() -> None:
    """Not after where it begins, nor after what reads them."""
    given = runs({"layout.gap": [0, 3, 6]}, {"layout": {"name": "free", "tilt": 0}, "backbone": "compact"})
    given += runs({"layout.gap": [1, 4, 7]}, {"layout": {"name": "free", "tilt": 8}, "backbone": "streetview"})
    assert [one.label for one in find_sweeps(given)] == ["free (layout.tilt 0)", "free (layout.tilt 8)"]


def test_other_lengths_are_other_strips_unless_slots_move_and_numbers_fill_them() -> None:
    found = find_sweeps(runs({"layout.gap": [0, 3, 6], "layout.length": [3, 5]}))
    assert [one.label for one in found] == ["free (layout.length 3)", "free (layout.length 5)"]
    assert (
        find_sweeps(
            [
                run
                for slots in (3, 5, 8)
                for run in runs({"slots": [slots]}, {"layout": {"name": "free", "length": slots}})
            ]
        )
        == []
    )


@pytest.mark.parametrize("grid", [{"layout.gap": [0, 3, 6]}, {"slots": [3, 5, 8], "layout": ["free"]}])
def test_seeds_stand_together_at_each_value(grid: dict[str, list[Any]]) -> None:
    (found,) = find_sweeps(runs({**grid, "seed": [0, 1]}))
    assert [[run.settings.seed for run in some] for some in found.series[0].runs] == [[0, 1]] * 3


def test_slots_may_move_too() -> None:
    (found,) = find_sweeps(runs({**TWO, "slots": [3, 5, 8], "layout": ["free"]}))
    assert (found.key, found.label, found.values, labels(found)) == ("slots", "free", (3, 5, 8), ["heads", "cut"])


def test_conditions_are_named_after_what_sets_their_strips_apart() -> None:
    found = group_conditions(runs({**TWO, "layout": ["structured", "free"], "slots": [3, 8], "seed": [0, 1]}))
    assert [(one.label, one.layout) for one in found] == [
        ("structured (slots 3)", "structured"),
        ("structured (slots 8)", "structured"),
        ("free (slots 3)", "free"),
        ("free (slots 8)", "free"),
    ]
    assert [(one.label, len(one.runs)) for one in found[0].contenders] == [("heads", 2), ("cut", 2)]
    (one,) = group_conditions(
        runs({"cut.cutter": ["equal", "ink"], "backbone": ["compact", "streetview"]}, {"strategy": "cut"})
    )
    assert len(one.contenders) == 4
    assert {each.strategy for each in one.contenders} == {"cut", "cut (ink)"}
    assert one.label == "free"
    assert [each.label for each in one.contenders][-1] == "cut (ink) (streetview)"


@pytest.mark.parametrize(
    ("grid", "labels"),
    [
        ({"digits": ["drawn", "printed"]}, ["free (drawn)", "free (printed)"]),
        ({"effects": ["clean", "scan"]}, ["free (effects clean)", "free (effects scan)"]),
        ({"layout.gap": [0, 4]}, ["free (layout.gap 0)", "free (layout.gap 4)"]),
        ({"digits": [{"drawn": 0.6, "printed": 0.4}, "drawn"]}, ["free (60% drawn + 40% printed)", "free (drawn)"]),
        (
            {"slots": [3], "layout.gap": [0, 4], "layout.tilt": [0, 8]},
            [f"free (layout.gap {gap}, layout.tilt {tilt})" for gap in (0, 4) for tilt in (0, 8)],
        ),
    ],
)
def test_names_of_what_sets_strips_apart(grid: dict[str, list[Any]], labels: list[str]) -> None:
    assert [one.label for one in group_conditions(runs(grid, {"layout": "free"}))] == labels


def test_what_reads_strips_is_no_part_of_their_name() -> None:
    given = [
        run
        for backbone, effects in (("compact", "clean"), ("streetview", "scan"))
        for run in runs({"backbone": [backbone]}, {"layout": "free", "effects": effects})
    ]
    assert [one.label for one in group_conditions(given)] == ["free (effects clean)", "free (effects scan)"]


def test_equal_values_have_one_text() -> None:
    assert json_text({"a": 1, "b": [2, None]}) == json_text({"b": [2, None], "a": 1}) != json_text({"a": 1})


def test_an_effect_that_others_have_not_got_is_swept_among_those_that_have() -> None:
    every = runs({**TWO, "effects.noise.strength": [0, 1, 2]}) + runs({**TWO, "layout.gap": [7, 8]})
    (found,) = find_sweeps(every)
    assert (found.key, found.places) == ("effects.noise.strength", (0, 1, 2))
    assert [len(series.runs) for series in found.series] == [3, 3]


def test_missing_runs_leave_their_values_empty_and_who_has_too_few_is_left_out() -> None:
    every = runs({"strategy": ["heads", "sigmoid", "cut"], "layout.gap": [0, 1, 2, 3]})
    gone = {"heads-free-gap2-seed0", "cut-free-gap0-seed0", "cut-free-gap3-seed0"}
    (found,) = find_sweeps([run for run in every if run.name not in gone])
    assert found.places == (0, 1, 2, 3)
    assert labels(found) == ["heads", "sigmoid"]
    assert [len(some) for some in found.series[0].runs] == [1, 1, 0, 1]


def test_runs_of_a_condition_by_the_strips_that_they_read() -> None:
    given = [
        fake_run("heads", 1),
        fake_run("heads", 2, seed=1, truth=2),
        fake_run("cut", 3, seed=1, truth=2),
        fake_run("cut", 4, seed=2),
        # A copy of the first: only one of a contender counts.
        fake_run("heads", 5),
    ]
    (condition,) = group_conditions(given)
    found = group_by_strips(condition)
    assert [[(one.label, run) for one, run in some] for some in found] == [
        [("heads", given[0]), ("cut", given[3])],
        [("heads", given[1]), ("cut", given[2])],
    ]


def test_strategies_by_layout_and_by_slots_where_they_differ() -> None:
    given = runs({**TWO, "layout": ["structured", "free"]})
    found = group_strategies(given)
    assert list(found) == [("structured", ""), ("free", "")]
    assert {name: [run.name for run in some] for name, some in found["free", ""].items()} == {
        "heads": ["heads-free-seed0"],
        "cut": ["cut-free-seed0"],
    }
    assert list(group_strategies(runs({"slots": [3, 12], "layout": ["free"]}))) == [
        ("free", "slots 3"),
        ("free", "slots 12"),
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"), (False, "no"), (None, "–"), (3, "3"), (0.25, "0.25"), (2.0, "2"), ("adam", "adam"),
        ([-2, 2], "±2"), ([0, 0], "0"), ([2, -2], "2 to -2"), ([-1, 2], "-1 to 2"), ([1, 2, 3], "[1, 2, 3]"),
    ],
)  # fmt: skip
def test_values_in_words(value: Any, words: str) -> None:
    assert format_value(value) == words
