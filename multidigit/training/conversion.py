"""Reading model -> the bytes of a LiteRT or an ONNX file. TensorFlow is loaded when one is made."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import MultidigitError
from multidigit.labels import CELL, CLASSES, SLOTS, WIDTH
from multidigit.quiet import quiet_stderr
from multidigit.reading.inference import BATCH

if TYPE_CHECKING:
    import keras

CALIBRATION_STRIPS = 128
"""Strips from which the ranges of an int8 model are taken; more of them find rarer extremes, and coarser steps."""
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
    need_onnx()
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


def need_onnx() -> None:
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
    """An ONNX file, read as ``inference.Model`` reads LiteRT's.

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
