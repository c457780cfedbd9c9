"""Runs that older versions wrote, and ``multidigit upgrade``; see ``tests/fixtures/runs/README.md``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import OLD_RUNS, Called, drawing, encoded, write_toy_digits

from multidigit.locks import locked
from multidigit.runs import open_run

Call = Callable[..., Called]
RUNS = sorted(path.parent.relative_to(OLD_RUNS).as_posix() for path in OLD_RUNS.rglob("environment.json"))
EXPERIMENTS = ["first", "budget", "sequential"]


def everything(folder: Path) -> dict[str, bytes | None]:
    """All files and folders below a folder, hidden or not."""
    return {str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None for each in folder.rglob("*")}


@pytest.fixture
def old(home: Path) -> Path:
    """``runs/`` of the current folder, with all the old ones, and the digits that they were trained on."""
    shutil.copytree(OLD_RUNS, home / "runs")
    write_toy_digits(home / "toy.npz")
    (home / "picture.png").write_bytes(encoded(drawing("12345")))
    return home / "runs"


class TestOldRuns:
    """Without being converted."""

    def test_info_lists_them_all(self, old: Path, call: Call) -> None:
        listed = {each["run"]: each for each in call("info", "--json").json["runs"]}
        for name in RUNS:
            found = listed[f"runs/{name}"]
            assert found["state"] == ("interrupted" if name == "interrupted" else "finished")
            assert found["sequence_accuracy"] == open_run(old / name).metrics["test"]["sequence_accuracy"]

    @pytest.mark.parametrize("name", RUNS)
    def test_evaluating_one_comes_to_what_its_training_measured(self, old: Path, call: Call, name: str) -> None:
        found = call("evaluate", "--run", name, "--precision", "float", "--json").json
        measured = open_run(old / name).metrics["test"]
        assert found["strips"] == 40
        assert found["sequence_accuracy"] == pytest.approx(measured["sequence_accuracy"], abs=1e-9)
        assert found["digit_accuracy"] == pytest.approx(measured["digit_accuracy"], abs=1e-9)

    def test_reading_and_evaluating_load_no_tensorflow(self, old: Path) -> None:
        program = """
import sys
from multidigit.cli import main
for arguments in (["evaluate", "--run", "budget"], ["predict", "--run", "first", "picture.png"]):
    try:
        main(arguments)
    except SystemExit as ended:
        assert not ended.code, ended.code
