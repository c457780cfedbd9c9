"""Reading model -> the bytes of a LiteRT or an ONNX file. TensorFlow is imported when one is made.

LiteRT files are not made by ``keras.Model.export(format="litert")``: it makes those in 32 and 16 bits, in more time and
with the same converter, but has no way to keep single operations of an 8-bit model in float.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import MultidigitError
from multidigit.quiet import quiet_stderr
from multidigit.reading.inference import BATCH

if TYPE_CHECKING:
    import keras

SAMPLE = 128
"""Strips from which the ranges of an int8 model are taken; more of them find rarer extremes, and coarser steps."""
IN_FLOAT = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC")
"""Operations of LiteRT that int8 files keep in 32 bits, at next to no cost. In 8 bits there is nothing between 0 and
1/256: classes that are less likely could not be distinguished, nor confidence be calibrated."""
DENSE, FEW = "FULLY_CONNECTED", 0.1
"""Dense layers stay in 32 bits, too, where they hold no more than this share of a network's weights: at next to no cost
in size and time, fewer answers change."""
OPSET = 17
"""Version of ONNX's operations; runtimes have known this one since 2022."""


def to_tflite(reading_model: keras.Model, sample: NDArray[np.uint8] | None = None, *, float16: bool = False) -> bytes:
    """A reading model as a LiteRT file that takes any number of strips at once.

    Args:
        reading_model: ``uint8`` (N, 28, 28·slots) -> ``float32`` (N, slots, 11).
        sample: strips ``uint8`` (M, 28, 28·slots). When given, weights and activations are kept in 8 bits, with the
            ranges that they have on the first ``SAMPLE`` of these strips; input and output stay as they are, and so
            does what yields probabilities.
        float16: keep weights in 16 bits.

    Raises:
        MultidigitError: the model has an operation that LiteRT lacks.
    """
    with quiet_stderr(), warnings.catch_warnings(action="ignore"):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_keras_model(reading_model)
        if sample is not None or float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if float16:
            converter.target_spec.supported_types = [tf.float16]
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints the model's signature
                if sample is None:
                    data: bytes = converter.convert()
                else:
                    converter.representative_dataset = lambda: ([strip[None]] for strip in sample[:SAMPLE])
                    data = _convert_to_int8(converter, reading_model)
        except Exception as error:  # the converter raises bare Exceptions of many kinds
            raise _not_exported(error, "LiteRT", "LiteRT") from error
    return data


def _convert_to_int8(converter: Any, reading_model: keras.Model) -> bytes:
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
    data: bytes = debugger.get_nondebug_quantized_model()
    return data


def to_onnx(reading_model: keras.Model) -> bytes:
    """A reading model as an ONNX file.

    It takes ``pictures``, uint8 (N, 28, 28·slots), and yields ``probabilities``, float32 (N, slots, 11).

    Raises:
        MultidigitError: the packages for it are not installed, or they lack an operation that the model has.
    """
    need_onnx()
    with quiet_stderr(), warnings.catch_warnings(action="ignore"), tempfile.TemporaryDirectory() as folder:
        import keras
        import onnx

        path = Path(folder) / "model.onnx"
        taken, given = reading_model.input_shape[1:], reading_model.output_shape[1:]
        pictures = keras.Input(taken, dtype="uint8", name="pictures")
        named = keras.Model(pictures, {"probabilities": reading_model(pictures)})
        try:
            named.export(path, "onnx", verbose=False, input_signature=named.inputs, opset_version=OPSET)
        except Exception as error:  # it raises whatever its parts do
            raise _not_exported(error, "ONNX", "tf2onnx") from error
        model = onnx.load(path)
    # Sizes that could not be inferred were left open.
    for value, shape in ((model.graph.input[0], taken), (model.graph.output[0], given)):
        first, *others = value.type.tensor_type.shape.dim
        first.dim_param = "N"
        for dimension, size in zip(others, shape, strict=True):
            dimension.dim_value = size
    data: bytes = model.SerializeToString()
    return data


def need_onnx() -> None:
    """Raises ``MultidigitError`` where packages for ONNX are missing."""
    missing = [name for name in ("tf2onnx", "onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise MultidigitError(
            f"--format onnx: needs {' and '.join(missing)}, not installed here; pip install 'multidigit[onnx]'"
        )


def _not_exported(error: Exception, target: str, operations: str) -> MultidigitError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return MultidigitError(
        f"this model cannot be exported to {target} ({reason}); a strategy or backbone of your own must keep to "
        f"operations that {operations} has"
    )


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
            raise _not_exported(error, "ONNX", "ONNX Runtime") from error

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities ``float32`` (N, slots, 11) of ``uint8`` strips (N, 28, 28·slots)."""
        batches = [np.ascontiguousarray(strips[i : i + BATCH]) for i in range(0, len(strips), BATCH)]
        return np.concatenate([self._session.run(["probabilities"], {"pictures": batch})[0] for batch in batches])
