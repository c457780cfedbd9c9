"""Which picture to ask for next: the one that helps most, and now and then one drawn at random."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multidigit.data.parts import SIDE, fingerprint
from multidigit.errors import PictureError
from multidigit.labelling.answers import Answers
from multidigit.pictures import load_picture
from multidigit.reading.reader import Reader
from multidigit.statistics import wilson_interval

CHANCE = 5
"""Of so many pictures one is drawn at random: from these alone accuracy is estimated."""
UNLIKE = 0.5
"""How much it counts that a picture is unlike all labelled ones, against how unsure its reading is."""


@dataclass(frozen=True)
class Asked:
    """A picture to label.

    Attributes:
        number: of the picture, 0 for the first.
        read: what the reader reads in it.
        confidence: of that.
        corners: of the row that was read, x and y as shares of the picture's width and height; none where none was.
        by_chance: whether the picture was drawn at random.
    """

    number: int
    read: str
    confidence: float
    corners: tuple[tuple[float, float], ...]
    by_chance: bool = False


class Queue:
    """The pictures of a folder in the order in which they are asked for; several threads may share it.

    Pictures are read in a thread of its own while others are labelled. Those whose reading is least sure, and that are
    most unlike what is labelled, come first.

    Args:
        folder: of the pictures.
        names: of the pictures, relative to the folder.
        answers: given so far.
        reader: reads them.
    """

    def __init__(self, folder: Path, names: Sequence[str], answers: Answers, reader: Reader) -> None:
        self.folder, self.names, self.answers = folder, tuple(names), answers
        self._reader = reader
        self._number = {name: number for number, name in enumerate(self.names)}
        count = len(self.names)
        self._read: dict[int, Asked] = {}
        self._faults: dict[int, str] = {}
        # Of each picture that was read: its fingerprint, how sure the reading is, how unlike all labelled ones it is.
        self._bits = np.zeros((count, SIDE * SIDE), np.bool_)
        self._sure, self._unlike = np.zeros(count), np.ones(count)
        self._shown: set[int] = set()
        self._dice = random.Random(len(answers.of))
        self._asked = len(answers.of)
        self._lock = threading.Lock()
        threading.Thread(target=self._read_all, daemon=True).start()

    def _read_all(self) -> None:
        for number in range(len(self.names)):
            self.read(number)

    def read(self, number: int) -> Asked:
        """A picture with what the reader reads in it."""
        if number in self._read:
            return self._read[number]
        path = self.folder / self.names[number]
        found, fault = Asked(number, "", 0.0, ()), ""
        try:
            grey = load_picture(path)
            reading = self._reader.read(grey)
            box = reading.box.corners() if reading.box else []
            corners = tuple((x / grey.shape[1], y / grey.shape[0]) for x, y in box)
            found = Asked(number, reading.text, reading.confidence, corners)
        except PictureError as error:
            fault = str(error)
        bits = fingerprint(path).bits
        with self._lock:
            self._bits[number], self._sure[number] = bits, found.confidence
            labelled = [other for other in self._labelled() if other in self._read]
            if labelled:
                self._unlike[number] = 2 * float((self._bits[labelled] != bits).mean(1).min())
            if fault:
                self._faults[number] = fault
            self._read[number] = found
        return found

    def _labelled(self) -> list[int]:
        return [self._number[name] for name in list(self.answers.of) if name in self._number]

    def labelled(self, number: int) -> None:
        """A picture was labelled: those like it are less urgent."""
        with self._lock:
            if number in self._read:
                away = 2 * (self._bits != self._bits[number]).mean(1)
                np.minimum(self._unlike, away, out=self._unlike)

    def next(self) -> Asked | None:
        """The picture to ask for now; ``None`` where all are labelled. What another window shows comes last."""
        with self._lock:
            done = set(self._labelled()) | set(self._faults)
            left = [number for number in range(len(self.names)) if number not in done]
            fresh = [number for number in left if number not in self._shown] or left
            if not fresh:
                return None
            self._asked += 1
            known = [number for number in fresh if number in self._read]
            by_chance = self._asked % CHANCE == 1
            if by_chance or not known:
                number = self._dice.choice(fresh)
            else:
                urgent = 1 - self._sure[known] + UNLIKE * self._unlike[known]
                number = known[int(urgent.argmax())]
            self._shown.add(number)
        found = self.read(number)
        return Asked(number, found.read, found.confidence, found.corners, by_chance)

    def progress(self) -> dict[str, object]:
        """How many pictures are labelled and left, and the reader's accuracy on those that were drawn at random."""
        with self._lock:
            answers = [self.answers.of[self.names[number]] for number in self._labelled()]
            drawn = [answer for answer in answers if answer.by_chance and answer.text is not None]
            right = sum(answer.text == answer.read for answer in drawn)
            return {
                "labelled": len(answers),
                "left": max(len(self.names) - len(answers) - len(self._faults), 0),
                "cannot_be_read": len(self._faults),
                "drawn": len(drawn),
                "accuracy": [right / len(drawn), *wilson_interval(right, len(drawn))] if drawn else None,
            }
