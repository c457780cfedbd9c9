"""``multidigit train`` and what can be done with its run: ``info``, ``evaluate``, ``export``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit.cli import progress
from multidigit.labels import CELL

Call = Callable[..., Called]


def test_train_reports_progress_and_predict_takes_the_newest_run(toys: Toys, call: Call, home: Path) -> None:
    options = ["--strategy", "cut", *toys.options(), "--slots", "3", "--layout", "structured", "--until", "1", "--json"]
    result = call("train", *options)
    assert result.code == 0
    lines = result.err.splitlines()
    epochs = [line for line in lines if " epoch " in line]
    assert len(epochs) == 3
    assert re.match(r"cut-structured: epoch 1: 64 strips in .* validation: [\d.]+% of the digits, ", epochs[0])
    assert re.search(r"--until 100\.00% was not reached: [\d.]+% of the validation numbers", lines[-1])
    row = result.json
    assert (row["strategy"], row["finished"], row["training_strips"]) == ("cut", True, 192)
    assert re.fullmatch(r"runs/cut-structured-\d{8}-\d{6}", row["folder"])
    Image.fromarray(np.zeros((CELL, 3 * CELL), np.uint8)).save("black.png")
    newest = call("predict", "black.png")
    assert newest.err.startswith(f"reading with {row['folder']} (cut on compact, structured strips of ")
    listed = [(run["run"], run["state"]) for run in call("info", "--json").json["runs"] if run["run"] != "shipped"]
    assert listed == [(row["folder"], "finished")]
    assert row["folder"] in call("info").out


@pytest.mark.slow
def test_train_stops_where_it_is_good_enough(toys: Toys, call: Call, home: Path) -> None:
    options = [*toys.options(), "--layout", "structured", "--set", "train.strips=1600", "--set", "train.epochs=4"]
    result = call("train", "--strategy", "cut", *options, "--until", "0.2", "--json")
    assert result.json["training_strips"] in (1600, 3200)
    assert "not reached" not in result.err


@pytest.mark.slow
def test_train_can_be_interrupted_and_resumed(
    toys: Toys, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(text: str) -> None:
        if "epoch 1:" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress, "note", interrupt)
    options = [*toys.options(), "--layout", "structured", "--set", "train.epochs=2"]
    result = call("train", *options, "--out", "mine", "--json")
    monkeypatch.undo()
    monkeypatch.chdir(home)
    assert result.code == 130
    assert result.json["finished"] is False
    assert result.err.endswith("multidigit train --resume mine\n")
    done = call("train", "--resume", "mine", "--json")
    assert done.code == 0, done.err
    assert (done.json["finished"], done.json["training_strips"]) == (True, 128)
    again = call("train", "--resume", "mine")
    assert again.code == 1
    assert "mine: this run is finished" in again.err


def test_evaluate_measures_a_run_again_or_on_other_strips(toys: Toys, call: Call, home: Path) -> None:
    run = toys.run()
    own = call("evaluate", "--run", run.path, "--json").json
    assert own["sequence_accuracy"] == run.metrics["test"]["sequence_accuracy"]
    assert own["strips"] == 300
    other = call("evaluate", "--run", run.path, "--strips", "50", "--seed", "9", "--json").json
    assert other["strips"] == 50
    shown = call("evaluate", "--run", run.path, "--curve", "curve.svg")
    assert f"on 300 structured strips of {toys.npz} digits" in shown.out
    assert f"{own['sequence_accuracy']:.2%} (95 % interval" in shown.out
    assert Path("curve.svg").read_text().startswith("<?xml")


@pytest.mark.slow
def test_export_writes_a_file_or_a_folder(toys: Toys, call: Call, home: Path) -> None:
    run = toys.run()
    result = call("export", "--run", run.path, "--json").json
    assert (result["file"], result["format"], result["changed"]) == ("reader.tflite", "float", 0)
    assert (home / "reader.tflite").stat().st_size == result["bytes"]
    folder = call("export", "--run", run.path, "--format", "run", "--json").json
    assert (folder["folder"], folder["format"]) == ("reader", "run")
    parts = {"calibration.json", "card.md", "metrics.json", "reader.tflite", "settings.yaml"}
    assert parts <= set(folder["parts"]) <= {*parts, "reader-int8.tflite"}
    assert {path.name for path in (home / "reader").iterdir()} == {*folder["parts"], "environment.json"}
    again = call("export", "--run", "reader", "--format", "run", "--out", "copy", "--json").json
    assert again["parts"] == folder["parts"]
    refused = call("export", "--run", "reader", "--out", "other.tflite")
    assert refused.code == 1
    assert "reader: this run has no model.keras" in refused.err


def test_export_lists_the_answers_that_change(
    toys: Toys, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = {
        "strip": 7,
        "number": "12",
        "before": {"text": "12", "confidence": 0.5},
        "after": {"text": "", "confidence": 0.6},
    }
    made: dict[str, Any] = {
        "bytes": 1000,
        "sequence_accuracy": 0.9,
        "before": 0.91,
        "strips": 300,
        "strips_per_second": 1e4,
        "changed": 30,
        "changes": [change] * 30,
    }
    monkeypatch.setattr("multidigit.export.export_run", lambda *_: made)
    lines = call("export", "--run", toys.run().path).out.splitlines()
    assert lines[1] == "  strip 7 shows 12: 12 (0.50) before, nothing (0.60) now"
    assert "20 more" in lines[-1]
