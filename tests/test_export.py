"""Export: the file answers as the network does, small or large, and failing leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Toys

from multidigit.errors import MultidigitError
from multidigit.export import export_run, to_tflite
from multidigit.labels import CELL, CLASSES, SLOTS, WIDTH
from multidigit.reader import Model
from multidigit.runs import READER
from multidigit.strips.stream import StripStream


def test_a_float_export_answers_as_the_run_did(toys: Toys, tmp_path: Path) -> None:
    run = toys.run("heads")
    told = export_run(run, "float", tmp_path / "deep" / "reader.tflite")
    out = tmp_path / "deep" / "reader.tflite"
    assert (told["file"], told["format"], told["bytes"]) == (str(out), "float", out.stat().st_size)
    assert (told["changed"], told["strips"]) == (0, 300)
    assert told["sequence_accuracy"] == told["before"] == run.metrics["test"]["sequence_accuracy"]
    strips = StripStream(run.settings).fixed("test", 50).images
    assert np.allclose(Model(out).probabilities(strips), Model(run.part(READER)).probabilities(strips), atol=1e-6)
    assert [path.name for path in out.parent.iterdir()] == ["reader.tflite"]


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_an_8_bit_export_is_small_and_close(toys: Toys, tmp_path: Path, strategy: str) -> None:
    run, out = toys.run(strategy), tmp_path / "reader.tflite"
    told = export_run(run, "int8", out)
    assert told["bytes"] == out.stat().st_size < 0.6 * run.part(READER).stat().st_size
    assert abs(told["sequence_accuracy"] - told["before"]) <= 0.05
    assert told["changed"] <= 0.05 * told["strips"]
    strips = StripStream(run.settings).fixed("test", 64).images
    found = Model(out).probabilities(strips)
    # Input and output stay as they are.
    assert (found.shape, found.dtype) == ((64, SLOTS, CLASSES), np.float32)
    assert np.abs(found - Model(run.part(READER)).probabilities(strips)).mean() < 0.02
    assert not np.array_equal(found, Model(run.part(READER)).probabilities(strips))


def test_what_litert_cannot_do_is_told_in_one_line() -> None:
    import keras
    import tensorflow as tf

    class Foreign(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pictures: tf.Tensor) -> tf.Tensor:
            return tf.linalg.svd(tf.cast(pictures, tf.float32), compute_uv=False)

    strips = keras.Input((CELL, WIDTH), dtype="uint8")
    features = keras.layers.Flatten()(Foreign()(strips))
    probabilities = keras.layers.Reshape((SLOTS, CLASSES))(keras.layers.Dense(SLOTS * CLASSES)(features))
    with pytest.raises(MultidigitError, match="this model cannot be exported to LiteRT") as told:
        to_tflite(keras.Model(strips, probabilities))
    assert "\n" not in str(told.value)


def test_a_place_that_cannot_be_written_is_told(toys: Toys, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MultidigitError, match="cannot be written"):
        export_run(toys.run("heads"), "float", tmp_path / "file" / "reader.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
