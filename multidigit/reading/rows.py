"""From the strips of a picture to the readings of its rows: what ``predict`` says, and evaluation measures."""

from __future__ import annotations

from collections.abc import Sequence
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
    from multidigit.pictures import RowBox, Seen

LEAST_SURE = 0.25
"""Least confidence, of the reader times the finder, of a row that counts besides the surest one."""
DOUBTED, TRUSTED = 0.45, 0.65
"""Confidence of the finder from which a row's reading counts at all, and from which it counts in full. Of a picture
without digits rows come below; in real photographs nine of ten rows lie above, single written digits in between."""
UNSURE = 0.49
"""Confidence, at most, where digits stand one above another, or more of them side by side than there are slots."""
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
    """

    text: str
    confidence: float
    digits: tuple[float, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    withheld: bool = False
    too_long: bool = False
    box: RowBox | None = None
    others: int = 0


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
        likely = self.calibration.apply(probabilities)
        answers = decode(likely, self.knowledge, self.top)
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
            found.append(Reading(text, likeliest, tuple(digits[: len(text)]), alternatives, withheld, long))
        return found

    def probabilities(self, views: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Of each view, ``uint8`` (K, 28, 28·slots), the geometric mean of its strips' probabilities, not calibrated.

        Returns:
            ``float32`` (N, slots, 11).
        """
        probabilities = self.model.probabilities(np.concatenate(views))
        ends = np.cumsum([len(strips) for strips in views])
        if ends[-1] == len(views):
            return probabilities
        logs = np.log(np.maximum(probabilities, LEAST_LIKELY))
        means = np.exp(np.stack([part.mean(0) for part in np.split(logs, ends[:-1])]))
        found: NDArray[np.float32] = means / means.sum(-1, keepdims=True)
        return found

    def read(self, pictures: list[Seen]) -> list[list[Reading]]:
        """Of each picture, as it was seen, the readings of its rows, the surest first."""
        if not pictures:
            return []
        found = iter(self.judge(self.probabilities([view.strips for seen in pictures for view in seen.views])))
        return [[reading for _, reading in self.surest(seen, [next(found) for _ in seen.views])] for seen in pictures]

    def surest(self, seen: Seen, readings: list[Reading]) -> list[tuple[int, Reading]]:
        """Of each row the reading of its surest view, and which view that is; the surest row first.

        Where another view of a row is read as another number, something is in one that is not in the other, and
        confidence falls the more the surer that other reading is.
        """

        def sureness(place: int) -> float:
            row = seen.views[place].row
            return readings[place].confidence * (row.confidence if row else 1.0)

        def counts(place: int) -> bool:
            return bool(readings[place].text or readings[place].too_long) and sureness(place) >= LEAST_SURE

        rows: dict[int, list[int]] = {}
        for place, view in enumerate(seen.views):
            rows.setdefault(view.number, []).append(place)
        best = sorted((max(places, key=sureness) for places in rows.values()), key=sureness, reverse=True)
        numbers = sum(map(counts, best))
        found = []
        for place in best:
            reading, view = readings[place], seen.views[place]
            rivals = [readings[other] for other in rows[view.number] if readings[other].text != reading.text]
            confidence = reading.confidence * (1 - max((rival.confidence for rival in rivals), default=0.0) ** 2)
            if view.row:
                confidence *= float(np.clip((view.row.confidence - DOUBTED) / (TRUSTED - DOUBTED), 0, 1))
            long = any(readings[other].too_long for other in rows[view.number])
            if long or (len(reading.text) == 1 and _stacked(seen, readings, place, best)):
                confidence = min(confidence, UNSURE)
            found.append(
                (
                    place,
                    replace(
                        reading,
                        confidence=confidence,
                        withheld=confidence < self.threshold,
                        too_long=long,
                        box=seen.box(view),
                        others=numbers - counts(place),
                    ),
                )
            )
        return found


def numbers(rows: list[Reading]) -> list[Reading]:
    """The rows that hold a number, from the top down; the first one where none does."""
    kept = [
        reading
        for reading in rows
        if reading.text and reading.box and reading.confidence * reading.box.confidence >= LEAST_SURE
    ]
    return sorted(kept or rows[:1], key=lambda reading: (reading.box.y, reading.box.x) if reading.box else (0.0, 0.0))


def _stacked(seen: Seen, readings: list[Reading], place: int, rows: list[int]) -> bool:
    """Whether a single digit stands above or below another one: they may be one number, from the top down."""
    own = seen.box(seen.views[place])
    for other in rows:
        box = seen.box(seen.views[other])
        apart = abs(box.y - own.y) / max(own.height, 1e-6)
        if other != place and len(readings[other].text) == 1 and abs(box.x - own.x) < own.height and 0.7 < apart < 6:
            return True
    return False
