"""Export: the file answers as the network does, small or large, and failing leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Called, Toys

from multidigit import export
from multidigit.errors import MultidigitError, RunError
from multidigit.export import export_folder, export_run
from multidigit.labels import CELL, CLASSES, slots_to_text
from multidigit.reading.calibration import read_calibration
from multidigit.reading.inference import Model
from multidigit.runs import CALIBRATION, CARD, KERAS_MODEL, LITERT_INT8, LITERT_MODEL, Run, digest, open_run
from multidigit.strips.stream import StripStream
from multidigit.training import conversion


def strips_of(run: Run, count: int) -> Any:
    """Test strips; another count gives other strips."""
    return StripStream(run.settings).fixed("test", count)


@pytest.fixture
def damage(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes exported files of the toy run answer otherwise: in the first strips, as many as asked for, and surely."""

    def damage_first(count: int) -> None:
        class Damaged(Model):
            def probabilities(self, strips: Any) -> Any:
                found = super().probabilities(strips)
                wrong = (found[:count, 0].argmax(-1) + 1) % 10
                found[:count, 0] = np.eye(CLASSES)[wrong]
                return found

        monkeypatch.setattr(export, "Model", Damaged)

    # The answers are what matters here, whatever the kind of the file.
    data = toys.run().part(LITERT_MODEL).read_bytes()
    monkeypatch.setattr(export, "to_tflite", lambda *_, **__: data)
    return damage_first


