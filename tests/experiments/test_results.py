"""The results of an experiment: the flat table, and runs that are damaged or missing."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Called

from multidigit.errors import RunError
from multidigit.experiments import Results, read_experiment, standing_runs
from multidigit.locks import LOCK
from multidigit.runs import ENVIRONMENT, open_run
from multidigit.strategies.base import resolve


def test_the_table_has_settings_environment_and_measures_by_dotted_keys(six: Path) -> None:
    with (six / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = [json.loads(line) for line in (six / "results.jsonl").read_text().splitlines()]
    assert [line["run"] for line in lines] == [row["run"] for row in rows]
    assert [row["run"] for row in rows[:3]] == ["heads-free-seed0", "heads-free-seed1", "sigmoid-free-seed0"]
    for line, row in zip(lines, rows, strict=True):
        run = open_run(six / row["run"])
        settings, test = run.settings, run.metrics["test"]
        assert (row["status"], row["created"]) == ("finished", run.created)
        assert (row["strategy"], row["seed"], row["slots"]) == (settings.strategy, settings.seed, 5)
        assert row["train.learning_rate"] == resolve(settings).train.learning_rate
        assert (row["layout.gap.low"], row["layout.gap.high"]) == settings.layout.gap
        assert row["environment.packages.numpy"] == run.environment["packages"]["numpy"]
        assert row["training.strips"] == run.metrics["training"]["strips"]
        assert row["test.sequence_interval.low"] == test["sequence_interval"][0]
        assert row["test.accuracy_by_slot.4"] == test["accuracy_by_slot"][4]
        assert row["test.accuracy_by_length.5.strips"] == test["accuracy_by_length"]["5"]["strips"]
        # Each value is single, and the same in both files.
        assert not any(isinstance(value, list | dict) for value in row.values())
        assert {key: "" if value is None else str(value) for key, value in row.items()} == line


def test_slots_are_in_every_row(runner: Any) -> None:
    written, _ = runner.here("grid:\n  strategy: [heads, cut]\n  slots: [1, 8, 12]\n")
    assert [row["slots"] for row in written["rows"]] == [1, 8, 12, 1, 8, 12]
    assert written["crossovers"][0]["key"] == "slots"
    assert written["winner"] == "heads-free-slots12-seed0"


def test_files_cut_short_and_a_run_deleted_by_hand_are_made_again(six: Path, runner: Any, table: Any) -> None:
    whole, created = table(six), runner.finished()
    for name in ("results.csv", "results.jsonl", "results.json"):
        data = (six / name).read_bytes()
        (six / name).write_bytes(data[: len(data) // 2])
    shutil.rmtree(six / "sigmoid-free-seed1")
    written, _ = runner.here(runner.file.read_text())
    assert len(written["rows"]) == 6
    assert table(six) == whole
    again = runner.finished()
    assert again.pop("sigmoid-free-seed1") > created.pop("sigmoid-free-seed1")
    assert again == created


@pytest.mark.parametrize("part", ["metrics.json", "answers.npz", ENVIRONMENT])
def test_a_run_with_a_part_cut_short_is_reported_and_left_alone(
    six: Path, runner: Any, call: Callable[..., Called], part: str
) -> None:
    path = six / "cut-free-seed1" / part
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    before = {path: path.stat().st_mtime_ns for path in six.rglob("*")}
    for more in ([], ["--report-only"], ["--dry-run"]):
        called = call("experiment", runner.file, "--out", six, *more)
        assert called.code == 1
        (line,) = called.err.splitlines()
        assert "cut-free-seed1" in line
        assert part in line
        assert "train again" in line or "the file is damaged" in line
    assert {path: path.stat().st_mtime_ns for path in six.rglob("*")} == before


def test_a_damaged_run_is_reported_before_anything_is_trained(six: Path, runner: Any) -> None:
    (six / "cut-free-seed1" / "reader.tflite").unlink()
    shutil.rmtree(six / "heads-free-seed0")
    with pytest.raises(RunError, match=r"cut-free-seed1: reader.tflite is missing from this run"):
        runner.here(runner.file.read_text())
    assert not (six / "heads-free-seed0").exists()
    assert not (six / LOCK).exists()


def test_rows_keep_the_order_of_the_plan(six: Path, runner: Any) -> None:
    experiment = read_experiment(runner.file)
    standing, results = standing_runs(experiment, six), Results(experiment, six, {})
    for planned in reversed(experiment.plan):
        results.add(planned, standing[planned.name])
    assert [row["run"] for row in results.write()["rows"]] == [planned.name for planned in experiment.plan]
