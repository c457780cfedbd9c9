"""The error breakdown: models that err for one known reason, and the share under which this must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit import error_breakdown
from multidigit.error_breakdown import CAUSES, STAGES, STRIPS, attribute_errors, break_down_errors
from multidigit.labels import BLANK, CLASSES, lengths
from multidigit.reading.calibration import Calibration
from multidigit.settings import validate
from multidigit.strips.compose import CHUNK, Strips
from multidigit.strips.stream import StripStream

COUNT = 200
Slots = NDArray[np.uint8]


class Knower:
    """A model that knows every strip that it may be shown, and errs where ``err`` says so.

    Its answer has a probability of 0.6 in each slot, and the truth 0.3 where that is something else. A strip that it
    does not know it takes for the number 7, with the confidence ``surprise``.
    """

    def __init__(self, stream: StripStream, test: Strips, surprise: float = 0.3) -> None:
        self.surprise, self.read = surprise, 0
        there = np.nonzero(test.slots != BLANK)
        self.digits = np.full((len(there[0]), test.slots.shape[1]), BLANK, np.uint8)
        self.digits[:, 0] = test.slots[there]
        self.pictures = {
            "whole": (test.images, test.slots),
            "alone": (stream.alone("test", test)[there], self.digits),
            "clean": (stream.alone("test", test, affected=False)[there], self.digits),
        }
        self.known: dict[bytes, tuple[Slots, Slots]] = {}
        self.err()

    def err(self, **answers: Slots) -> None:
        """Answers instead of the truth, by kind of picture."""
        for kind, (images, truth) in self.pictures.items():
            for image, slots, answer in zip(images, truth, answers.get(kind, truth), strict=True):
                self.known[image.tobytes()] = (slots, answer)

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.read += len(strips)
        slots = np.arange(self.digits.shape[1])
        found = np.zeros((len(strips), len(slots), CLASSES))
        for row, strip in zip(found, strips, strict=True):
            truth, answer = self.known.get(strip.tobytes(), (None, None))
            if truth is None or answer is None:
                row[1:, BLANK] = row[0, 7] = self.surprise
            else:
                row[slots, truth] += 0.3
                row[slots, answer] += 0.3 + 0.3 * (truth != answer)
            row += (1 - row.sum(-1, keepdims=True)) / CLASSES
        return found.astype(np.float32)


@dataclass
class Case:
    stream: StripStream
    test: Strips
    model: Knower

    def break_down(self, calibration: Calibration | None = None) -> dict[str, Any]:
        found = break_down_errors(cast(Any, self.model), self.stream, self.test, calibration)
        assert list(found) == ["strips", *STAGES, "shares"]
        assert list(found["shares"]) == list(CAUSES)
        assert found["strips"] == len(self.test)
        assert sum(found["shares"].values()) == pytest.approx(1 - found["guessed"])
        return found


def make(npz: Path, **settings: Any) -> Case:
    """Strips and a model that knows them: pictures of a strip, of its digits alone and without effects all differ."""
    faint = {"contrast": {"probability": 1, "strength": [1, 2]}}
    layout = {"name": "free", "length": [2, 5]}
    stream = StripStream(validate({"digits": str(npz), "layout": layout, "effects": faint, **settings}))
    test = stream.fixed("test", COUNT)
    return Case(stream, test, Knower(stream, test))


@pytest.fixture
def case(toy_npz: Path) -> Case:
    return make(toy_npz)


def fives(truth: Slots) -> Slots:
    """The same numbers, every 3 taken for a 5."""
    return np.where(truth == 3, 5, truth).astype(np.uint8)


def assert_only(found: dict[str, Any], **shares: float) -> None:
    for cause in CAUSES:
        assert found["shares"][cause] == pytest.approx(shares.get(cause, 0)), cause


class TestCauses:
    @pytest.mark.parametrize("slots", [3, 8])
    def test_a_model_that_errs_nowhere_has_no_error(self, toy_npz: Path, slots: int) -> None:
        found = make(toy_npz, slots=slots, layout={"name": "free", "length": [1, slots]}).break_down()
        assert [found[stage] for stage in STAGES] == [1] * 5
        assert_only(found)

    def test_a_wrong_length_is_length(self, case: Case) -> None:
        truth = case.test.slots
        long = lengths(truth) > 3
        shorter = truth.copy()
        shorter[long, lengths(truth)[long] - 1] = BLANK
        case.model.err(whole=shorter)
        assert 0.3 < long.mean() < 0.7
        assert_only(case.break_down(), length=long.mean())

    def test_digits_misread_together_but_not_alone_are_place(self, case: Case) -> None:
        answers = case.test.slots.copy()
        answers[::4, 0] = (answers[::4, 0] + 1) % 10
        case.model.err(whole=answers)
        assert_only(case.break_down(), place=1 / 4)

    def test_digits_misread_only_under_effects_are_quality(self, case: Case) -> None:
        case.model.err(whole=fives(case.test.slots), alone=fives(case.model.digits))
        assert_only(case.break_down(), quality=(case.test.slots == 3).any(1).mean())

    def test_a_digit_taken_for_another_even_alone_is_class(self, case: Case) -> None:
        case.model.err(**{kind: fives(truth) for kind, (_, truth) in case.model.pictures.items()})
        assert_only(case.break_down(), **{"class": (case.test.slots == 3).any(1).mean()})

    def test_true_cuts_that_do_harm_count_below_zero(self, case: Case) -> None:
        threes = (case.test.slots == 3).any(1).mean()
        case.model.err(alone=fives(case.model.digits), clean=fives(case.model.digits))
        found = case.break_down()
        assert found["length"] == 1
        assert_only(found, place=-threes, **{"class": threes})

    def test_alone_a_digit_is_read_as_a_digit_whatever_the_length(self, case: Case) -> None:
        """The other slots are ignored, and blank is no answer: the cut says that there is a digit."""
        blank, more = np.full_like(case.model.digits, BLANK), case.model.digits.copy()
        more[:, 1:] = 4
        case.model.err(alone=blank, clean=more)
        assert_only(case.break_down())

    def test_strips_without_a_number_are_right_once_the_length_is_given(self, toy_npz: Path) -> None:
        case = make(toy_npz, effects="none", layout={"name": "free", "empty": 0.4})
        empty = (case.test.slots == BLANK).all(1)
        assert 0.3 < empty.mean() < 0.5
        numbers = case.test.slots.copy()
        numbers[empty, 0] = 1
        case.model.err(whole=numbers)
        found = case.break_down()
        assert found["shares"]["length"] == pytest.approx(empty.mean(), abs=0.01)
        assert found["length"] == 1


class TestPolarity:
    """Half of the strips are shown as negatives; ``in_ink`` decides what is made of them."""

    @pytest.fixture
    @staticmethod
    def see_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[NDArray[np.uint8]]]:
        """Replaces ``in_ink``; returns the list of pictures that are shown to it."""

        def replace(see: Callable[[NDArray[np.uint8]], list[NDArray[np.uint8]]]) -> list[NDArray[np.uint8]]:
            pictures: list[NDArray[np.uint8]] = []

            def in_ink(picture: NDArray[np.uint8], stretched: bool) -> list[NDArray[np.uint8]]:
                assert not stretched
                pictures.append(picture)
                return see(picture)

            monkeypatch.setattr(error_breakdown, "in_ink", in_ink)
            return pictures

        return replace

    def test_pictures_that_are_never_inverted_are_wrong_for_their_polarity(self, case: Case, see_as: Any) -> None:
        pictures = see_as(lambda picture: [picture])
        found = case.break_down()
        inverted = [np.array_equal(255 - one, two) for one, two in zip(pictures, case.test.images, strict=True)]
        same = [np.array_equal(one, two) for one, two in zip(pictures, case.test.images, strict=True)]
        assert np.not_equal(same, inverted).all()
        assert 0.4 < np.mean(inverted) < 0.6
        assert_only(found, polarity=np.mean(inverted))

    def test_of_two_the_more_confident_reading_counts(self, case: Case, see_as: Any) -> None:
        see_as(lambda picture: [picture, 255 - picture])
        # What it knows it answers with 0.6 in each slot.
        assert_only(case.break_down())
        case.model.surprise = 0.9
        assert_only(case.break_down(), polarity=1)

        class Reversed(Calibration):
            """Turns the order of confidences round."""

            def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
                top = probabilities.max(-1, keepdims=True)
                chosen = np.where(probabilities == top, np.where(top > 0.8, 0.5, 0.9), 0)
                return (chosen + (1 - chosen.sum(-1, keepdims=True)) / CLASSES).astype(np.float32)

        assert_only(case.break_down(Reversed()))

    def test_what_was_read_already_is_not_read_again(self, case: Case, see_as: Any) -> None:
        shown: list[bool] = []

        def see(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
            # As they are: every view is a strip that was read.
            shown.append(np.array_equal(picture, case.test.images[len(shown)]))
            return [picture if shown[-1] else 255 - picture]

        see_as(see)
        case.break_down()
        assert case.model.read == COUNT + 2 * len(case.model.digits)

    def test_clean_strips_are_distinguished_from_their_negatives(self, toy_npz: Path) -> None:
        case = make(toy_npz, effects="none", layout="structured")
        found = case.break_down()
        assert_only(found)
        # Without effects nothing is read twice.
        assert found["clean"] == found["cuts"]
        assert case.model.read == COUNT + len(case.model.digits)


@pytest.mark.parametrize("layout", ["structured", "free"])
def test_of_many_test_strips_the_first_are_read(toy_npz: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their digits alone are drawn anew: they must be those of the very same strips."""
    assert STRIPS % CHUNK == 0
    monkeypatch.setattr(error_breakdown, "STRIPS", CHUNK)
    stream = StripStream(validate({"digits": str(toy_npz), "layout": layout}))
    test = stream.fixed("test", CHUNK + 100)
    model = Knower(stream, Strips(test.images[:CHUNK], test.slots[:CHUNK]))
    found = break_down_errors(cast(Any, model), stream, test)
    assert found["strips"] == CHUNK
    assert found["read"] == found["clean"] == 1


def test_shares_are_what_each_help_removes() -> None:
    right = {"guessed": 1, "read": 2, "length": 4, "cuts": 3, "clean": 7}
    found = attribute_errors(10, right)
    assert found["shares"] == {"polarity": 0.1, "length": 0.2, "place": -0.1, "quality": 0.4, "class": 0.3}
    assert {stage: found[stage] for stage in STAGES} == {stage: count / 10 for stage, count in right.items()}
