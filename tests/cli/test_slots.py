"""From strips to numbers with the command line alone, for any number of slots, every strategy and both layouts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Called, Toys

from multidigit.settings import LAYOUTS

Call = Callable[..., Called]


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3, 8, 12])
@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_whole_path(
    slots: int,
    strategy: str,
    layout: str,
    toys: Toys,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    strips = ["--slots", slots, "--layout", layout, "--digits", toys.npz]
    made = call("generate", *strips, "--count", "5", "--out", "strips", "--sheet", "sheet.png", "--json")
    assert made.code == 0, made.err
    with Path("strips/labels.csv").open(newline="") as file:
        truth = {row["image_path"]: row["text"] for row in csv.DictReader(file)}
    assert all(1 <= len(text) <= slots for text in truth.values())

    small = [*toys.options(), "--set", "train.epochs=1", "--set", "train.strips=32"]
    trained = call("train", "--strategy", strategy, *small, *strips, "--out", "run", "--json")
    assert trained.code == 0, trained.err
    assert len(json.loads(Path("run/metrics.json").read_text())["test"]["accuracy_by_slot"]) == slots

    read = call("predict", "--run", "run", "strips", "--json")
    assert read.code == 0, read.err
    assert {Path(row["image_path"]).name for row in read.json["readings"]} == set(truth)
    assert all(len(row["text"]) <= slots for row in read.json["readings"])
    known = call("predict", "--run", "run", "strips", "--length", slots, "--json").json["readings"]
    assert all(len(row["alternatives"][0]["text"]) == slots for row in known)
    assert call("predict", "--run", "run", "strips/0.png", "--explain").code == 0

    own = call("evaluate", "--run", "run", "--json").json
    assert own["strips"] == 30
    assert own["sequence_accuracy"] == trained.json["sequence_accuracy"]
    again = call("evaluate", "--run", "run", "--pictures", "strips/labels.csv", "--json")
    assert again.code == 0, again.err
    assert again.json["strips"] == 5

    exported = call("export", "--run", "run", "--json").json
    assert exported["changed"] == 0
    assert [run["state"] for run in call("info", "--json").json["runs"] if run["run"] != "shipped"] == []


def test_a_picture_is_read_with_the_slots_of_the_run(toys: Toys, call: Call, tmp_path: Path) -> None:
    """A strip of eight slots, read by a run of five: the picture is fitted to the run's strips."""
    made = call("generate", "--slots", 8, "--digits", toys.npz, "--count", 3, "--out", tmp_path / "strips")
    assert made.code == 0
    read = call("predict", "--run", toys.run().path, tmp_path / "strips", "--json")
    assert read.code == 0, read.err
    assert all(len(row["text"]) <= 5 for row in read.json["readings"])


def test_more_digits_than_slots_are_refused(toys: Toys, call: Call, tmp_path: Path) -> None:
    result = call("predict", "--run", toys.run().path, tmp_path, "--length", 8)
    assert result.code == 1
    assert "length" in result.err
    assert result.err.count("\n") == 1
    labels = tmp_path / "labels.csv"
    labels.write_text("image_path,text\na.png,123456\n")
    result = call("evaluate", "--run", toys.run().path, "--pictures", labels)
    assert result.code == 1
    assert "labels.csv, line 2" in result.err


def test_strips_of_other_slots_are_refused(toys: Toys, call: Call) -> None:
    result = call("evaluate", "--run", toys.run().path, "--set", "slots=8")
    assert result.code == 1
    assert result.out == ""
    assert result.err.count("\n") == 1
