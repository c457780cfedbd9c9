"""Doing the runs of an experiment: kills, interrupts, several runs at once, one writer to a folder."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Called, Toys

from multidigit import locks
from multidigit.errors import RunError
from multidigit.experiments import results
from multidigit.experiments.folder import check_folder, tidy
from multidigit.experiments.logs import log_path
from multidigit.locks import LOCK, locked
from multidigit.runs import CHECKPOINT, ENVIRONMENT, RESULTS, open_run, pick_run

SIX = "grid:\n  strategy: [heads, sigmoid, cut]\nseeds: 2\n"
UNFINISHED = "seeds: [1, 2, 16]\n"
"""The first reads best, and the last takes too long to end by itself."""


class TestKills:
    def kill_at_random(self, runner: Any, finished_six: Path, table: Any, kills: int) -> None:
        """Kill a grid of six again and again; in the end its table is that of one that nobody disturbed."""
        rng = random.Random(6)
        # In the course of a run, of the one after it, or while it is written.
        moments = [("begins", 0.1), ("progress", 0.06), (" 3", 0.05)]
        for index in range(kills):
            sign, longest = moments[index % 3]
            before = runner.finished()
            process = runner.start(SIX, sign) if len(before) < 5 else None
            if process is None:
                break
            time.sleep(rng.uniform(0, longest))
            process.kill()
            process.communicate()
            # No run that was finished is done again.
            assert before.items() <= runner.finished().items()
        before = runner.finished()
        runner.finish(SIX)
        assert before.items() <= runner.finished().items()
        assert table(runner.out) == table(finished_six)
        assert {path.name for path in runner.out.iterdir()} == {path.name for path in finished_six.iterdir()}
        assert "begins" not in runner.finish(SIX)

    def test_a_killed_grid_ends_like_an_undisturbed_one(self, runner: Any, finished_six: Path, table: Any) -> None:
        self.kill_at_random(runner, finished_six, table, 3)

    @pytest.mark.slow
    def test_a_grid_killed_many_times_does_too(self, runner: Any, finished_six: Path, table: Any) -> None:
        self.kill_at_random(runner, finished_six, table, 20)

    def test_what_a_kill_left_is_put_in_order(self, six: Path, tmp_path: Path) -> None:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        names = sorted(path.parent.name for path in six.glob(f"*/{ENVIRONMENT}"))
        created = {name: open_run(six / name).created for name in names}
        # Complete but not in its place; complete, its interrupted predecessor moved aside; only the predecessor is
        # left; complete but for its contents; hardly begun.
        (six / names[0]).rename(six / f".{names[0]}.partial-{dead.pid}")
        shutil.copytree(six / names[1], six / f".{names[1]}.partial-{dead.pid}")
        (six / names[1]).rename(six / f".{names[1]}.old-{dead.pid}")
        (six / names[2]).rename(six / f".{names[2]}.old-{dead.pid}")
        (six / names[3]).rename(six / f".{names[3]}.partial-{dead.pid}")
        (six / f".{names[3]}.partial-{dead.pid}" / "reader.tflite").write_text("cut o")
        (six / names[4]).rename(tmp_path / "other")
        (six / f".{names[4]}.partial-{dead.pid}").mkdir()
        (six / f".results.csv.partial-{dead.pid}").write_text("run,stat")
        living = six / f".someone.partial-{os.getppid()}"
        living.mkdir()
        tidy(six)
        for name in names[:3]:
            assert open_run(six / name).created == created[name]
        assert [path.name for path in six.glob(".*")] == [living.name]
        assert not (six / names[3]).exists()
        assert not (six / names[4]).exists()

    def test_processes_end_with_the_one_that_started_them(self, runner: Any) -> None:
        text = "grid:\n  strategy: [heads, cut]\nseeds: [16]\n"
        process = runner.start(text, "progress", 2)
        process.kill()
        process.communicate()
        # The lock is held by the last of them.
        with locked(runner.out, "in use"):
            assert runner.finished() == {}


class TestWinner:
    """Pictures are read with the best of the runs finished so far, whatever happens to the experiment."""

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["kill", "Ctrl-C"])
    def test_a_resumed_comparison_that_is_ended_keeps_its_winner(self, runner: Any, end: signal.Signals) -> None:
        runner.here("seeds: [1, 2]\n")
        process = runner.start(UNFINISHED, "progress heads-free-seed16 ")
        process.send_signal(end)
        process.communicate()
        assert process.returncode == (130 if end == signal.SIGINT else -end)
        assert json.loads((runner.out / RESULTS).read_text())["winner"] == "heads-free-seed1"
        # After Ctrl-C the newest run is the one that was interrupted; after a kill it is the second.
        assert open_run(runner.out / "heads-free-seed2").created > open_run(runner.out / "heads-free-seed1").created
        assert (runner.out / "heads-free-seed16" / CHECKPOINT).exists() == (end == signal.SIGINT)
        assert pick_run(str(runner.out)).name == "heads-free-seed1"
        assert pick_run(home=runner.out.parent).name == "heads-free-seed1"

    def test_an_interrupt_at_any_write_of_the_results_keeps_it(
        self, runner: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runner.here("seeds: [1, 2]\n")
        calls = 0
        for name in ("write_text", "write_json"):
            original = getattr(results, name)

            def write(path: Path, data: Any, original: Callable[..., None] = original) -> None:
                nonlocal calls
                calls -= 1
                if calls == 0:
                    raise KeyboardInterrupt
                original(path, data)

            monkeypatch.setattr(results, name, write)
        for last in range(1, 8):
            calls = last
            try:
                runner.here("seeds: [1, 2, 3]\n")
            except KeyboardInterrupt:
                assert last <= 6
            assert json.loads((runner.out / RESULTS).read_text())["winner"] == "heads-free-seed1"
            assert pick_run(str(runner.out)).name == "heads-free-seed1"
            if last % 2:
                shutil.rmtree(runner.out / "heads-free-seed3", ignore_errors=True)

    def test_runs_tested_on_different_strips_end_no_experiment(self, runner: Any, monkeypatch: Any) -> None:
        runner.here("grid:\n  strategy: [heads]\n")
        other = runner.here.__globals__["fake_training"].np.random.default_rng
        monkeypatch.setattr("fake_training.np.random.default_rng", lambda seed: other(seed + 100))
        written, failed = runner.here("grid:\n  strategy: [heads, cut]\n")
        assert failed == {}
        assert written["incomparable"] == [{"a": "heads-free-seed0", "b": "cut-free-seed0"}]
        assert (written["pairs"], written["winner"]) == ([], "heads-free-seed0")


def test_a_fault_in_one_run_does_not_stop_the_others(runner: Any) -> None:
    """As of a strategy from another package; here in this process."""
    results, failed = runner.here("seeds: [15, 1]\n")
    assert failed["heads-free-seed15"].startswith("ZeroDivisionError in training; the lines to report are in ")
    assert [row["run"] for row in results["rows"]] == ["heads-free-seed1"]


class TestSideBySide:
    def test_one_failure_does_not_stop_the_others(self, runner: Any) -> None:
        wrote = runner.finish("seeds: [13, 1, 14, 2, 15, 18]\n", 2)
        assert set(runner.finished()) == {"heads-free-seed1", "heads-free-seed2"}
        failed = wrote.splitlines()[-1]
        assert "'heads-free-seed13': '13 brings ill luck'" in failed
        assert "'heads-free-seed14': 'its process ended with exit code 9" in failed
        assert "'heads-free-seed18': 'its process was killed, as the system does where memory" in failed
        assert "'heads-free-seed15': 'ZeroDivisionError in training" in failed
        assert "progress heads-free-seed1 3" in wrote
        assert "failed: 13 brings ill luck" in log_path(runner.out, "heads-free-seed13").read_text()
        assert "exit code 9" in log_path(runner.out, "heads-free-seed14").read_text()
        assert "Traceback" in log_path(runner.out, "heads-free-seed15").read_text()
        rows = [json.loads(line) for line in (runner.out / "results.jsonl").read_text().splitlines()]
        assert [row["status"] for row in rows] == ["planned", "finished", "planned", "finished", "planned", "planned"]

    @pytest.mark.slow
    def test_a_process_does_one_run_after_another(self, runner: Any) -> None:
        runner.finish("seeds: [1, 2, 3, 4, 5]\n", 2)
        logs = [log_path(runner.out, name).read_text() for name in runner.finished()]
        assert len(logs) == 5
        assert len({re.findall(r"begins in process (\d+)", log)[0] for log in logs}) <= 2

    def test_ctrl_c_saves_what_is_under_way(self, runner: Any) -> None:
        text = "seeds: [16, 1, 2, 3]\n"
        process = runner.start(text, "progress heads-free-seed16 ", 2)
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        assert open_run(runner.out / "heads-free-seed16").interrupted
        with (runner.out / "results.csv").open() as file:
            rows = {row["run"]: row["status"] for row in csv.DictReader(file)}
        assert (rows["heads-free-seed16"], rows["heads-free-seed3"]) == ("interrupted", "planned")
        assert "interrupted: " in log_path(runner.out, "heads-free-seed16").read_text()
        # It goes on in the same way.
        process = runner.start(text, "progress heads-free-seed16 ", 2)
        process.kill()
        process.communicate()
        assert "resumes in process" in log_path(runner.out, "heads-free-seed16").read_text()

    @pytest.mark.slow
    def test_ctrl_c_twice_gives_up(self, runner: Any) -> None:
        process = runner.start("seeds: [17, 16]\n", "progress heads-free-seed17 ", 2)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        process.communicate()
        assert process.returncode == 130
        assert not (runner.out / "heads-free-seed17").exists()
        assert not (runner.out / LOCK).exists()

    @pytest.mark.slow
    def test_a_real_training(self, toys: Toys, call: Callable[..., Called], tmp_path: Path) -> None:
        """A process of its own gives the run folder that this one would give, and its log."""
        (tmp_path / "one.yaml").write_text("settings: {layout: structured, strategy: cut}\n")
        called = call("experiment", tmp_path / "one.yaml", *toys.options(), "--jobs", "2", "--out", tmp_path / "out")
        assert called.code == 0, called.err
        assert "[1/1] cut-structured-seed0: epoch 3" in called.err
        run = open_run(tmp_path / "out" / "cut-structured-seed0")
        assert (len(run.history), run.metrics["training"]["strips"]) == (3, 192)
        wrote = log_path(tmp_path / "out", run.name).read_text()
        assert all(word in wrote for word in ("begins", "epoch 1: ", "epoch 3: ", "finished: "))


class TestOneWriter:
    def test_a_second_experiment_is_refused_while_the_first_is_at_work(
        self, runner: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(locks, "PATIENCE", 0.0)
        process = runner.start("seeds: [16]\n", "begins")
        try:
            with pytest.raises(RunError, match=rf"out: another .* this folder \(process {process.pid} since .*--out"):
                runner.here("seeds: [16]\n")
        finally:
            process.kill()
            process.communicate()
        # The lock file of the dead process is no obstacle.
        assert (runner.out / LOCK).exists()
        with locked(runner.out, "in use"):
            pass
        assert not (runner.out / LOCK).exists()

    def test_folders_made_for_nothing_are_removed(self, tmp_path: Path) -> None:
        with locked(tmp_path / "a" / "b", "in use"):
            assert (tmp_path / "a" / "b" / LOCK).exists()
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match=r"file: is a file, not a folder; name another folder with --out"):
            check_folder(tmp_path / place)
