"""LiteRT inference: strips to probabilities. Never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, RunError
from multidigit.labels import CELL, CLASSES
from multidigit.litert import load_interpreter
from multidigit.machine import processors
from multidigit.quiet import quiet_stderr

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
        try:
            with quiet_stderr():
                self._interpreter = load_interpreter(path, threads or processors())
            taken, given = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError, OSError) as error:
            raise RunError(f"{path}: LiteRT cannot load it ({str(error).splitlines()[0]}); export it again") from None
        shapes = [part["shape_signature"].tolist()[1:] for part in (*taken, *given)]
        self.slots = int(shapes[-1][0]) if shapes[-1] else 0
        if shapes != [[CELL, CELL * self.slots], [self.slots, CLASSES]] or taken[0]["dtype"] != np.uint8:
            raise RunError(
                f"{path}: a model must take uint8 strips (N, {CELL}, {CELL}·slots) and give probabilities "
                f"(N, slots, {CLASSES}); received {shapes}; export it again"
            )
        self._path = path
        self._input, self._output = taken[0]["index"], given[0]["index"]
        self._size = 0
        # An interpreter serves one call at a time.
        self._lock = threading.Lock()

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
        """Probabilities ``float32`` (N, slots, 11) of ``uint8`` strips (N, 28, 28·slots).

        Raises:
            DataError: the strips are not such an array.
        """
        if strips.shape[1:] != (CELL, CELL * self.slots) or strips.dtype != np.uint8:
            raise DataError(
                f"strips must be uint8 of shape (N, {CELL}, {CELL * self.slots}), as {self._path} reads {self.slots} "
                f"slots; received {strips.dtype} of shape {strips.shape}"
            )
        with self._lock:
            parts = [self._read(np.ascontiguousarray(strips[i : i + BATCH])) for i in range(0, len(strips), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.slots, CLASSES), np.float32)
