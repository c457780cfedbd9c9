"""From the strips of a picture to the readings of its rows: what ``predict`` says, and evaluation measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import BLANK, slots_to_text, too_long
from multidigit.reading.calibration import Calibration
from multidigit.reading.decoding import decode
from multidigit.reading.inference import Model
from multidigit.reading.knowledge import Knowledge

if TYPE_CHECKING:
    from multidigit.pictures import RowBox, Seen, View

LEAST_SURE = 0.25
"""Least confidence, of the reader times the finder, of a row that counts besides the surest one."""
DOUBTED, TRUSTED = 0.45, 0.65
"""Confidence of the finder from which a row's reading counts at all, and from which it counts in full. Of a picture
without digits rows come below; in real photographs nine of ten rows lie above, single written digits in between."""
UNSURE = 0.49
"""Confidence, at most, where digits stand one above another, or more of them side by side than there are slots."""
CANDIDATES = 5
"""Numbers that each strip of a row is asked for, to find the one that all together think likeliest."""
LEAST_LIKELY = 1e-7
"""A class is no less likely than this when strips are read together, so that none can outvote all others."""


@dataclass(frozen=True)
class Alternative:
    """A number that a picture may show.

    Attributes:
        text: the number, at least one digit.
        confidence: 0 to 1, how probable it is that the picture shows this number.
    """

    text: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        text: the number; empty where it is likelier that the picture shows none.
        confidence: 0 to 1, calibrated: how probable it is that the picture shows the number ``text``, or, where that is
            empty, the best guess.
        digits: the same of each character of ``text``, at its place.
        alternatives: the likeliest numbers, best first, as many as were asked for; the first is the best guess, even
            where ``text`` is empty. None where what is known of the number leaves no more.
        withheld: whether ``at_least`` was asked for and the confidence does not reach it.
        too_long: whether the picture seems to show a number with more digits than the reader can hold; its confidence
            is under 0.5 then. Only runs of the layout ``scene`` can tell.
        box: where in the picture the number is; ``None`` for strips.
        others: how many other rows of the picture seem to hold a number.
        nothing: 0 to 1, how probable it is that there is no digit.
    """

    text: str
    confidence: float
    digits: tuple[float, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    withheld: bool = False
    too_long: bool = False
    box: RowBox | None = None
    others: int = 0
    nothing: float = 0.0


class RowReader:
    """Reads strips, and the rows of pictures of which several strips were cut.

    Args:
        model: the network.
        calibration: of its confidence.
        knowledge: what numbers must be.
        threshold: readings of less confidence are withheld.
        top: how many alternatives to give.
    """

    def __init__(
        self,
        model: Model,
        calibration: Calibration,
        knowledge: Knowledge,
        threshold: float = 0.0,
        top: int = 1,
    ) -> None:
        self.model, self.calibration, self.knowledge = model, calibration, knowledge
        self.threshold, self.top = threshold, top

    def judge(self, probabilities: NDArray[np.float32]) -> list[Reading]:
        """Readings of the model's probabilities, ``float32`` (N, slots, 11), before calibration."""
        return self._judged(self.calibration.apply(probabilities), self.top)

    def _judged(self, likely: NDArray[np.float32], top: int) -> list[Reading]:
        """Readings of calibrated probabilities, each with so many alternatives."""
        answers = decode(likely, self.knowledge, top)
        found = []
        for slots, confidences, digits, nothing, long in zip(
            answers.slots,
            answers.confidence.tolist(),
            answers.digits.tolist(),
            answers.nothing,
            too_long(likely).tolist(),
            strict=True,
        ):
            alternatives = tuple(
                Alternative(slots_to_text(number), confidence)
                for number, confidence in zip(slots, confidences, strict=True)
                if number[0] != BLANK
            )
            likeliest = confidences[0]
            text = alternatives[0].text if alternatives and likeliest > nothing else ""
            withheld = likeliest < self.threshold
            digits = tuple(digits[: len(text)])
            found.append(Reading(text, likeliest, digits, alternatives, withheld, long, nothing=float(nothing)))
        return found

    def read(self, pictures: list[Seen]) -> list[list[Reading]]:
        """Of each picture, as it was seen, the readings of its rows, the surest first."""
        if not pictures:
            return []
        views = [view.strips for seen in pictures for view in seen.views]
        judged = iter(self.judge_views(self.model.probabilities(np.concatenate(views)), list(map(len, views))))
        return [[reading for _, reading in self.surest(seen, [next(judged) for _ in seen.views])] for seen in pictures]

    def judge_views(self, probabilities: NDArray[np.float32], counts: Sequence[int]) -> list[Judged]:
        """What is read in views of so many strips each.

        Args:
            probabilities: of all strips, one view after another, ``float32`` (N, slots, 11), not calibrated.
            counts: strips of each view.
        """
        together = self.calibration.apply(combined(probabilities, counts))
        whole = self._judged(together, max(self.top, CANDIDATES))
        single = iter(whole)
        if len(probabilities) > len(counts):
            single = iter(self._judged(self.calibration.apply(probabilities), CANDIDATES))
        return [
            Judged(reading, [next(single) for _ in range(count)], own)
            for reading, count, own in zip(whole, counts, together, strict=True)
        ]

    def surest(self, seen: Seen, judged: Sequence[Judged]) -> list[tuple[int, Reading]]:
        """Of each row its reading, and the view that shows it best; the surest row first.

        What a row is read as is the number with the highest mean confidence over all its strips. Its confidence is that
        of the view where it is surest; where another view is read as another number, something is in one that is not in
        the other, and confidence falls the more the surer that other reading is.
        """
        readings: dict[int, Reading] = {}
        best: list[int] = []
        rows: dict[int, list[int]] = {}
        for place, view in enumerate(seen.views):
            rows.setdefault(view.number, []).append(place)
        for places in rows.values():
            text = _likeliest([each for place in places for each in judged[place].single])
            found = {place: judged[place].as_text(text) for place in places}
            place = max(places, key=lambda place: found[place].confidence * _trust(seen.views[place]))
            best.append(place)
            readings[place] = found[place]
        best.sort(key=lambda place: readings[place].confidence * _trust(seen.views[place]), reverse=True)

        def counts(place: int) -> bool:
            reading = readings[place]
            sure = reading.confidence * _trust(seen.views[place]) >= LEAST_SURE
            return bool(reading.text or reading.too_long) and sure

        numbers = sum(map(counts, best))
        answers = []
        for place in best:
            reading, view = readings[place], seen.views[place]
            others = [judged[other].whole for other in rows[view.number]]
            rivals = [other.confidence for other in others if other.text != reading.text]
            confidence = reading.confidence * (1 - max(rivals, default=0.0) ** 2)
            if view.row:
                confidence *= float(np.clip((view.row.confidence - DOUBTED) / (TRUSTED - DOUBTED), 0, 1))
            long = any(other.too_long for other in others)
            if long or (len(reading.text) == 1 and _stacked(seen, readings, place)):
                confidence = min(confidence, UNSURE)
            answers.append(
                (
                    place,
                    replace(
                        reading,
                        confidence=confidence,
                        alternatives=reading.alternatives[: self.top],
                        withheld=confidence < self.threshold,
                        too_long=long,
                        box=seen.box(view),
                        others=numbers - counts(place),
                    ),
                )
            )
        return answers


@dataclass(frozen=True)
class Judged:
    """What is read in a view.

    Attributes:
        whole: in its strips taken together.
        single: in each of its strips by itself.
        likely: calibrated probabilities of its strips together, ``float32`` (slots, 11).
    """

    whole: Reading
    single: Sequence[Reading]
    likely: NDArray[np.float32]

    def as_text(self, text: str) -> Reading:
        """The reading as this number: as surely as the strips together show it."""
        own = self.whole
        if own.text == text:
            return own
        if not text:
            return replace(own, text="", digits=())
        first = next((each for each in own.alternatives if each.text == text), Alternative(text, 0.0))
        others = tuple(each for each in own.alternatives if each.text != text)
        digits = tuple(float(self.likely[slot, int(digit)]) for slot, digit in enumerate(text))
        return replace(own, text=text, confidence=first.confidence, digits=digits, alternatives=(first, *others))


def combined(probabilities: NDArray[np.float32], counts: Sequence[int]) -> NDArray[np.float32]:
    """The geometric mean of the probabilities of each view's strips, ``float32`` (views, slots, 11)."""
    if len(probabilities) == len(counts):
        return probabilities
    logs = np.log(np.maximum(probabilities, LEAST_LIKELY))
    means = np.exp(np.stack([part.mean(0) for part in np.split(logs, np.cumsum(counts)[:-1])]))
    found: NDArray[np.float32] = means / means.sum(-1, keepdims=True)
    return found


def _likeliest(readings: Sequence[Reading]) -> str:
    """The number of the highest mean confidence; empty where it is likelier that there is none."""
    sums: dict[str, float] = {}
    for reading in readings:
        for each in reading.alternatives:
            sums[each.text] = sums.get(each.text, 0.0) + each.confidence
        sums[""] = sums.get("", 0.0) + reading.nothing
    return max(sums, key=lambda text: sums[text], default="")


def _trust(view: View) -> float:
    return view.row.confidence if view.row else 1.0


def numbers(rows: list[Reading]) -> list[Reading]:
    """The rows that hold a number, from the top down; the first one where none does."""
    kept = [
        reading
        for reading in rows
        if reading.text and reading.box and reading.confidence * reading.box.confidence >= LEAST_SURE
    ]
    return sorted(kept or rows[:1], key=lambda reading: (reading.box.y, reading.box.x) if reading.box else (0.0, 0.0))


def _stacked(seen: Seen, readings: Mapping[int, Reading], place: int) -> bool:
    """Whether a single digit stands above or below another one: they may be one number, from the top down."""
    own = seen.box(seen.views[place])
    for other, reading in readings.items():
        box = seen.box(seen.views[other])
        apart = abs(box.y - own.y) / max(own.height, 1e-6)
        if other != place and len(reading.text) == 1 and abs(box.x - own.x) < own.height and 0.7 < apart < 6:
            return True
    return False
