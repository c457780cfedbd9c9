"""Exported networks, run by LiteRT; never imports TensorFlow where LiteRT is installed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import RunError, reason
from multidigit.outside import MOST_MODEL_BYTES, check_file
from multidigit.quiet import quiet_stderr


class Network:
    """A ``.tflite`` file with one input and one output; several threads may share it.

    Args:
        path: the file.
        threads: processors to run it on.

    Attributes:
        takes: the input, as LiteRT describes it.
        gives: the output.

    Raises:
        RunError: LiteRT cannot load the file.
    """

    def __init__(self, path: Path, threads: int) -> None:
        try:
            check_file(Path(path), MOST_MODEL_BYTES)
            with quiet_stderr():
                self._interpreter = _interpreter(path, threads)
            self.takes, self.gives = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError, OSError) as error:
            raise RunError(f"{path}: LiteRT cannot load it ({reason(error)}); export it again") from None
        self._path = path
        self._shape: tuple[int, ...] = ()
        # An interpreter serves one call at a time.
        self._lock = threading.Lock()

    def __call__(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The output for a batch of any size.

        Raises:
            RunError: LiteRT cannot run the network.
        """
        try:
            return self._run(batch)
        except (ValueError, RuntimeError) as error:
            raise RunError(f"{self._path}: LiteRT cannot run it ({reason(error)}); export it again") from None

    def _run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._lock:
            if batch.shape != self._shape:
                with quiet_stderr():
                    self._interpreter.resize_tensor_input(self.takes[0]["index"], batch.shape)
                    self._interpreter.allocate_tensors()
                self._shape = batch.shape
            self._interpreter.set_tensor(self.takes[0]["index"], batch)
            self._interpreter.invoke()
            found: NDArray[np.float32] = self._interpreter.get_tensor(self.gives[0]["index"])
            return found


def _interpreter(path: Path, threads: int) -> Any:
    try:
        from ai_edge_litert import interpreter as lite
    except ImportError:
        # LiteRT has no wheel for every platform; TensorFlow's own interpreter reads the same file. `tf.lite` is loaded
        # lazily, so not all of it can be imported from `tensorflow.lite`.
        import tensorflow as tf

        lite = tf.lite
    return lite.Interpreter(model_path=str(path), num_threads=threads)
