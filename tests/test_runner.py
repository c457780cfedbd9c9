"""The runner of experiments: kills, several runs at once, one writer to a folder, the table, plans and estimates.

Most is tried with a training that takes a third of a second and no TensorFlow, in the processes of the runner as well.
"""

from __future__ import annotations

import csv
import errno
import importlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import Called, Toys

from multidigit.errors import MultidigitError, RunError, SettingsError
from multidigit.experiments import Results, read_experiment, run_experiment, standing_runs, values_of
from multidigit.experiments.estimate import ALLOWANCE, estimates, format_seconds, total
from multidigit.experiments.folder import LOCK, locked, tidy
from multidigit.experiments.logs import log_path
from multidigit.runs import ENVIRONMENT, open_run
from multidigit.settings import validate
from multidigit.strategies.base import resolve

BENCHMARKS = Path(__file__).parents[1] / "experiments" / "benchmarks"

FAKE = """
import os, time
import numpy as np
from multidigit import metrics, training
from multidigit.errors import DataError
from multidigit.runs import ANSWERS, CHECKPOINT, HISTORY, METRICS, READER, SETTINGS, RunWriter
from multidigit.settings import to_yaml
from multidigit.strategies.base import resolve
from multidigit.training import Progress

def train(settings, out, *, listen, resume=None):
    if settings.seed == 13:
        raise DataError("13 brings ill luck")
    if settings.seed == 14:
        os._exit(9)
    if settings.seed == 15:
        raise ZeroDivisionError("ours")
    steps, interrupted = (100 if settings.seed in (16, 17) else 3), False
    rng = np.random.default_rng(settings.seed)
    slots = rng.integers(0, 10, (20, 5)).astype(np.uint8)
    probabilities = rng.dirichlet(np.ones(11), (20, 5)).astype(np.float32)
    with RunWriter(out, replace=resume is not None) as writer:
        rows = []
        try:
            for step in range(1, steps + 1):
                time.sleep(0.1)
                rows.append({"epoch": step, "strips": step, "seconds": 0.1 * step, "loss": 1.0,
                             "digit_accuracy": 0.5, "sequence_accuracy": 0.25})
                listen(Progress(step / steps, 0.1 * step, step, rows[-1]))
        except KeyboardInterrupt:
            interrupted = True
            time.sleep(3 if settings.seed == 17 else 0)
            writer.text(CHECKPOINT, "as training left it")
        writer.text(SETTINGS, to_yaml(resolve(settings)))
        writer.table(HISTORY, rows)
        writer.text(READER, "reads")
        np.savez_compressed(writer.aside / ANSWERS, slots=slots, answers=slots, confidence=np.ones(20, np.float32))
        measures = {**metrics.measure(slots, probabilities), "strips_per_second": time.monotonic()}
        trained = {"finished": not interrupted, "seconds": 0.1 * len(rows), "strips": len(rows), "epochs": len(rows),
                   "strips_per_second": 10.0, "parameters": 1}
        writer.json(METRICS, {"training": trained, "test": measures})
        return writer.finish(settings)

training.train = train
"""
MAIN = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from multidigit.experiments import read_experiment, run_experiment

@contextmanager
def listen(number, planned):
    print("begins", planned.name, flush=True)
    yield lambda progress: print("heard", planned.name, progress.strips, flush=True)

file, out, jobs = sys.argv[1:]
try:
    results, failed = run_experiment(read_experiment(Path(file)), Path(out), listen=listen, jobs=int(jobs))
except KeyboardInterrupt:
    os._exit(130)
print("failed", failed)
"""
SIX = "grid:\n  strategy: [heads, sigmoid, cut]\nseeds: 2\n"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The benchmark that kills, imported as it is run."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module("kills")
    for name in ("kills", "common"):
        sys.modules.pop(name, None)


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes a call of the runner in a process of its own, where nothing is trained in earnest."""
    (tmp_path / "fakes").mkdir()
    # Python imports it as it starts, so that the runner's own processes have it, too.
    (tmp_path / "fakes" / "sitecustomize.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fakes"))

    def command(text: str, out: Path, jobs: int = 1) -> list[str]:
        (tmp_path / "grid.yaml").write_text(text)
        return [sys.executable, "-c", MAIN, str(tmp_path / "grid.yaml"), str(out), str(jobs)]

    return command


def done(command: list[str]) -> str:
    """What a command that must end well wrote."""
    called = subprocess.run(command, capture_output=True, text=True, check=False)
    assert called.returncode == 0, called.stderr
    return called.stdout


