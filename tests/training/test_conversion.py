"""Conversion: LiteRT and ONNX files answer as the network does, and foreign operations are refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys

from multidigit.errors import MultidigitError
from multidigit.labels import CELL, CLASSES
from multidigit.reading.inference import Model
from multidigit.strategies.base import make
from multidigit.strips.stream import StripStream
from multidigit.training.conversion import OnnxModel, to_onnx, to_tflite

ONNX = "the packages of the group onnx are not installed"


def foreign_model() -> Any:
    """A reading model with an operation that neither format has."""
    import keras
    import tensorflow as tf

    class Foreign(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pictures: tf.Tensor) -> tf.Tensor:
            return tf.linalg.svd(tf.cast(pictures, tf.float32), compute_uv=False)

    strips = keras.Input((CELL, CELL), dtype="uint8")
    features = keras.layers.Flatten()(Foreign()(strips))
    return keras.Model(strips, keras.layers.Reshape((1, CLASSES))(keras.layers.Dense(CLASSES)(features)))


def test_what_litert_lacks_is_refused_in_one_line() -> None:
    with pytest.raises(MultidigitError, match="this model cannot be exported to LiteRT") as refused:
        to_tflite(foreign_model())
    assert "\n" not in str(refused.value)


class TestOnnx:
    @pytest.fixture(autouse=True)
    @staticmethod
    def packages() -> None:
        pytest.importorskip("tf2onnx", reason=ONNX)
        pytest.importorskip("onnxruntime", reason=ONNX)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("strategy", "changes"),
        [
            ("heads", {"heads": {"length": True}, "slots": 3}),
            ("heads", {"layout": {"name": "free"}}),
            ("heads", {"backbone": {"name": "baseline", "width": 1}}),
            ("heads", {"backbone": {"name": "streetview", "width": 0.05}}),
            ("sigmoid", {"slots": 8}),
            ("cut", {"cut": {"cutter": "equal"}, "slots": 1}),
            ("cut", {"cut": {"cutter": "ink"}, "layout": {"name": "free"}, "slots": 3}),
            ("cut", {"cut": {"cutter": "ink"}, "slots": 8}),
        ],
        ids=str,
    )
    def test_every_network_can_be_exported(self, strategy: str, changes: Any, toys: Toys) -> None:
        settings = toys.settings(strategy=strategy, **changes)
        network = make(settings)
        reading_model = network.reading_model(network.training_model())
        strips = StripStream(settings).fixed("test", 20).images
        model = OnnxModel(to_onnx(reading_model))
        found = model.probabilities(strips)
        assert np.allclose(found, reading_model.predict(strips, verbose=0), atol=1e-5)
        # Any number of strips.
        assert np.allclose(model.probabilities(strips[:1]), found[:1], atol=1e-5)

    def test_what_tf2onnx_lacks_is_refused_in_one_line(self) -> None:
        with pytest.raises(MultidigitError, match="this model cannot be exported to ONNX") as refused:
            OnnxModel(to_onnx(foreign_model()))
        assert "\n" not in str(refused.value)


def test_in_8_bits_no_class_is_impossible(toys: Toys, tmp_path: Path) -> None:
    """A pattern may ask for the least likely class."""
    run, path = toys.run(), tmp_path / "model.tflite"
    network = make(run.settings)
    model = network.training_model()
    model.load_weights(run.part("model.keras"))
    strips = StripStream(run.settings).fixed("test", 64).images
    path.write_bytes(to_tflite(network.reading_model(model), strips))
    found = Model(path).probabilities(strips)
    assert found.min() > 0
    assert ((found > 0) & (found < 1 / 512)).any()
