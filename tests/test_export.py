"""Export: the file answers as the network does, small or large, and failing leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Called, Toys

from multidigit import conversion, export
from multidigit.errors import MultidigitError, RunError
from multidigit.export import export_reader, export_run
from multidigit.labels import CELL, CLASSES, SLOTS, WIDTH, slots_to_text
from multidigit.reading.inference import Model
from multidigit.runs import CALIBRATION, CARD, MODEL, READER, READER_INT8, Run, digest, open_run
from multidigit.strips.stream import StripStream
from multidigit.training.conversion import to_tflite

ONNX = "the packages of the group onnx are not installed"


def strips_of(run: Run, count: int) -> Any:
    """Test strips; another count gives other strips."""
    return StripStream(run.settings).fixed("test", count)


class Damaged:
    """A reader that answers otherwise than the file it was made from: in the first ``count`` strips, and surely."""

    count = 1

    def __init__(self, path: Path) -> None:
        self._model = Model(path)

    def probabilities(self, strips: Any) -> Any:
        found = self._model.probabilities(strips)
        wrong = (found[: self.count, 0].argmax(-1) + 1) % 10
        found[: self.count, 0] = np.eye(CLASSES)[wrong]
        return found


@pytest.fixture
def damaged(monkeypatch: pytest.MonkeyPatch) -> type[Damaged]:
    monkeypatch.setattr(Damaged, "count", 1)
    monkeypatch.setattr(export, "Model", Damaged)
    return Damaged


@pytest.fixture
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 strips a single one is more than the budget."""
    monkeypatch.setattr(export, "BUDGET", 0.05)


def test_a_float_export_answers_as_keras_does(toys: Toys, tmp_path: Path) -> None:
    run = toys.run("heads")
    told = export_run(run, "float", tmp_path / "deep" / "reader.tflite")
    out = tmp_path / "deep" / "reader.tflite"
    assert (told["file"], told["format"], told["bytes"]) == (str(out), "float", out.stat().st_size)
    assert (told["changed"], told["changes"], told["strips"], told["budget"]) == (0, [], 300, 0)
    assert told["sequence_accuracy"] == told["before"] == run.metrics["test"]["sequence_accuracy"]
    strips = strips_of(run, 50).images
    assert np.allclose(Model(out).probabilities(strips), Model(run.part(READER)).probabilities(strips), atol=1e-6)
    assert [path.name for path in out.parent.iterdir()] == ["reader.tflite"]


@pytest.mark.usefixtures("generous")
def test_weights_of_16_bits_take_half_the_room(toys: Toys, tmp_path: Path) -> None:
    run, out = toys.run("heads"), tmp_path / "reader.tflite"
    told = export_run(run, "float16", out)
    assert told["bytes"] == out.stat().st_size < 0.6 * run.part(READER).stat().st_size
    strips = strips_of(run, 64).images
    found, full = Model(out).probabilities(strips), Model(run.part(READER)).probabilities(strips)
    assert np.allclose(found, full, atol=0.02)
    assert not np.array_equal(found, full)


@pytest.mark.usefixtures("generous")
@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_an_8_bit_export_is_small_and_close(toys: Toys, tmp_path: Path, strategy: str) -> None:
    run, out = toys.run(strategy), tmp_path / "reader.tflite"
    told = export_run(run, "int8", out)
    assert told["bytes"] == out.stat().st_size < 0.6 * run.part(READER).stat().st_size
    assert told["changed"] == len(told["changes"]) <= 0.05 * told["strips"]
    strips = strips_of(run, 64).images
    found, full = Model(out).probabilities(strips), Model(run.part(READER)).probabilities(strips)
    # Input and output stay as they are.
    assert (found.shape, found.dtype) == ((64, SLOTS, CLASSES), np.float32)
    assert np.abs(found - full).mean() < 0.02
    assert not np.array_equal(found, full)


@pytest.mark.usefixtures("generous")
def test_in_8_bits_nothing_is_impossible(toys: Toys, tmp_path: Path) -> None:
    """A pattern or a checksum may ask for what is least likely."""
    run, out = toys.run("heads"), tmp_path / "reader.tflite"
    export_run(run, "int8", out)
    found = Model(out).probabilities(strips_of(run, 64).images)
    assert found.min() > 0
    assert ((found > 0) & (found < 1 / 512)).any()


