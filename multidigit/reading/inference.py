"""LiteRT inference: strips to probabilities. Never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, RunError
from multidigit.labels import CELL, CLASSES
from multidigit.litert import Network
from multidigit.machine import processors

Precision: TypeAlias = Literal["float", "int8"]

BATCH = 64
"""Strips read at a time: enough to keep two cores busy, few enough to stay in their caches."""


class Model:
    """An exported reading model; several threads may share it.

    Args:
        path: a ``.tflite`` file that takes ``uint8`` strips (N, 28, 28·slots) and yields (N, slots, 11).
        threads: processors to read with; all of them where ``None``.

    Attributes:
        slots: slots of the strips that it reads, from its output's shape.

    Raises:
        RunError: not such a file.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._network = Network(path, threads or processors())
        taken, given = self._network.takes, self._network.gives
        shapes = [part["shape_signature"].tolist()[1:] for part in (*taken, *given)]
        self.slots = int(shapes[-1][0]) if shapes and shapes[-1] else 0
        if (
            len(taken) != 1
            or shapes != [[CELL, CELL * self.slots], [self.slots, CLASSES]]
            or taken[0]["dtype"] != np.uint8
        ):
            raise RunError(
                f"{path}: a model must take uint8 strips (N, {CELL}, {CELL}·slots) and give probabilities "
                f"(N, slots, {CLASSES}); received {shapes}; export it again"
            )
        self._path = path

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities ``float32`` (N, slots, 11) of ``uint8`` strips (N, 28, 28·slots).

        Raises:
            DataError: the strips are not such an array.
            RunError: the network cannot be run, or gives something else.
        """
        if strips.shape[1:] != (CELL, CELL * self.slots) or strips.dtype != np.uint8:
            raise DataError(
                f"strips must be uint8 of shape (N, {CELL}, {CELL * self.slots}), as {self._path} reads {self.slots} "
                f"slots; received {strips.dtype} of shape {strips.shape}"
            )
        parts = [self._network(np.ascontiguousarray(strips[i : i + BATCH])) for i in range(0, len(strips), BATCH)]
        found = np.concatenate(parts) if parts else np.empty((0, self.slots, CLASSES), np.float32)
        # Written so that what is no number fails, too.
        if found.shape != (len(strips), self.slots, CLASSES) or not (found >= 0).all() or not (found <= 1.01).all():
            raise RunError(f"{self._path}: what it gives are no probabilities; export it again")
        return found
