"""The error budget: models that err for one known reason, and the share that this must come out under."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit import error_breakdown
from multidigit.error_breakdown import CAUSES, STAGES, STRIPS, attribute_errors, break_down_errors
from multidigit.labels import BLANK, CLASSES, SLOTS, lengths
from multidigit.settings import validate
from multidigit.strips.compose import CHUNK, Strips
from multidigit.strips.stream import StripStream

COUNT = 300
Slots = NDArray[np.uint8]
Spoil = Callable[[Slots], Slots]


class Knower:
    """A model that knows every strip that it may be asked for, and errs where it is told to.

    What it knows is told with a probability of 0.6, and the truth with 0.3 where that is something else. A strip that
    it does not know it takes for the number 7, as sure as ``surprise``.
    """

    def __init__(self, stream: StripStream, test: Strips, surprise: float = 0.3) -> None:
        self.test, self.surprise, self.asked = test, surprise, 0
        there = np.nonzero(test.slots != BLANK)
        digits = np.full((len(there[0]), SLOTS), BLANK, np.uint8)
        digits[:, 0] = test.slots[there]
        self.digits = digits
        self.pictures = {
            "whole": (test.images, test.slots),
            "alone": (stream.alone("test", test)[there], digits),
            "clean": (stream.alone("test", test, affected=False)[there], digits),
        }
        self.known: dict[bytes, tuple[Slots, Slots]] = {}
        self.err()

    def err(self, **spoil: Slots) -> None:
        """What is to be answered instead of the truth, by kind of picture."""
        for kind, (images, truth) in self.pictures.items():
            for image, slots, answer in zip(images, truth, spoil.get(kind, truth), strict=True):
                self.known[image.tobytes()] = (slots, answer)

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += len(strips)
        found = np.zeros((len(strips), SLOTS, CLASSES))
        for row, strip in zip(found, strips, strict=True):
            slots, answer = self.known.get(strip.tobytes(), (None, None))
            if slots is None or answer is None:
                row[1:, BLANK] = row[0, 7] = self.surprise
            else:
                row[np.arange(SLOTS), slots] += 0.3
                row[np.arange(SLOTS), answer] += 0.3 + 0.3 * (slots != answer)
            row += (1 - row.sum(-1, keepdims=True)) / CLASSES
        return found.astype(np.float32)


def make(npz: Path, **data: Any) -> tuple[StripStream, Strips, Knower]:
    """Strips, and who knows them: no two pictures, of a strip, a digit alone and one without effects, are the same."""
    faint = {"contrast": {"probability": 1, "strength": [1, 2]}}
    layout = {"name": "free", "length": [2, 5]}
    stream = StripStream(validate({"digits": str(npz), "layout": layout, "effects": faint, **data}))
    test = stream.fixed("test", COUNT)
    return stream, test, Knower(stream, test)


@pytest.fixture
def known(toy_npz: Path) -> tuple[StripStream, Strips, Knower]:
    return make(toy_npz)


def of(known: tuple[StripStream, Strips, Knower]) -> dict[str, Any]:
    stream, test, model = known
    found = break_down_errors(cast(Any, model), stream, test)
    assert list(found) == ["strips", *STAGES, "shares"]
    assert list(found["shares"]) == list(CAUSES)
    assert found["strips"] == len(test)
    assert sum(found["shares"].values()) == pytest.approx(1 - found["guessed"])
    return found


def other(slots: Slots, rows: Any) -> Slots:
    """The same numbers, with another first digit in some rows."""
    changed = slots.copy()
    changed[rows, 0] = (changed[rows, 0] + 1) % 10
    return changed


def assert_only(found: dict[str, Any], **shares: float) -> None:
    for cause in CAUSES:
        assert found["shares"][cause] == pytest.approx(shares.get(cause, 0)), cause


def test_who_errs_nowhere_has_no_error(known: Any) -> None:
    found = of(known)
    assert [found[stage] for stage in STAGES] == [1] * 5
    assert_only(found)


def test_a_length_that_is_misjudged_is_length(known: Any) -> None:
    _, test, model = known
    long = lengths(test.slots) > 3
    shorter = test.slots.copy()
    shorter[long, lengths(test.slots)[long] - 1] = BLANK
    model.err(whole=shorter)
    assert 0.3 < long.mean() < 0.7
    assert_only(of(known), length=long.mean())


def test_digits_misread_together_but_not_alone_are_place(known: Any) -> None:
    _, test, model = known
    some = np.arange(COUNT) % 3 == 0
    model.err(whole=other(test.slots, some))
    assert_only(of(known), place=1 / 3)


def fives(truth: Slots) -> Slots:
    """The same numbers, every 3 taken for a 5."""
    return np.where(truth == 3, 5, truth).astype(np.uint8)


def test_digits_misread_under_effects_only_are_quality(known: Any) -> None:
    _, test, model = known
    model.err(whole=fives(test.slots), alone=fives(model.digits))
    assert_only(of(known), quality=(test.slots == 3).any(1).mean())


def test_a_digit_taken_for_another_even_alone_is_class(known: Any) -> None:
    _, test, model = known
    model.err(**{kind: fives(truth) for kind, (_, truth) in model.pictures.items()})
    assert_only(of(known), **{"class": (test.slots == 3).any(1).mean()})


def test_true_cuts_that_do_harm_count_below_nought(known: Any) -> None:
    _, test, model = known
    threes = (test.slots == 3).any(1).mean()
    model.err(alone=fives(model.digits), clean=fives(model.digits))
    found = of(known)
    assert found["length"] == 1
    assert_only(found, place=-threes, **{"class": threes})


def test_alone_a_digit_is_taken_for_a_digit_whatever_the_length(known: Any) -> None:
    """Nothing is made of the other slots, and blank is no answer: the cut says that there is a digit."""
    model = known[2]
    blank, more = np.full_like(model.digits, BLANK), model.digits.copy()
    more[:, 1:] = 4
    model.err(alone=blank, clean=more)
    assert_only(of(known))


class TestPolarity:
    """Half of the strips are shown as negatives; what comes of these is the business of ``candidates``."""

    @pytest.fixture
    @staticmethod
    def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[NDArray[np.uint8]]]:
        """Has pictures seen in a way of its own; gives the list of those that are shown."""

        def see_as(seen: Callable[[NDArray[np.uint8]], list[NDArray[np.uint8]]]) -> list[NDArray[np.uint8]]:
            pictures: list[NDArray[np.uint8]] = []

            def candidates(picture: NDArray[np.uint8], _slots: int) -> NDArray[np.uint8]:
                pictures.append(picture)
                return np.stack(seen(picture))

            monkeypatch.setattr(error_breakdown, "candidates", candidates)
            return pictures

        return see_as

    def negatives(self, pictures: list[NDArray[np.uint8]], test: Strips) -> float:
        same = np.array([np.array_equal(*both) for both in zip(pictures, test.images, strict=True)])
        inverted = np.array([np.array_equal(255 - one, two) for one, two in zip(pictures, test.images, strict=True)])
        assert (same | inverted).all()
        assert 0.4 < inverted.mean() < 0.6
        return float(inverted.mean())

    def test_whoever_never_turns_a_picture_errs_in_polarity(self, known: Any, shown: Any) -> None:
        pictures = shown(lambda picture: [picture])
        found = of(known)
        assert_only(found, polarity=self.negatives(pictures, known[1]))

    def test_of_two_the_surer_reading_counts(self, known: Any, shown: Any) -> None:
        shown(lambda picture: [picture, 255 - picture])
        model = known[2]
        # What it knows it says with 0.6 in each slot.
        assert_only(of(known))
        model.surprise = 0.9
        assert_only(of(known), polarity=1)

    def test_calibration_is_what_decides(self, known: Any, shown: Any) -> None:
        from multidigit.reading.calibration import Calibration

        shown(lambda picture: [picture, 255 - picture])
        stream, test, model = known
        model.surprise = 0.9
        told: list[float] = []

        class Turned(Calibration):
            """Makes sure what was unsure: the order of confidences is turned round."""

            def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
                told.append(1)
                top = probabilities.argmax(-1)
                said = np.full_like(probabilities, 0.01)
                sure = np.where(probabilities.max(-1) > 0.8, 0.5, 0.9)
                np.put_along_axis(said, top[..., None], sure[..., None].astype(np.float32), -1)
                return said + (1 - said.sum(-1, keepdims=True)) / CLASSES

        assert break_down_errors(cast(Any, model), stream, test, Turned())["guessed"] == 1
        assert told

    def test_what_was_read_already_is_not_read_again(self, known: Any, shown: Any) -> None:
        test = known[1]
        inverted: list[bool] = []

        def turned(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
            # As they are: every candidate is a strip that was read.
            inverted.append(not np.array_equal(picture, test.images[len(inverted)]))
            return [255 - picture if inverted[-1] else picture]

        shown(turned)
        of(known)
        assert known[2].asked == COUNT + 2 * len(known[2].digits)

    def test_clean_strips_are_told_from_their_negatives(self, toy_npz: Path) -> None:
        assert_only(of(make(toy_npz, effects="none", layout="structured")))


def test_without_effects_nothing_is_read_twice(toy_npz: Path) -> None:
    known = make(toy_npz, effects="none")
    found = of(known)
    assert found["clean"] == found["cuts"]
    assert known[2].asked == COUNT + len(known[2].digits)


def test_strips_without_a_number_are_right_once_the_length_is_given(toy_npz: Path) -> None:
    known = make(toy_npz, effects="none", layout={"name": "free", "empty": 0.4})
    _, test, model = known
    empty = (test.slots == BLANK).all(1)
    assert 0.3 < empty.mean() < 0.5
    numbers = test.slots.copy()
    numbers[empty, 0] = 1
    model.err(whole=numbers)
    found = of(known)
    # Strips of nothing at all are the same picture: what was told of one of them last is told of all.
    assert found["shares"]["length"] == pytest.approx(empty.mean(), abs=0.01)
    assert found["length"] == 1


@pytest.mark.parametrize("layout", ["structured", "free"])
def test_of_many_test_strips_the_first_are_read(toy_npz: Path, layout: str) -> None:
    """Their digits alone are drawn anew: they must be those of the very same strips."""
    assert STRIPS % CHUNK == 0
    stream = StripStream(validate({"digits": str(toy_npz), "layout": layout}))
    test = stream.fixed("test", STRIPS + 100)
    model = Knower(stream, Strips(test.images[:STRIPS], test.slots[:STRIPS]))
    found = break_down_errors(cast(Any, model), stream, test)
    assert found["strips"] == STRIPS
    assert found["read"] == found["clean"] == 1


def test_shares_are_what_each_help_takes_away() -> None:
    right = {"guessed": 1, "read": 2, "length": 4, "cuts": 3, "clean": 7}
    found = attribute_errors(10, right)
    assert found["shares"] == {"polarity": 0.1, "length": 0.2, "place": -0.1, "quality": 0.4, "class": 0.3}
    assert {stage: found[stage] for stage in STAGES} == {stage: count / 10 for stage, count in right.items()}