def test_what_changed_is_named(damaged: type[Damaged], generous: None, toys: Toys, tmp_path: Path) -> None:
    run, damaged.count = toys.run("heads"), 2
    told = export_run(run, "float16", tmp_path / "reader.tflite")
    strips = strips_of(run, told["strips"])
    before = Model(run.part(READER)).probabilities(strips.images)
    named = {change["strip"]: change for change in told["changes"]}
    assert told["changed"] == len(told["changes"]) == len(named)
    for index in range(2):
        answer = slots_to_text(before[index].argmax(-1))
        assert set(named[index]) == {"strip", "number", "before", "after"}
        assert named[index]["number"] == slots_to_text(strips.slots[index])
        assert named[index]["before"]["text"] == answer
        assert named[index]["before"]["confidence"] == pytest.approx(before[index].max(-1).prod(), abs=1e-5)
        assert named[index]["after"]["text"][1:] == answer[1:]
        assert named[index]["after"]["text"] != answer
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(("kind", "rule"), [("float", "alike"), ("float16", "0.1 points"), ("int8", "0.1 points")])
def test_a_file_that_reads_worse_is_not_written(
    kind: Any, rule: str, damaged: type[Damaged], toys: Toys, tmp_path: Path
) -> None:
    damaged.count = 9
    with pytest.raises(MultidigitError, match=rf"^{kind}: .*% of 300 test numbers right, .*{rule}.*nothing") as told:
        export_run(toys.run("heads"), kind, tmp_path / "reader.tflite")
    assert "\n" not in str(told.value)
    assert "(strips 0, 1, 2 …)" in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_floats_have_no_budget(damaged: type[Damaged], generous: None, toys: Toys, tmp_path: Path) -> None:
    assert damaged.count == 1
    with pytest.raises(MultidigitError, match=r"1 answered otherwise \(strips 0\); floats must answer alike"):
        export_run(toys.run("heads"), "float", tmp_path / "reader.tflite")
    assert list(tmp_path.iterdir()) == []


def test_what_stood_there_before_stands_there_still(
    damaged: type[Damaged], toys: Toys, tmp_path: Path, call: Callable[..., Called]
) -> None:
    out = tmp_path / "reader.tflite"
    out.write_text("mine")
    told = call("export", "--run", toys.run().path, "--out", out, "--force", "--json")
    assert (told.code, told.out) == (1, "")
    assert "floats must answer alike" in told.err
    assert "Traceback" not in told.err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("reader.tflite", "mine")]


@pytest.mark.usefixtures("generous")
def test_the_terminal_names_the_first_ten(
    damaged: type[Damaged], toys: Toys, tmp_path: Path, call: Callable[..., Called]
) -> None:
    damaged.count = 12
    told = call("export", "--run", toys.run().path, "--format", "float16", "--out", tmp_path / "reader.tflite")
    assert told.code == 0, told.err
    _, *changes, rest = told.out.splitlines()
    assert len(changes) == 10
    assert changes[0].startswith("  strip 0 shows ")
    assert rest.endswith("--json lists them all")


class TestFolder:
    def test_it_has_both_readers_and_their_calibrations(self, generous: None, toys: Toys, tmp_path: Path) -> None:
        run = toys.run("heads")
        made, left_out = export_reader(run, tmp_path / "reader")
        assert left_out == []
        assert made == open_run(tmp_path / "reader")
        assert not made.has(MODEL)
        assert made.part(READER).stat().st_size < 0.7 * run.part(READER).stat().st_size
        strips = strips_of(run, 64).images
        small, full = (Model(made.part(name)).probabilities(strips) for name in (READER_INT8, READER))
        assert np.abs(small - full).mean() < 0.02
        assert set(json.loads(made.part(CALIBRATION).read_text())) == {READER, READER_INT8}
        for name in (READER, READER_INT8):
            assert made.calibration(name).strips == export.MOST_CALIBRATION
        assert {"training", "test", "test_int8", "error_breakdown"} == set(made.metrics)
        assert made.metrics["training"] == run.metrics["training"]
        assert made.metrics["error_breakdown"] == run.metrics["error_breakdown"]
        assert made.metrics["test"]["sequence_accuracy"] == pytest.approx(
            run.metrics["test"]["sequence_accuracy"], abs=0.01
        )
        card = made.part(CARD).read_text()
        for name in (READER, READER_INT8):
            assert f"`{digest(made.part(name))}`" in card
            assert f"{made.part(name).stat().st_size:,}" in card
        assert f"{made.metrics['test_int8']['sequence_accuracy']:.2%}" in card

    def test_a_run_without_its_network_is_copied(self, generous: None, toys: Toys, tmp_path: Path) -> None:
        first, _ = export_reader(toys.run("heads"), tmp_path / "first")
        second, left_out = export_reader(first, tmp_path / "second")
        assert left_out == []
        assert second.environment["parts"] == first.environment["parts"]
        with pytest.raises(RunError, match=r"has no model\.keras"):
            export_run(first, "int8", tmp_path / "reader.tflite")

    def test_an_8_bit_reader_that_reads_worse_is_left_out(
        self, damaged: type[Damaged], toys: Toys, tmp_path: Path, call: Callable[..., Called]
    ) -> None:
        damaged.count = 9
        told = call("export", "--run", toys.run().path, "--format", "run", "--out", tmp_path / "reader", "--json")
        assert told.code == 0
        assert "left out: int8: " in told.err
        made = open_run(tmp_path / "reader")
        assert told.json["parts"] == sorted(made.environment["parts"])
        assert READER_INT8 not in told.json["parts"]
        # The float reader stays as it was.
        assert made.part(READER).read_bytes() == toys.run().part(READER).read_bytes()


