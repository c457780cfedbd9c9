"""Allowed numbers against ``re`` and published check digits; what a user writes; patterns that could take for ever."""

from __future__ import annotations

import re
import time
from functools import cache
from itertools import product

import numpy as np
import pytest

from multidigit.errors import SettingsError
from multidigit.reading.knowledge import CHECKSUMS, Knowledge, automaton


def allows(knowledge: Knowledge, text: str) -> bool:
    """Whether the automaton reads the number."""
    ends, follow = automaton(knowledge)
    state = 0
    for level, digit in enumerate(text):
        state = follow[level][state, int(digit)]
    return bool(ends[len(text)][state])


@cache
def all_texts(slots: int, digits: str = "0123456789") -> list[str]:
    return ["".join(text) for length in range(1, slots + 1) for text in product(digits, repeat=length)]


ONE = ["0", "1", "2", "[01]", ".", r"\d", "[^1]", r"[^\d]", r"[\w-]", r"\D", "[0-2]", "(3)"]
ZERO = ["^", r"\A", r"\b", "$", r"\Z", "(?=1)", "(?=.[01])", "(?!2)", r"(?!\d1)"]


def random_pattern(rng: np.random.Generator, depth: int) -> str:
    kind = rng.choice(["one", "one", "zero", "two", "two", "or", "repeat", "repeat"]) if depth else "one"
    if kind in ("one", "zero"):
        return str(rng.choice(ONE if kind == "one" else ZERO))
    first = random_pattern(rng, depth - 1)
    if kind == "repeat":
        return f"(?:{first})" + rng.choice(["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?", "??"])
    second = random_pattern(rng, depth - 1)
    return first + second if kind == "two" else f"(?:{first}|{second})"


class TestPattern:
    @pytest.mark.parametrize("seed", range(8))
    def test_random_patterns_against_re(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        tried = 0
        while tried < 15:
            pattern = random_pattern(rng, 4)
            expected = {text for text in all_texts(4, "0123") if re.fullmatch(pattern, text, re.ASCII)}
            if not expected:
                continue
            tried += 1
            knowledge = Knowledge(4, pattern=pattern)
            assert {text for text in all_texts(4, "0123") if allows(knowledge, text)} == expected, pattern

    @pytest.mark.parametrize(
        "pattern",
        [r"((?=1))*1", r"(?:(?=1)|2)*3", "(^)*1", "(1|$)*", r"(?:\b|1)*", r"1\b2?", "((?!1)|3)*2", "(?:(?:^1|2)*3)+"],
    )
    def test_repetitions_of_nothing(self, pattern: str) -> None:
        knowledge = Knowledge(4, pattern=pattern)
        for text in all_texts(4, "0123"):
            assert allows(knowledge, text) == bool(re.fullmatch(pattern, text)), text

    @pytest.mark.parametrize(
        "pattern", ["(?!^1)..", r"^\A^1.", r"(?!\A1|2).*", r".(?!^1)(?!\b2).*", "(?:(?!^1)|1(?=2)).+"]
    )
    def test_the_beginning_seen_by_what_must_not_follow(self, pattern: str) -> None:
        knowledge = Knowledge(4, pattern=pattern)
        for text in all_texts(4, "0123"):
            assert allows(knowledge, text) == bool(re.fullmatch(pattern, text)), text

    def test_twelve_slots(self) -> None:
        knowledge = Knowledge(12, pattern=r"(?!0)\d*19(7|8)\d{2,}")
        for text, allowed in {
            "1234519712": True,
            "123451981234": True,
            "012345198123": False,
            "19712": True,
            "1971": False,
            "123456781971": False,
        }.items():
            assert allows(knowledge, text) == allowed == bool(re.fullmatch(str(knowledge.pattern), text))

    @pytest.mark.parametrize(
        "pattern", ["(", "[0-9", "*", r"\d{3,1}", "(?u)1", "1{99999999999}", "(?<n>1)", "a\n(", "(" * 5_000]
    )
    def test_no_regular_expression(self, pattern: str) -> None:
        with pytest.raises(SettingsError, match=r"^pattern must be a regular expression, .*; received ") as caught:
            Knowledge(5, pattern=pattern)
        # As it was given, unless that would not stay on the line.
        assert str(caught.value).endswith(f"; received {pattern if pattern.isprintable() else repr(pattern)}")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "pattern", [r"(\d)\1", "(?P<n>1)(?P=n)", "(?<=1)2", "(?<!1)2", "(?>1)2", "1++", r"(1)?(?(1)2|3)", r"1\B2"]
    )
    def test_what_is_not_supported(self, pattern: str) -> None:
        with pytest.raises(SettingsError, match=r"^pattern must do without backreferences"):
            Knowledge(5, pattern=pattern)

    def test_a_pattern_is_text(self) -> None:
        with pytest.raises(SettingsError, match="pattern must be a regular expression as text; received b'1'"):
            Knowledge(5, pattern=b"1")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "pattern",
        [r"(\d+)+5", r"(((\d?)*)*)*1", ".*" * 3 + "1", r"(\d*)*(\d*)*(\d*)*1", "(?:(?!1.{5})(?!2.{3}).)*"],
    )
    def test_patterns_that_backtrack_are_read(self, pattern: str) -> None:
        knowledge = Knowledge(12, pattern=pattern)
        for text in ("1115", "2221", "115"):
            assert allows(knowledge, text) == bool(re.fullmatch(pattern, text))

    @pytest.mark.parametrize(
        "pattern",
        ["((((((1{1,99}){1,99}){1,99}){1,99}){1,99}){1,99}){1,99}", "(|1|2|3|.*)" * 2_000],
        ids=["repetitions", "branches"],
    )
    def test_patterns_that_take_too_long_are_refused(self, pattern: str) -> None:
        started = time.process_time()
        with pytest.raises(SettingsError, match=r"^pattern must be simpler: "):
            Knowledge(12, pattern=pattern)
        assert time.process_time() - started < 20  # about 1 s; without a bound it would not end

    @pytest.mark.slow
    def test_too_many_states_are_refused(self) -> None:
        # Which of the last ten digits were 1, 2 or 3, and the sums of a checksum.
        with pytest.raises(SettingsError, match=r"^pattern must be simpler: "):
            Knowledge(12, pattern=r"\d*1\d{9}|\d*2\d{8}|\d*3\d{7}|\d*4\d{6}", checksum="luhn")


