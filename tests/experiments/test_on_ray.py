"""The runs of an experiment as tasks of a Ray cluster: ``--on``. Two nodes on this machine stand for a cluster."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import fake_training
import numpy as np
import pytest
from helpers import Called, Toys

from multidigit.experiments.logs import log_path
from multidigit.files import PARTIAL, standing_aside
from multidigit.measures import TIMED
from multidigit.runs import CHECKPOINT, Run, open_run

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

SIX = "grid:\n  strategy: [heads, sigmoid, cut]\nseeds: 2\n"
ADDRESS = "RAY_ADDRESS"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def on_ray_here(*arguments: object, first: str = "") -> subprocess.CompletedProcess[str]:
    """Calls the command line in a process of its own, as Ray's parts end with the one that was connected.

    Args:
        first: code that it does before; ``m`` is the module ``on_ray``.
    """
    code = (
        f"import sys, multidigit.experiments.on_ray as m; {first}\nfrom multidigit.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def apart() -> Iterator[None]:
    """No test finds a cluster that somebody else started on this machine: it starts one, unless another is named."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, "local")
        yield


@pytest.fixture(scope="module")
def port() -> int:
    """Of the cluster's server for clients elsewhere."""
    return free_port()


class Nodes:
    """A cluster of this machine, with one processor a node, whose trainings are fake."""

    def __init__(self, fakes: Path, port: int) -> None:
        from ray.cluster_utils import Cluster

        self._path = f"{fakes}:{Path(__file__).parents[2]}"
        self.made = Cluster()
        self.add(ray_client_server_port=port, include_dashboard=False)
        self.add()

    def add(self, **options: Any) -> Any:
        """Adds a node; processes on it have the environment of this moment."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", self._path)
            patch.delenv(ADDRESS)
            return self.made.add_node(num_cpus=1, **options)


@pytest.fixture(scope="module")
def nodes(apart: None, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes."""
    folder = tmp_path_factory.mktemp("fakes")
    # Only where trainings are: it would slow down the start of every process of Ray's own.
    only = f"import sys\nif 'multidigit.experiments.worker' in sys.orig_argv:\n{indent(fake_training.FAKE, '    ')}"
    (folder / "sitecustomize.py").write_text(only)
    started = Nodes(folder, port)
    yield started
    started.made.shutdown()


