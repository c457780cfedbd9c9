"""Pictures to strips to probabilities to readings. Never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args, overload

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import PictureError, RunError, SettingsError, join_words
from multidigit.machine import processors
from multidigit.reading.calibration import read_calibration
from multidigit.reading.inference import BATCH, Model, Precision
from multidigit.reading.knowledge import Knowledge
from multidigit.reading.rows import Alternative, Reading, RowReader, numbers
from multidigit.runs import FINDER, FINDER_INT8, LITERT_INT8, LITERT_MODEL, SHIPPED, Run, pick_run

__all__ = ["Alternative", "Look", "Reader", "Reading"]

if TYPE_CHECKING:
    from multidigit.pictures import PictureSource, RowBox, Seen, View
    from multidigit.pictures.views import Looker
    from multidigit.pictures.workers import Crew


COVER = 8
"""Columns of a strip that are covered at a time to see what they matter."""


@dataclass(frozen=True)
class Look:
    """A reading with all that led to it.

    Attributes:
        grey: the picture, ``uint8`` (H, W).
        rows: of digits, as the finder sees them, the surest first.
        view: the strip that was read.
        probabilities: of that strip, calibrated, ``float32`` (slots, 11).
        attention: how much each column of the strip matters for each slot, ``float32`` (slots, 28·slots), 0 to 1: what
            the likeliest class loses where the column is covered.
        reading: what was read.
    """

    grey: NDArray[np.uint8]
    rows: tuple[RowBox, ...]
    view: View
    probabilities: NDArray[np.float32]
    attention: NDArray[np.float32]
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
        rows: reads the strips of pictures.

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
        self.run = run if isinstance(run, Run) else pick_run(None if run is None else os.fspath(run))
        # In 8 bits rows are found less exactly, which costs two cheques of a hundred: only where it is asked for.
        self._finder = FINDER_INT8 if precision == "int8" else FINDER
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
        self._threads = threads
        self.knowledge = Knowledge.from_text(self.model.slots, length, pattern, checksum)
        self.threshold = 0.0 if at_least is None else self._threshold(at_least)
        self.rows = RowReader(self.model, self.calibration, self.knowledge, self.threshold, top)

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
        from multidigit.pictures import load_picture

        pictures = picture if isinstance(picture, list | tuple) else [picture]
        found = [rows[0] for rows in self.rows.read([self.looker(load_picture(each)) for each in pictures])]
        return found if isinstance(picture, list | tuple) else found[0]

    def read_rows(self, picture: PictureSource) -> list[Reading]:
        """Every row of a picture that seems to hold a number, from the top down; the surest one where none does.

        Raises:
            PictureError: the picture cannot be read.
        """
        from multidigit.pictures import load_picture

        return numbers(self.rows.read([self.looker(load_picture(picture))])[0])

    @cached_property
    def looker(self) -> Looker:
        """Turns pictures into the strips that this reader reads."""
        from multidigit.pictures.views import Looker

        inked = self.run.layout != "scene"
        return Looker(self.model.slots, inked, SHIPPED / self._finder, self._threads or processors())

    def read_strips(self, strips: NDArray[np.uint8]) -> list[Reading]:
        """Readings of ``uint8`` strips (N, 28, 28·slots)."""
        return self.rows.judge(self.model.probabilities(strips))

    def look(self, picture: PictureSource) -> Look:
        """The reading of one picture, with what led to it.

        Raises:
            PictureError: the picture cannot be read.
        """
        from multidigit.pictures import load_picture

        grey = load_picture(picture)
        seen = self.looker(grey)
        strips = [view.strips for view in seen.views]
        judged = self.rows.judge_views(self.model.probabilities(np.concatenate(strips)), list(map(len, strips)))
        place, reading = self.rows.surest(seen, judged)[0]
        rows = {view.number: view.row for view in seen.views if view.row}
        return Look(
            grey,
            tuple(rows[number] for number in sorted(rows)),
            seen.views[place],
            judged[place].likely,
            self._attention(seen.views[place].strip),
            reading,
        )

    def _attention(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much each column matters for each slot: what covering the columns around it takes from its answer."""
        columns = strip.shape[1]
        starts = np.arange(0, columns - COVER + 1, COVER // 2)
        covered = np.repeat(strip[None], len(starts), 0)
        for place, start in enumerate(starts):
            covered[place, :, start : start + COVER] = np.median(strip)
        probabilities = self.model.probabilities(np.concatenate([strip[None], covered]))
        slots, best = np.arange(probabilities.shape[1]), probabilities[0].argmax(-1)
        lost = np.maximum(probabilities[0, slots, best] - probabilities[1:, slots, best], 0)
        attention = np.zeros((len(slots), columns), np.float32)
        for place, start in enumerate(starts):
            part = attention[:, start : start + COVER]
            np.maximum(part, lost[place][:, None], out=part)
        return attention

    def read_all(
        self, pictures: Iterable[str], workers: int | Crew = 0, every_row: bool = False, at_a_glance: bool = False
    ) -> Iterator[tuple[str, Reading | PictureError]]:
        """Each picture file with its reading, or with the ``PictureError`` that says why there is none.

        Order is kept, pictures are asked for as they are needed, and what is kept in memory does not grow with them.

        Args:
            pictures: paths.
            workers: processes that decode pictures beside this one; see ``multidigit.pictures.workers``. A number of
                them, started for this call, or a crew of this reader's ``looker``, which is left running.
            every_row: give each row of a picture, as ``read_rows`` does, instead of the surest one.
            at_a_glance: take each picture as a whole, without looking for its rows: several times as fast, but only
                right where a picture is tight around its number.
        """
        from multidigit.pictures import Looker
        from multidigit.pictures.workers import seen_in

        looker = self.looker
        if at_a_glance:
            looker = Looker(looker.slots, looker.inked, None)
        waiting: list[tuple[str, Seen | PictureError]] = []
        strips = 0
        seen = seen_in(pictures, workers, looker) if isinstance(workers, int) else workers.seen_in(pictures)
        with closing(seen) as items:
            for path, found in items:
                waiting.append((path, found))
                strips += 0 if isinstance(found, PictureError) else len(found.views)
                if strips >= BATCH or len(waiting) >= 4 * BATCH:
                    yield from self._with_readings(waiting, every_row)
                    waiting, strips = [], 0
            yield from self._with_readings(waiting, every_row)

    def _with_readings(
        self, waiting: list[tuple[str, Seen | PictureError]], every_row: bool
    ) -> Iterator[tuple[str, Reading | PictureError]]:
        readings = iter(self.rows.read([found for _, found in waiting if not isinstance(found, PictureError)]))
        for path, found in waiting:
            if isinstance(found, PictureError):
                yield path, found
                continue
            rows = next(readings)
            yield from ((path, reading) for reading in (numbers(rows) if every_row else rows[:1]))


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{name} must be a whole number from 1; received {value!r}")