@pytest.fixture
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 strips a single one is more than the tolerance."""
    monkeypatch.setattr(export, "TOLERANCE", 0.05)


def test_a_float_export_answers_as_keras_does(toys: Toys, tmp_path: Path) -> None:
    run, out = toys.run(), tmp_path / "deep" / "model.tflite"
    result = export_run(run, "float", out)
    assert (result["file"], result["format"], result["bytes"]) == (str(out), "float", out.stat().st_size)
    assert (result["changed"], result["changes"], result["strips"], result["tolerance"]) == (0, [], 300, 0)
    assert result["sequence_accuracy"] == result["before"] == run.metrics["test"]["sequence_accuracy"]
    strips = strips_of(run, 50).images
    assert np.allclose(Model(out).probabilities(strips), Model(run.part(LITERT_MODEL)).probabilities(strips), atol=1e-6)
    assert [path.name for path in out.parent.iterdir()] == ["model.tflite"]


@pytest.mark.usefixtures("generous")
@pytest.mark.parametrize(
    ("kind", "strategy", "far"),
    [
        ("float16", "heads", 0.005),
        ("int8", "heads", 0.02),
        pytest.param("int8", "sigmoid", 0.02, marks=pytest.mark.slow),
        pytest.param("int8", "cut", 0.02, marks=pytest.mark.slow),
    ],
)
def test_small_files_are_small_and_close(toys: Toys, tmp_path: Path, kind: Any, strategy: str, far: float) -> None:
    run, out = toys.run(strategy), tmp_path / "model.tflite"
    result = export_run(run, kind, out)
    assert result["bytes"] == out.stat().st_size < 0.6 * run.part(LITERT_MODEL).stat().st_size
    assert result["changed"] == len(result["changes"]) <= 0.05 * result["strips"]
    strips = strips_of(run, 64).images
    found, full = Model(out).probabilities(strips), Model(run.part(LITERT_MODEL)).probabilities(strips)
    # Input and output stay as they are.
    assert (found.shape, found.dtype) == ((64, 5, CLASSES), np.float32)
    assert np.abs(found - full).mean() < far
    assert not np.array_equal(found, full)


def test_a_network_that_reads_much_wrongly_may_lose_a_share_of_that(
    damage: Callable[[int], None], toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = toys.run()
    drawn = strips_of(run, run.settings.evaluation.test_strips)
    drawn.slots[150:, 0] = (drawn.slots[150:, 0] + 1) % 10
    monkeypatch.setattr(StripStream, "fixed", lambda *_: drawn)
    damage(2)
    result = export_run(run, "float16", tmp_path / "model.tflite")
    assert result["before"] < 0.6
    assert result["changed"] == 2
    assert result["tolerance"] == pytest.approx(export.TOLERATED * (1 - result["before"]))
    damage(9)
    with pytest.raises(MultidigitError, match=r"9 answered otherwise .*; it may be 1(\.\d)? points less"):
        export_run(run, "float16", tmp_path / "model.tflite")


@pytest.mark.usefixtures("generous")
def test_what_changed_is_named(damage: Callable[[int], None], toys: Toys, tmp_path: Path) -> None:
    run = toys.run()
    damage(2)
    result = export_run(run, "float16", tmp_path / "model.tflite")
    strips = strips_of(run, result["strips"])
    before = Model(run.part(LITERT_MODEL)).probabilities(strips.images)
    named = {change["strip"]: change for change in result["changes"]}
    assert result["changed"] == len(result["changes"]) == len(named) == 2
    for index in range(2):
        answer = slots_to_text(before[index].argmax(-1))
        assert set(named[index]) == {"strip", "number", "before", "after"}
        assert named[index]["number"] == slots_to_text(strips.slots[index])
        assert named[index]["before"]["text"] == answer
        assert named[index]["before"]["confidence"] == pytest.approx(before[index].max(-1).prod(), abs=1e-5)
        assert named[index]["after"]["text"][1:] == answer[1:]
        assert named[index]["after"]["text"] != answer
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize(
    ("kind", "count", "rule"),
    [
        ("float", 1, r"1 answered otherwise \(strips 0\); floats must answer alike"),
        ("float16", 9, r"9 answered otherwise \(strips 0, 1, 2 …\); it may be 0.1 points less"),
        ("int8", 9, r"9 answered otherwise \(strips 0, 1, 2 …\); it may be 0.1 points less"),
    ],
)
def test_a_file_that_reads_worse_is_not_written(
    kind: Any, count: int, rule: str, damage: Callable[[int], None], toys: Toys, tmp_path: Path
) -> None:
    damage(count)
    with pytest.raises(MultidigitError, match=rf"^{kind}: .*% of 300 test numbers right, .*{rule}") as refused:
        export_run(toys.run(), kind, tmp_path / "model.tflite")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stood_there_before_is_unchanged(
    damage: Callable[[int], None], toys: Toys, tmp_path: Path, call: Callable[..., Called]
) -> None:
    out = tmp_path / "model.tflite"
    out.write_text("mine")
    damage(1)
    called = call("export", "--run", toys.run().path, "--out", out, "--force", "--json")
    assert (called.code, called.out) == (1, "")
    assert "floats must answer alike" in called.err
    assert "Traceback" not in called.err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("model.tflite", "mine")]


@pytest.mark.usefixtures("generous")
def test_the_terminal_names_the_first_ten(
    damage: Callable[[int], None], toys: Toys, tmp_path: Path, call: Callable[..., Called]
) -> None:
    damage(12)
    called = call("export", "--run", toys.run().path, "--format", "float16", "--out", tmp_path / "model.tflite")
    assert called.code == 0, called.err
    _, *changes, rest = called.out.splitlines()
    assert len(changes) == 10
    assert changes[0].startswith("  strip 0 shows ")
    assert "2 more" in rest


def test_a_place_that_cannot_be_written_is_named(toys: Toys, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MultidigitError, match="cannot be written"):
        export_run(toys.run(), "float", tmp_path / "file" / "model.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class TestFolder:
    @pytest.fixture(autouse=True)
    @staticmethod
    def few(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(export, "CALIBRATION_STRIPS", 500)

    @pytest.mark.usefixtures("generous")
    def test_it_has_both_models_and_their_calibrations(self, toys: Toys, tmp_path: Path) -> None:
        run = toys.run()
        exported, left_out = export_folder(run, tmp_path / "exported")
        assert left_out == []
        assert exported == open_run(tmp_path / "exported")
        assert not exported.has(KERAS_MODEL)
        assert exported.part(LITERT_MODEL).stat().st_size < 0.7 * run.part(LITERT_MODEL).stat().st_size
        strips = strips_of(run, 64).images
        small, full = (Model(exported.part(name)).probabilities(strips) for name in (LITERT_INT8, LITERT_MODEL))
        assert np.abs(small - full).mean() < 0.02
        assert set(json.loads(exported.part(CALIBRATION).read_text())) == {LITERT_MODEL, LITERT_INT8}
        assert {read_calibration(exported, name).strips for name in (LITERT_MODEL, LITERT_INT8)} == {500}
        assert {"training", "test", "test_int8", "error_breakdown"} == set(exported.metrics)
        assert exported.metrics["training"] == run.metrics["training"]
        assert exported.metrics["error_breakdown"] == run.metrics["error_breakdown"]
        accuracy = run.metrics["test"]["sequence_accuracy"]
        assert exported.metrics["test"]["sequence_accuracy"] == pytest.approx(accuracy, abs=0.01)
        card = exported.part(CARD).read_text()
        for name in (LITERT_MODEL, LITERT_INT8):
            assert f"`{digest(exported.part(name))}`" in card
            assert f"{exported.part(name).stat().st_size:,}" in card
        assert f"{exported.metrics['test_int8']['sequence_accuracy']:.2%}" in card

        # A run without its network is copied.
        again, left_out = export_folder(exported, tmp_path / "again")
        assert left_out == []
        assert again.environment["parts"] == exported.environment["parts"]
        with pytest.raises(RunError, match=r"has no model\.keras"):
            export_run(exported, "int8", tmp_path / "model.tflite")

    def test_models_that_read_worse_are_left_out(
        self, damage: Callable[[int], None], toys: Toys, tmp_path: Path, call: Callable[..., Called]
    ) -> None:
        damage(9)
        called = call("export", "--run", toys.run().path, "--format", "run", "--out", tmp_path / "exported", "--json")
        assert called.code == 0
        assert "left out: int8: " in called.err
        exported = open_run(tmp_path / "exported")
        assert called.json["parts"] == sorted(exported.environment["parts"])
        assert LITERT_INT8 not in called.json["parts"]
        # The float model stays as it was.
        assert exported.part(LITERT_MODEL).read_bytes() == toys.run().part(LITERT_MODEL).read_bytes()


class TestOnnx:
    def test_a_file_names_what_it_takes_and_gives(self, toys: Toys, tmp_path: Path) -> None:
        pytest.importorskip("tf2onnx", reason="the packages of the group onnx are not installed")
        runtime = pytest.importorskip("onnxruntime", reason="the packages of the group onnx are not installed")
        result = export_run(toys.run(), "onnx", tmp_path / "model.onnx")
        assert (result["format"], result["changed"], result["strips"], result["tolerance"]) == ("onnx", 0, 300, 0)
        assert result["sequence_accuracy"] == result["before"]
        session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
        ends = [(end.name, end.type, end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
        assert ends == [
            ("pictures", "tensor(uint8)", ["N", CELL, 5 * CELL]),
            ("probabilities", "tensor(float)", ["N", 5, CLASSES]),
        ]

    def test_packages_that_are_missing_are_named(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conversion, "find_spec", lambda name: None if name == "onnxruntime" else name)
        with pytest.raises(MultidigitError, match=r"needs onnxruntime, .*; pip install 'multidigit\[onnx\]'"):
            export_run(toys.run(), "onnx", tmp_path / "model.onnx")
        assert list(tmp_path.iterdir()) == []
