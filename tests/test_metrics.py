"""Measures against cases worked by hand, brute force and scikit-learn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix  # type: ignore[import-untyped, unused-ignore]

from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, CLASSES, SLOTS, slots_to_text, slots_to_vector, texts_to_slots
from multidigit.metrics import (
    Coverage,
    accuracy_by_length,
    accuracy_by_slot,
    character_error_rate,
    confidence,
    confusion,
    coverage_at_accuracy,
    decode,
    digit_accuracy,
    edit_distances,
    expected_calibration_error,
    measure,
    right,
    sequence_accuracy,
)

Slots = NDArray[np.uint8]
TRUE = texts_to_slots(["123", "45", "6", "78901"])
READ = texts_to_slots(["123", "46", "66", "8901"])
"""All right; one digit wrong; one digit too many; the first digit missed, so that every slot is off."""


def random_slots(seed: int, count: int, errors: float = 0.1) -> tuple[Slots, Slots]:
    """True numbers of one to five digits, and answers with random classes in some slots, blanks between digits too."""
    rng = np.random.default_rng(seed)
    slots = rng.integers(0, 10, (count, SLOTS), np.uint8)
    slots[np.arange(SLOTS) >= rng.integers(1, SLOTS + 1, (count, 1))] = BLANK
    answers = np.where(rng.random(slots.shape) < errors, rng.integers(0, CLASSES, slots.shape), slots)
    return slots, answers.astype(np.uint8)


def random_probabilities(seed: int, slots: Slots, sharpness: float = 3.0) -> NDArray[np.float32]:
    """Probabilities that lean towards the given slots."""
    noise = np.random.default_rng(seed).normal(size=(len(slots), SLOTS, CLASSES))
    scores = np.exp(noise + sharpness * slots_to_vector(slots).reshape(noise.shape))
    return np.asarray(scores / scores.sum(-1, keepdims=True), np.float32)


def certain(slots: Slots) -> NDArray[np.float32]:
    """Probabilities of 1 for the given slots."""
    return slots_to_vector(slots).reshape(-1, SLOTS, CLASSES)


def levenshtein(first: str, second: str) -> int:
    """The recursive definition."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (first[i - 1] != second[j - 1]),
        )

    return distance(len(first), len(second))


class TestAccuracies:
    def test_by_hand(self) -> None:
        assert right(TRUE, READ).tolist() == [True, False, False, False]
        assert sequence_accuracy(TRUE, READ) == 0.25
        # Slots counted 3 + 2 + 2 + 5, right 3 + 1 + 1 + 0.
        assert digit_accuracy(TRUE, READ) == 5 / 12
        # 78901 against 8901_ misses all five.
        assert accuracy_by_slot(TRUE, READ) == [3 / 4, 1 / 4, 1 / 2, 0.0, 0.0]
        assert accuracy_by_length(TRUE, READ) == {
            1: {"accuracy": 0.0, "strips": 1},
            2: {"accuracy": 0.0, "strips": 1},
            3: {"accuracy": 1.0, "strips": 1},
            5: {"accuracy": 0.0, "strips": 1},
        }

    def test_blank_slots_do_not_count(self) -> None:
        slots, answers = texts_to_slots(["1"]), texts_to_slots(["2"])
        assert digit_accuracy(slots, answers) == 0.0
        assert accuracy_by_slot(slots, answers) == [0.0, None, None, None, None]

    def test_a_gap_in_the_answer_is_wrong(self) -> None:
        # The same text, but not the same slots.
        answers = np.array([[1, BLANK, 2, BLANK, BLANK]], np.uint8)
        assert sequence_accuracy(texts_to_slots(["12"]), answers) == 0.0
        assert digit_accuracy(texts_to_slots(["12"]), answers) == 1 / 3
        assert character_error_rate(texts_to_slots(["12"]), answers) == 0.0

    def test_against_scikit_learn(self) -> None:
        slots, answers = random_slots(1, 700)
        counted = (slots != BLANK) | (answers != BLANK)
        assert digit_accuracy(slots, answers) == pytest.approx(accuracy_score(slots[counted], answers[counted]))
        texts = ["".join(map(chr, row + 65)) for row in slots], ["".join(map(chr, row + 65)) for row in answers]
        assert sequence_accuracy(slots, answers) == pytest.approx(accuracy_score(*texts))
        for slot, accuracy in enumerate(accuracy_by_slot(slots, answers)):
            column = counted[:, slot]
            assert accuracy == pytest.approx(accuracy_score(slots[column, slot], answers[column, slot]))
        by_length = accuracy_by_length(slots, answers)
        assert list(by_length) == [1, 2, 3, 4, 5]
        for length, row in by_length.items():
            chosen = (slots != BLANK).sum(1) == length
            assert row == {"accuracy": (slots == answers)[chosen].all(1).mean(), "strips": chosen.sum()}

    def test_no_digit_at_all(self) -> None:
        blank = np.full((2, SLOTS), BLANK, np.uint8)
        assert sequence_accuracy(blank, blank) == 1.0
        with pytest.raises(DataError, match="blank slots only"):
            digit_accuracy(blank, blank)
        with pytest.raises(DataError, match="blank slots only"):
            character_error_rate(blank, blank)


