"""Any text as a pattern, and patterns of any build against ``re``."""

from __future__ import annotations

import re

from attempts import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from multidigit.errors import SettingsError
from multidigit.reading.pattern import Pattern

PARTS = st.sampled_from(
    [*"0127", ".", r"\d", r"\D", r"\w", "[0-2]", "[^1]", "[17-9]", "(?=1)", "(?!2)", "^", "$", r"\b", r"\Z"]
)
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "*?", "{2,}?"])
PATTERNS = st.recursive(
    PARTS,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda some: f"(?:{'|'.join(some)})")
        | st.tuples(inner, REPEATS).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
        | inner.map(lambda one: f"(?!{one})")
    ),
    max_leaves=5,
)


def allows(pattern: Pattern, number: str) -> bool:
    state = pattern.start
    for place, digit in enumerate(number):
        state = pattern.step(state, int(digit), place == 0)
    return pattern.ends(state)


@given(st.text(max_size=40) | st.text(r"()[]{}|*+?.\^$-,:=!<>P01d", max_size=20))
def test_any_text(text: str) -> None:
    attempt(lambda: Pattern(text, 5), SettingsError)


@settings(max_examples=150)
@given(PATTERNS, st.lists(st.text("01279", min_size=1, max_size=5), min_size=5, max_size=10))
def test_the_same_numbers_as_by_re(text: str, numbers: list[str]) -> None:
    pattern = Pattern(text, 5)
    assert [allows(pattern, number) for number in numbers] == [
        re.fullmatch(text, number, re.ASCII) is not None for number in numbers
    ]
