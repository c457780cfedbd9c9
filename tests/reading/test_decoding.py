"""Answers against brute force over all allowed numbers."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, CLASSES, slots_to_text, slots_to_vector, texts_to_slots
from multidigit.reading.decoding import Answers, decode
from multidigit.reading.knowledge import Knowledge, automaton

Floats = NDArray[np.float64]

KNOWN = [
    Knowledge(1),
    Knowledge(1, checksum="luhn"),
    Knowledge(3),
    Knowledge(3, (2, 3)),
    Knowledge(3, (1, 3), pattern="[0-9]+"),
    Knowledge(3, checksum="mod11"),
    Knowledge(4, (4, 4)),
    Knowledge(4, (2, 4), "[^0].*5", "luhn"),
    Knowledge(5, (1, 2)),
    Knowledge(5, pattern="20[0-9]{2}|7"),
    Knowledge(5, pattern="1?2?3[0-4]{0,2}"),
    Knowledge(8, pattern="(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3]5"),
    Knowledge(12, pattern="12|345|[45]{3}6{6}..7|[0-3]{4}", checksum="luhn"),
]


def random_probabilities(seed: int, strips: int, slots: int, sharpness: float = 1.5) -> Floats:
    scores = np.exp(sharpness * np.random.default_rng(seed).normal(size=(strips, slots, CLASSES)))
    return np.asarray(scores / scores.sum(-1, keepdims=True))


def certain(*rows: list[int]) -> NDArray[np.float32]:
    slots = np.array(rows, np.uint8)
    return slots_to_vector(slots).reshape(*slots.shape, CLASSES)


def texts_of(answers: Answers) -> list[list[str]]:
    return [[slots_to_text(slots) for slots in row] for row in answers.slots]


def allowed_texts(knowledge: Knowledge) -> list[str]:
    """All allowed numbers in the order of their texts, out of the automaton, which has tests of its own."""
    endings = [[""]]
    for ends, follow in zip(
        reversed(automaton(knowledge).ends), [None, *reversed(automaton(knowledge).follow)], strict=True
    ):
        rows = [[]] * len(ends) if follow is None else follow.tolist()
        endings = [
            [""] * bool(end) + [f"{digit}{text}" for digit, after in enumerate(row) for text in endings[after]]
            for end, row in zip(ends, rows, strict=True)
        ]
    return endings[0]


def number_mass(probabilities: Floats) -> Floats:
    """Probability that the slots hold any number at all, (N,)."""
    blank = probabilities[..., BLANK]
    slots = blank.shape[1]
    return np.sum([(1 - blank[:, :n]).prod(1) * blank[:, n:].prod(1) for n in range(1, slots + 1)], 0)


class TestBruteForce:
    @pytest.mark.parametrize("knowledge", KNOWN, ids=str)
    def test_numbers_confidence_nothing_and_digits(self, knowledge: Knowledge) -> None:
        probabilities = random_probabilities(3, 4, knowledge.slots)
        texts = allowed_texts(knowledge)
        slots = texts_to_slots(texts, knowledge.slots)
        scores = probabilities[:, np.arange(knowledge.slots), slots].prod(-1)
        known = scores.sum(1) + 1 - number_mass(probabilities)

        found = decode(probabilities, knowledge, top=7)

        order = np.argsort(-scores, axis=1, kind="stable")[:, :7]
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
                    share = 0.0
                elif knowledge.empty:
                    share = probabilities[row, slot, digit]
                else:
                    share = scores[row, slots[:, slot] == digit].sum() / known[row]
                assert found.digits[row, slot] == pytest.approx(share, rel=1e-9)

    @pytest.mark.parametrize("knowledge", KNOWN, ids=str)
    def test_fewer_answers_are_the_first_of_more(self, knowledge: Knowledge) -> None:
        probabilities = random_probabilities(5, 20, knowledge.slots, 4)
        more = decode(probabilities, knowledge, 41)
        for top in (1, 2, 40):
            some = decode(probabilities, knowledge, top)
            assert (some.slots == more.slots[:, :top]).all()
            assert (some.confidence == more.confidence[:, :top]).all()

    def test_every_number_once(self) -> None:
        probabilities = random_probabilities(6, 2, 3)
        found = decode(probabilities, top=1_115)
        assert ((found.slots != BLANK).any(-1).sum(1) == 1_110).all()
        assert (np.diff(found.confidence) <= 0).all()
        assert len(np.unique(found.slots[0], axis=0)) == 1_111
        np.testing.assert_allclose(found.confidence.sum(1), number_mass(probabilities), rtol=1e-9)

    @pytest.mark.parametrize("slots", [8, 12])
    def test_a_pattern_that_any_number_matches_changes_no_confidence(self, slots: int) -> None:
        # Rounded to eight bits, slots no longer sum to 1.
        probabilities = np.round(random_probabilities(8, 50, slots, 3) * 256) / 256
        plain, known = decode(probabilities, top=3), decode(probabilities, Knowledge(slots, pattern=".*"), top=3)
        assert (plain.slots == known.slots).all()
        np.testing.assert_allclose(plain.confidence, known.confidence, rtol=1e-12)
        np.testing.assert_allclose(plain.nothing, known.nothing, rtol=1e-12)
        assert max(known.confidence.max(), known.nothing.max(), known.digits.max()) <= 1


def test_slots_that_sum_to_more_than_1() -> None:
    for knowledge in (Knowledge(5), Knowledge(5, (3, 3))):
        found = decode(1.02 * certain([1, 2, 3, BLANK, BLANK], [BLANK] * 5), knowledge)
        assert found.confidence.tolist() == [[1], [0]]
        assert found.nothing.tolist() == [0, 1]
        assert found.digits.tolist() == [[1, 1, 1, 0, 0], [0] * 5]


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_with_nothing_known_confidence_is_that_of_the_measures(slots: int) -> None:
    numbers = texts_to_slots(["7", "404"[:slots], "123456789012"[:slots]], slots)
    probabilities = (0.9 * slots_to_vector(numbers).reshape(3, slots, CLASSES) + 0.1 / CLASSES).astype(np.float32)
    found = decode(probabilities)
    assert (found.slots[:, 0] == numbers).all()
    np.testing.assert_allclose(found.confidence[:, 0], metrics.confidence(probabilities), rtol=1e-14)


class TestKnowledgeHelps:
    def test_length_adds_the_digit_that_was_almost_blank(self) -> None:
        probabilities = 0.98 * certain([1, 2, 3, BLANK, BLANK]) + 0.02 / CLASSES
        probabilities[0, 3] = 0.02 / CLASSES
        probabilities[0, 3, [BLANK, 8]] = [0.6, 0.4 - 9 * 0.02 / CLASSES]
        assert texts_of(decode(probabilities)) == [["123"]]
        four = decode(probabilities, Knowledge(5, (4, 4)))
        assert texts_of(four) == [["1238"]]
        # Almost all of the other four-digit numbers' probability has the same first digits.
        assert four.confidence[0, 0] < four.digits[0, 3] < four.digits[0, 0] < 1

    def test_a_picture_of_nothing_stays_one(self) -> None:
        found = decode(0.95 * certain([BLANK] * 5) + 0.05 / CLASSES, Knowledge(5, (3, 3)))
        assert found.confidence[0, 0] < 1e-3
        assert found.nothing[0] > 0.75


class TestTies:
    def test_equal_numbers_come_in_the_order_of_their_texts(self) -> None:
        uniform = np.full((2, 5, CLASSES), 1 / CLASSES)
        assert texts_of(decode(uniform, top=6)) == [["0", "00", "000", "0000", "00000", "00001"]] * 2
        assert texts_of(decode(uniform, Knowledge(5, (3, 3)), top=3)) == [["000", "001", "002"]] * 2
        assert texts_of(decode(uniform, Knowledge(5, pattern="9|10|2"), top=4)) == [["10", "2", "9", ""]] * 2
        assert texts_of(decode(uniform, Knowledge(5, checksum="luhn"))) == [["0"]] * 2

    def test_one_slot_with_two_equal_digits(self) -> None:
        probabilities = (certain([5, 4, 1, BLANK, BLANK]) + certain([5, 7, 1, BLANK, BLANK])) / 2
        assert texts_of(decode(probabilities, top=2)) == [["541", "571"]]
        assert decode(probabilities, top=2).confidence.tolist() == [[0.5, 0.5]]


class TestZeros:
    @pytest.mark.parametrize("knowledge", [Knowledge(5), Knowledge(5, (3, 3)), Knowledge(5, pattern="1.*")])
    def test_a_certain_number_has_no_alternatives(self, knowledge: Knowledge) -> None:
        found = decode(certain([1, 2, 3, BLANK, BLANK]), knowledge, top=3)
        assert texts_of(found) == [["123", "", ""]]
        assert found.confidence.tolist() == [[1, 0, 0]]
        assert found.nothing.tolist() == [0]
        assert found.digits.tolist() == [[1, 1, 1, 0, 0]]

    @pytest.mark.parametrize("known", [{"length": (4, 4)}, {"pattern": "9.*"}, {"checksum": "luhn"}])
    def test_a_certain_number_that_is_ruled_out(self, known: dict[str, str]) -> None:
        found = decode(certain([1, 2, 3, BLANK, BLANK]), Knowledge(5, **known), top=2)  # type: ignore[arg-type]
        assert texts_of(found) == [["", ""]]
        for part in (found.confidence, found.nothing, found.digits):
            assert (part == 0).all()

    @pytest.mark.parametrize("knowledge", [Knowledge(5), Knowledge(5, (4, 4)), Knowledge(5, checksum="mod11")])
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
        found = decode(probabilities, Knowledge(5, pattern="1234|12348"), top=2)
        assert texts_of(found) == [["12348", "1234"]]
        np.testing.assert_allclose(found.confidence, [[0.75, 0.25]])
        np.testing.assert_allclose(found.digits, [[1, 1, 1, 1, 0.75]])


class TestArrays:
    @pytest.mark.parametrize("knowledge", KNOWN, ids=str)
    def test_no_strips(self, knowledge: Knowledge) -> None:
        slots = knowledge.slots
        found = decode(np.empty((0, slots, CLASSES), np.float32), knowledge, top=2)
        assert [part.shape for part in found] == [(0, 2, slots), (0, 2), (0,), (0, slots)]

    @pytest.mark.parametrize("checksum", [None, "mod11"])
    def test_many_strips_are_read_as_one_by_one(self, checksum: str | None) -> None:
        probabilities = random_probabilities(10, 600, 5).astype(np.float32)
        knowledge = Knowledge(5, checksum=checksum)
        found = decode(probabilities, knowledge, top=2)
        assert [part.dtype for part in found] == [np.uint8, np.float64, np.float64, np.float64]
        for row in range(0, 600, 37):
            alone = decode(probabilities[row : row + 1], knowledge, top=2)
            assert (found.slots[row] == alone.slots[0]).all()
            for one, all_ in zip(alone[1:], found[1:], strict=True):
                np.testing.assert_allclose(all_[row], one[0], rtol=1e-12)

    def test_memory_stays_small(self) -> None:
        # Numbers without any rule make the largest automata.
        some = np.random.default_rng(11).integers(0, 10**5, 2_000)
        knowledge = Knowledge(5, pattern="|".join(f"{number:05d}" for number in some))
        probabilities = random_probabilities(12, 300, 5)
        tracemalloc.start()
        try:
            decode(probabilities, knowledge, top=3)
            assert tracemalloc.get_traced_memory()[1] < 60e6
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        "wrong", [np.zeros((2, 5, CLASSES)), np.zeros((5, CLASSES)), np.full((2, 3, CLASSES), 1 / 11)]
    )
    def test_other_arrays(self, wrong: Floats) -> None:
        with pytest.raises(DataError, match=r"probabilities must be .*; received"):
            decode(wrong, Knowledge(5))

    @pytest.mark.parametrize("top", [0, -1, True, 1.5])
    def test_top(self, top: int) -> None:
        with pytest.raises(SettingsError, match=rf"top must be a whole number .*; received {top}"):
            decode(random_probabilities(0, 1, 5), top=top)


def test_light_to_import() -> None:
    code = (
        "import sys, multidigit.reading.decoding;"
        "assert not {name.split('.')[0] for name in sys.modules} & {'tensorflow', 'scipy', 'pydantic', 'PIL', 'rich'}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