class TestCharacterErrorRate:
    def test_by_hand(self) -> None:
        # Nothing; one replaced; one inserted; one deleted: 3 over 3 + 2 + 1 + 5 characters.
        assert edit_distances(TRUE, READ).tolist() == [0, 1, 1, 1]
        assert character_error_rate(TRUE, READ) == 3 / 11

    def test_may_pass_1(self) -> None:
        assert character_error_rate(texts_to_slots(["1"]), texts_to_slots(["23456"])) == 5.0

    @pytest.mark.parametrize("errors", [0.1, 0.5, 1.0])
    def test_against_brute_force(self, errors: float) -> None:
        slots, answers = random_slots(2, 400, errors)
        # Few different digits, so that shifted matches occur.
        slots, answers = (np.where(each == BLANK, BLANK, each % 3).astype(np.uint8) for each in (slots, answers))
        expected = [levenshtein(slots_to_text(a), slots_to_text(b)) for a, b in zip(slots, answers, strict=True)]
        assert edit_distances(slots, answers).tolist() == expected
        assert edit_distances(answers, slots).tolist() == expected

    def test_unrelated_numbers_against_brute_force(self) -> None:
        slots, _ = random_slots(3, 400)
        answers, _ = random_slots(4, 400)
        expected = [levenshtein(slots_to_text(a), slots_to_text(b)) for a, b in zip(slots, answers, strict=True)]
        assert edit_distances(slots, answers).tolist() == expected

    def test_is_fast(self) -> None:
        slots, answers = random_slots(5, 20_000)
        start = time.perf_counter()
        character_error_rate(slots, answers)
        assert time.perf_counter() - start < 1.0  # some 0.02 s; the bound only tells a loop over strips


class TestConfidence:
    def test_by_hand(self) -> None:
        probabilities = np.zeros((2, SLOTS, CLASSES), np.float32)
        probabilities[:, :, 3], probabilities[:, :, BLANK] = 0.75, 0.25
        probabilities[1, 4] = np.eye(CLASSES)[BLANK]
        assert decode(probabilities).tolist() == [[3] * 5, [3, 3, 3, 3, BLANK]]
        assert confidence(probabilities).tolist() == [0.75**5, 0.75**4]

    def test_against_a_loop(self) -> None:
        probabilities = random_probabilities(6, random_slots(6, 50)[0])
        answers = decode(probabilities)
        assert answers.dtype == np.uint8
        for strip in range(50):
            expected = 1.0
            for slot in range(SLOTS):
                expected *= float(probabilities[strip, slot, answers[strip, slot]])
            assert confidence(probabilities)[strip] == pytest.approx(expected, rel=1e-12)

    def test_never_above_1(self) -> None:
        probabilities = certain(TRUE) * np.float32(1.0000002)
        assert confidence(probabilities).max() == 1.0

    def test_no_strip_is_no_error(self) -> None:
        nothing = np.zeros((0, SLOTS, CLASSES), np.float32)
        assert decode(nothing).shape == (0, SLOTS)
        assert confidence(nothing).shape == (0,)


def brute_coverage(confidences: NDArray[np.float64], correct: NDArray[np.bool_], target: float) -> Coverage:
    """Try every confidence as the threshold."""
    best = Coverage(0.0, None)
    for threshold in np.unique(confidences):
        answered = confidences >= threshold
        if correct[answered].mean() >= target and answered.mean() > best.coverage:
            best = Coverage(float(answered.mean()), float(threshold))
    return best


