"""Reading model -> files that other runtimes read, none of them unread. This is a step that loads TensorFlow."""

from __future__ import annotations

import contextlib
import io
import math
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.calibration import fit
from multidigit.errors import MultidigitError
from multidigit.evaluation import evaluate
from multidigit.files import write_bytes
from multidigit.labels import CELL, CLASSES, SLOTS, WIDTH, slots_to_text
from multidigit.quiet import quiet_stderr
from multidigit.reader import BATCH, Model
from multidigit.report.card import ReaderFacts, card
from multidigit.runs import CALIBRATION, CARD, METRICS, MODEL, READER, READER_INT8, READING, Run, RunWriter, digest
from multidigit.strategies.base import make
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

if TYPE_CHECKING:
    import keras

Kind: TypeAlias = Literal["float", "float16", "int8", "onnx"]

BUDGET = 0.001
"""How much less than the Keras model's a file's sequence accuracy may be. Floats must not answer otherwise at all."""
CALIBRATION_STRIPS = 128
"""Strips from which the ranges of an int8 model are taken; more of them find rarer extremes, and coarser steps."""
MOST_CALIBRATION = 10_000
"""Strips on which the confidence of exported readers is calibrated, at least."""
IN_FLOAT = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC")
"""Operations of LiteRT that int8 files keep in 32 bits, for next to no time. In 8 bits there is nothing between 0 and
1/256: what is less likely could not be told apart, nor confidence be calibrated."""
DENSE, FEW = "FULLY_CONNECTED", 0.1
"""Dense layers stay in 32 bits, too, where they hold no more than this share of a network's weights: at next to no cost
in size and time, fewer answers change."""
OPSET = 17
"""Version of ONNX's operations; runtimes have known this one since 2022."""


def to_tflite(
    reading_model: keras.Model, calibration: NDArray[np.uint8] | None = None, *, float16: bool = False
) -> bytes:
    """A reading model as a LiteRT file that takes any number of strips at once.

    Args:
        reading_model: ``uint8`` (N, 28, 140) -> ``float32`` (N, 5, 11).
        calibration: strips ``uint8`` (M, 28, 140). When given, weights and activations are kept in 8 bits, their
            ranges taken from these strips; input, output and what yields probabilities stay as they are.
        float16: keep weights in 16 bits.
    """
    with quiet_stderr(), warnings.catch_warnings(action="ignore"):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_keras_model(reading_model)
        if calibration is not None or float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if float16:
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None:
            converter.representative_dataset = lambda: ([strip[None]] for strip in calibration[:CALIBRATION_STRIPS])
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints the model's signature
                model: bytes = converter.convert() if calibration is None else _in_8_bits(converter, reading_model)
        except Exception as error:  # the converter raises bare Exceptions of many kinds
            raise MultidigitError(
                f"this model cannot be exported to LiteRT ({_first_line(error)}); a strategy or backbone of "
                "your own must keep to operations that LiteRT has"
            ) from error
    return model


def _in_8_bits(converter: Any, reading_model: keras.Model) -> bytes:
    """What a converter with optimisations and strips makes, but for the operations that stay in float."""
    import tensorflow as tf

    sizes = [(len(weight.shape), math.prod(weight.shape)) for weight in reading_model.weights]
    dense, every = sum(size for axes, size in sizes if axes == 2), sum(size for _, size in sizes)
    in_float = [*IN_FLOAT, DENSE] if dense <= FEW * every else [*IN_FLOAT]
    # Only the debugger takes a list of what not to quantise.
    debugging = tf.lite.experimental
    options = debugging.QuantizationDebugOptions(denylisted_ops=in_float)
    debugger = debugging.QuantizationDebugger(
        converter=converter, debug_dataset=converter.representative_dataset, debug_options=options
    )
    model: bytes = debugger.get_nondebug_quantized_model()
    return model


def to_onnx(reading_model: keras.Model) -> bytes:
    """A reading model as an ONNX file: ``pictures`` uint8 (N, 28, 140) -> ``probabilities`` float32 (N, 5, 11).

    Raises:
        MultidigitError: the packages for it are not installed, or they lack an operation that the model has.
    """
    _need_onnx()
    with quiet_stderr(), warnings.catch_warnings(action="ignore"):
        import keras
        import tensorflow as tf
        import tf2onnx

        # Inside, the output has the name of whatever operation comes last.
        pictures = keras.Input((CELL, WIDTH), dtype="uint8", name="pictures")
        named = keras.Model(pictures, keras.layers.Identity(name="probabilities")(reading_model(pictures)))
        try:
            model, _ = tf2onnx.convert.from_keras(
                named,
                [tf.TensorSpec((None, CELL, WIDTH), tf.uint8, name="pictures")],
                opset=OPSET,
                custom_op_handlers={"FloorDiv": (_floor_div, [])},
            )
        except Exception as error:  # it raises whatever its parts do
            raise _not_in_onnx(error) from error
    # What it cannot infer it leaves open.
    for value, shape in ((model.graph.input[0], (CELL, WIDTH)), (model.graph.output[0], (SLOTS, CLASSES))):
        first, *others = value.type.tensor_type.shape.dim
        first.dim_param = "N"
        for dimension, size in zip(others, shape, strict=True):
            dimension.dim_value = size
    data: bytes = model.SerializeToString()
    return data


def _floor_div(graph: Any, node: Any, name: str, _: Any) -> None:
    """Division that rounds down. tf2onnx rounds towards 0, which for integers below 0 is another number."""
    dtypes, shapes = node.output_dtypes, node.output_shapes
    over, under = node.input
    graph.remove_node(name)
    if graph.get_dtype(over) in _ONNX_FLOATS:
        exact = graph.make_node("Div", [over, under]).output[0]
        graph.make_node("Floor", [exact], name=name, outputs=node.output, dtypes=dtypes, shapes=shapes)
        return
    # ONNX' remainder has the sign of the divisor.
    rest = graph.make_node("Mod", [over, under]).output[0]
    whole = graph.make_node("Sub", [over, rest]).output[0]
    graph.make_node("Div", [whole, under], name=name, outputs=node.output, dtypes=dtypes, shapes=shapes)


_ONNX_FLOATS = (1, 10, 11)
"""ONNX' numbers of float32, float16 and float64."""


def _need_onnx() -> None:
    missing = [name for name in ("tf2onnx", "onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise MultidigitError(
            f"--format onnx: needs {' and '.join(missing)}, not installed here; pip install 'multidigit[onnx]'"
        )


def _not_in_onnx(error: Exception) -> MultidigitError:
    return MultidigitError(
        f"this model cannot be exported to ONNX ({_first_line(error)}); a strategy or backbone of your own must keep "
        "to operations that tf2onnx has"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class OnnxModel:
    """An ONNX file, read as ``reader.Model`` reads LiteRT's.

    Raises:
        MultidigitError: the runtime cannot load it.
    """

    def __init__(self, data: bytes) -> None:
        import onnxruntime

        try:
            with quiet_stderr():
                self._session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common base
            raise _not_in_onnx(error) from error

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities ``float32`` (N, 5, 11) of ``uint8`` strips (N, 28, 140)."""
        batches = [np.ascontiguousarray(strips[i : i + BATCH]) for i in range(0, len(strips), BATCH)]
        return np.concatenate([self._session.run(["probabilities"], {"pictures": batch})[0] for batch in batches])


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
    before, after = metrics.decode(was), metrics.decode(now)
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
        _need_onnx()
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
