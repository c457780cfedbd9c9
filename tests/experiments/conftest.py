"""What tests of experiments share: fake trainings here and in processes, and a finished experiment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import fake_training
import pytest

from multidigit.experiments import Planned, read_experiment, run_experiment
from multidigit.experiments.on_ray import ray_crew
from multidigit.measures import TIMED
from multidigit.runs import ENVIRONMENT

SIX = "grid:\n  strategy: [heads, sigmoid, cut]\nseeds: 2\n"


@contextmanager
def listen(number: int, planned: Planned) -> Iterator[Callable[[Any], None]]:
    """Writes each run and its progress to standard output."""
    print("begins", planned.name, flush=True)
    yield lambda progress: print("progress", planned.name, progress.strips, flush=True)


class Runner:
    """Runs experiments whose trainings are fake."""

    def __init__(self, folder: Path) -> None:
        self.file, self.out = folder / "grid.yaml", folder / "out"

    def here(self, text: str, out: Path | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        """In this process: the results and the failures."""
        self.file.write_text(text)
        return run_experiment(read_experiment(self.file), out or self.out, listen=listen)

    def command(self, text: str, jobs: int = 1, on: str = "") -> list[str]:
        """A command that does the same in a process of its own."""
        self.file.write_text(text)
        return [sys.executable, __file__, str(self.file), str(self.out), str(jobs), on]

    def start(self, text: str, sign: str, jobs: int = 1, on: str = "") -> subprocess.Popen[str]:
        """Starts that command, and waits until it has written ``sign``."""
        process = subprocess.Popen(
            self.command(text, jobs, on), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout
        wrote = ""
        while sign not in wrote:
            line = process.stdout.readline()
            assert line, wrote
            wrote += line
        return process

    def finish(self, text: str, jobs: int = 1, on: str = "") -> str:
        """Runs that command, which must end well; what it wrote."""
        done = subprocess.run(self.command(text, jobs, on), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def finished(self) -> dict[str, str]:
        """When each run in the folder was made, by name."""
        return {
            path.parent.name: json.loads(path.read_text())["created"] for path in self.out.glob(f"[!.]*/{ENVIRONMENT}")
        }


def read_table(out: Path) -> list[dict[str, Any]]:
    """The flat table without what was timed."""
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.endswith(("created", *TIMED))} for row in rows]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    (tmp_path / "fakes").mkdir()
    # Python imports it as it starts, so that processes of the runner have the fake training, too.
    (tmp_path / "fakes" / "sitecustomize.py").write_text(fake_training.FAKE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'fakes'}:{Path(__file__).parents[2]}")
    monkeypatch.setattr("multidigit.training.train", fake_training.train)
    return Runner(tmp_path)


@pytest.fixture(scope="session")
def finished_six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("six")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multidigit.training.train", fake_training.train)
        Runner(folder).here(SIX)
    return folder / "out"


@pytest.fixture
def table() -> Callable[[Path], list[dict[str, Any]]]:
    """Reads the flat table in a folder, without what was timed."""
    return read_table


@pytest.fixture
def six(runner: Runner, finished_six: Path) -> Path:
    """The folder of a finished experiment of six runs, the runner's; its file is ``runner.file``."""
    runner.file.write_text(SIX)
    shutil.copytree(finished_six, runner.out)
    return runner.out


def main() -> None:
    """What ``Runner.command`` runs."""
    file, out, jobs, on = sys.argv[1:]
    try:
        with ray_crew(on, int(jobs)) if on else nullcontext(int(jobs)) as crew:
            _, failed = run_experiment(read_experiment(Path(file)), Path(out), listen=listen, jobs=crew)
    except KeyboardInterrupt:
        # At once: further signals must not interrupt the end of the interpreter.
        os._exit(130)
    print("failed", failed)


if __name__ == "__main__":
    main()
