"""Lists and ranges of values."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from multidigit.errors import SettingsError
from multidigit.experiments import values_of


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([3, 1], [3, 1]),
        (["heads", None], ["heads", None]),
        ("-3..12 step 3", [-3, 0, 3, 6, 9, 12]),
        ("-3..12 step 4", [-3, 1, 5, 9]),
        ("12 .. -3   step -5", [12, 7, 2, -3]),
        ("5..5 step 1", [5]),
        ("0..1 step 0.1", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("1..3 step 1.0", [1.0, 2.0, 3.0]),
        ("1e-3..3e-3 step 1e-3", [0.001, 0.002, 0.003]),
    ],
)
def test_lists_and_ranges_with_a_step(given: Any, values: list[Any]) -> None:
    for found in (values_of(given, "here"), values_of(given, "here", 6), values_of(given, "here", 6, whole=False)):
        assert found == values
        assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("-3..12", [-3, 0, 3, 6, 9, 12]),
        ("12..-3", [12, 9, 6, 3, 0, -3]),
        # Five does not divide these; six, four or seven steps do.
        ("-3..3", [-3, -2, -1, 0, 1, 2, 3]),
        ("0..8", [0, 2, 4, 6, 8]),
        ("0..7", [0, 1, 2, 3, 4, 5, 6, 7]),
        # Nothing near does: the nearest whole numbers.
        ("0..13", [0, 3, 5, 8, 10, 13]),
        # No more than there are.
        ("0..3", [0, 1, 2, 3]),
        ("1..0", [1, 0]),
        ("5..5", [5]),
        ("0..0.3", [0.0, 0.06, 0.12, 0.18, 0.24, 0.3]),
        ("1..-1.5", [1.0, 0.5, 0.0, -0.5, -1.0, -1.5]),
    ],
)
def test_a_range_without_a_step_may_stand_for_about_six_values(given: Any, values: list[Any]) -> None:
    found = values_of(given, "here", 6)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_at_any_distance_about_six_values_meet_both_ends() -> None:
    for last in range(-200, 201):
        found = values_of(f"3..{last}", "here", 6)
        assert (found[0], found[-1]) == (3, last)
        assert len(set(found)) == len(found)
        assert min(5, abs(last - 3) + 1) <= len(found) <= 8
        steps = {abs(b - a) for a, b in itertools.pairwise(found)}
        assert not steps or max(steps) - min(steps) <= 1


def test_fractions_between_whole_ends() -> None:
    assert values_of("0..1", "here", 6, whole=False) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert values_of("2..1", "here", 3, whole=False) == [2.0, 1.5, 1.0]


@pytest.mark.parametrize(
    ("given", "evenly", "pattern"),
    [
        ("-3..12", None, r"must be a range with a step, as in -3\.\.12 step 1; received '-3\.\.12'"),
        ("0..3 step 0", None, r"must have a step other than 0; received"),
        ("0..3 step -1", None, r"must have a step that leads from 0 to 3"),
        ("3..0 step 1", 6, r"must have a step that leads from 3 to 0"),
        ("a..b step 1", None, r"must have finite numbers in a range, as in -3\.\.12 step 3; received 'a\.\.b step 1'"),
        ("0..nan", 6, r"must have finite numbers in a range"),
        ("-inf..0", 6, r"must have finite numbers in a range"),
        ("0..1e400", 6, r"must have finite numbers in a range"),
        ("0..1e999999999 step 1e-999999999", None, r"must have finite numbers"),
        ("0..1000000000 step 1", None, r"must stand for at most 10,000 values; .* take a larger step"),
        ("0..", 6, r"must be a list of values .*received '0\.\.'"),
        ("heads", None, r"must be a list of values .*or a range .*received 'heads'"),
        ({"from": 1}, None, r"must be a list of values"),
        (5, 6, r"must be a list of values .*received 5"),
        (None, 6, r"must be a list of values .*received None"),
        ([], 6, r"must be a list of values"),
        (True, None, r"must be a list of values"),
    ],
)
def test_anything_else_is_refused(given: Any, evenly: int | None, pattern: str) -> None:
    with pytest.raises(SettingsError, match=rf"^here {pattern}"):
        values_of(given, "here", evenly)
