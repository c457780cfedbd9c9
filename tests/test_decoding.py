"""Answers against brute force over all 111,110 numbers; checksums against published examples and what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import cache
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import multidigit.reading.decoding as module
from multidigit import metrics
from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, CLASSES, SLOTS, slots_to_text, slots_to_vector, texts_to_slots
from multidigit.reading.decoding import CHECKSUMS, Answers, Knowledge, decode

Slots = NDArray[np.uint8]
Floats = NDArray[np.float64]


def scalar_luhn(text: str) -> bool:
    doubled = [int(c) * (1 + i % 2) for i, c in enumerate(reversed(text))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def scalar_mod11(text: str) -> bool:
    return sum(weight * int(c) for weight, c in enumerate(reversed(text), 1)) % 11 == 0


KNOWN: list[tuple[Knowledge, Callable[[str], bool]]] = [
    (Knowledge(), lambda text: True),
    (Knowledge((4, 4)), lambda text: len(text) == 4),
    (Knowledge((2, 3)), lambda text: 2 <= len(text) <= 3),
    (Knowledge(pattern=r"\d+"), lambda text: True),
    (Knowledge(pattern="20[0-9]{2}|7"), lambda text: text == "7" or (len(text) == 4 and text[:2] == "20")),
    (Knowledge(pattern=r".*(\d)\1.*"), lambda text: any(a == b for a, b in pairwise(text))),
    (Knowledge(checksum="luhn"), scalar_luhn),
    (Knowledge((3, 5), checksum="mod11"), lambda text: len(text) >= 3 and scalar_mod11(text)),
    (Knowledge((2, 5), "[^0].*5", "luhn"), lambda text: text[0] != "0" and text[-1] == "5" and scalar_luhn(text)),
    (Knowledge(pattern="12|345"), lambda text: text in ("12", "345")),
]
"""Knowledge, and the same said once more of one number."""


def random_probabilities(seed: int, strips: int, sharpness: float = 1.5) -> Floats:
    scores = np.exp(sharpness * np.random.default_rng(seed).normal(size=(strips, SLOTS, CLASSES)))
    return np.asarray(scores / scores.sum(-1, keepdims=True))


def certain(*rows: list[int]) -> NDArray[np.float32]:
    return slots_to_vector(np.array(rows, np.uint8)).reshape(-1, SLOTS, CLASSES)


def texts_of(answers: Answers) -> list[list[str]]:
    return [[slots_to_text(slots) for slots in row] for row in answers.slots]


@cache
def all_numbers() -> tuple[list[str], Slots]:
    texts = ["".join(text) for length in range(1, SLOTS + 1) for text in product("0123456789", repeat=length)]
    return texts, texts_to_slots(texts)


def every_score(probabilities: Floats) -> Floats:
    """Probability of each of all numbers, shape (N, 111,110)."""
    return np.asarray(probabilities[:, np.arange(SLOTS), all_numbers()[1]].prod(-1))


class TestBruteForce:
    @pytest.mark.parametrize(("knowledge", "allows"), KNOWN, ids=lambda value: str(value) if value in KNOWN else None)
    def test_numbers_confidence_nothing_and_digits(self, knowledge: Knowledge, allows: Callable[[str], bool]) -> None:
        probabilities = random_probabilities(3, 5)
        texts, slots = all_numbers()
        scores = every_score(probabilities)
        allowed = np.array([allows(text) for text in texts])
        known = scores[:, allowed].sum(1) + 1 - scores.sum(1)

        found = decode(probabilities, knowledge, top=7)

        fitting = np.flatnonzero(allowed)
        order = fitting[np.argsort(-scores[:, fitting], axis=1)[:, :7]]
        count = order.shape[1]
        assert (found.slots[:, :count] == slots[order]).all()
        assert (found.slots[:, count:] == BLANK).all()
        assert (found.confidence[:, count:] == 0).all()
        expected = np.take_along_axis(scores, order, 1) / known[:, None]
        np.testing.assert_allclose(found.confidence[:, :count], expected, rtol=1e-9)
        np.testing.assert_allclose(found.nothing, probabilities[:, :, BLANK].prod(1) / known, rtol=1e-9)
        for row, best in enumerate(slots[order[:, 0]]):
            for slot, digit in enumerate(best):
                if digit == BLANK:
                    sure = 0.0
                elif knowledge == Knowledge():
                    sure = probabilities[row, slot, digit]
                else:
                    sure = scores[row, allowed & (slots[:, slot] == digit)].sum() / known[row]
                assert found.digits[row, slot] == pytest.approx(sure, rel=1e-9)

    @pytest.mark.parametrize("name", sorted(CHECKSUMS))
    def test_only_numbers_that_pass_are_answered(self, name: str) -> None:
        found = decode(random_probabilities(4, 300), Knowledge(checksum=name), top=3)
        for text in {text for row in texts_of(found) for text in row}:
            assert CHECKSUMS[name](np.array([[int(c) for c in text]])).all(), text

    @pytest.mark.parametrize("top", [1, 2, 40])
    def test_fewer_answers_are_the_first_of_more(self, top: int) -> None:
        probabilities = random_probabilities(5, 20)
        for knowledge, _ in KNOWN[:-1]:
            some, more = decode(probabilities, knowledge, top), decode(probabilities, knowledge, 41)
            assert (some.slots == more.slots[:, :top]).all()
            assert (some.confidence == more.confidence[:, :top]).all()


class TestSum:
    def test_all_numbers_nothing_and_holes_are_certain(self) -> None:
        probabilities = random_probabilities(6, 2)
        outcomes = np.indices((CLASSES,) * SLOTS).reshape(SLOTS, -1).T
        blank = outcomes == BLANK
        holes = outcomes[(blank[:, :-1] & ~blank[:, 1:]).any(1)]
        hole_mass = probabilities[:, np.arange(SLOTS), holes].prod(-1).sum(1)
        found = decode(probabilities, top=111_115)
        assert ((found.slots != BLANK).any(-1).sum(1) == 111_110).all()
        assert (np.diff(found.confidence) <= 0).all()
        assert (np.unique(found.slots[0], axis=0, return_counts=True)[1][:-1] == 1).all()
        np.testing.assert_allclose(found.confidence.sum(1) + found.nothing + hole_mass, 1, rtol=1e-9)

    def test_under_knowledge_too(self) -> None:
        probabilities = random_probabilities(7, 4)
        found = decode(probabilities, Knowledge((1, 2)), top=110)
        forbidden = every_score(probabilities)[:, 110:].sum(1)
        every = 1 - forbidden
        np.testing.assert_allclose(found.confidence.sum(1) * every + forbidden, every_score(probabilities).sum(1))
        np.testing.assert_allclose(found.nothing * every, probabilities[:, :, BLANK].prod(1))

    def test_a_pattern_that_any_number_matches_changes_no_confidence(self) -> None:
        # Rounded to eight bits, slots no longer sum to 1.
        probabilities = np.round(random_probabilities(8, 50, 3) * 256) / 256
        plain, said = decode(probabilities, top=3), decode(probabilities, Knowledge(pattern=".*"), top=3)
        assert (plain.slots == said.slots).all()
        np.testing.assert_allclose(plain.confidence, said.confidence, rtol=1e-12)
        np.testing.assert_allclose(plain.nothing, said.nothing, rtol=1e-12)
        assert max(said.confidence.max(), said.nothing.max(), said.digits.max()) <= 1

    @pytest.mark.parametrize("knowledge", [Knowledge(), Knowledge((3, 3))])
    def test_slots_that_sum_to_more_than_1_make_none_surer_than_certain(self, knowledge: Knowledge) -> None:
        found = decode(1.02 * certain([1, 2, 3, BLANK, BLANK], [BLANK] * 5), knowledge)
        assert found.confidence.tolist() == [[1], [0]]
        assert found.nothing.tolist() == [0, 1]
        assert found.digits.tolist() == [[1, 1, 1, 0, 0], [0] * 5]

    def test_with_nothing_known_confidence_is_that_of_the_measures(self) -> None:
        slots = texts_to_slots(["12345", "7", "404"])
        probabilities = (0.9 * slots_to_vector(slots).reshape(-1, SLOTS, CLASSES) + 0.1 / CLASSES).astype(np.float32)
        found = decode(probabilities)
        assert (found.slots[:, 0] == slots).all()
        np.testing.assert_allclose(found.confidence[:, 0], metrics.confidence(probabilities), rtol=1e-14)


class TestKnowledgeHelps:
    def test_length_adds_the_digit_that_was_almost_blank(self) -> None:
        probabilities = 0.98 * certain([1, 2, 3, BLANK, BLANK]) + 0.02 / CLASSES
        probabilities[0, 3] = 0.02 / CLASSES
        probabilities[0, 3, [BLANK, 8]] = [0.6, 0.4 - 9 * 0.02 / CLASSES]
        assert texts_of(decode(probabilities)) == [["123"]]
        four = decode(probabilities, Knowledge((4, 4)))
        assert texts_of(four) == [["1238"]]
        # All but a trace of the other four-digit numbers has the same first digits.
        assert four.confidence[0, 0] < four.digits[0, 3] < four.digits[0, 0] < 1

    def test_a_picture_of_nothing_stays_one(self) -> None:
        probabilities = 0.95 * certain([BLANK] * 5) + 0.05 / CLASSES
        found = decode(probabilities, Knowledge((3, 3)))
        assert found.confidence[0, 0] < 1e-3
        assert found.nothing[0] > 0.75

    def test_digits_are_never_less_sure_than_the_number(self) -> None:
        probabilities = random_probabilities(9, 100, 3)
        for knowledge, _ in KNOWN:
            found = decode(probabilities, knowledge)
            there = found.slots[:, 0] != BLANK
            assert (found.digits + 1e-12 >= found.confidence)[there].all()
            assert (found.digits[~there] == 0).all()


class TestTies:
    def test_equal_numbers_come_in_the_order_of_their_texts(self) -> None:
        uniform = np.full((2, SLOTS, CLASSES), 1 / CLASSES)
        assert texts_of(decode(uniform, top=6)) == [["0", "00", "000", "0000", "00000", "00001"]] * 2
        assert texts_of(decode(uniform, Knowledge((3, 3)), top=3)) == [["000", "001", "002"]] * 2
        assert texts_of(decode(uniform, Knowledge(pattern="9|10|2"), top=4)) == [["10", "2", "9", ""]] * 2
        assert texts_of(decode(uniform, Knowledge(checksum="luhn"))) == [["0"]] * 2

    def test_one_slot_in_two_minds(self) -> None:
        probabilities = (certain([5, 4, 1, BLANK, BLANK]) + certain([5, 7, 1, BLANK, BLANK])) / 2
        assert texts_of(decode(probabilities, top=2)) == [["541", "571"]]
        assert decode(probabilities, top=2).confidence.tolist() == [[0.5, 0.5]]


class TestZeros:
    @pytest.mark.parametrize("knowledge", [Knowledge(), Knowledge((3, 3)), Knowledge(pattern="1.*")])
    def test_a_certain_number_has_no_alternatives(self, knowledge: Knowledge) -> None:
        found = decode(certain([1, 2, 3, BLANK, BLANK]), knowledge, top=3)
        assert texts_of(found) == [["123", "", ""]]
        assert found.confidence.tolist() == [[1, 0, 0]]
        assert found.nothing.tolist() == [0]
        assert found.digits.tolist() == [[1, 1, 1, 0, 0]]

    @pytest.mark.parametrize("knowledge", [Knowledge((4, 4)), Knowledge(pattern="9.*"), Knowledge(checksum="luhn")])
    def test_a_certain_number_that_is_ruled_out(self, knowledge: Knowledge) -> None:
        found = decode(certain([1, 2, 3, BLANK, BLANK]), knowledge, top=2)
        assert texts_of(found) == [["", ""]]
        for part in (found.confidence, found.nothing, found.digits):
            assert (part == 0).all()

    @pytest.mark.parametrize("knowledge", [Knowledge(), Knowledge((4, 4)), Knowledge(checksum="damm")])
    def test_certainly_no_number(self, knowledge: Knowledge) -> None:
        found = decode(certain([BLANK] * 5, [1, BLANK, 2, BLANK, BLANK]), knowledge)
        assert texts_of(found) == [[""], [""]]
        assert found.nothing.tolist() == [1, 0]
        assert (found.confidence == 0).all()
        assert (found.digits == 0).all()

    def test_tiny_probabilities_keep_their_ratio(self) -> None:
        # All that is allowed is far below the rounding of 1: what is left is taken as it is, never as 1 minus the rest.
        probabilities = certain([1, 2, 3, 4, 5]).astype(np.float64)
        probabilities[0, 4, [8, BLANK]] = [3e-30, 1e-30]
        found = decode(probabilities, Knowledge(pattern="1234|12348"), top=2)
        assert texts_of(found) == [["12348", "1234"]]
        np.testing.assert_allclose(found.confidence, [[0.75, 0.25]])
        np.testing.assert_allclose(found.digits, [[1, 1, 1, 1, 0.75]])


class TestShapes:
    def test_no_strips(self) -> None:
        for knowledge, _ in KNOWN:
            found = decode(np.empty((0, SLOTS, CLASSES), np.float32), knowledge, top=2)
            assert [part.shape for part in found] == [(0, 2, SLOTS), (0, 2), (0,), (0, SLOTS)]

    @pytest.mark.parametrize("checksum", [None, "verhoeff"])
    def test_many_strips_are_read_as_one_by_one(self, checksum: str | None) -> None:
        probabilities = random_probabilities(10, 600).astype(np.float32)
        knowledge = Knowledge(checksum=checksum)
        found = decode(probabilities, knowledge, top=2)
        assert [part.dtype for part in found] == [np.uint8, np.float64, np.float64, np.float64]
        for row in range(0, 600, 37):
            alone = decode(probabilities[row : row + 1], knowledge, top=2)
            assert (found.slots[row] == alone.slots[0]).all()
            np.testing.assert_allclose(found.confidence[row], alone.confidence[0], rtol=1e-12)
            np.testing.assert_allclose(found.nothing[row], alone.nothing[0], rtol=1e-12)
            np.testing.assert_allclose(found.digits[row], alone.digits[0], rtol=1e-12)

    def test_memory_stays_small(self) -> None:
        # Thousands of numbers without any rule make about the largest automaton that there is.
        some = np.random.default_rng(11).integers(0, 100_000, 4000)
        knowledge = Knowledge(pattern="|".join(f"{number:05d}" for number in some))
        probabilities = random_probabilities(12, 300)
        tracemalloc.start()
        try:
            decode(probabilities, knowledge, top=3)
            assert tracemalloc.get_traced_memory()[1] < 60e6
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        "wrong",
        [
            np.zeros((2, SLOTS, CLASSES)),
            np.full((2, SLOTS, CLASSES), np.nan),
            np.zeros((SLOTS, CLASSES)),
            np.zeros((2, SLOTS, CLASSES), np.int64),
            np.where(np.arange(CLASSES) == 0, 2.0, -0.1) * np.ones((1, SLOTS, 1)),
        ],
    )
    def test_other_arrays(self, wrong: NDArray[np.float64]) -> None:
        with pytest.raises(DataError, match=r"probabilities must be .*Received"):
            decode(wrong)

    @pytest.mark.parametrize("top", [0, -1, True, 1.5])
    def test_top(self, top: int) -> None:
        with pytest.raises(SettingsError, match=r"--top: expected a whole number .*Received"):
            decode(random_probabilities(0, 1), top=top)


class TestKnowledge:
    @pytest.mark.parametrize(
        ("text", "span"),
        [
            (None, (1, 5)),
            (4, (4, 4)),
            ("4", (4, 4)),
            ("3-5", (3, 5)),
            (" 3 - 5 ", (3, 5)),
            ((2, 3), (2, 3)),
        ],
    )
    def test_lengths(self, text: str | int | tuple[int, int] | None, span: tuple[int, int]) -> None:
        assert Knowledge.from_text(text) == Knowledge(span)
        assert Knowledge.from_text(text, "[0-9]+", "luhn") == Knowledge(span, "[0-9]+", "luhn")

    @pytest.mark.parametrize(
        "text", ["", "0", "6", "5-3", "3-6", "0-3", "-3", "3-", "four", "3.5", "٣", 0, 6, True, (5,)]
    )
    def test_wrong_lengths(self, text: str | int) -> None:
        with pytest.raises(SettingsError, match=rf"^--length: expected .* 3-5; Received: {re.escape(repr(text))}$"):
            Knowledge.from_text(text)

    def test_wrong_lengths_of_the_class_itself(self) -> None:
        for span in [(3, 2), (0, 5), (1, 6), [1, 5], (1.0, 5), None]:
            with pytest.raises(SettingsError, match="--length"):
                Knowledge(span)  # type: ignore[arg-type]

    @pytest.mark.parametrize("pattern", ["(", "[0-9", "*", r"\d{3,1}", "(?u)1", "1{99999999999}", "(?<n>1)", "a\n("])
    def test_no_regular_expression(self, pattern: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Knowledge(pattern=pattern)
        message = str(caught.value)
        assert message.startswith("--pattern ")
        assert "not a regular expression" in message
        assert "\n" not in message

    def test_a_pattern_is_text(self) -> None:
        with pytest.raises(SettingsError, match="--pattern: expected a regular expression as text"):
            Knowledge(pattern=b"1")  # type: ignore[arg-type]

    def test_unknown_checksum(self) -> None:
        with pytest.raises(SettingsError, match=r"--checksum lunh: unknown; did you mean 'luhn'\?"):
            Knowledge(checksum="lunh")

    @pytest.mark.parametrize(
        ("length", "pattern", "checksum", "named"),
        [
            (None, r"\d{6}", None, r"--pattern \d{6}:"),
            (None, "", None, "--pattern :"),
            ("2", r"\d{4}", None, r"--length 2-2 --pattern \d{4}:"),
            (None, "123", "luhn", "--pattern 123 --checksum luhn:"),
        ],
    )
    def test_no_number_is_allowed(self, length: str | None, pattern: str, checksum: str | None, named: str) -> None:
        with pytest.raises(SettingsError, match=rf"^{re.escape(named)} expected at least one number .* none; loosen"):
            Knowledge.from_text(length, pattern, checksum)

    def test_the_whole_number_must_match(self) -> None:
        probabilities = random_probabilities(13, 50)
        assert {text for row in texts_of(decode(probabilities, Knowledge(pattern="12|7"), 5)) for text in row} == {
            "12",
            "7",
            "",
        }

    def test_a_pattern_that_backtracks_ends(self) -> None:
        assert Knowledge(pattern=r"(\d+)+5").pattern

    def test_default_knows_nothing(self) -> None:
        assert Knowledge().empty
        assert not any(knowledge.empty for knowledge, _ in KNOWN[1:])


def digits_of(text: str) -> NDArray[np.intp]:
    return np.array([[int(character) for character in text]])


@cache
def numbers_that_pass(name: str, length: int) -> NDArray[np.intp]:
    digits = np.indices((10,) * length).reshape(length, -1).T
    return digits[CHECKSUMS[name](digits)]


class TestChecksums:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("luhn", "18"),
            ("luhn", "79927398713"),
            ("luhn", "49927398716"),
            ("mod11", "0306406152"),
            ("mod11", "0198534531"),
            ("verhoeff", "2363"),
            ("verhoeff", "123451"),
            ("verhoeff", "543217"),
            ("verhoeff", "1234567890120"),
            ("damm", "5724"),
            ("damm", "112946"),
        ],
    )
    def test_published_examples(self, name: str, text: str) -> None:
        passing = [digit for digit in "0123456789" if CHECKSUMS[name](digits_of(text[:-1] + digit)).all()]
        assert passing == [text[-1]]

    @pytest.mark.parametrize("name", sorted(CHECKSUMS))
    def test_of_a_single_digit_only_zero_passes(self, name: str) -> None:
        assert numbers_that_pass(name, 1).tolist() == [[0]]

    @pytest.mark.parametrize("length", [2, 4, 5])
    def test_each_number_has_one_check_digit(self, length: int) -> None:
        for name in CHECKSUMS:
            starts = np.unique(numbers_that_pass(name, length)[:, :-1], axis=0)
            assert len(starts) == len(numbers_that_pass(name, length))
            # A check digit of 10 stands for no digit.
            assert len(starts) == 10 ** (length - 1) if name != "mod11" else len(starts) < 10 ** (length - 1)

    @pytest.mark.parametrize("name", sorted(CHECKSUMS))
    @pytest.mark.parametrize("length", [4, 5])
    def test_every_single_wrong_digit_is_caught(self, name: str, length: int) -> None:
        for slot in range(length):
            for shift in range(1, 10):
                wrong = numbers_that_pass(name, length).copy()
                wrong[:, slot] = (wrong[:, slot] + shift) % 10
                assert not CHECKSUMS[name](wrong).any()

    @pytest.mark.parametrize("name", sorted(CHECKSUMS))
    def test_swapped_neighbours_are_caught(self, name: str) -> None:
        for slot in range(4):
            passing = numbers_that_pass(name, 5)
            pair = passing[:, slot : slot + 2]
            different = pair[:, 0] != pair[:, 1]
            if name == "luhn":  # The one pair that Luhn cannot tell apart.
                different &= np.sort(pair, 1)[:, 1] - np.sort(pair, 1)[:, 0] != 9
            swapped = passing[different]
            swapped[:, [slot, slot + 1]] = swapped[:, [slot + 1, slot]]
            assert not CHECKSUMS[name](swapped).any()


def test_light_to_import() -> None:
    code = (
        "import sys, multidigit.reading.decoding;"
        "assert not {name.split('.')[0] for name in sys.modules} & {'tensorflow', 'scipy', 'pydantic', 'PIL', 'rich'}"
    )
    root = Path(module.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
