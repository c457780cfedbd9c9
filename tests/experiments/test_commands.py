"""``experiment``, ``compare`` and ``render`` on the command line."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import Called, Toys

from multidigit import training
from multidigit.errors import MultidigitError
from multidigit.experiments import read_experiment
from multidigit.experiments.estimate import ALLOWANCE
from multidigit.experiments.logs import log_path
from multidigit.runs import ENVIRONMENT, open_run
from multidigit.settings import validate
from multidigit.strategies.base import resolve

QUICK = Path(__file__).parents[2] / "experiments" / "quick.yaml"
Call = Callable[..., Called]


def stamps(folder: Path) -> dict[str, str]:
    return {path.parent.name: json.loads(path.read_text())["created"] for path in folder.glob(f"*/{ENVIRONMENT}")}


@pytest.mark.slow
def test_an_experiment_is_interrupted_resumed_and_done_once(
    toys: Toys, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, train = tmp_path / "runs" / "quick", training.train
    asked = ["experiment", QUICK, *toys.options(), "--set", "layout=structured"]

    def interrupted(settings: Any, out: Path, *, listen: Any, resume: Any) -> Any:
        def report(progress: Any) -> None:
            listen(progress)
            if settings.strategy == "sigmoid" and progress.strips == 96 and not (progress.epoch or progress.doing):
                raise KeyboardInterrupt

        return train(settings, out, listen=report, resume=resume)

    monkeypatch.setattr(training, "train", interrupted)
    stopped = call(*asked)
    assert stopped.code == 130
    assert "runs/quick. Continue with: the same command\n" in stopped.err
    first = stamps(folder)
    assert set(first) == {"heads-structured-seed0", "sigmoid-structured-seed0"}
    assert json.loads((folder / "results.json").read_text())["winner"] == "heads-structured-seed0"
    monkeypatch.setattr(training, "train", train)

    resumed = call(*asked, "--json")
    assert resumed.code == 0, resumed.err
    second = stamps(folder)
    assert len(second) == 3
    assert second["heads-structured-seed0"] == first["heads-structured-seed0"]
    assert second["sigmoid-structured-seed0"] > first["sigmoid-structured-seed0"]
    assert "[2/3] sigmoid-structured-seed0" in resumed.err
    assert "[1/3]" not in resumed.err
    printed = resumed.json
    assert printed.pop("folder") == "runs/quick"
    (sentence,) = printed.pop("verdict")
    assert [row["strategy"] for row in printed["rows"]] == ["heads", "sigmoid", "cut"]
    assert {row["training_strips"] for row in printed["rows"]} == {192}
    assert len(printed["pairs"]) == 3
    assert json.loads((folder / "results.json").read_text()) == printed
    for line in (folder / "results.jsonl").read_text().splitlines():
        flat = json.loads(line)
        breakdown = open_run(folder / flat["run"]).metrics["error_breakdown"]
        assert flat["error_breakdown.shares.class"] == breakdown["shares"]["class"]

    # Finished runs are not trained again, and with other settings they are not taken for the same.
    def no_training(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "train", no_training)
    again = call(*asked)
    assert again.code == 0, again.err
    assert stamps(folder) == second
    assert sentence in again.out
    other = call(*asked, "--set", "train.epochs=2")
    assert other.code == 1
    assert "heads-structured-seed0: was trained with other settings; remove it or name another folder" in other.err
    assert stamps(folder) == second


def test_a_dry_run_lists_what_is_done_and_what_is_left(six: Path, runner: Any, call: Call) -> None:
    shutil.rmtree(six / "cut-free-seed1")
    before = {path: path.stat().st_mtime_ns for path in six.rglob("*")}
    asked = ["experiment", runner.file, "--out", six, "--dry-run"]
    shown = call(*asked).out.splitlines()
    assert shown[0].startswith(f"grid: 6 runs in {six}, about ")
    assert [line.split(maxsplit=1)[1] for line in shown[1:6]] == ["finished"] * 5
    assert shown[7] == f"Estimated from: finished runs; and {ALLOWANCE:.0f} s a run beside its training."
    listed = call(*asked, "--json").json
    assert listed["seconds"] == listed["runs"][5]["seconds"] > 0
    assert listed["runs"][0] == {
        "run": "heads-free-seed0",
        "state": "finished",
        "seconds": 0,
        "basis": "finished runs",
    }
    assert {path: path.stat().st_mtime_ns for path in six.rglob("*")} == before
    assert call(*asked, "--report-only").code == 2


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--report-only"]])
def test_what_is_no_folder_of_runs_is_left_alone(runner: Any, call: Call, more: list[str]) -> None:
    runner.file.write_text("name: 7\n")
    called = call("experiment", runner.file, "--out", runner.file, *more)
    assert called.code == 1
    assert called.err == f"multidigit: {runner.file}: is a file, not a folder; name another folder with --out\n"
    (runner.out / "heads-free-seed0").mkdir(parents=True)
    called = call("experiment", runner.file, "--out", runner.out, *more)
    assert called.code == 1
    assert "heads-free-seed0: not a run folder; remove it or name another folder with --out" in called.err


def test_an_error_of_the_machine_is_one_line(runner: Any, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "locked/in")

    monkeypatch.setattr("multidigit.cli.grid.standing_runs", refuse)
    runner.file.write_text("seeds: 2\n")
    called = call("experiment", runner.file, "--dry-run")
    assert called.code == 1
    assert called.err.startswith("multidigit: locked/in: Permission denied")
    assert called.err.count("\n") == 1


def test_report_only_of_unfinished_experiments(toys: Toys, tmp_path: Path, call: Call) -> None:
    run, out, path = toys.run(), tmp_path / "out", tmp_path / "mine.yaml"
    settings = json.dumps(run.settings.model_dump(mode="json", exclude={"seed"}))
    path.write_text(f"settings: {settings}\nseeds: 2\n")
    asked = ["experiment", path, "--out", out, "--report-only"]
    refused = call(*asked)
    assert refused.code == 1
    assert "no finished run of mine; leave out --report-only to train them" in refused.err
    assert not out.exists()
    shutil.copytree(run.path, out / "heads-structured-seed0")
    shown = call(*asked, "--json")
    assert shown.code == 0, shown.err
    assert shown.err == "1 of 2 runs are finished; the report is of these\n"
    assert [row["run"] for row in shown.json["rows"]] == ["heads-structured-seed0"]
    assert shown.json["winner"] == "heads-structured-seed0"
    assert (out / "report.md").exists()
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["finished", "planned"]


def test_render_prints_the_complete_settings_of_every_run(runner: Any, call: Call) -> None:
    runner.file.write_text("grid:\n  strategy: [heads, cut]\n  slots: [3, 5]\n")
    plan = read_experiment(runner.file).plan
    printed = call("render", runner.file)
    assert printed.code == 0
    documents = list(yaml.safe_load_all(printed.out))
    assert [validate(document) for document in documents] == [resolve(planned.settings) for planned in plan]
    names = [line.removeprefix("# ") for line in printed.out.splitlines() if line.startswith("# ")]
    assert names == [planned.name for planned in plan]
    listed = call("render", runner.file, "--set", "strategy=sigmoid", "--json").json
    assert list(listed) == ["sigmoid-free-slots3-seed0", "sigmoid-free-slots5-seed0"]


def test_many_runs_have_to_be_confirmed(
    tmp_path: Path, runner: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner.file.write_text("grid:\n  strategy: [heads, cut]\nseeds: 501\n")
    refused = call("experiment", runner.file)
    assert refused.code == 1
    assert "grid.yaml: would be 1,002 runs; if that many are meant, say so with --yes" in refused.err
    # Nothing is run: the plan may be looked at.
    assert "1002 runs" in call("experiment", runner.file, "--dry-run").out
    compared = call("compare", "--seeds", "167")
    assert compared.code == 1
    assert "this comparison would be 1,002 runs, more than 1,000; take fewer --seeds" in compared.err
    assert not (tmp_path / "runs").exists()
    ranges = "grid:\n  layout.gap: -3..12 step 0.01\n  layout.slant: 0..0.3 step 0.001\n  seed: 0..9000 step 1\n"
    runner.file.write_text(ranges)
    for command in (["render"], ["experiment", "--dry-run"], ["experiment", "--yes"]):
        refused = call(*command, runner.file)
        assert refused.code == 1
        assert "an experiment must have at most 100,000 runs; received 4,066,660,801" in refused.err


def test_plans_are_shown_without_tensorflow(six: Path, runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import sys; from multidigit.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'tensorflow', 'keras', 'scipy', 'matplotlib'} & set(sys.modules)"
    )
    for asked in (["render"], ["experiment", "--dry-run", "--out", str(six)]):
        command = [sys.executable, "-c", script, asked[0], str(runner.file), *asked[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_failures_are_reported_at_the_end(six: Path, runner: Any, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MultidigitError("no luck")

    shown: list[str] = []
    monkeypatch.setattr(training, "train", fail)
    monkeypatch.setattr(
        "multidigit.report.write.write_report",
        lambda out, results: shown.extend(row["run"] for row in results["rows"]) or {**results, "verdict": []},
    )
    for name in ("cut-free-seed0", "cut-free-seed1"):
        shutil.rmtree(six / name)
    called = call("experiment", runner.file, "--out", six)
    assert called.code == 1
    assert called.err == "multidigit: cut-free-seed0, cut-free-seed1 failed: no luck\n"
    assert len(shown) == 4
    assert "failed: no luck" in log_path(six, "cut-free-seed1").read_text()