def scalar_luhn(text: str) -> bool:
    doubled = [int(c) * (1 + i % 2) for i, c in enumerate(reversed(text))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def scalar_mod11(text: str) -> bool:
    return sum(weight * int(c) for weight, c in enumerate(reversed(text), 1)) % 11 == 0


class TestChecksums:
    @pytest.mark.parametrize(("name", "passes"), [("luhn", scalar_luhn), ("mod11", scalar_mod11)])
    def test_against_the_definition(self, name: str, passes: object) -> None:
        assert callable(passes)
        texts = [*all_texts(3), *(str(n) for n in np.random.default_rng(1).integers(10**11, 10**12, 2_000))]
        knowledge = Knowledge(12, checksum=name)
        assert [allows(knowledge, text) for text in texts] == [passes(text) for text in texts]
        assert [text for text in all_texts(1) if allows(knowledge, text)] == ["0"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("luhn", "18"),
            ("luhn", "79927398713"),
            ("luhn", "49927398716"),
            ("mod11", "0306406152"),
            ("mod11", "0198534531"),
        ],
    )
    def test_published_examples(self, name: str, text: str) -> None:
        knowledge = Knowledge(12, checksum=name)
        assert [digit for digit in "0123456789" if allows(knowledge, text[:-1] + digit)] == [text[-1]]

    @pytest.mark.parametrize("name", sorted(CHECKSUMS))
    def test_needs_about_a_hundred_states(self, name: str) -> None:
        assert max(len(ends) for ends in automaton(Knowledge(12, checksum=name)).ends) <= 122


def test_all_three_together() -> None:
    knowledge = Knowledge(4, (2, 4), "[^0].*5", "luhn")
    for text in all_texts(4):
        expected = len(text) >= 2 and text[0] != "0" and text[-1] == "5" and scalar_luhn(text)
        assert allows(knowledge, text) == expected, text


class TestWhatAUserWrites:
    @pytest.mark.parametrize(
        ("length", "span"),
        [(None, None), (4, (4, 4)), ("4", (4, 4)), ("3-5", (3, 5)), (" 3 - 12 ", (3, 12)), ((2, 3), (2, 3))],
    )
    def test_lengths(self, length: str | int | tuple[int, int] | None, span: tuple[int, int] | None) -> None:
        assert Knowledge.from_text(12, length) == Knowledge(12, span)
        assert Knowledge.from_text(12, length, "[0-9]+", "luhn") == Knowledge(12, span, "[0-9]+", "luhn")

    @pytest.mark.parametrize(
        "length", ["", "0", "6", "5-3", "3-6", "0-3", "-3", "3-", "four", "3.5", "٣", 0, 6, True, (5,)]
    )
    def test_wrong_lengths(self, length: str | int) -> None:
        with pytest.raises(SettingsError, match=rf"^length must be .* 1 to 5, .*; received {re.escape(repr(length))}$"):
            Knowledge.from_text(5, length)

    def test_wrong_attributes(self) -> None:
        for span in [(3, 2), (0, 5), (1, 6), [1, 5], (1.0, 5)]:
            with pytest.raises(SettingsError, match=rf"^length must be .*; received {re.escape(str(span))}$"):
                Knowledge(5, span)  # type: ignore[arg-type]
        for slots in (0, 13):
            with pytest.raises(SettingsError, match=f"^slots must lie within 1 to 12; received {slots}"):
                Knowledge(slots)
        with pytest.raises(
            SettingsError, match=r"^checksum must be luhn or mod11; received 'lunh'; did you mean 'luhn'"
        ):
            Knowledge(5, checksum="lunh")

    @pytest.mark.parametrize(
        ("length", "pattern", "checksum", "shown"),
        [
            (None, r"\d{6}", None, r"pattern '\\d{6}'"),
            (None, "", None, "pattern ''"),
            ("2", r"\d{4}", None, r"length '2-2', pattern '\\d{4}'"),
            (None, "123", "luhn", "pattern '123', checksum 'luhn'"),
        ],
    )
    def test_no_number_is_possible(self, length: str | None, pattern: str, checksum: str | None, shown: str) -> None:
        with pytest.raises(
            SettingsError, match=rf"^at least one number of 1 to 5 digits .*; received {re.escape(shown)}$"
        ):
            Knowledge.from_text(5, length, pattern, checksum)

    def test_empty(self) -> None:
        assert Knowledge(5).empty
        assert Knowledge(5, (1, 5)).empty
        for other in (Knowledge(5, (1, 4)), Knowledge(5, pattern=".*"), Knowledge(5, checksum="luhn")):
            assert not other.empty
