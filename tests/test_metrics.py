"""Measures against cases worked by hand, brute force and scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix  # type: ignore[import-untyped, unused-ignore]

from multidigit import metrics
from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, CLASSES, slots_to_text, slots_to_vector, text_to_slots, texts_to_slots
from multidigit.metrics import Coverage, coverage_at_accuracy, expected_calibration_error

Slots = NDArray[np.uint8]
TRUE = texts_to_slots(["123", "45", "6", "78901"], 5)
READ = texts_to_slots(["123", "46", "66", "8901"], 5)
"""All right; one digit wrong; one digit too many; the first digit missed, so that every slot is off."""


def random_slots(seed: int, count: int, errors: float = 0.1, slots: int = 5) -> tuple[Slots, Slots]:
    """True numbers of any length, and answers with random classes in some slots, blanks between digits too."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 10, (count, slots), np.uint8)
    true[np.arange(slots) >= rng.integers(1, slots + 1, (count, 1))] = BLANK
    answers = np.where(rng.random(true.shape) < errors, rng.integers(0, CLASSES, true.shape), true)
    return true, answers.astype(np.uint8)


def random_probabilities(seed: int, slots: Slots, sharpness: float = 3.0) -> NDArray[np.float32]:
    """Probabilities that lean towards the given slots."""
    noise = np.random.default_rng(seed).normal(size=(*slots.shape, CLASSES))
    scores = np.exp(noise + sharpness * slots_to_vector(slots).reshape(noise.shape))
    return np.asarray(scores / scores.sum(-1, keepdims=True), np.float32)


def certain(slots: Slots) -> NDArray[np.float32]:
    """Probabilities of 1 for the given slots."""
    return slots_to_vector(slots).reshape(*slots.shape, CLASSES)


