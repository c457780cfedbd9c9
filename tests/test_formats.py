"""Runs that older versions wrote are read whole; see ``fixtures/runs/README.md``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import OLD_RUNS, write_toy_digits

from multidigit.report.write import write_report
from multidigit.runs import open_run

RUNS = sorted(path.parent.relative_to(OLD_RUNS).as_posix() for path in OLD_RUNS.rglob("environment.json"))


def test_they_are_few_bytes_and_name_no_machine() -> None:
    files = [path for path in OLD_RUNS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 500_000
    for path in files:
        data = path.read_bytes()
        assert not any(b"/%b/" % folder in data for folder in (b"home", b"work", b"tmp", b"root")), path


@pytest.mark.parametrize("name", RUNS)
def test_all_of_a_run_is_read(name: str) -> None:
    run = open_run(OLD_RUNS / name)
    settings = run.settings
    assert (settings.slots, run.slots, run.layout, settings.digits) == (5, 5, "structured", "toy.npz")
    assert settings.backbone.width == 0.02
    assert settings.train.ema is not None
    assert settings.train.augment is not None
    assert run.metrics["training"]["strips"] in (192, 256)
    assert {"sequence_accuracy", "expected_calibration_error", "expected_calibration_error_before"} <= set(
        run.metrics["test"]
    )
    assert ("error_breakdown" in run.metrics) == (not name.startswith("first"))
    assert "budget" not in run.metrics
    if name == "exported":
        return
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.answers["slots"].shape == run.answers["answers"].shape == (40, 5)


def test_what_older_versions_did_not_have_is_as_it_was_then() -> None:
    first = open_run(OLD_RUNS / "first" / "heads-structured-seed0").settings.train
    budget = open_run(OLD_RUNS / "budget" / "cut-structured-seed0").settings.train
    assert (first.augment, first.ema) == (0, 0)
    assert (budget.augment, budget.ema) == (1, 0.99)


@pytest.mark.parametrize("name", ["first", pytest.param("budget", marks=pytest.mark.slow)])
def test_their_reports_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    old = Path(shutil.copytree(OLD_RUNS, "runs"))
    write_toy_digits(Path("toy.npz"))
    write_report(old / name, json.loads((old / name / "results.json").read_text("utf-8")))
    assert "structured" in (old / name / "report.md").read_text("utf-8")
    assert "<svg" in (old / name / "report.html").read_text("utf-8")