assert "tensorflow" not in sys.modules
"""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=old.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", RUNS)
    def test_pictures_are_read_with_them(self, old: Path, call: Call, name: str) -> None:
        found = call("predict", "--run", name, "--json", "picture.png")
        assert found.code == 0
        assert "picture.png" in found.out

    @pytest.mark.parametrize("name", EXPERIMENTS)
    def test_an_experiment_stands_for_its_winner(self, old: Path, call: Call, name: str) -> None:
        assert call("evaluate", "--run", name, "--json").json["run"] == f"runs/{name}/heads-structured-seed0"

    @pytest.mark.slow
    def test_networks_are_exported_while_their_layers_are_todays(self, old: Path, call: Call) -> None:
        found = call("export", "--run", "dropout", "--out", "network.tflite", "--json").json
        assert (found["changed"], found["strips"]) == (0, 40)
        refused = call("export", "--run", "first/heads-structured-seed0", "--out", "other.tflite")
        assert refused.code == 1
        assert "do not fit today's network of these settings" in refused.err.splitlines()[-1]
        assert not Path("other.tflite").exists()

    @pytest.mark.slow
    def test_an_interrupted_one_goes_on(self, old: Path, call: Call) -> None:
        found = call("train", "--resume", "interrupted", "--json")
        assert found.code == 0, found.err
        assert found.json["finished"]
        assert open_run(old / "interrupted").metrics["training"]["strips"] == 384

    def test_a_setting_that_mattered_and_is_gone_is_refused_until_converted(self, old: Path, call: Call) -> None:
        rewrite(old / "dropout", "dropout: 0.0", "dropout: 0.3")
        refused = call("evaluate", "--run", "dropout")
        assert refused.code == 1
        (line,) = refused.err.splitlines()
        assert "backbone.dropout (0.3) is no longer a setting" in line
        assert line.endswith("convert it with `multidigit upgrade runs/dropout`")
        assert call("predict", "--run", "dropout", "picture.png").code == 0
        assert "backbone.dropout, 0.3, is no setting any more" in call("upgrade", "dropout").out
        assert call("evaluate", "--run", "dropout").code == 0
        assert open_run(old / "dropout").environment["former"] == {"backbone.dropout": 0.3}


def rewrite(path: Path, before: str, after: str) -> None:
    """Other settings in a run folder, as if it had been written with them."""
    from multidigit.runs import digest

    text = (path / "settings.yaml").read_text("utf-8")
    assert before in text
    (path / "settings.yaml").write_text(text.replace(before, after))
    environment = json.loads((path / "environment.json").read_text("utf-8"))
    environment["parts"]["settings.yaml"] = digest(path / "settings.yaml")
    (path / "environment.json").write_text(json.dumps(environment))


class TestUpgrade:
    @pytest.mark.slow
    def test_all_of_runs_at_once_and_nothing_the_second_time(self, old: Path, call: Call) -> None:
        before = {name: (open_run(old / name).settings, open_run(old / name).metrics) for name in RUNS}
        first = call("upgrade", "runs", "--json")
        assert first.code == 0, first.err
        changes = {each["path"]: each["changes"] for each in first.json}
        assert set(changes) == {f"runs/{name}" for name in (*RUNS, *EXPERIMENTS)}
        assert all(changes.values())
        assert changes["runs/today"] == ["settings.yaml: 2 later settings are written out as it was without"]
        after = everything(old)
        again = call("upgrade", "runs", "--json")
        assert (again.code, [each["changes"] for each in again.json if each["changes"]]) == (0, [])
        assert everything(old) == after
        assert not [name for name in after if Path(name).name.startswith(".")]
        for name in RUNS:
            run = open_run(old / name)
            assert (run.settings, run.metrics) == before[name]
            assert run.created == open_run(OLD_RUNS / name).created
            text = (run.path / "settings.yaml").read_text("utf-8")
            assert not any(key in text for key in ("average:", "framed:", "dropout:"))
            assert "budget" not in (run.path / "metrics.json").read_text("utf-8")
            assert json.loads((run.path / "environment.json").read_text("utf-8"))["about"]["slots"] == 5

    def test_it_says_what_it_changes_and_leaves_the_rest(self, old: Path, call: Call) -> None:
        name = "budget/cut-structured-seed0"
        (old / name / "notes.txt").write_text("mine")
        done = call("upgrade", name)
        assert done.code == 0
        assert done.out.splitlines()[0] == f"runs/{name}: converted"
        for line in (
            "settings.yaml: layout.framed is called layout.meter_windows",
            "settings.yaml: train.average is called train.ema",
            "metrics.json: budget is called error_breakdown",
            "environment.json: about has slots, 5",
        ):
            assert f"  {line}" in done.out.splitlines()
        changed = {"settings.yaml", "metrics.json", "environment.json", "notes.txt"}
        for part in {each.name for each in (old / name).iterdir()} - changed:
            assert (old / name / part).read_bytes() == (OLD_RUNS / name / part).read_bytes()
        assert (old / name / "notes.txt").read_text() == "mine"
        assert call("upgrade", name).out == f"runs/{name}: of today's format already\n"

    def test_the_former_name_of_a_backbone(self, old: Path, call: Call) -> None:
        rewrite(old / "exported", "name: compact\n  width: 0.02", "name: thread\n  width: 1.0")
        environment = json.loads((old / "exported" / "environment.json").read_text("utf-8"))
        environment["about"]["backbone"] = "thread"
        (old / "exported" / "environment.json").write_text(json.dumps(environment))
        assert "heads on baseline" in open_run(old / "exported").described
        assert "backbone.name thread is called baseline" in call("upgrade", "exported").out
        assert '"backbone": "baseline"' in (old / "exported" / "environment.json").read_text("utf-8")

    @pytest.mark.parametrize("name", EXPERIMENTS)
    def test_results_and_report_of_an_experiment_are_written_anew(self, old: Path, call: Call, name: str) -> None:
        before = json.loads((old / name / "results.json").read_text("utf-8"))
        done = call("upgrade", f"runs/{name}")
        assert done.code == 0, done.err
        assert "results.json, results.csv, results.jsonl and the report are written anew" in done.out
        results = json.loads((old / name / "results.json").read_text("utf-8"))
        assert (results["name"], results["about"], results["margin"]) == (before["name"], before["about"], 0.01)
        assert results["winner"] == "heads-structured-seed0"
        assert {"reader", "panel", "sequential", "crossover"} & set(results) == set()
        rows = {row["run"]: row for row in before["rows"]}
        for row in results["rows"]:
            assert {**row, **rows[row["run"]]} == row
        assert "budget." not in (old / name / "results.csv").read_text("utf-8")
        assert (old / name / "report.md").read_text("utf-8").startswith("# tiny")
        assert "<svg" in (old / name / "report.html").read_text("utf-8")
        gone = "planned and not there, so left out of them: 1; the experiment's file plans it again"
        assert (gone in done.out) == (name == "sequential")

    def test_results_that_say_they_were_looked_at_after_each_seed_keep_that(self, old: Path, call: Call) -> None:
        path = old / "sequential" / "results.json"
        path.write_text(path.read_text("utf-8").replace('"sequential": false', '"sequential": true'))
        assert call("upgrade", "sequential").code == 0
        looks = json.loads(path.read_text("utf-8"))["looks"]
        assert (looks["seeds"][:2], looks["every_pair"]) == ([3, 4], True)

    def test_what_cannot_be_converted_is_named_and_stays_and_keeps_nothing_else_from_it(
        self, old: Path, call: Call
    ) -> None:
        damaged = old / "first" / "heads-structured-seed0"
        (damaged / "history.csv").write_text("epoch\n")
        rewrite(old / "no-slots", "strategy: heads", "strategy: mine")
        before = everything(damaged), everything(old / "no-slots"), (old / "first" / "results.json").read_bytes()
        done = call("upgrade", "first", "no-slots", "dropout")
        assert done.code == 1
        lines = [line for line in done.err.splitlines() if line.startswith("multidigit: ")]
        assert len(lines) == len(done.err.splitlines()) == 3
        assert "history.csv is not the one that this run was saved with" in lines[0]
        assert "first: its results stay as they are, since heads-structured-seed0 could not be converted" in lines[1]
        assert "strategy must be heads, sigmoid or cut; received 'mine'" in lines[2]
        assert "runs/dropout: converted" in done.out
        assert "runs/first/sigmoid-structured-seed0: converted" in done.out
        now = everything(damaged), everything(old / "no-slots"), (old / "first" / "results.json").read_bytes()
        assert now == before

    def test_runs_that_differ_only_in_what_is_gone_are_not_compared(self, old: Path, call: Call) -> None:
        out = old / "search"
        shutil.copytree(old / "dropout", out / "less")
        shutil.copytree(old / "dropout", out / "more")
        rewrite(out / "more", "dropout: 0.0", "dropout: 0.3")
        (out / "results.json").write_text(json.dumps({"rows": [], "planned": 2}))
        done = call("upgrade", "search")
        assert done.code == 1
        assert "less and more differ only in what is no setting any more" in done.err
        assert json.loads((out / "results.json").read_text("utf-8")) == {"rows": [], "planned": 2}

    @pytest.mark.parametrize("text", ["{}", '{"rows": 3, "planned": 1}', '{"rows": [{}], "planned": 1}', "[]", "{"])
    def test_results_that_are_none(self, old: Path, call: Call, text: str) -> None:
        (old / "first" / "results.json").write_text(text)
        done = call("upgrade", "first")
        assert done.code == 1
        (line,) = done.err.splitlines()
        assert "results.json" in line
        assert (old / "first" / "results.json").read_text("utf-8") == text

    def test_results_of_an_experiment_that_is_under_way_are_left_alone(self, old: Path, call: Call) -> None:
        before = (old / "first" / "results.json").read_bytes()
        with locked(old / "first", "taken"):
            done = call("upgrade", "first")
        assert done.code == 1
        assert done.err == "multidigit: runs/first: an experiment is writing to this folder; wait for it\n"
        assert (old / "first" / "results.json").read_bytes() == before

    @pytest.mark.parametrize("name", ["dropout", "runs/dropout"])
    def test_a_run_that_a_killed_conversion_put_aside_is_found(self, old: Path, call: Call, name: str) -> None:
        (old / "dropout").rename(old / ".dropout.old-99999999")
        assert call("upgrade", name).out.startswith("runs/dropout: converted\n")

    def test_no_run(self, old: Path, call: Call) -> None:
        (old / "empty").mkdir()
        for name, text in (
            ("none", "no such run folder"),
            ("empty", "holds no run"),
            ("picture.png", "no such run folder"),
        ):
            done = call("upgrade", name)
            assert done.code == 1
            (line,) = done.err.splitlines()
            assert text in line

    def test_a_run_of_a_later_format_is_refused(self, old: Path, call: Call) -> None:
        path = old / "today" / "environment.json"
        path.write_text(path.read_text("utf-8").replace('"format": 1', '"format": 2'))
        assert "a run of format 2" in call("upgrade", "today").err
