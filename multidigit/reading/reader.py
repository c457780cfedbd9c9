"""Pictures to strips to probabilities to readings. Never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, overload

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import PictureError, RunError, SettingsError, join_words
from multidigit.labels import BLANK, slots_to_text
from multidigit.reading.calibration import read_calibration
from multidigit.reading.decoding import decode
from multidigit.reading.inference import BATCH, Model, Precision
from multidigit.reading.knowledge import Knowledge
from multidigit.runs import LITERT_INT8, LITERT_MODEL, Run, pick_run

if TYPE_CHECKING:
    from multidigit.pictures import PictureSource, Seen


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
    """

    text: str
    confidence: float
    digits: tuple[float, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    withheld: bool = False


@dataclass(frozen=True)
class Look:
    """A reading with all that led to it.

    Attributes:
        seen: the picture and what was made of it.
        chosen: which of its strips was read.
        probabilities: of that strip, calibrated, ``float32`` (slots, 11).
        reading: what was read.
    """

    seen: Seen
    chosen: int
    probabilities: NDArray[np.float32]
    reading: Reading


class Reader:
    """Reads pictures with a run; several threads may share it.

    Args:
        run: a run's name or folder, ``shipped`` for the reader that comes with the package, or ``None`` for the newest
            run under ``runs/`` of the current folder (``shipped`` where there is none).
        threads: processors to read with; all of them where ``None``.
        precision: ``float``, or ``int8`` for the faster model in 8 bits; ``None`` takes int8 where the run has one.
        length: how many digits numbers have, as ``4`` or ``"3-5"``.
        pattern: a regular expression that every number matches as a whole.
        checksum: the scheme of the last digit, see ``multidigit.reading.knowledge.CHECKSUMS``.
        at_least: withhold readings for which the run's validation strips do not show that so large a share of them is
            right, 0 to 1 (see ``Calibration.threshold``).
        top: how many alternatives to give.

    Attributes:
        run: what reads.

    Raises:
        RunError: there is no such run, it is damaged or cannot promise ``at_least``.
        SettingsError: an argument is not as described.
    """

    def __init__(
        self,
        run: str | os.PathLike[str] | Run | None = None,
        *,
        threads: int | None = None,
        precision: Precision | None = None,
        length: str | int | None = None,
        pattern: str | None = None,
        checksum: str | None = None,
        at_least: float | None = None,
        top: int = 1,
    ) -> None:
        _check_count("top", top)
        if threads is not None:
            _check_count("threads", threads)
        if precision not in (None, *get_args(Precision)):
            raise SettingsError(f"precision must be {join_words(get_args(Precision))}; received {precision!r}")
        self.top = top
        self.run = run if isinstance(run, Run) else pick_run(None if run is None else os.fspath(run))
        if precision is None:
            precision = "int8" if self.run.has(LITERT_INT8) else "float"
        self.precision: Precision = precision
        name = LITERT_INT8 if precision == "int8" else LITERT_MODEL
        if precision == "int8" and not self.run.has(name):
            raise RunError(
                f"{self.run.path}: precision int8 needs a model in 8 bits; received a run without one; read with "
                "precision float, or export the run as a folder that has one (multidigit.export.export_folder)"
            )
        self.calibration = read_calibration(self.run, name)
        self.model = Model(self.run.part(name), threads)
        if self.model.slots != self.run.slots:
            raise RunError(
                f"{self.run.part(name)}: the model must read {self.run.slots} slots, as its run; received "
                f"{self.model.slots}; restore the file or train the run again"
            )
        self.knowledge = Knowledge.from_text(self.model.slots, length, pattern, checksum)
        self.threshold = 0.0 if at_least is None else self._threshold(at_least)

    def _threshold(self, at_least: float) -> float:
        """The confidence from which on readings are given."""
        if not isinstance(at_least, int | float | np.number) or not 0 < at_least < 1:
            raise SettingsError(f"at_least must lie between 0 and 1, such as 0.98; received {at_least!r}")
        threshold = self.calibration.threshold(at_least)
        if threshold is None:
            raise RunError(
                f"{self.run.path}: its {self.calibration.strips:,} validation strips cannot show that any of its "
                f"answers are right in {100 * at_least:g} % of the cases; ask for less, or train with more "
                "evaluation.validation_strips"
            )
        return threshold

    @overload
    def read(self, picture: list[PictureSource] | tuple[PictureSource, ...]) -> list[Reading]: ...
    @overload
    def read(self, picture: PictureSource) -> Reading: ...
    def read(self, picture: Any) -> Reading | list[Reading]:
        """The reading of one picture, or the readings of a list of them.

        Args:
            picture: a path, a Pillow image, an open binary file, the bytes of a file or an array (H, W) or (H, W, C);
                or a list or tuple of these.

        Raises:
            PictureError: a picture cannot be read.
        """
        from multidigit.pictures import candidates

        if isinstance(picture, list | tuple):
            return self._best([candidates(each, self.model.slots) for each in picture])
        return self._best([candidates(picture, self.model.slots)])[0]

    def read_strips(self, strips: NDArray[np.uint8]) -> list[Reading]:
        """Readings of ``uint8`` strips (N, 28, 28·slots)."""
        return self.judge(self.model.probabilities(strips))

    def judge(self, probabilities: NDArray[np.float32]) -> list[Reading]:
        """Readings of the model's probabilities, ``float32`` (N, slots, 11), before calibration."""
        answers = decode(self.calibration.apply(probabilities), self.knowledge, self.top)
        found = []
        for slots, confidences, digits, nothing in zip(
            answers.slots, answers.confidence.tolist(), answers.digits.tolist(), answers.nothing, strict=True
        ):
            alternatives = tuple(
                Alternative(slots_to_text(number), confidence)
                for number, confidence in zip(slots, confidences, strict=True)
                if number[0] != BLANK
            )
            likeliest = confidences[0]
            text = alternatives[0].text if alternatives and likeliest > nothing else ""
            found.append(Reading(text, likeliest, tuple(digits[: len(text)]), alternatives, likeliest < self.threshold))
        return found

    def look(self, picture: PictureSource) -> Look:
        """The reading of one picture, with what led to it.

        Raises:
            PictureError: the picture cannot be read.
        """
        from multidigit.pictures import see

        seen = see(picture, self.model.slots)
        probabilities = self.model.probabilities(seen.strips)
        found = self.judge(probabilities)
        best = _most_confident(found)
        return Look(seen, best, self.calibration.apply(probabilities)[best], found[best])

    def read_all(self, pictures: Iterable[str], workers: int = 0) -> Iterator[tuple[str, Reading | PictureError]]:
        """Each picture file with its reading, or with the ``PictureError`` that says why there is none.

        Order is kept, pictures are asked for as they are needed, and what is kept in memory does not grow with them.

        Args:
            pictures: paths.
            workers: processes that decode pictures beside this one; see ``multidigit.pictures.workers``.
        """
        from multidigit.pictures.workers import strips_of

        waiting: list[tuple[str, NDArray[np.uint8] | PictureError]] = []
        strips = 0
        with closing(strips_of(pictures, workers, self.model.slots)) as items:
            for path, found in items:
                waiting.append((path, found))
                strips += 0 if isinstance(found, PictureError) else len(found)
                if strips >= BATCH or len(waiting) >= 4 * BATCH:
                    yield from self._with_readings(waiting)
                    waiting, strips = [], 0
            yield from self._with_readings(waiting)

    def _with_readings(
        self, waiting: list[tuple[str, NDArray[np.uint8] | PictureError]]
    ) -> Iterator[tuple[str, Reading | PictureError]]:
        readings = iter(self._best([found for _, found in waiting if not isinstance(found, PictureError)]))
        for path, found in waiting:
            yield path, found if isinstance(found, PictureError) else next(readings)

    def _best(self, pictures: list[NDArray[np.uint8]]) -> list[Reading]:
        """Of each picture's candidate strips, (K, 28, 28·slots) each, the most confident reading."""
        if not pictures:
            return []
        found = self.read_strips(np.concatenate(pictures) if len(pictures) > 1 else pictures[0])
        ends = np.cumsum([len(strips) for strips in pictures])
        parts = [found[end - len(strips) : end] for strips, end in zip(pictures, ends, strict=True)]
        return [part[_most_confident(part)] for part in parts]


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{name} must be a whole number from 1; received {value!r}")


def _most_confident(readings: list[Reading]) -> int:
    """Which of several readings of one picture has the greatest confidence."""
    return max(range(len(readings)), key=lambda index: readings[index].confidence)
