"""Any text and any values as the description of an experiment: a plan, or one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from attempts import attempt
from hypothesis import given
from hypothesis import strategies as st

from multidigit.errors import SettingsError
from multidigit.experiments import read_experiment
from multidigit.experiments.description import KEYS
from multidigit.experiments.values import values_of

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-5, 5) | st.floats()
RANGES = st.tuples(NUMBERS, NUMBERS, NUMBERS).map("{0[0]}..{0[1]} step {0[2]}".format) | st.just("0..2 step 1")
PLAIN = st.none() | st.booleans() | NUMBERS | WORDS | RANGES
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=5
)
SETTINGS = {
    "strategy": st.lists(st.sampled_from(["heads", "sigmoid", "cut"]), max_size=3),
    "layout.gap": st.lists(st.integers(-6, 6), max_size=3) | RANGES,
    "seed": st.lists(st.integers(0, 3), max_size=3) | st.just("1..3 step 1"),
    "train.learning_rate": st.just("0.1..0.3 step 0.1"),
}
GRIDS = st.fixed_dictionaries({}, optional={key: values | VALUES for key, values in SETTINGS.items()})
FILES = {
    "name": WORDS,
    "about": WORDS,
    "settings": st.fixed_dictionaries(
        {}, optional={"slots": st.integers(0, 13), "layout": st.sampled_from(["free", "scene"])}
    ),
    "grid": GRIDS,
    "sweep": GRIDS,
    "runs": st.lists(st.fixed_dictionaries({}, optional={"name": WORDS, "seed": st.integers(0, 3)}), max_size=3),
    "seeds": st.integers(-1, 3) | st.lists(st.integers(0, 9), max_size=3),
    "margin": st.floats(0, 101),
}


def check(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", errors="replace")
    found = attempt(lambda: read_experiment(path, most=200), SettingsError)
    if found is None:
        return
    names = [planned.name for planned in found.plan]
    assert 0 < len(names) == len(set(names)) <= 200
    assert all(name.isprintable() and not set(name) & set("/\\") for name in [found.name, *names])


@given(st.text(max_size=60) | st.tuples(st.sampled_from(KEYS), st.text(max_size=30)).map(": ".join))
def test_any_text(tmp_path: Path, text: str) -> None:
    check(tmp_path / "any.yaml", text)


@given(st.dictionaries(st.sampled_from(KEYS) | WORDS, VALUES, max_size=4))
def test_any_values(tmp_path: Path, data: dict[str, Any]) -> None:
    check(tmp_path / "any.yaml", yaml.safe_dump(data))


@given(st.fixed_dictionaries({}, optional=FILES))
def test_values_that_are_nearly_right(tmp_path: Path, data: dict[str, Any]) -> None:
    check(tmp_path / "any.yaml", yaml.safe_dump(data))


@given(st.integers(-50, 50), st.integers(0, 40), st.integers(1, 9), st.integers(0, 3))
def test_ranges_are_what_they_say(first: int, count: int, step: int, decimals: int) -> None:
    values = [first + step * place for place in range(count + 1)]
    low, pace, high = (f"{number / 10**decimals:.{decimals}f}" for number in (first, step, values[-1]))
    found = values_of(f"{low}..{high} step {pace}", "here")
    assert found == [value / 10**decimals for value in values]
    assert all(isinstance(value, int if not decimals else float) for value in found)


@given(PLAIN | st.text("0123456789.-+ estp", max_size=20))
def test_any_range(given_: Any) -> None:
    attempt(lambda: values_of(given_, "here", 6), SettingsError)