def levenshtein(first: str, second: str) -> int:
    """The recursive definition."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(first), len(second))


def test_accuracies_by_hand() -> None:
    assert metrics.right(TRUE, READ).tolist() == [True, False, False, False]
    assert metrics.sequence_accuracy(TRUE, READ) == 0.25
    # Slots counted 3 + 2 + 2 + 5, right 3 + 1 + 1 + 0.
    assert metrics.digit_accuracy(TRUE, READ) == 5 / 12
    # 78901 against 8901_ misses all five.
    assert metrics.accuracy_by_slot(TRUE, READ) == [3 / 4, 1 / 4, 1 / 2, 0.0, 0.0]
    assert metrics.accuracy_by_length(TRUE, READ) == {
        1: {"accuracy": 0.0, "strips": 1},
        2: {"accuracy": 0.0, "strips": 1},
        3: {"accuracy": 1.0, "strips": 1},
        5: {"accuracy": 0.0, "strips": 1},
    }
    # Nothing; one replaced; one inserted; one deleted: 3 over 3 + 2 + 1 + 5 characters.
    distances = metrics.edit_distances(TRUE, READ)
    assert (distances.dtype, distances.tolist()) == (np.int64, [0, 1, 1, 1])
    assert metrics.character_error_rate(TRUE, READ) == 3 / 11
    counts = metrics.confusion(TRUE, READ)
    # 5 read as 6; a blank read as 6; the final 1 read as blank; 7 as 8.
    assert counts[5, 6] == counts[BLANK, 6] == counts[1, BLANK] == counts[7, 8] == 1
    # Blank and read as blank: two slots of 123, three of 45, three of 6.
    assert counts[BLANK, BLANK] == 8


def test_blank_slots_do_not_count() -> None:
    slots, answers = texts_to_slots(["1"], 5), texts_to_slots(["2"], 5)
    assert metrics.digit_accuracy(slots, answers) == 0.0
    assert metrics.accuracy_by_slot(slots, answers) == [0.0, None, None, None, None]


def test_a_gap_in_the_answer_is_wrong() -> None:
    # The same text, but not the same slots.
    true, answers = texts_to_slots(["12"], 5), np.array([[1, BLANK, 2, BLANK, BLANK]], np.uint8)
    assert metrics.sequence_accuracy(true, answers) == 0.0
    assert metrics.digit_accuracy(true, answers) == 1 / 3
    assert metrics.character_error_rate(true, answers) == 0.0


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_accuracies_against_scikit_learn(slots: int) -> None:
    true, answers = random_slots(1, 700, slots=slots)
    counted = (true != BLANK) | (answers != BLANK)
    assert metrics.digit_accuracy(true, answers) == pytest.approx(accuracy_score(true[counted], answers[counted]))
    texts = ["".join(map(chr, row + 65)) for row in true], ["".join(map(chr, row + 65)) for row in answers]
    assert metrics.sequence_accuracy(true, answers) == pytest.approx(accuracy_score(*texts))
    for slot, accuracy in enumerate(metrics.accuracy_by_slot(true, answers)):
        column = counted[:, slot]
        assert accuracy == pytest.approx(accuracy_score(true[column, slot], answers[column, slot]))
    by_length = metrics.accuracy_by_length(true, answers)
    assert list(by_length) == list(range(1, slots + 1))
    for length, row in by_length.items():
        chosen = (true != BLANK).sum(1) == length
        assert row == {"accuracy": (true == answers)[chosen].all(1).mean(), "strips": chosen.sum()}
    expected = confusion_matrix(true.ravel(), answers.ravel(), labels=range(CLASSES))
    np.testing.assert_array_equal(metrics.confusion(true, answers), expected)


def test_no_digit_at_all() -> None:
    blank = np.full((2, 5), BLANK, np.uint8)
    assert metrics.sequence_accuracy(blank, blank) == 1.0
    for needs_a_digit, named in ((metrics.digit_accuracy, "digit"), (metrics.character_error_rate, "the character")):
        with pytest.raises(DataError, match=f"^{named} .* needs a .*digit.*; received blank slots only$"):
            needs_a_digit(blank, blank)


def test_character_error_rate_may_exceed_1() -> None:
    assert metrics.character_error_rate(texts_to_slots(["1"], 5), texts_to_slots(["23456"], 5)) == 5.0


@pytest.mark.parametrize(("slots", "errors"), [(1, 0.5), (5, 0.1), (5, 1.0), (12, 0.3)])
def test_edit_distances_against_brute_force(slots: int, errors: float) -> None:
    true, answers = random_slots(2, 300, errors, slots)
    # Few different digits, so that shifted matches occur.
    true, answers = (np.where(each == BLANK, BLANK, each % 3).astype(np.uint8) for each in (true, answers))
    expected = [levenshtein(slots_to_text(a), slots_to_text(b)) for a, b in zip(true, answers, strict=True)]
    assert metrics.edit_distances(true, answers).tolist() == expected
    assert metrics.edit_distances(answers, true).tolist() == expected


def test_answers_and_confidence() -> None:
    probabilities = np.zeros((2, 5, CLASSES), np.float32)
    probabilities[:, :, 3], probabilities[:, :, BLANK] = 0.75, 0.25
    probabilities[1, 4] = np.eye(CLASSES)[BLANK]
    found = metrics.answers(probabilities)
    assert found.dtype == np.uint8
    assert found.tolist() == [[3] * 5, [3, 3, 3, 3, BLANK]]
    assert metrics.confidence(probabilities).tolist() == [0.75**5, 0.75**4]
    assert metrics.confidence(certain(TRUE) * np.float32(1.0000002)).max() == 1.0
    assert metrics.answers(probabilities[:0]).shape == (0, 5)
    assert metrics.confidence(probabilities[:0]).shape == (0,)


class TestCoverage:
    def test_by_hand(self) -> None:
        confidences = np.array([0.2, 0.9, 0.5, 0.7])
        correct = np.array([True, True, False, True])
        # Most confident first: right, right, wrong, right, an accuracy of 1, 1, 2/3, 3/4.
        assert coverage_at_accuracy(confidences, correct, 1.0) == Coverage(0.5, 0.7)
        assert coverage_at_accuracy(confidences, correct, 0.7) == Coverage(1.0, 0.2)

    def test_equal_confidences_are_answered_together(self) -> None:
        # The right ones come first, yet no threshold answers them without the wrong one beside them.
        confidences = np.array([0.9, 0.8, 0.8, 0.8])
        assert coverage_at_accuracy(confidences, np.array([True, True, True, False]), 0.98) == Coverage(0.25, 0.9)
        assert coverage_at_accuracy(np.ones(4), np.array([True, True, True, False]), 0.98) == Coverage(0.0, None)
        assert coverage_at_accuracy(np.ones(4), np.array([True, True, True, False]), 0.75) == Coverage(1.0, 1.0)

    @pytest.mark.parametrize("strips", [50, 150, 1_150, 20_000])
    def test_target_met_exactly(self, strips: int) -> None:
        # The last fiftieth is wrong: exactly 98 %, which rounding must not turn into less.
        confidences = np.linspace(1, 0, strips)
        assert coverage_at_accuracy(confidences, np.arange(strips) < strips * 49 // 50).coverage == 1.0

    @pytest.mark.parametrize("target", [0.5, 0.8, 0.98, 1.0])
    def test_against_brute_force(self, target: float) -> None:
        rng = np.random.default_rng(7)
        for strips in range(1, 40):
            confidences = np.round(rng.random(strips), 1 + strips % 2)  # rounded, for ties
            correct = rng.random(strips) < 0.3 + 0.7 * confidences
            best = Coverage(0.0, None)
            for threshold in np.unique(confidences):
                answered = confidences >= threshold
                if correct[answered].mean() >= target and answered.mean() > best.coverage:
                    best = Coverage(float(answered.mean()), float(threshold))
            assert coverage_at_accuracy(confidences, correct, target) == best

    @pytest.mark.parametrize("target", [0.0, 1.01, float("nan")])
    def test_refuses_target(self, target: float) -> None:
        with pytest.raises(SettingsError, match=f"received {target}"):
            coverage_at_accuracy(np.ones(2), np.ones(2, bool), target)


class TestCalibrationError:
    def test_by_hand(self) -> None:
        # Two bins: 0.25 and 0.5 (the edge belongs below), both right, a gap of 1.25 / 2; 0.75 wrong, a gap of 0.75 the
        # other way, which must not make up for the first.
        confidences, correct = np.array([0.25, 0.5, 0.75]), np.array([True, True, False])
        assert expected_calibration_error(confidences, correct, 2) == pytest.approx((1.25 + 0.75) / 3)
        # In a single bin it does.
        assert expected_calibration_error(confidences, correct, 1) == pytest.approx((1.25 - 0.75) / 3)
        assert expected_calibration_error(np.ones(5), np.ones(5, bool)) == 0.0
        assert expected_calibration_error(np.ones(5), np.zeros(5, bool)) == 1.0
        assert expected_calibration_error(np.zeros(5), np.zeros(5, bool)) == 0.0

    def test_against_a_loop(self) -> None:
        rng = np.random.default_rng(9)
        confidences = np.concatenate([rng.random(500), np.arange(16) / 15])
        # Right half of the time: too timid below and too sure above, so that bins matter.
        correct = rng.random(516) < 0.5
        expected = 0.0
        for index in range(15):
            inside = (confidences > index / 15) & (confidences <= (index + 1) / 15)
            if index == 0:
                inside |= confidences == 0
            if inside.any():
                expected += inside.mean() * abs(correct[inside].mean() - confidences[inside].mean())
        assert expected_calibration_error(confidences, correct) == pytest.approx(expected)

    def test_refuses_bins(self) -> None:
        with pytest.raises(SettingsError, match="received 0"):
            expected_calibration_error(np.ones(2), np.ones(2, bool), 0)


class TestMeasure:
    def test_one_strip_right(self) -> None:
        slots = text_to_slots("12", 5)[None]
        measures = metrics.measure(slots, certain(slots))
        assert measures["strips"] == 1
        assert measures["digit_accuracy"] == measures["sequence_accuracy"] == measures["coverage_98"] == 1.0
        # One of one: 1 / (1 + z²) to 1.
        assert measures["sequence_interval"] == pytest.approx([1 / (1 + 1.959964**2), 1.0])
        assert measures["accuracy_by_slot"] == [1.0, 1.0, None, None, None]
        assert measures["accuracy_by_length"] == {"2": {"accuracy": 1.0, "strips": 1}}
        assert measures["character_error_rate"] == measures["expected_calibration_error"] == 0.0
        assert measures["threshold_98"] == 1.0

    def test_all_wrong(self) -> None:
        measures = metrics.measure(texts_to_slots(["111", "222"], 3), certain(texts_to_slots(["333", "444"], 3)))
        assert measures["digit_accuracy"] == measures["sequence_accuracy"] == measures["coverage_98"] == 0.0
        assert measures["character_error_rate"] == measures["expected_calibration_error"] == 1.0
        assert measures["threshold_98"] is None

    @pytest.mark.parametrize("slots", [1, 3, 8, 12])
    def test_agrees_with_the_parts_and_survives_json(self, slots: int) -> None:
        true, _ = random_slots(12, 400, slots=slots)
        probabilities = random_probabilities(12, true, 4.0)
        answers, measures = metrics.answers(probabilities), metrics.measure(true, probabilities)
        confidences, correct = metrics.confidence(probabilities), metrics.right(true, answers)
        assert json.loads(json.dumps(measures, allow_nan=False)) == measures
        assert 0.1 < measures["sequence_accuracy"] < 0.99
        low, high = measures["sequence_interval"]
        assert low < measures["sequence_accuracy"] < high
        for name in ("digit_accuracy", "sequence_accuracy", "accuracy_by_slot", "character_error_rate"):
            assert measures[name] == getattr(metrics, name)(true, answers)
        assert measures["expected_calibration_error"] == expected_calibration_error(confidences, correct)
        assert measures["confusion"] == metrics.confusion(true, answers).tolist()
        answered = confidences >= measures["threshold_98"]
        assert answered.mean() == measures["coverage_98"] > 0
        assert correct[answered].mean() >= 0.98

    @pytest.mark.parametrize(
        ("slots", "probabilities"),
        [
            (TRUE, certain(TRUE)[:3]),
            (TRUE[:0], certain(TRUE)[:0]),
            (TRUE[:, :4], certain(TRUE)),
            (TRUE[0], certain(TRUE)[:1]),
            (TRUE.astype(float), certain(TRUE)),
            (TRUE + np.uint8(1), certain(TRUE)),
            (TRUE, certain(TRUE) * 0.5),
        ],
    )
    def test_refuses(self, slots: Any, probabilities: Any) -> None:
        with pytest.raises(DataError, match="; received "):
            metrics.measure(slots, probabilities)


def test_which_slots_are_wrong_is_named() -> None:
    for true, answers, message in (
        (TRUE + np.uint8(1), READ, "^true slots must lie within 0 to 10; received 1 to 11$"),
        (TRUE, READ.astype(np.int64) - 1, "^answered slots must lie within 0 to 10; received -1 to 9$"),
        (TRUE[0], READ, r"^true slots must be whole numbers of shape \(N, slots\); received uint8 of shape \(5,\)$"),
        (TRUE, READ * 1.0, r"^answered slots must be whole numbers of .*; received float64 of shape \(4, 5\)$"),
    ):
        with pytest.raises(DataError, match=message):
            metrics.right(true, answers)


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
    with pytest.raises(DataError, match=r"^confidences .*; received "):
        of(confidences, correct)