def started(command: list[str], sign: str) -> subprocess.Popen[str]:
    """A command that has come so far as to write ``sign``."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    wrote = ""
    while sign not in wrote:
        line = process.stdout.readline()
        assert line, wrote
        wrote += line
    return process


class TestKills:
    def test_whatever_the_moment_the_table_is_that_of_an_undisturbed_grid(
        self, kills: Any, fakes: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        calm, out = tmp_path / "calm", tmp_path / "out"
        done(fakes(SIX, calm))
        command, rng = fakes(SIX, out), random.Random(6)
        # In the course of a run, of the one after it, or while it is written. None can come too late: that takes 0.3 s.
        for sign, times, longest in 2 * [("begins", 1, 0.28), ("begins", 2, 0.28), (" 3", 1, 0.1)]:
            assert kills.kill(command, out, rng.uniform(0, longest), sign, times)
        before = kills.finished(out)
        assert 2 <= len(before) <= 4
        done(command)
        kills.check_kept(before, kills.finished(out))
        assert kills.table(out) == kills.table(calm)
        assert len(kills.table(out)) == 6
        names = {path.name for path in out.iterdir()}
        assert names == {path.name for path in calm.iterdir()}
        assert "begins" not in done(command)

    def test_what_a_kill_left_is_mended(self, fakes: Callable[..., list[str]], tmp_path: Path) -> None:
        out, other = tmp_path / "out", tmp_path / "other"
        done(fakes("seeds: 5\n", out))
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        names = [f"heads-free-seed{seed}" for seed in range(5)]
        created = {name: open_run(out / name).created for name in names}
        # Complete but not in its place; complete, its interrupted predecessor moved aside; only the predecessor is
        # left; complete as far as the eye goes; hardly begun.
        (out / names[0]).rename(out / f".{names[0]}.partial-{dead.pid}")
        shutil.copytree(out / names[1], out / f".{names[1]}.partial-{dead.pid}")
        (out / names[1]).rename(out / f".{names[1]}.old-{dead.pid}")
        (out / names[2]).rename(out / f".{names[2]}.old-{dead.pid}")
        (out / names[3]).rename(out / f".{names[3]}.partial-{dead.pid}")
        (out / f".{names[3]}.partial-{dead.pid}" / "reader.tflite").write_text("cut o")
        (out / names[4]).rename(other)
        (out / f".{names[4]}.partial-{dead.pid}").mkdir()
        (out / f".results.csv.partial-{dead.pid}").write_text("run,stat")
        living = out / f".someone.partial-{os.getppid()}"
        living.mkdir()
        tidy(out)
        for name in names[:3]:
            assert open_run(out / name).created == created[name]
        assert [path.name for path in out.glob(".*")] == [living.name]
        assert not (out / names[3]).exists()
        assert not (out / names[4]).exists()

    def test_processes_end_with_the_one_that_started_them(
        self, kills: Any, fakes: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        calm, out = tmp_path / "calm", tmp_path / "out"
        grid = "grid:\n  strategy: [heads, cut]\nseeds: 2\n"
        done(fakes(grid, calm, 2))
        process = started(fakes(grid, out, 2), "heard")
        process.kill()
        process.communicate()
        # Waits for the last of them, and is then alone.
        assert done(fakes(grid, out, 2)).count("begins") == 4
        assert kills.table(out) == kills.table(calm)
        assert list(out.glob(".*")) == []


class TestSideBySide:
    def test_one_failure_does_not_stop_the_others(self, fakes: Callable[..., list[str]], tmp_path: Path) -> None:
        out = tmp_path / "out"
        wrote = done(fakes("seeds: [13, 1, 14, 2, 15]\n", out, 2))
        assert {path.parent.name for path in out.glob(f"*/{ENVIRONMENT}")} == {"heads-free-seed1", "heads-free-seed2"}
        failed = wrote.splitlines()[-1]
        assert "'heads-free-seed13': '13 brings ill luck'" in failed
        assert "'heads-free-seed14': 'its process ended with exit code 9" in failed
        assert "'heads-free-seed15': 'ZeroDivisionError, a fault in multidigit" in failed
        assert "heard heads-free-seed1 3" in wrote
        assert "failed: 13 brings ill luck" in log_path(out, "heads-free-seed13").read_text()
        assert "exit code 9" in log_path(out, "heads-free-seed14").read_text()
        assert "Traceback" in log_path(out, "heads-free-seed15").read_text()
        rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
        assert [row["status"] for row in rows] == ["planned", "finished", "planned", "finished", "planned"]

    def test_ctrl_c_saves_what_is_under_way(self, fakes: Callable[..., list[str]], tmp_path: Path) -> None:
        out = tmp_path / "out"
        process = started(fakes("seeds: [16, 1, 2, 3]\n", out, 2), "heard heads-free-seed16 ")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        assert open_run(out / "heads-free-seed16").interrupted
        assert not (out / "heads-free-seed3").exists()
        rows = {row["run"]: row for row in csv.DictReader((out / "results.csv").open())}
        assert rows["heads-free-seed16"]["status"] == "interrupted"
        assert rows["heads-free-seed3"]["status"] == "planned"
        assert json.loads((out / "results.json").read_text())["planned"] == 4
        assert "interrupted: " in log_path(out, "heads-free-seed16").read_text()
        # It goes on in the same way.
        process = started(fakes("seeds: [16, 1, 2, 3]\n", out, 2), "heard heads-free-seed16 ")
        process.kill()
        process.communicate()
        assert "resumes in process" in log_path(out, "heads-free-seed16").read_text()

    def test_ctrl_c_twice_gives_up(self, fakes: Callable[..., list[str]], tmp_path: Path) -> None:
        out = tmp_path / "out"
        process = started(fakes("seeds: [17, 16]\n", out, 2), "heard heads-free-seed17 ")
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        process.communicate()
        assert process.returncode == 130
        assert not (out / "heads-free-seed17").exists()
        assert not (out / LOCK).exists()

    def test_in_earnest(self, toys: Toys, call: Callable[..., Called], tmp_path: Path) -> None:
        """Real trainings, two at once, give the run folders that one process gives."""
        (tmp_path / "two.yaml").write_text("settings: {layout: structured}\ngrid:\n  strategy: [heads, cut]\n")
        asked = ["experiment", tmp_path / "two.yaml", *toys.options(), "--jobs", "2", "--out", tmp_path / "out"]
        called = call(*asked)
        assert called.code == 0, called.err
        assert "[1/2] heads-structured-seed0: epoch 3" in called.err
        assert "[2/2] cut-structured-seed0: epoch 3" in called.err
        for name in ("heads", "cut"):
            run = open_run(tmp_path / "out" / f"{name}-structured-seed0")
            assert len(run.history) == 3
            assert run.metrics["training"]["strips"] == 192
            wrote = log_path(tmp_path / "out", run.name).read_text()
            assert [word in wrote for word in ("begins", "epoch 1: ", "epoch 3: ", "finished: ")] == [True] * 4
        again = call(*asked)
        assert again.code == 0
        assert again.err == ""


class TestOneWriter:
    def test_a_second_experiment_is_refused_while_the_first_is_at_work(
        self, fakes: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        process = started(fakes("seeds: [16]\n", out), "begins")
        try:
            with pytest.raises(RunError, match=rf"out: another .* this folder \(process {process.pid} since .*--out"):
                run_experiment(read_experiment(tmp_path / "grid.yaml"), out, listen=None)  # type: ignore[arg-type]
        finally:
            process.kill()
            process.communicate()
        # What the dead one left is no hindrance.
        assert (out / LOCK).exists()
        with locked(out):
            pass
        assert not (out / LOCK).exists()

    def test_folders_made_for_nothing_go(self, tmp_path: Path) -> None:
        with locked(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b" / LOCK).exists()
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_to_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match=r"file: is a file, not a folder; name another folder with --out"):
            locked(tmp_path / "file").__enter__()
        with pytest.raises(RunError, match=r"file: is a file, not a folder"):
            locked(tmp_path / "file" / "below").__enter__()


@pytest.fixture
def six(fakes: Callable[..., list[str]], tmp_path: Path) -> Path:
    """The folder of an experiment of six runs that are finished; its file is ``grid.yaml``, beside it."""
    done(fakes(SIX, tmp_path / "out"))
    return tmp_path / "out"


class TestTable:
    def test_holds_settings_environment_and_measures_by_dotted_keys(self, six: Path) -> None:
        with (six / "results.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [json.loads(line) for line in (six / "results.jsonl").read_text().splitlines()]
        assert [line["run"] for line in lines] == [row["run"] for row in rows]
        assert [row["run"] for row in rows[:3]] == ["heads-free-seed0", "heads-free-seed1", "sigmoid-free-seed0"]
        for line, row in zip(lines, rows, strict=True):
            run = open_run(six / row["run"])
            assert row["status"] == "finished"
            assert row["created"] == run.created
            assert (row["strategy"], row["seed"]) == (run.settings.strategy, run.settings.seed)
            assert row["train.learning_rate"] == resolve(run.settings).train.learning_rate
            assert (row["layout.gap.low"], row["layout.gap.high"]) == run.settings.layout.gap
            assert row["environment.packages.numpy"] == run.environment["packages"]["numpy"]
            assert row["training.strips"] == run.metrics["training"]["strips"]
            assert row["test.sequence_interval.low"] == run.metrics["test"]["sequence_interval"][0]
            assert row["test.accuracy_by_slot.4"] == run.metrics["test"]["accuracy_by_slot"][4]
            assert row["test.accuracy_by_length.5.strips"] == run.metrics["test"]["accuracy_by_length"]["5"]["strips"]
            # Each value is single, and the same in both files.
            assert not any(isinstance(value, list | dict) for value in row.values())
            assert {key: "" if value is None else str(value) for key, value in row.items()} == line

    def test_one_cut_in_the_middle_of_a_line_and_a_run_deleted_by_hand_are_mended(
        self, kills: Any, six: Path, fakes: Callable[..., list[str]]
    ) -> None:
        whole, created = kills.table(six), kills.finished(six)
        for name in ("results.csv", "results.jsonl", "results.json"):
            data = (six / name).read_bytes()
            (six / name).write_bytes(data[: len(data) // 2])
        shutil.rmtree(six / "sigmoid-free-seed1")
        wrote = done(fakes(SIX, six))
        assert [line for line in wrote.splitlines() if "begins" in line] == ["begins sigmoid-free-seed1"]
        assert kills.table(six) == whole
        again = kills.finished(six)
        assert again.pop("sigmoid-free-seed1") > created.pop("sigmoid-free-seed1")
        assert again == created
        assert len(json.loads((six / "results.json").read_text())["rows"]) == 6

    @pytest.mark.parametrize("part", ["history.csv", "metrics.json", "answers.npz", "settings.yaml", ENVIRONMENT])
    def test_a_run_with_a_part_cut_in_the_middle_is_told_and_left_alone(
        self, six: Path, tmp_path: Path, call: Callable[..., Called], part: str
    ) -> None:
        path = six / "cut-free-seed1" / part
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        before = {path: path.stat().st_mtime_ns for path in six.rglob("*")}
        for more in ([], ["--report-only"], ["--dry-run"]):
            told = call("experiment", tmp_path / "grid.yaml", "--out", six, *more)
            assert told.code == 1
            (line,) = told.err.splitlines()
            assert "cut-free-seed1" in line
            assert part in line
            assert "train again" in line or "the file is damaged" in line
        # The lock came and went in the folder itself.
        assert {path: path.stat().st_mtime_ns for path in six.rglob("*")} == before

    def test_a_damaged_run_is_told_before_anything_is_trained(self, six: Path, tmp_path: Path) -> None:
        (six / "cut-free-seed1" / "reader.tflite").unlink()
        shutil.rmtree(six / "heads-free-seed0")
        with pytest.raises(RunError, match=r"cut-free-seed1: reader.tflite is missing from this run"):
            run_experiment(read_experiment(tmp_path / "grid.yaml"), six, listen=None)  # type: ignore[arg-type]
        assert not (six / "heads-free-seed0").exists()
        assert not (six / LOCK).exists()

    def test_results_keep_the_order_of_the_plan(self, six: Path, tmp_path: Path) -> None:
        experiment = read_experiment(tmp_path / "grid.yaml")
        standing, results = standing_runs(experiment, six), Results(experiment, six)
        for planned in reversed(experiment.plan):
            results.add(planned, standing[planned.name])
        assert [row["run"] for row in results.write()["rows"]] == [planned.name for planned in experiment.plan]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([3, 1], [3, 1]),
        (["heads", None], ["heads", None]),
        ("-3..12 step 3", [-3, 0, 3, 6, 9, 12]),
        ("-3..12 step 4", [-3, 1, 5, 9]),
        ("12 .. -3   step -5", [12, 7, 2, -3]),
        ("5..5 step 1", [5]),
        ("0..1 step 0.1", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("1..3 step 1.0", [1.0, 2.0, 3.0]),
        ("1e-3..3e-3 step 1e-3", [0.001, 0.002, 0.003]),
    ],
)
def test_lists_and_ranges_stand_for_values(given: Any, values: list[Any]) -> None:
    found = values_of(given, "here")
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("-3..12", [-3, 0, 3, 6, 9, 12]),
        ("12..-3", [12, 9, 6, 3, 0, -3]),
        ("0..60000", [0, 12_000, 24_000, 36_000, 48_000, 60_000]),
        # Five does not divide these; six, four or seven steps do.
        ("-3..3", [-3, -2, -1, 0, 1, 2, 3]),
        ("0..8", [0, 2, 4, 6, 8]),
        ("0..7", [0, 1, 2, 3, 4, 5, 6, 7]),
        # Nothing near does: the nearest whole numbers.
        ("0..13", [0, 3, 5, 8, 10, 13]),
        ("97..0", [97, 78, 58, 39, 19, 0]),
        # No more than there are.
        ("0..3", [0, 1, 2, 3]),
        ("1..0", [1, 0]),
        ("5..5", [5]),
        ("0..0.3", [0.0, 0.06, 0.12, 0.18, 0.24, 0.3]),
        ("0..1.0", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ("1..-1.5", [1.0, 0.5, 0.0, -0.5, -1.0, -1.5]),
        ("0.1..0.1", [0.1]),
        # What says more is left as it is.
        ("-3..12 step 5", [-3, 2, 7, 12]),
        ("-3..12 step 4", [-3, 1, 5, 9]),
        ([2, 0.5], [2, 0.5]),
    ],
)
def test_a_range_without_a_step_may_stand_for_about_six_values(given: Any, values: list[Any]) -> None:
    found = values_of(given, "here", 6)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_whatever_the_distance_about_six_values_meet_both_ends() -> None:
    for last in range(-200, 201):
        found = values_of(f"3..{last}", "here", 6)
        assert (found[0], found[-1]) == (3, last)
        assert len(set(found)) == len(found)
        assert min(5, abs(last - 3) + 1) <= len(found) <= 8
        steps = {abs(b - a) for a, b in itertools.pairwise(found)}
        assert not steps or max(steps) - min(steps) <= 1


def test_between_whole_ends_fractions_stand_where_they_are_asked_for() -> None:
    assert values_of("0..1", "here", 6, whole=False) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert values_of("2..1", "here", 3, whole=False) == [2.0, 1.5, 1.0]
    # A step says itself what is wanted.
    found = values_of("0..4 step 2", "here", 6, whole=False)
    assert (found, [type(value) for value in found]) == ([0, 2, 4], [int] * 3)


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ("a..b", r"expected numbers in a range, as in -3\.\.12 step 3; received 'a\.\.b'"),
        ("0..nan", r"expected numbers in a range"),
        ("-inf..0", r"expected numbers in a range"),
        ("0..1e400", r"expected numbers in a range"),
        ("0..1e999999999", r"expected numbers in a range"),
        ("0..", r"expected a list of values .*received '0\.\.'"),
        ("..", r"expected a list of values"),
        ("3", r"expected a list of values"),
        (5, r"expected a list of values .*received 5"),
        (None, r"expected a list of values .*received None"),
        ([], r"expected a list of values"),
        ("3..0 step 1", r"a step of 1 never leads from 3 to 0"),
        ("0..1e6 step 1", r"more than 10,000 values"),
    ],
)
def test_what_stands_for_no_values_is_told_without_a_step_too(given: Any, pattern: str) -> None:
    with pytest.raises(SettingsError, match=rf"^here: .*({pattern})"):
        values_of(given, "here", 6)


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ("-3..12", r"a range needs a step, as in -3\.\.12 step 1; received '-3\.\.12'"),
        ("0..3 step 0", r"a range needs a step other than 0; received"),
        ("0..3 step -1", r"a step of -1 never leads from 0 to 3"),
        ("3..0 step 1", r"a step of 1 never leads from 3 to 0"),
        ("a..b step 1", r"expected numbers in a range, as in -3\.\.12 step 3; received 'a\.\.b step 1'"),
        ("0..inf step 1", r"expected numbers"),
        ("nan..1 step 1", r"expected numbers"),
        ("0..1e999999999 step 1e-999999999", r"expected numbers"),
        ("0..1e400 step 1e399", r"expected numbers"),
        ("0..1000000000 step 1", r"more than 10,000 values; take a larger step"),
        ("heads", r"expected a list of values .*or a range .*received 'heads'"),
        ({"from": 1}, r"expected a list of values"),
        ([], r"expected a list of values"),
        (True, r"expected a list of values"),
    ],
)
def test_what_stands_for_no_values_is_told(given: Any, pattern: str) -> None:
    with pytest.raises(SettingsError, match=rf"^here: .*({pattern})"):
        values_of(given, "here")


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


class TestPlan:
    def test_ranges_in_a_grid(self, tmp_path: Path) -> None:
        text = "settings: {layout: free}\ngrid:\n  layout.gap: -3..3 step 3\n  layout.slant: 0..0.3 step 0.1\n"
        plan = read_experiment(written(tmp_path, text)).plan
        assert len(plan) == 12
        assert [planned.settings.layout.gap for planned in plan[::4]] == [(-3, -3), (0, 0), (3, 3)]
        assert [planned.settings.layout.slant[1] for planned in plan[:4]] == [0, 0.1, 0.2, 0.3]
        assert plan[3].name == "heads-free-gap-3-slant0.3-seed0"

    def test_seeds_by_number_or_by_name(self, tmp_path: Path) -> None:
        for text, seeds in (("seeds: 3", [0, 1, 2]), ("seeds: [4, 7]", [4, 7]), ("seeds: 2..6 step 2", [2, 4, 6])):
            plan = read_experiment(written(tmp_path, f"grid:\n  strategy: [heads, cut]\n{text}\n")).plan
            assert [planned.settings.seed for planned in plan] == seeds * 2
        only = read_experiment(written(tmp_path, "seeds: 3\n"), ["seed=9"]).plan
        assert [planned.name for planned in only] == ["heads-free-seed9"]

    def test_runs_of_their_own_beside_a_grid_or_without_one(self, tmp_path: Path) -> None:
        runs = "runs:\n  - {name: wide, backbone: {width: 2}, train: {epochs: 4}}\n"
        runs += "  - strategy: cut\n    cut: {cutter: ink}\n"
        text = f"settings: {{layout: {{name: free, gap: 2}}}}\n{runs}seeds: 2\n"
        alone = read_experiment(written(tmp_path, text)).plan
        names = [
            "heads-free-wide-seed0",
            "heads-free-wide-seed1",
            "cut-free-cutterink-seed0",
            "cut-free-cutterink-seed1",
        ]
        assert [planned.name for planned in alone] == names
        assert alone[1].settings.backbone.width == 2
        assert alone[1].settings.train.epochs == 4
        assert all(planned.settings.layout.gap == (2, 2) for planned in alone)
        assert alone[3].settings.options("cut") == {"cutter": "ink"}
        beside = read_experiment(written(tmp_path, f"{text}grid:\n  strategy: [heads, cut]\n")).plan
        assert [planned.name for planned in beside][4:] == names
        assert [planned.name for planned in beside][:2] == ["heads-free-seed0", "heads-free-seed1"]
        over = read_experiment(written(tmp_path, text), ["train.epochs=9"]).plan
        assert {planned.settings.train.epochs for planned in over} == {9}

    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("grid:\n", r"mine.yaml, line 1: grid: is empty; put settings with their values under it, or leave it out"),
            ("name: a\ngrid: {}\n", r"mine.yaml, line 2: grid: is empty"),
            ("grid:\n  layout.gap: -3..12\n", r"mine.yaml, line 2: grid.layout.gap: a range needs a step"),
            ("grid:\n  layout.gap: 1..3 step 0\n", r"line 2: grid.layout.gap: "),
            ("grid:\n  layout.gap: 1..90 step 80\n", r"line 2: layout.gap must lie within -60 to 60"),
            ("runs: []\n", r"mine.yaml, line 1: runs: expected a list of settings, .*received \[\]"),
            ("runs: {seed: 1}\n", r"line 1: runs: expected a list of settings"),
            ("runs: [{seed: 1}, {sed: 2}]\n", r"line 1: runs, number 2: unknown key 'sed'; did you mean 'seed'\?"),
            ("runs: [{seed: 1}, {seed: 1}]\n", r"two runs would both be 'heads-free-seed1'"),
            ("name: ../up\n", r"line 1: name: expected a name that a folder can have, .*received '../up'"),
            ("seed: 1\n", r"line 1: unknown key 'seed'; did you mean 'seeds'\?"),
            ("about: 1\nname: ..\n", r"line 2: name: expected a name that a folder can have"),
            ("name: [a, b]\n", r"line 1: name: expected text; received \['a', 'b'\]"),
            ("about: {a: b}\n", r"line 1: about: expected text; received \{'a': 'b'\}"),
            ("seeds: 0\n", r"line 1: seeds: expected how many, 1 or more, or a list; received 0"),
            ("seeds: many\n", r"line 1: seeds: expected a list of values"),
            ("seeds: yes\n", r"line 1: seeds: expected a list of values"),
            ("seeds: [-1]\n", r"seed: .*-1"),
            ("seeds: 2\ngrid:\n  seed: [0, 1]\n", r"line 1: seeds: the grid has seeds, too; give them once"),
        ],
    )  # fmt: skip
    def test_a_fault_is_told_with_its_place(self, tmp_path: Path, text: str, pattern: str) -> None:
        with pytest.raises(SettingsError, match=pattern) as error:
            read_experiment(written(tmp_path, text))
        assert "\n" not in str(error.value)

    def test_more_than_a_thousand_runs_must_be_meant(
        self, tmp_path: Path, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        path = written(tmp_path, "grid:\n  strategy: [heads, cut]\nseeds: 501\n")
        refused = call("experiment", path)
        assert refused.code == 1
        assert "mine.yaml: would be 1,002 runs; if that many are meant, say so with --yes" in refused.err
        assert list(tmp_path.iterdir()) == [path]
        assert len(read_experiment(path).plan) == 1_002
        assert len(read_experiment(path, most=1_002).plan) == 1_002
        # Nothing is run: the plan may be looked at.
        assert "1002 runs" in call("experiment", path, "--dry-run").out
        compared = call("compare", "--seeds", "167")
        assert compared.code == 1
        assert "this comparison would be 1,002 runs, more than 1,000; take fewer --seeds" in compared.err
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("command", [["render"], ["experiment", "--dry-run"], ["experiment", "--yes"]])
    def test_more_than_can_be_listed_are_not_even_planned(
        self, tmp_path: Path, call: Callable[..., Called], command: list[str]
    ) -> None:
        ranges = "grid:\n  layout.gap: -3..12 step 0.01\n  layout.slant: 0..0.3 step 0.001\n  seed: 0..9000 step 1\n"
        refused = call(*command, written(tmp_path, ranges))
        assert refused.code == 1
        assert "would be 4,066,660,801 runs, and no experiment may have more than 100,000" in refused.err


class TestEstimates:
    def test_minutes_are_what_they_are_and_fit_side_by_side(self, tmp_path: Path) -> None:
        plan = read_experiment(written(tmp_path, "settings: {train: {minutes: 2}}\nseeds: 4\n")).plan
        found = estimates(plan, {})
        assert {(each.seconds, each.basis, each.state) for each in found.values()} == {
            (120 + ALLOWANCE, "budget", "planned")
        }
        assert total(found.values(), 1) == 4 * (120 + ALLOWANCE)
        assert total(found.values(), 2) == 2 * (120 + ALLOWANCE)

    def test_strips_take_the_time_that_they_typically_take(self, tmp_path: Path) -> None:
        text = "settings: {layout: structured, train: {epochs: 3, strips: 10000}}\n"
        text += "grid:\n  backbone: [compact, baseline, streetview]\n"
        plan = read_experiment(written(tmp_path, text)).plan
        found = list(estimates(plan, {}).values())
        for each, rate in zip(found, (1_867, 344, 42), strict=True):
            assert each.seconds == pytest.approx(30_000 / rate + ALLOWANCE)
            assert each.basis == "typical rates"
        # They share the processors.
        assert total(found, 3) == total(found, 1)

    def test_finished_runs_here_know_better(self, six: Path, tmp_path: Path) -> None:
        shutil.rmtree(six / "cut-free-seed1")
        shutil.rmtree(six / "heads-free-seed0")
        experiment = read_experiment(tmp_path / "grid.yaml")
        found = estimates(experiment.plan, standing_runs(experiment, six))
        assert found["sigmoid-free-seed0"].seconds == 0
        assert found["sigmoid-free-seed0"].state == "finished"
        # The others trained ten strips a second.
        assert found["cut-free-seed1"].seconds == pytest.approx(12 * 20_000 / 10 + ALLOWANCE)
        assert found["cut-free-seed1"].basis == "finished runs"

    def test_every_backbone_says_its_own_rate(self) -> None:
        from multidigit.registry import BACKBONES

        assert all("rates" in vars(BACKBONES[name]) for name in BACKBONES)

    @pytest.mark.parametrize(
        ("seconds", "words"), [(12, "12 s"), (89, "89 s"), (91, "2 min"), (5_000, "83 min"), (7_300, "2 h 2 min")]
    )
    def test_in_words(self, seconds: float, words: str) -> None:
        assert format_seconds(seconds) == words


class TestCommands:
    def test_a_dry_run_tells_what_is_done_and_what_is_left(
        self, six: Path, tmp_path: Path, call: Callable[..., Called]
    ) -> None:
        shutil.rmtree(six / "cut-free-seed1")
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        asked = ["experiment", tmp_path / "grid.yaml", "--out", six, "--dry-run"]
        shown = call(*asked).out.splitlines()
        assert shown[0].startswith(f"grid: 6 runs in {six}, about ")
        assert [line.split(maxsplit=1)[1] for line in shown[1:6]] == ["finished"] * 5
        assert shown[7] == f"Based on: finished runs; and {ALLOWANCE:.0f} s a run beside its training."
        listed = call(*asked, "--json").json
        assert listed["seconds"] == listed["runs"][5]["seconds"] > 0
        assert listed["runs"][0] == {
            "run": "heads-free-seed0",
            "state": "finished",
            "seconds": 0,
            "basis": "finished runs",
        }
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

    def test_a_file_where_the_folder_is_to_be_is_told(self, tmp_path: Path, call: Callable[..., Called]) -> None:
        path = written(tmp_path, "name: 7\n")
        for more in ([], ["--dry-run"], ["--report-only"]):
            told = call("experiment", path, "--out", path, *more)
            assert (told.code, told.err) == (
                1,
                f"multidigit: {path}: is a file, not a folder; name another folder with --out\n",
            )
        assert call("experiment", path, "--out", tmp_path / "new", "--dry-run").out.startswith("7: 1 run in ")

    def test_what_the_machine_refuses_is_no_fault_of_ours(
        self, tmp_path: Path, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", "locked/in")

        monkeypatch.setattr("multidigit.cli.grid.standing_runs", refuse)
        told = call("experiment", written(tmp_path, "seeds: 2\n"), "--dry-run")
        assert (told.code, told.err) == (1, "multidigit: locked/in: Permission denied; mend that or name another\n")

    def test_report_only_of_what_is_there(self, toys: Toys, tmp_path: Path, call: Callable[..., Called]) -> None:
        run, out = toys.run(), tmp_path / "out"
        settings = json.dumps(run.settings.model_dump(mode="json", exclude={"seed"}))
        path = written(tmp_path, f"settings: {settings}\nseeds: 2\n")
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
        assert (out / "report.md").exists()
        rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
        assert [row["status"] for row in rows] == ["finished", "planned"]
        assert call(*asked, "--dry-run").code == 2

    def test_render_prints_what_every_run_would_be_trained_with(
        self, tmp_path: Path, call: Callable[..., Called]
    ) -> None:
        path = written(tmp_path, "grid:\n  strategy: [heads, cut]\n  train.epochs: [1, 2]\n")
        plan = read_experiment(path).plan
        told = call("render", path)
        assert told.code == 0
        documents = list(yaml.safe_load_all(told.out))
        assert [validate(document) for document in documents] == [resolve(planned.settings) for planned in plan]
        assert all(document["train"]["learning_rate"] for document in documents)
        names = [line.removeprefix("# ") for line in told.out.splitlines() if line.startswith("# ")]
        assert names == [planned.name for planned in plan]
        listed = call("render", path, "--set", "strategy=sigmoid", "--json").json
        assert [(name, found["strategy"]) for name, found in listed.items()] == [
            ("sigmoid-free-epochs1-seed0", "sigmoid"),
            ("sigmoid-free-epochs2-seed0", "sigmoid"),
        ]

    def test_none_of_this_loads_tensorflow(self, six: Path, tmp_path: Path) -> None:
        script = (
            "import sys; from multidigit.cli import main\n"
            "try: main(sys.argv[1:])\n"
            "finally: assert not {'tensorflow', 'keras'} & set(sys.modules)"
        )
        for asked in (["render"], ["experiment", "--dry-run", "--out", str(six)]):
            done([sys.executable, "-c", script, asked[0], str(tmp_path / "grid.yaml"), *asked[1:]])

    def test_a_failure_is_told_at_the_end(
        self, six: Path, tmp_path: Path, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from multidigit import training
        from multidigit.cli import grid

        def fail(settings: Any, *_: object, **__: object) -> None:
            raise MultidigitError("no luck")

        shown: list[str] = []
        monkeypatch.setattr(training, "train", fail)
        monkeypatch.setattr(
            grid, "_show", lambda folder, results, as_json: shown.extend(r["run"] for r in results["rows"])
        )
        for name in ("cut-free-seed0", "cut-free-seed1"):
            shutil.rmtree(six / name)
        told = call("experiment", tmp_path / "grid.yaml", "--out", six)
        assert told.code == 1
        assert told.err == "multidigit: cut-free-seed0, cut-free-seed1 failed: no luck\n"
        assert len(shown) == 4
        assert "failed: no luck" in log_path(six, "cut-free-seed1").read_text()
