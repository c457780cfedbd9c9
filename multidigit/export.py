"""A run's network as files that other runtimes read. Each file first reads all of the run's test strips."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.data.stream import make_stream
from multidigit.errors import MultidigitError
from multidigit.evaluation import calibrate, evaluate
from multidigit.files import write_bytes
from multidigit.labels import slots_to_text
from multidigit.quiet import quiet_stderr
from multidigit.reading.inference import BATCH, Model
from multidigit.report.card import ModelFacts, card
from multidigit.runs import (
    CALIBRATION,
    CARD,
    KERAS_MODEL,
    LITERT_INT8,
    LITERT_MODEL,
    METRICS,
    READING,
    Run,
    RunWriter,
    digest,
)
from multidigit.strategies.base import make
from multidigit.training.conversion import SAMPLE, OnnxModel, need_onnx, to_onnx, to_tflite
from multidigit.training.start import load_weights

if TYPE_CHECKING:
    import keras

Kind: TypeAlias = Literal["float", "float16", "int8", "onnx"]
TOLERANCE = 0.001
"""How much less than the Keras model's a file's sequence accuracy may be. Floats must give the same answers."""
TOLERATED = 0.02
"""The same as a share of the numbers that the Keras model reads wrongly, where that is more: of strips that are hard to
read many answers hang by a hair, and change one way as often as the other."""
CALIBRATION_STRIPS = 10_000
"""Strips on which the confidence of exported models is calibrated, at least: enough for --at-least 0.99 and above."""


def export_run(run: Run, kind: Kind, out: Path) -> dict[str, Any]:
    """Write a run's network to the file ``out``, after reading all of the run's test strips with it and with Keras.

    Returns:
        ``file``, ``format`` and ``bytes``; ``strips`` read; sequence accuracy ``before`` (with Keras) and
        ``sequence_accuracy`` after; the ``tolerance`` between them; how many answers ``changed``, and for each of
        these in ``changes`` the ``strip`` (its index among the test strips), the true ``number``, and the answer
        ``before`` and ``after``, its ``text`` and ``confidence``; ``strips_per_second``.

    Raises:
        MultidigitError: the file reads worse than the tolerance allows, the network cannot be put in it, or it cannot
            be written. A file that stood at ``out`` is unchanged.
        RunError: the run has no ``model.keras``.
    """
    if kind == "onnx":
        need_onnx()
    data, replayed = _Exporter(run).export(kind)
    write_bytes(out, data)
    return {"file": str(out), "format": kind, "bytes": len(data), **replayed}


def export_folder(run: Run, out: Path, *, replace: bool = False, trainable: bool = False) -> tuple[Run, list[str]]:
    """Write what reading and evaluation need of a run, and no more, to a run folder of its own.

    A run that has its ``model.keras`` gets a model with weights in 16 bits, half the size of the float one, in place
    of that, a model in 8 bits beside it, both calibrated anew, and a card. Of another run everything is copied.

    Args:
        run: what is exported.
        out: the folder.
        replace: whether a folder that stands there is replaced.
        trainable: keep ``model.keras``, too, which ``train.start`` needs.

    Returns:
        The folder, and for each model that reads worse than the tolerance allows, and so was left out, the reason.

    Raises:
        RunError: ``out`` exists and is not to be replaced, or cannot be written.
    """
    reasons: list[str] = []
    with RunWriter(out, replace=replace) as writer:
        for name in filter(run.has, (*READING, KERAS_MODEL) if trainable else READING):
            writer.bytes(name, run.part(name).read_bytes())
        if run.has(KERAS_MODEL):
            exporter = _Exporter(run)
            kinds: dict[str, Kind] = {LITERT_MODEL: "float16", LITERT_INT8: "int8"}
            for name, kind in kinds.items():
                try:
                    data, _ = exporter.export(kind)
                except MultidigitError as error:
                    reasons.append(str(error))
                else:
                    writer.bytes(name, data)
            models = [exporter.describe(writer.aside / name) for name in kinds if (writer.aside / name).is_file()]
            writer.json(CALIBRATION, {model.name: model.calibration.as_json() for model in models})
            tests = {"test" if model.name == LITERT_MODEL else "test_int8": model.measures for model in models}
            writer.json(METRICS, {**run.metrics, **tests})
            writer.text(CARD, card(run.settings, run.metrics["training"], models, run.environment))
        return writer.finish(run.settings), reasons


class _Reads(Protocol):
    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class _Exporter:
    """A run's network as Keras has it, and the answers that it gives for the run's test strips."""

    def __init__(self, run: Run) -> None:
        path = run.part(KERAS_MODEL)
        self._settings = run.settings
        self._stream = make_stream(run.settings)
        self._strips = self._stream.fixed("test", run.settings.evaluation.test_strips)
        with quiet_stderr():
            strategy = make(run.settings)
            model = strategy.training_model()
            load_weights(model, path)
            self._model: keras.Model = strategy.reading_model(model)
            self._before = self._model.predict(self._strips.images, batch_size=BATCH, verbose=0)

    def export(self, kind: Kind) -> tuple[bytes, dict[str, Any]]:
        """A file's content, and the results of reading all test strips with it.

        Raises:
            MultidigitError: it answers worse than the network does.
        """
        if kind == "onnx":
            data = to_onnx(self._model)
            return data, self._replay(OnnxModel(data), kind)
        sample = self._stream.fixed("validation", SAMPLE).images if kind == "int8" else None
        data = to_tflite(self._model, sample, float16=kind == "float16")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / LITERT_MODEL
            path.write_bytes(data)
            return data, self._replay(Model(path), kind)

    def _replay(self, model: _Reads, kind: Kind) -> dict[str, Any]:
        strips = self._strips
        model.probabilities(strips.images[:BATCH])  # sets it up; only work is timed
        started = time.perf_counter()
        probabilities = model.probabilities(strips.images)
        seconds = time.perf_counter() - started
        before, after = metrics.answers(self._before), metrics.answers(probabilities)
        confidence_before, confidence_after = metrics.confidence(self._before), metrics.confidence(probabilities)
        changes = [
            {
                "strip": int(index),
                "number": slots_to_text(strips.slots[index]),
                "before": {"text": slots_to_text(before[index]), "confidence": float(confidence_before[index])},
                "after": {"text": slots_to_text(after[index]), "confidence": float(confidence_after[index])},
            }
            for index in np.flatnonzero((before != after).any(1))
        ]
        right_before, right_after = metrics.right(strips.slots, before), metrics.right(strips.slots, after)
        exact = kind in ("float", "onnx")
        # Counted, since a difference of shares rounds.
        lost = int(right_before.sum()) - int(right_after.sum())
        tolerance = max(TOLERANCE, TOLERATED * float(1 - right_before.mean()))
        if lost > tolerance * len(strips) or (exact and changes):
            if exact:
                rule, advice = "floats must answer alike", "please report it"
            else:
                rule = f"it may be {100 * tolerance:.2g} points less"
                advice = f"try --format {'float16' if kind == 'int8' else 'float'}, or train for longer"
            first = ", ".join(str(change["strip"]) for change in changes[:3]) + (" …" if len(changes) > 3 else "")
            raise MultidigitError(
                f"{kind}: {right_after.mean():.2%} of {len(strips):,} test numbers right, {right_before.mean():.2%} "
                f"with Keras, {len(changes):,} answered otherwise (strips {first}); {rule}, so nothing was written; "
                f"{advice}"
            )
        return {
            "strips": len(strips),
            "before": float(right_before.mean()),
            "sequence_accuracy": float(right_after.mean()),
            "tolerance": 0.0 if exact else tolerance,
            "changed": len(changes),
            "changes": changes,
            "strips_per_second": len(strips) / seconds,
        }

    def describe(self, path: Path) -> ModelFacts:
        """An exported model's calibration, and its measures with that."""
        model = Model(path)
        count = max(CALIBRATION_STRIPS, self._settings.evaluation.validation_strips)
        calibration = calibrate(model, self._stream, count)
        measures, _ = evaluate(model, self._strips, calibration)
        return ModelFacts(path.name, path.stat().st_size, digest(path), measures, calibration)
