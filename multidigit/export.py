"""Reading model -> files that other runtimes read. This is a step that loads TensorFlow."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import MultidigitError
from multidigit.evaluation import evaluate
from multidigit.files import write_bytes
from multidigit.quiet import quiet_stderr
from multidigit.reader import Model
from multidigit.runs import MODEL, Run
from multidigit.strategies.base import make
from multidigit.strips.stream import StripStream

if TYPE_CHECKING:
    import keras

CALIBRATION_STRIPS = 512
"""Strips from which the ranges of an int8 model are taken."""


def to_tflite(reading_model: keras.Model, calibration: NDArray[np.uint8] | None = None) -> bytes:
    """A reading model as a LiteRT file that takes any number of strips at once.

    Args:
        reading_model: ``uint8`` (N, 28, 140) -> ``float32`` (N, 5, 11).
        calibration: strips ``uint8`` (M, 28, 140). When given, weights and activations are kept in 8 bits, their
            ranges taken from these strips; input and output stay as they are.
    """
    with quiet_stderr():
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_keras_model(reading_model)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([strip[None]] for strip in calibration[:CALIBRATION_STRIPS])
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints the model's signature
                model: bytes = converter.convert()
        except Exception as error:  # the converter raises bare Exceptions of many kinds
            raise MultidigitError(
                f"this model cannot be exported to LiteRT ({str(error).splitlines()[0]}); a strategy or backbone of "
                "your own must keep to operations that LiteRT has"
            ) from error
    return model


def export_run(run: Run, kind: str, out: Path) -> dict[str, Any]:
    """Write a run's reading model to ``out``, after reading the run's test strips with it.

    Args:
        run: the run, with its ``model.keras``.
        kind: ``float`` or ``int8``.
        out: the file to write.

    Returns:
        Size, sequence accuracy before and after, how many strips are answered otherwise, and reading speed.
    """
    settings = run.settings
    stream = StripStream(settings)
    with quiet_stderr():
        strategy = make(settings)
        model = strategy.training_model()
        model.load_weights(run.part(MODEL))
        reading_model = strategy.reading_model(model)
    calibration = stream.fixed("validation", CALIBRATION_STRIPS).images if kind == "int8" else None
    data = to_tflite(reading_model, calibration)
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "reader.tflite"
        aside.write_bytes(data)
        measures, answers = evaluate(Model(aside), stream.fixed("test", settings.evaluation.test_strips))
    write_bytes(out, data)
    return {
        "file": str(out),
        "format": kind,
        "bytes": len(data),
        "strips": measures["strips"],
        "before": run.metrics["test"]["sequence_accuracy"],
        "sequence_accuracy": measures["sequence_accuracy"],
        "changed": int((answers["answers"] != run.answers["answers"]).any(1).sum()),
        "strips_per_second": measures["strips_per_second"],
    }
