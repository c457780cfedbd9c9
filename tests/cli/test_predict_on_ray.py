"""``multidigit predict --parquet DIR --on ray``: the same as here, whatever is lost under way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit.strips.stream import StripStream

parquet = pytest.importorskip("pyarrow.parquet")
utils = pytest.importorskip("ray.cluster_utils")
pytestmark = pytest.mark.slow
Call = Callable[..., Called]
COUNT, SIZE = 1200, 40


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of this machine whose head takes no tasks: each test adds the nodes that it needs."""
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 10}
    made = utils.Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "_system_config": quick},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", made.address)
        yield made
    made.shutdown()


@pytest.fixture(scope="module")
def expected(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, one of them damaged, and what this machine reads in them."""
    home = tmp_path_factory.mktemp("photos")
    (home / "photos").mkdir()
    images = StripStream(toys.settings()).fixed("test", 60).images
    for number in range(COUNT):
        Image.fromarray(images[number % len(images)]).save(home / "photos" / f"{number}.png")
    (home / "photos" / "7.png").write_bytes(b"no picture")
    done = subprocess.run(command(toys, "here"), cwd=home, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    return home


def command(toys: Toys, out: str, *options: str) -> list[str]:
    begin = [sys.executable, "-m", "multidigit", "predict", "photos", "--run", str(toys.run().path)]
    return [*begin, "--parquet", out, "--part-size", str(SIZE), *options]


def start(toys: Toys, home: Path, out: str) -> subprocess.Popen[str]:
    """The command on the cluster, once some of its parts are there."""
    process = subprocess.Popen(command(toys, out, "--on", "ray"), cwd=home, stderr=subprocess.PIPE, text=True)
    while len(list((home / out).glob("part-*.parquet"))) < 2:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    return process


def contents(folder: Path) -> dict[str, Any]:
    """Rows of each part; the files themselves may differ in how they are compressed."""
    return {path.name: parquet.read_table(path).to_pylist() for path in folder.glob("*.parquet")}


def test_a_lost_node_costs_nothing(cluster: Any, toys: Toys, expected: Path) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    process = start(toys, expected, "lost")
    before = len(list((expected / "lost").glob("part-*.parquet")))
    cluster.remove_node(nodes.pop(), allow_graceful=False)
    errors = process.communicate()[1]
    cluster.remove_node(nodes.pop())
    assert process.returncode == 1, errors
    assert before < COUNT // SIZE
    assert errors.endswith(f"multidigit: 1 of {COUNT:,} could not be read\n")
    found = contents(expected / "lost")
    assert found == contents(expected / "here")
    assert sum(map(len, found.values())) == COUNT


def test_a_killed_command_goes_on(cluster: Any, toys: Toys, expected: Path) -> None:
    node = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    process = start(toys, expected, "killed")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (expected / "killed" / "index.json").exists()
    again = command(toys, "killed", "--on", "ray")
    done = subprocess.run(again, cwd=expected, capture_output=True, text=True, check=False)
    cluster.remove_node(node)
    assert done.returncode == 1
    assert "parts stood there already and were kept" in done.stderr
    assert contents(expected / "killed") == contents(expected / "here")


def test_a_cluster_that_cannot_be_reached(toys: Toys, expected: Path) -> None:
    options = command(toys, "nowhere", "--on", "ray://127.0.0.1:1")
    done = subprocess.run(options, cwd=expected, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected a Ray cluster at 127.0.0.1:1; received: Connection refused" in done.stderr
    assert not (expected / "nowhere").exists()