class TestCoverage:
    def test_by_hand(self) -> None:
        confidences = np.array([0.2, 0.9, 0.5, 0.7])
        correct = np.array([True, True, False, True])
        # Most confident first: right, right, wrong, right, an accuracy of 1, 1, 2/3, 3/4.
        assert coverage_at_accuracy(confidences, correct, 1.0) == Coverage(0.5, 0.7)
        assert coverage_at_accuracy(confidences, correct, 0.7) == Coverage(1.0, 0.2)

    def test_equal_confidences_stand_or_fall_together(self) -> None:
        # The right ones come first, yet no threshold answers them without the wrong one beside them.
        confidences = np.array([0.9, 0.8, 0.8, 0.8])
        assert coverage_at_accuracy(confidences, np.array([True, True, True, False]), 0.98) == Coverage(0.25, 0.9)
        assert coverage_at_accuracy(np.ones(4), np.array([True, True, True, False]), 0.98) == Coverage(0.0, None)
        assert coverage_at_accuracy(np.ones(4), np.array([True, True, True, False]), 0.75) == Coverage(1.0, 1.0)

    def test_all_right_all_wrong_and_one_strip(self) -> None:
        confidences = np.array([0.3, 0.6])
        assert coverage_at_accuracy(confidences, np.array([True, True])) == Coverage(1.0, 0.3)
        assert coverage_at_accuracy(confidences, np.array([False, False])) == Coverage(0.0, None)
        assert coverage_at_accuracy(np.array([0.4]), np.array([True])) == Coverage(1.0, 0.4)

    @pytest.mark.parametrize("strips", [50, 100, 150, 1_150, 20_000])
    def test_target_met_exactly(self, strips: int) -> None:
        # The last fiftieth is wrong: 98 % to the very strip, which rounding must not turn into less.
        confidences = np.linspace(1, 0, strips)
        assert coverage_at_accuracy(confidences, np.arange(strips) < strips * 49 // 50).coverage == 1.0

    @pytest.mark.parametrize("target", [0.5, 0.8, 0.98, 1.0])
    def test_against_brute_force(self, target: float) -> None:
        rng = np.random.default_rng(7)
        for strips in range(1, 60):
            confidences = np.round(rng.random(strips), 1 + strips % 2)  # rounded, for ties
            correct = rng.random(strips) < 0.3 + 0.7 * confidences
            assert coverage_at_accuracy(confidences, correct, target) == brute_coverage(confidences, correct, target)

    def test_threshold_answers_that_share(self) -> None:
        slots, _ = random_slots(8, 3_000)
        probabilities = random_probabilities(8, slots, 4.0)
        confidences, correct = confidence(probabilities), right(slots, decode(probabilities))
        result = coverage_at_accuracy(confidences, correct)
        assert result.threshold is not None
        assert 0 < result.coverage < 1
        answered = confidences >= json.loads(json.dumps(result.threshold))
        assert answered.mean() == result.coverage
        assert correct[answered].mean() >= 0.98

    @pytest.mark.parametrize("target", [0.0, 1.01, 98.0, float("nan")])
    def test_refuses_target(self, target: float) -> None:
        with pytest.raises(SettingsError, match="; Received: "):
            coverage_at_accuracy(np.ones(2), np.ones(2, bool), target)


class TestCalibration:
    def test_by_hand(self) -> None:
        # Two bins: 0.25 and 0.5 (the edge belongs below), one of two right, a gap of 0.125; 0.75 right, a gap of 0.25.
        confidences, correct = np.array([0.25, 0.5, 0.75]), np.array([True, False, True])
        assert expected_calibration_error(confidences, correct, 2) == pytest.approx((2 * 0.125 + 0.25) / 3)

    def test_ends(self) -> None:
        assert expected_calibration_error(np.ones(5), np.ones(5, bool)) == 0.0
        assert expected_calibration_error(np.ones(5), np.zeros(5, bool)) == 1.0
        assert expected_calibration_error(np.zeros(5), np.zeros(5, bool)) == 0.0
        assert expected_calibration_error(np.array([0.25]), np.array([True])) == 0.75

    def test_against_a_loop(self) -> None:
        rng = np.random.default_rng(9)
        confidences = np.concatenate([rng.random(500), np.arange(16) / 15])
        correct = rng.random(516) < confidences**2
        expected = 0.0
        for index in range(15):
            inside = (confidences > index / 15) & (confidences <= (index + 1) / 15)
            if index == 0:
                inside |= confidences == 0
            if inside.any():
                expected += inside.mean() * abs(correct[inside].mean() - confidences[inside].mean())
        assert expected_calibration_error(confidences, correct) == pytest.approx(expected)

    def test_refuses_bins(self) -> None:
        with pytest.raises(SettingsError, match="; Received: 0"):
            expected_calibration_error(np.ones(2), np.ones(2, bool), 0)


class TestConfusion:
    def test_by_hand(self) -> None:
        counts = confusion(TRUE, READ)
        assert counts.shape == (CLASSES, CLASSES)
        # 5 read as 6; a blank read as 6; the final 1 read as blank; 7 as 8.
        assert counts[5, 6] == counts[BLANK, 6] == counts[1, BLANK] == counts[7, 8] == 1
        # Blank and read as blank: two slots of 123, three of 45, three of 6.
        assert counts[BLANK, BLANK] == 8
        assert counts.sum() == TRUE.size

    def test_against_scikit_learn(self) -> None:
        slots, answers = random_slots(10, 500, 0.4)
        expected = confusion_matrix(slots.ravel(), answers.ravel(), labels=range(CLASSES))
        np.testing.assert_array_equal(confusion(slots, answers), expected)


KEYS = [
    "strips",
    "digit_accuracy",
    "sequence_accuracy",
    "sequence_interval",
    "accuracy_by_slot",
    "accuracy_by_length",
    "character_error_rate",
    "coverage_98",
    "threshold_98",
    "expected_calibration_error",
    "confusion",
]


class TestMeasure:
    def test_one_strip_right(self) -> None:
        measures = measure(texts_to_slots(["12"]), certain(texts_to_slots(["12"])))
        assert list(measures) == KEYS
        assert measures["strips"] == 1
        assert measures["digit_accuracy"] == measures["sequence_accuracy"] == measures["coverage_98"] == 1.0
        # One of one: 1 / (1 + z²) to 1.
        assert measures["sequence_interval"] == pytest.approx([1 / (1 + 1.959964**2), 1.0])
        assert measures["accuracy_by_slot"] == [1.0, 1.0, None, None, None]
        assert measures["accuracy_by_length"] == {"2": {"accuracy": 1.0, "strips": 1}}
        assert measures["character_error_rate"] == measures["expected_calibration_error"] == 0.0
        assert measures["threshold_98"] == 1.0

    def test_all_wrong(self) -> None:
        measures = measure(texts_to_slots(["11111", "22222"]), certain(texts_to_slots(["33333", "44444"])))
        assert measures["digit_accuracy"] == measures["sequence_accuracy"] == measures["coverage_98"] == 0.0
        assert measures["character_error_rate"] == measures["expected_calibration_error"] == 1.0
        assert measures["threshold_98"] is None

    def test_json_keeps_it(self) -> None:
        slots, _ = random_slots(11, 400)
        measures = measure(slots, random_probabilities(11, slots))
        assert json.loads(json.dumps(measures, allow_nan=False)) == measures

    def test_agrees_with_the_parts(self) -> None:
        slots, _ = random_slots(12, 400)
        probabilities = random_probabilities(12, slots)
        answers, measures = decode(probabilities), measure(slots, probabilities)
        assert 0.1 < measures["sequence_accuracy"] < 0.9
        assert measures["digit_accuracy"] == digit_accuracy(slots, answers)
        assert measures["sequence_accuracy"] == sequence_accuracy(slots, answers)
        assert measures["sequence_interval"][0] < measures["sequence_accuracy"] < measures["sequence_interval"][1]
        assert measures["accuracy_by_slot"] == accuracy_by_slot(slots, answers)
        assert measures["character_error_rate"] == character_error_rate(slots, answers)
        assert measures["confusion"] == confusion(slots, answers).tolist()

    @pytest.mark.parametrize(
        ("slots", "probabilities"),
        [
            (TRUE, certain(TRUE)[:3]),
            (TRUE[:0], certain(TRUE)[:0]),
            (TRUE[:, :4], certain(TRUE)),
            (TRUE[0], certain(TRUE)[:1]),
            (TRUE.astype(float), certain(TRUE)),
            (TRUE + np.uint8(1), certain(TRUE)),
            (TRUE, certain(TRUE).reshape(4, 55)),
            (TRUE, certain(TRUE).astype(int)),
            (TRUE, certain(TRUE) * 3 - 1),
            (TRUE, certain(TRUE) * 0.5),
            (TRUE, certain(TRUE) * np.float32("nan")),
        ],
    )
    def test_refuses(self, slots: Any, probabilities: Any) -> None:
        with pytest.raises(DataError, match="; Received: "):
            measure(slots, probabilities)


@pytest.mark.parametrize("of", [coverage_at_accuracy, expected_calibration_error])
@pytest.mark.parametrize(
    ("confidences", "correct"),
    [
        (np.ones(0), np.ones(0, bool)),
        (np.ones(3), np.ones(4, bool)),
        (np.ones((2, 2)), np.ones((2, 2), bool)),
        (np.ones(3), np.ones(3)),
        (np.full(3, 1.5), np.ones(3, bool)),
        (np.full(3, np.nan), np.ones(3, bool)),
    ],
)
def test_confidences_are_checked(of: Callable[..., object], confidences: object, correct: object) -> None:
    with pytest.raises(DataError, match="; Received: "):
        of(confidences, correct)
