"""Any text and any values as settings: read, or refused in one line; settings come back from their own YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from attempts import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from multidigit.errors import SettingsError
from multidigit.settings import (
    flatten,
    list_settings,
    nested,
    overlay,
    parse_assignments,
    read_yaml,
    to_yaml,
    validate,
)

KEYS = [each.key for each in list_settings()]
# What YAML can hold: no surrogates, which are no characters.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.sampled_from(["heads", "free", "1e-3"])
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=6,
)
TREES = st.recursive(
    st.integers(),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, min_size=1, max_size=3),
    max_leaves=6,
)
SHARES = st.floats(0, 1)


def spans(low: float, high: float, whole: bool) -> st.SearchStrategy[list[float]]:
    """Ranges within bounds."""
    ends: st.SearchStrategy[float] = st.integers(int(low), int(high)) if whole else st.floats(low, high)
    return st.lists(ends, min_size=2, max_size=2).map(sorted)


RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.integers(0, 2**32 - 1),
    "strategy": st.sampled_from(["heads", "sigmoid", "cut"]),
    "cut.cutter": st.sampled_from(["ink", "equal"]),
    "heads.length": st.booleans(),
    "backbone.name": st.sampled_from(["compact", "residual", "baseline"]),
    "backbone.width": st.floats(0, 8, exclude_min=True),
    "digits": WORDS.filter(bool) | st.dictionaries(WORDS, st.floats(1e-9, 1e9), min_size=1, max_size=3),
    "data": st.fixed_dictionaries({"path": WORDS.filter(bool)}, optional={"group": st.none() | WORDS}),
    "layout.length": spans(1, 5, whole=True),
    "layout.gap": spans(-60, 60, whole=True),
    "layout.scale": spans(0.25, 4, whole=False),
    "layout.empty": SHARES,
    "effects.name": st.sampled_from(["none", "clean", "scan", "photo"]),
    "effects.blur.probability": SHARES,
    "effects.jpeg.strength": spans(0, 2, whole=False),
    "train.epochs": st.integers(1, 10**6),
    "train.start": st.none() | WORDS,
    "train.learning_rate": st.floats(0, 1e6, exclude_min=True),
    "train.minutes": st.none() | st.floats(0, 1e6, exclude_min=True),
    "evaluation.test_strips": st.integers(1, 10**6),
}
"""Settings by key, and some of the values that they may have."""


def together(values: dict[str, Any]) -> dict[str, Any]:
    """Dotted values as nested ones."""
    data: dict[str, Any] = {}
    for key, value in values.items():
        data = overlay(data, nested(key, value))
    return data


@given(st.text() | st.binary(max_size=80).map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_as_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text, "utf-8", errors="replace")
    found = attempt(lambda: read_yaml(path), SettingsError)
    if found is not None:
        attempt(lambda: validate(found[0], str(path), found[1]), SettingsError)


@given(st.dictionaries(st.sampled_from(KEYS) | WORDS, VALUES, max_size=4))
def test_any_values_as_a_file(tmp_path: Path, values: dict[str, Any]) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    attempt(lambda: validate(read_yaml(path)[0]), SettingsError)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=3))
def test_any_values_of_settings_that_there_are(values: dict[str, Any]) -> None:
    attempt(lambda: validate(together(values)), SettingsError)


@settings(max_examples=25)
@given(st.fixed_dictionaries({}, optional=RIGHT))
def test_settings_come_back_from_their_own_yaml(tmp_path: Path, values: dict[str, Any]) -> None:
    expected = validate(together(values | ({"layout.name": "scene"} if "data" in values else {})))
    path = tmp_path / "settings.yaml"
    path.write_text(to_yaml(expected), "utf-8")
    data, lines = read_yaml(path)
    assert validate(data) == expected
    assert set(flatten(data)) <= set(lines)


@given(st.text(max_size=60))
def test_any_text_as_an_assignment(text: str) -> None:
    attempt(lambda: parse_assignments([text, f"train.epochs={text}", f"{text}=1"]), SettingsError)


@given(st.fixed_dictionaries({}, optional=RIGHT))
def test_assignments_say_the_same_as_a_file(values: dict[str, Any]) -> None:
    written = {key: yaml.safe_dump(value, default_flow_style=True, width=10**6) for key, value in values.items()}
    assert parse_assignments([f"{key}={text}" for key, text in written.items()]) == together(values)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), TREES, max_size=3))
def test_flat_values_are_nested_again(data: dict[str, Any]) -> None:
    assert together(flatten(data)) == data


@given(*[st.dictionaries(st.sampled_from(KEYS), st.integers(), max_size=4)] * 2)
def test_what_is_laid_over_counts(base: dict[str, Any], top: dict[str, Any]) -> None:
    # A section, such as `layout`, and a key in it are two words for the same place.
    laid = attempt(lambda: overlay(together(base), together(top)), SettingsError)
    if laid is not None and not any(one != other and one.startswith(f"{other}.") for one in top for other in top):
        assert flatten(together(top)).items() <= flatten(laid).items()