class TestOnnx:
    @pytest.mark.parametrize(
        ("strategy", "changes"),
        [
            ("heads", {"heads": {"length": True}}),
            ("heads", {"layout": {"name": "free"}}),
            ("heads", {"backbone": {"name": "baseline", "width": 1}}),
            ("heads", {"backbone": {"name": "streetview", "width": 0.05}}),
            ("sigmoid", {}),
            ("cut", {"cut": {"cutter": "equal"}}),
            ("cut", {"cut": {"cutter": "ink"}}),
        ],
        ids=str,
    )
    def test_every_network_can_be_exported(self, strategy: str, changes: Any, toys: Toys) -> None:
        pytest.importorskip("tf2onnx", reason=ONNX)
        pytest.importorskip("onnxruntime", reason=ONNX)
        from multidigit.strategies.base import make

        settings = toys.settings(strategy=strategy, **changes)
        made = make(settings)
        reading_model = made.reading_model(made.training_model())
        strips = StripStream(settings).fixed("test", 20).images
        data = conversion.to_onnx(reading_model)
        found = conversion.OnnxModel(data).probabilities(strips)
        assert np.allclose(found, reading_model.predict(strips, verbose=0), atol=1e-5)
        # Any number of strips.
        assert np.allclose(conversion.OnnxModel(data).probabilities(strips[:1]), found[:1], atol=1e-5)

    def test_a_file_says_what_it_takes_and_gives(self, toys: Toys, tmp_path: Path) -> None:
        pytest.importorskip("tf2onnx", reason=ONNX)
        runtime = pytest.importorskip("onnxruntime", reason=ONNX)
        told = export_run(toys.run("heads"), "onnx", tmp_path / "reader.onnx")
        assert (told["format"], told["changed"], told["strips"], told["budget"]) == ("onnx", 0, 300, 0)
        assert told["sequence_accuracy"] == told["before"]
        session = runtime.InferenceSession(tmp_path / "reader.onnx", providers=["CPUExecutionProvider"])
        ends = [(end.name, end.type, end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
        assert ends == [
            ("pictures", "tensor(uint8)", ["N", CELL, WIDTH]),
            ("probabilities", "tensor(float)", ["N", SLOTS, CLASSES]),
        ]

    def test_what_tf2onnx_cannot_do_is_told_in_one_line(self) -> None:
        pytest.importorskip("tf2onnx", reason=ONNX)
        pytest.importorskip("onnxruntime", reason=ONNX)
        with pytest.raises(MultidigitError, match="this model cannot be exported to ONNX") as told:
            conversion.OnnxModel(conversion.to_onnx(foreign_model()))
        assert "\n" not in str(told.value)

    def test_packages_that_are_missing_are_named(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conversion, "find_spec", lambda name: None if name == "onnxruntime" else name)
        with pytest.raises(MultidigitError, match=r"needs onnxruntime, .*; pip install 'multidigit\[onnx\]'"):
            export_run(toys.run("heads"), "onnx", tmp_path / "reader.onnx")
        assert list(tmp_path.iterdir()) == []


def foreign_model() -> Any:
    import keras
    import tensorflow as tf

    class Foreign(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pictures: tf.Tensor) -> tf.Tensor:
            return tf.linalg.svd(tf.cast(pictures, tf.float32), compute_uv=False)

    strips = keras.Input((CELL, WIDTH), dtype="uint8")
    features = keras.layers.Flatten()(Foreign()(strips))
    probabilities = keras.layers.Reshape((SLOTS, CLASSES))(keras.layers.Dense(SLOTS * CLASSES)(features))
    return keras.Model(strips, probabilities)


def test_what_litert_cannot_do_is_told_in_one_line() -> None:
    with pytest.raises(MultidigitError, match="this model cannot be exported to LiteRT") as told:
        to_tflite(foreign_model())
    assert "\n" not in str(told.value)


def test_a_place_that_cannot_be_written_is_told(toys: Toys, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MultidigitError, match="cannot be written"):
        export_run(toys.run("heads"), "float", tmp_path / "file" / "reader.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
