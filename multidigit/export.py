"""Reading model -> files that other runtimes read, none of them unread."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.errors import MultidigitError
from multidigit.evaluation import evaluate
from multidigit.files import write_bytes
from multidigit.labels import slots_to_text
from multidigit.quiet import quiet_stderr
from multidigit.reading.calibration import fit
from multidigit.reading.inference import BATCH, Model
from multidigit.report.card import ReaderFacts, card
from multidigit.runs import CALIBRATION, CARD, METRICS, MODEL, READER, READER_INT8, READING, Run, RunWriter, digest
from multidigit.strategies.base import make
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training.conversion import CALIBRATION_STRIPS, OnnxModel, need_onnx, to_onnx, to_tflite

if TYPE_CHECKING:
    import keras

Kind: TypeAlias = Literal["float", "float16", "int8", "onnx"]
BUDGET = 0.001
"""How much less than the Keras model's a file's sequence accuracy may be. Floats must not answer otherwise at all."""
MOST_CALIBRATION = 10_000
"""Strips on which the confidence of exported readers is calibrated, at least."""


@dataclass(frozen=True)
class _Original:
    """A run's network as Keras has it, and what it answers for the run's test strips.

    Attributes:
        model: its reading model.
        strips: the test strips.
        probabilities: ``float32`` (N, 5, 11).
    """

    model: keras.Model
    strips: Strips
    probabilities: NDArray[np.float32]


def _original(run: Run) -> _Original:
    settings = run.settings
    with quiet_stderr():
        strategy = make(settings)
        model = strategy.training_model()
        model.load_weights(run.part(MODEL))
        reading_model = strategy.reading_model(model)
        strips = StripStream(settings).fixed("test", settings.evaluation.test_strips)
        probabilities = reading_model.predict(strips.images, batch_size=BATCH, verbose=0)
    return _Original(reading_model, strips, probabilities)


def _made(run: Run, original: _Original, kind: Kind) -> tuple[bytes, dict[str, Any]]:
    """A file's content, and what came of reading all test strips with it.

    Raises:
        MultidigitError: it answers worse than the network does.
    """
    if kind == "onnx":
        data = to_onnx(original.model)
        return data, _replay(OnnxModel(data).probabilities, original, kind)
    calibration = StripStream(run.settings).fixed("validation", CALIBRATION_STRIPS).images if kind == "int8" else None
    data = to_tflite(original.model, calibration, float16=kind == "float16")
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "reader.tflite"
        aside.write_bytes(data)
        return data, _replay(Model(aside).probabilities, original, kind)


def _replay(
    read: Callable[[NDArray[np.uint8]], NDArray[np.float32]], original: _Original, kind: Kind
) -> dict[str, Any]:
    """What ``export_run`` returns, but for the file. Raises as ``_made`` does."""
    strips, was = original.strips, original.probabilities
    read(strips.images[:BATCH])  # sets it up; only work is timed
    started = time.perf_counter()
    now = read(strips.images)
    seconds = time.perf_counter() - started
    before, after = metrics.answers(was), metrics.answers(now)
    sure_before, sure_after = metrics.confidence(was), metrics.confidence(now)
    changed = np.flatnonzero((before != after).any(1))
    changes = [
        {
            "strip": int(index),
            "number": slots_to_text(strips.slots[index]),
            "before": {"text": slots_to_text(before[index]), "confidence": float(sure_before[index])},
            "after": {"text": slots_to_text(after[index]), "confidence": float(sure_after[index])},
        }
        for index in changed
    ]
    right_before, right_after = metrics.right(strips.slots, before), metrics.right(strips.slots, after)
    exact = kind in ("float", "onnx")
    # Counted, since a difference of shares rounds.
    lost = int(right_before.sum()) - int(right_after.sum())
    if lost > BUDGET * len(strips) or (exact and changes):
        if exact:
            rule, advice = "floats must answer alike", "please report it"
        else:
            rule = f"it may be {100 * BUDGET:g} points less"
            advice = f"try --format {'float16' if kind == 'int8' else 'float'}, or train for longer"
        raise MultidigitError(
            f"{kind}: {right_after.mean():.2%} of {len(strips):,} test numbers right, {right_before.mean():.2%} with "
            f"Keras, {len(changes):,} answered otherwise{_first_of(changes)}; {rule}, so nothing was written; {advice}"
        )
    return {
        "strips": len(strips),
        "before": float(right_before.mean()),
        "sequence_accuracy": float(right_after.mean()),
        "budget": 0.0 if exact else BUDGET,
        "changed": len(changes),
        "changes": changes,
        "strips_per_second": len(strips) / seconds,
    }


def _first_of(changes: list[dict[str, Any]]) -> str:
    """The first few strips of a replay that changed, in brackets, for a line of text."""
    if not changes:
        return ""
    named = [f"{change['strip']}" for change in changes[:3]]
    return f" (strips {', '.join(named)}{' …' if len(changes) > len(named) else ''})"


def export_run(run: Run, kind: Kind, out: Path) -> dict[str, Any]:
    """Write a run's network to the file ``out``, after reading all of the run's test strips with it and with Keras.

    Returns:
        ``file``, ``format`` and ``bytes``; ``strips`` read; sequence accuracy ``before`` (with Keras) and
        ``sequence_accuracy`` after; the ``budget`` between them; how many answers ``changed``, and of each in
        ``changes`` the ``strip`` (its index among the test strips), the true ``number``, and the answer ``before`` and
        ``after``, its ``text`` and ``confidence``; ``strips_per_second``.

    Raises:
        MultidigitError: the file reads worse than it may, the network cannot be put in it, or it cannot be written.
            What stood at ``out`` before stands there still.
        RunError: the run has no ``model.keras``.
    """
    if kind == "onnx":
        need_onnx()
    data, replayed = _made(run, _original(run), kind)
    write_bytes(out, data)
    return {"file": str(out), "format": kind, "bytes": len(data), **replayed}


def export_reader(run: Run, out: Path, *, replace: bool = False) -> tuple[Run, list[str]]:
    """Write what reading and evaluation need of a run, and no more, to a run folder of its own.

    A run that has its ``model.keras`` gets a reader with weights in 16 bits in place of the float one, half its size, a
    reader in 8 bits beside it, both calibrated anew, and a card; of another one is copied what there is.

    Returns:
        The folder, and of each reader that reads worse than it may, and so was left out, why.

    Raises:
        RunError: ``out`` exists and shall not be replaced, or cannot be written.
    """
    left_out: list[str] = []
    with RunWriter(out, replace=replace) as writer:
        for name in filter(run.has, READING):
            shutil.copyfile(run.part(name), writer.aside / name)
        if run.has(MODEL):
            original, kinds = _original(run), {READER: "float16", READER_INT8: "int8"}
            for name, kind in kinds.items():
                try:
                    data, _ = _made(run, original, cast(Kind, kind))
                except MultidigitError as error:
                    left_out.append(str(error))
                else:
                    write_bytes(writer.aside / name, data)
            readers = [_facts(run, writer.aside / name, original) for name in kinds if (writer.aside / name).is_file()]
            writer.json(CALIBRATION, {reader.name: reader.calibration.as_json() for reader in readers})
            tests = {"test" if reader.name == READER else "test_int8": reader.measures for reader in readers}
            writer.json(METRICS, {**run.metrics, **tests})
            writer.text(CARD, card(run.settings, run.metrics["training"], readers, run.environment))
        return writer.finish(run.settings), left_out


def _facts(run: Run, path: Path, original: _Original) -> ReaderFacts:
    """A reader's calibration, and what it measures with it."""
    # Other strips of the kind on which training calibrated the float reader; more, for --at-least 0.99 and above.
    count = max(MOST_CALIBRATION, run.settings.evaluation.validation_strips)
    fresh, model = StripStream(run.settings).fixed("validation", count, again=1), Model(path)
    calibration = fit(fresh.slots, model.probabilities(fresh.images))
    measures, _ = evaluate(model, original.strips, calibration)
    return ReaderFacts(path.name, path.stat().st_size, digest(path), measures, calibration)