@pytest.fixture
def on_ray(nodes: Nodes, runner: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The runner; ``--on ray`` is that cluster."""
    monkeypatch.setenv(ADDRESS, nodes.made.address)
    return runner


def left_on_the_nodes() -> list[str]:
    found = standing_aside(Path(tempfile.gettempdir()) / "*", PARTIAL)
    return [each.name for each in found if each.name.startswith("multidigit-")]


def same(one: Run, other: Run) -> bool:
    """Whether two runs have the same settings, history and answers, and measures but for what was timed."""

    def untimed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: untimed(each) for key, each in value.items() if not key.endswith(TIMED)}

    return (
        one.settings == other.settings
        and list(map(untimed, one.history)) == list(map(untimed, other.history))
        and untimed(one.metrics) == untimed(other.metrics)
        and all(np.array_equal(one.answers[key], other.answers[key]) for key in other.answers)
    )


class TestResults:
    def test_they_are_those_of_a_local_experiment(self, on_ray: Any, finished_six: Path, table: Any) -> None:
        wrote = on_ray.finish(SIX, 0, "ray")
        assert table(on_ray.out) == table(finished_six)
        assert {path.name for path in on_ray.out.iterdir()} == {path.name for path in finished_six.iterdir()}
        for name in on_ray.finished():
            assert same(open_run(on_ray.out / name), open_run(finished_six / name))
            log = log_path(on_ray.out, name).read_text()
            assert f"on node {socket.gethostname()}" in log
            assert all(word in log for word in ("begins in process", "epoch 3: ", "finished: "))
            assert f"progress {name} 3" in wrote
        assert left_on_the_nodes() == []
        # All is done: nothing is done again.
        assert "begins" not in on_ray.finish(SIX, 0, "ray")

    def test_a_cluster_elsewhere(self, on_ray: Any, port: int, finished_six: Path, table: Any) -> None:
        command = on_ray.command(SIX, 2, f"ray://127.0.0.1:{port}")
        for _ in range(4):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            # Ray's server forks beside threads of gRPC: on a busy machine the process for a client may die at once.
            if "Initialization failure from server" not in done.stderr:
                break
        assert done.returncode == 0, done.stderr
        assert table(on_ray.out) == table(finished_six)

    def test_a_comparison_asks_for_further_seeds(self, on_ray: Any, tmp_path: Path, table: Any) -> None:
        asked = ["--until-settled", "--minutes", "60", "--layout", "structured", "--strategy", "heads"]
        asked += ["--strategy", "cut", "--set", "evaluation.test_strips=20", "--seed", "100", "--margin", "5"]
        command = [sys.executable, "-m", "multidigit", "compare", *asked, "--out"]
        for place in (["here", "--jobs", "2"], ["there", "--on", "ray"]):
            subprocess.run([*command, *place], cwd=tmp_path, capture_output=True, check=True)
        there = table(tmp_path / "there")
        assert len(there) > 6  # it begins with three seeds
        assert there == table(tmp_path / "here")

    def test_no_more_at_once_than_there_are_processors(self, on_ray: Any) -> None:
        """A task keeps its processor while it waits for answers."""
        process = on_ray.start("seeds: [16, 17, 1, 2]\n", "progress heads-free-seed16 200", 0, "ray")
        process.kill()
        process.communicate()
        begun = {path.stem for path in (on_ray.out / "logs").iterdir()}
        assert begun == {"heads-free-seed16", "heads-free-seed17"}

    def test_a_real_training(self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a cluster that is started for it, with a path from the user's current folder."""
        monkeypatch.chdir(tmp_path)
        shutil.copy(toys.npz, tmp_path / "digits.npz")
        (tmp_path / "two.yaml").write_text("settings: {layout: structured}\ngrid: {strategy: [heads, cut]}\n")
        asked = ["experiment", "two.yaml", *toys.options(), "--set", "digits=digits.npz", "--jobs", "2"]
        for more in (["--out", "here"], ["--out", "there", "--on", "ray"]):
            called = on_ray_here(*asked, *more)
            assert called.returncode == 0, called.stderr
            assert "[1/2] heads-structured-seed0: epoch 3" in called.stderr
        for name in ("heads-structured-seed0", "cut-structured-seed0"):
            assert same(open_run(tmp_path / "there" / name), open_run(tmp_path / "here" / name))


class TestNodes:
    def test_a_node_that_is_lost(self, on_ray: Any, nodes: Nodes, finished_six: Path, table: Any) -> None:
        """Its run is done on another one; every row is there once."""
        node = nodes.add()
        process = on_ray.start(SIX, "begins heads-free-seed1", 0, "ray")
        time.sleep(random.Random(0).uniform(0, 0.1))
        nodes.made.remove_node(node, allow_graceful=False)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert table(on_ray.out) == table(finished_six)

    def test_a_node_of_another_version(self, on_ray: Any) -> None:
        from multidigit.version import __version__

        on_ray.file.write_text("seeds: [1]\n")
        asked = ("experiment", on_ray.file, "--out", on_ray.out, "--on", "ray")
        called = on_ray_here(*asked, first="m.__version__ = '9.9'")
        expected = f"expected multidigit 9.9 on node {socket.gethostname()}; received {__version__}; install the same"
        assert called.returncode == 1
        assert called.stderr == f"multidigit: heads-free-seed1 failed: {expected} there\n"
        assert expected in log_path(on_ray.out, "heads-free-seed1").read_text()

    def test_a_node_that_lacks_a_file(self, on_ray: Any) -> None:
        """Nodes of this machine lack only what this process believes to be there."""
        on_ray.file.write_text("settings: {digits: /digits/elsewhere.npz}\nseeds: [1]\n")
        asked = ("experiment", on_ray.file, "--out", on_ray.out, "--on", "ray")
        called = on_ray_here(*asked, first="m._needed = lambda settings: [settings.digits]")
        assert called.returncode == 1
        expected = f"/digits/elsewhere.npz: is not there on node {socket.gethostname()}; expected every file"
        assert expected in called.stderr
        assert called.stderr.count("\n") == 1


class TestFailures:
    def test_they_are_those_of_a_local_experiment(self, on_ray: Any) -> None:
        text = "seeds: [13, 14, 15, 1]\n"

        def failed(*place: Any) -> dict[str, str]:
            """Why runs failed; which fails first is chance."""
            reasons: dict[str, str] = literal_eval(on_ray.finish(text, *place).splitlines()[-1].removeprefix("failed "))
            return reasons

        local = failed(2)
        shutil.rmtree(on_ray.out)
        assert failed(0, "ray") == local
        # None of these is tried again.
        for name in ("heads-free-seed13", "heads-free-seed14", "heads-free-seed15"):
            log = log_path(on_ray.out, name).read_text()
            assert log.count("on node") == log.count("failed:") == 1
        assert left_on_the_nodes() == []

    def test_a_process_that_is_killed_is_tried_again(self, on_ray: Any) -> None:
        failed = on_ray.finish("seeds: [18]\n", 0, "ray").splitlines()[-1]
        assert "its process was killed, as the system does where memory does not suffice" in failed
        log = log_path(on_ray.out, "heads-free-seed18").read_text()
        assert (log.count("on node"), log.count("again, for the one that had it was lost")) == (4, 3)
        assert log.count(" lost: its process was killed") == 4

    def test_runs_that_no_node_has_room_for_wait(self, on_ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
        process = on_ray.start("seeds: [1]\n", "no node of the cluster has more than 1; runs wait", 0, "ray")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        assert on_ray.finished() == {}


class TestInterruptions:
    def test_ctrl_c_saves_what_is_under_way(self, on_ray: Any) -> None:
        text = "seeds: [16, 1, 2, 3]\n"
        process = on_ray.start(text, "progress heads-free-seed16 ", 0, "ray")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        run = open_run(on_ray.out / "heads-free-seed16")
        assert run.interrupted
        assert "interrupted: " in log_path(on_ray.out, run.name).read_text()
        # It goes on with it; this training ends at once where it was interrupted.
        process = on_ray.start(text, "progress heads-free-seed16 ", 0, "ray")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert "resumes in process" in log_path(on_ray.out, run.name).read_text()
        assert open_run(on_ray.out / run.name).has(CHECKPOINT)

    def test_ctrl_c_twice_gives_up(self, on_ray: Any) -> None:
        process = on_ray.start("seeds: [17, 16]\n", "progress heads-free-seed17 ", 0, "ray")
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.6)
        process.communicate()
        assert process.returncode == 130
        assert on_ray.finished() == {}

    def test_a_killed_experiment_goes_on(self, on_ray: Any, finished_six: Path, table: Any) -> None:
        process = on_ray.start(SIX, "begins cut-free-seed1", 0, "ray")
        process.kill()
        process.communicate()
        before = on_ray.finished()
        assert before
        on_ray.finish(SIX, 0, "ray")
        assert before.items() <= on_ray.finished().items()
        assert table(on_ray.out) == table(finished_six)
        assert left_on_the_nodes() == []


@pytest.mark.parametrize(
    ("on", "code", "expected"),
    [
        ("spark", 2, "expected ray, or ray://HOST:PORT of a Ray cluster; received 'spark'"),
        ("ray://127.0.0.1:9", 1, "--on ray://127.0.0.1:9: expected a Ray cluster at 127.0.0.1:9; received: Connection"),
    ],
)
@pytest.mark.parametrize("command", ["experiment", "compare"])
def test_addresses_without_a_cluster(
    runner: Any, call: Callable[..., Called], on: str, code: int, expected: str, command: str
) -> None:
    runner.file.write_text("seeds: [1]\n")
    asked = [runner.file] if command == "experiment" else ["--quick"]
    called = call(command, *asked, "--out", runner.out, "--on", on)
    assert called.code == code
    assert expected in called.err
    assert not runner.out.exists()


def test_without_ray(runner: Any, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multidigit.cluster.find_spec", lambda name: None)
    runner.file.write_text("seeds: [1]\n")
    called = call("experiment", runner.file, "--out", runner.out, "--on", "ray")
    assert (called.code, called.err) == (
        1,
        "multidigit: --on ray needs Ray; install it with pip install 'multidigit[ray]'\n",
    )
    # To look at a plan needs none.
    assert call("experiment", runner.file, "--out", runner.out, "--on", "ray", "--dry-run").code == 0
