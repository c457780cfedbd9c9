"""LiteRT's interpreter, which runs exported networks without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load_interpreter(model: Path, threads: int) -> Any:
    """LiteRT's interpreter of a file."""
    try:
        from ai_edge_litert import interpreter as lite
    except ImportError:
        # LiteRT has no wheel for every platform; TensorFlow's own interpreter reads the same file. `tf.lite` is loaded
        # lazily, so not all of it can be imported from `tensorflow.lite`.
        import tensorflow as tf

        lite = tf.lite
    return lite.Interpreter(model_path=str(model), num_threads=threads)
