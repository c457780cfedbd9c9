"""What follows the fit: the network is saved, exported, calibrated, evaluated, and its errors broken down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from multidigit.data.stream import OwnStream
from multidigit.error_breakdown import break_down_errors
from multidigit.evaluation import calibrate, evaluate, evaluate_corrupted, evaluate_readings
from multidigit.quiet import quiet_stderr
from multidigit.reading.calibration import Calibration
from multidigit.reading.inference import Model
from multidigit.reading.knowledge import Knowledge
from multidigit.reading.rows import RowReader
from multidigit.runs import ANSWERS, CALIBRATION, CHECKPOINT, HISTORY, KERAS_MODEL, LITERT_MODEL, METRICS, RunWriter
from multidigit.strategies.base import Strategy
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training.conversion import to_tflite
from multidigit.training.state import STATE, TrainingState

if TYPE_CHECKING:
    import keras


def save(writer: RunWriter, strategy: Strategy, model: keras.Model, state: TrainingState) -> None:
    """Write the history and the best weights, which the model has then, and for an interrupted run what it needs."""
    writer.table(HISTORY, state.history)
    with quiet_stderr():
        if state.interrupted:
            with writer.part(CHECKPOINT) as path:
                model.save(path)
            writer.json(STATE, state.as_json())
        model.set_weights(state.best_weights)
        # A model of its own: with the one that was trained Keras would save its optimiser, three times as much.
        plain = strategy.training_model()
        plain.set_weights(state.best_weights)
        with writer.part(KERAS_MODEL) as path:
            plain.save(path)


def export(writer: RunWriter, strategy: Strategy, model: keras.Model) -> Model:
    """Write the reading model as a LiteRT file, and open that."""
    with quiet_stderr():
        reading_model = strategy.reading_model(model)
    writer.bytes(LITERT_MODEL, to_tflite(reading_model))
    return Model(writer.aside / LITERT_MODEL)


def write_calibration(writer: RunWriter, exported: Model, stream: StripStream, count: int) -> Calibration:
    """Calibrate the exported model's confidence on so many strips."""
    calibration = calibrate(exported, stream, count)
    writer.json(CALIBRATION, {LITERT_MODEL: calibration.as_json()})
    return calibration


def write_measures(
    writer: RunWriter,
    exported: Model,
    stream: StripStream,
    test: Strips,
    calibration: Calibration,
    training: Mapping[str, Any],
    corrupted: int = 0,
) -> None:
    """Evaluate the exported model on the test strips, and so many of them under corruptions.

    ``training`` is the summary of its training.
    """
    measures, answers = evaluate(exported, test, calibration)
    if isinstance(stream, OwnStream):
        # Pictures of one's own are measured as they are read: several strips of each, the surest row.
        rows = RowReader(exported, calibration, Knowledge(exported.slots))
        readings = [first for first, *_ in rows.read(stream.own.seen("test"))]
        as_read, answers = evaluate_readings(readings, test.slots)
        measures |= as_read
    with writer.file(ANSWERS) as file:
        np.savez_compressed(file, allow_pickle=False, **answers)
    found = {"training": training, "test": measures}
    if stream.composed:
        found["error_breakdown"] = break_down_errors(exported, stream, test, calibration)
    if corrupted:
        found["corruptions"] = evaluate_corrupted(exported, test.first(corrupted), calibration)
    writer.json(METRICS, found)
