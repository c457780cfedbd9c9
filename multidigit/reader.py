"""LiteRT inference: strips -> probabilities -> readings. Never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.errors import RunError
from multidigit.labels import BLANK, CELL, CLASSES, SLOTS, WIDTH, slots_to_text
from multidigit.quiet import quiet_stderr
from multidigit.runs import READER, Run, pick_run

BATCH = 64
"""Strips read at a time: enough to keep two cores busy, few enough to stay in their caches."""


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        text: the number, up to five digits; empty where no digit was found.
        confidence: 0 to 1, the product over slots of the chosen class's probability.
        digits: the confidence of each character of ``text``.
    """

    text: str
    confidence: float
    digits: tuple[float, ...]


def _interpreter(model: Path, threads: int) -> Any:
    try:
        from ai_edge_litert import interpreter as lite
    except ImportError:
        # LiteRT has no wheel for every platform; TensorFlow's own interpreter reads the same file. Reached through the
        # top: what `tf.lite` gives cannot all be imported from `tensorflow.lite`.
        import tensorflow as tf

        lite = tf.lite
    return lite.Interpreter(model_path=str(model), num_threads=threads)


class Model:
    """An exported reading model.

    Args:
        path: a ``.tflite`` file that takes ``uint8`` strips (N, 28, 140) and yields (N, 5, 11).
        threads: processors to read with; all of them where ``None``.

    Raises:
        RunError: not such a file.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        try:
            with quiet_stderr():
                self._interpreter = _interpreter(path, threads or os.cpu_count() or 1)
            taken, given = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError, OSError) as error:
            raise RunError(f"{path}: LiteRT cannot load it ({str(error).splitlines()[0]}); export it again") from None
        shapes = [part["shape_signature"].tolist()[1:] for part in (*taken, *given)]
        if shapes != [[CELL, WIDTH], [SLOTS, CLASSES]] or taken[0]["dtype"] != np.uint8:
            raise RunError(
                f"{path}: expected a model from uint8 strips (N, {CELL}, {WIDTH}) to probabilities "
                f"(N, {SLOTS}, {CLASSES}); received {shapes}"
            )
        self._input, self._output = taken[0]["index"], given[0]["index"]
        self._size = 0

    def _read(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(strips) != self._size:
            with quiet_stderr():
                self._interpreter.resize_tensor_input(self._input, strips.shape)
                self._interpreter.allocate_tensors()
            self._size = len(strips)
        self._interpreter.set_tensor(self._input, strips)
        self._interpreter.invoke()
        found: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        return found

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities ``float32`` (N, 5, 11) of ``uint8`` strips (N, 28, 140)."""
        parts = [self._read(np.ascontiguousarray(strips[i : i + BATCH])) for i in range(0, len(strips), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, SLOTS, CLASSES), np.float32)


def readings(probabilities: NDArray[np.float32]) -> list[Reading]:
    """Readings of probabilities (N, 5, 11)."""
    answers, sure = metrics.decode(probabilities), metrics.confidence(probabilities)
    best = probabilities.max(-1)
    return [
        Reading(slots_to_text(slots), float(whole), tuple(map(float, row[slots != BLANK])))
        for slots, whole, row in zip(answers, sure, best, strict=True)
    ]


class Reader:
    """Reads pictures with a run.

    Args:
        run: a run's name or folder, ``shipped`` for the reader that comes with the package, or ``None`` for the newest
            run under ``runs/`` of the current folder (``shipped`` where there is none).
        threads: processors to read with; all of them where ``None``.

    Raises:
        RunError: there is no such run, or it is damaged.
    """

    def __init__(self, run: str | os.PathLike[str] | Run | None = None, threads: int | None = None) -> None:
        self.run = run if isinstance(run, Run) else pick_run(None if run is None else os.fspath(run))
        self.model = Model(self.run.part(READER), threads)

    def read(self, picture: Any) -> Reading:
        """The reading of one picture: a path, a PIL image, an open file, bytes or an array.

        Raises:
            PictureError: the picture cannot be read.
        """
        from multidigit.pictures import read_strip

        return self.read_strips(read_strip(picture)[None])[0]

    def read_strips(self, strips: NDArray[np.uint8]) -> list[Reading]:
        """Readings of ``uint8`` strips (N, 28, 140)."""
        return readings(self.model.probabilities(strips))

    def read_all(self, pictures: Iterable[Path]) -> Iterator[tuple[Path, Reading | Exception]]:
        """Each picture with its reading, or with the ``PictureError`` that says why there is none; order is kept."""
        from multidigit.errors import PictureError
        from multidigit.pictures import read_strip

        for batch in _batches(pictures, BATCH):
            strips: list[NDArray[np.uint8] | PictureError] = []
            for path in batch:
                try:
                    strips.append(read_strip(path))
                except PictureError as error:
                    strips.append(error)
            good = [strip for strip in strips if not isinstance(strip, PictureError)]
            found = iter(self.read_strips(np.stack(good)) if good else [])
            for path, strip in zip(batch, strips, strict=True):
                yield path, strip if isinstance(strip, PictureError) else next(found)


def _batches(items: Iterable[Path], size: int) -> Iterator[list[Path]]:
    batch: list[Path] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
