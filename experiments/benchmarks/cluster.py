"""Does a grid on a Ray cluster take as long as beside it, and does it survive its nodes: --on ray against --jobs 2.

First the same grid of 12 short runs both ways, in turn, on this machine: --on ray starts a cluster for it, and ends it.
Then a grid of 4 very short runs on a cluster of two nodes, one of which is killed at a random moment of the middle of
it, from a fifth to nine tenths of what it takes undisturbed, 10 times: every row must be there once, and equal to that
of a local grid, but for what was timed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import common
from kills import table

from multidigit.cli.progress import note
from multidigit.cluster import RAY_ADDRESS
from multidigit.errors import MultidigitError
from multidigit.files import write_text
from multidigit.report.tables import markdown_table

GRID = """\
name: cluster
settings:
  train: {epochs: 1, strips: STRIPS}
grid:
  layout: [structured, free]
  strategy: [heads, sigmoid, cut]
seeds: 2
"""
SHORT = """\
name: cluster
settings:
  layout: structured
  backbone: {name: compact, width: 0.25}
  train: {epochs: 2, strips: 256, batch_size: 32}
  evaluation: {validation_strips: 50, test_strips: 200}
grid:
  strategy: [heads, cut]
seeds: 2
"""
LOST = " again, for the one that had it was lost"


def command(file: Path, out: Path, *place: str) -> list[str]:
    return [sys.executable, "-m", "multidigit", "experiment", str(file), "--out", str(out), *place]


def seconds(asked: list[str], environment: Mapping[str, str]) -> float:
    """How long the command takes."""
    began = time.perf_counter()
    done = subprocess.run(
        asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**environment}
    )
    if done.returncode:
        raise MultidigitError(f"the grid ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def measure_cost(folder: Path, rounds: int, strips: int, environment: Mapping[str, str]) -> list[dict[str, float]]:
    """Seconds that the grid takes both ways, in each round."""
    file, found = folder / "cluster.yaml", []
    write_text(file, GRID.replace("STRIPS", str(strips)))
    places = {"--jobs 2": ("--jobs", "2"), "--on ray": ("--on", "ray")}
    for number in range(rounds):
        taken = {}
        # In turn, the first one first and then last, so that a machine that gets slower favours neither.
        for name in list(places)[:: 1 if number % 2 == 0 else -1]:
            out = folder / f"{number}{name.replace(' ', '')}"
            taken[name] = seconds(command(file, out, *places[name]), environment)
            note(f"{name}: {taken[name]:.0f} s")
        if table(folder / f"{number}--jobs2") != table(folder / f"{number}--onray"):
            raise MultidigitError("the tables differ")
        found.append(taken)
    return found


def kill_nodes(folder: Path, kills: int, seed: int, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Kill a node each time that the grid is done, while it trains; when, and how many runs were begun again."""
    from ray.cluster_utils import Cluster

    file, calm, rng = folder / "short.yaml", folder / "calm", random.Random(seed)
    write_text(file, SHORT)
    seconds(command(file, calm, "--jobs", "2"), environment)
    expected, found = table(calm), list[dict[str, Any]]()
    cluster = Cluster(True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        there = {**environment, RAY_ADDRESS: cluster.address}
        node = cluster.add_node(num_cpus=1)
        length = seconds(command(file, folder / "undisturbed", "--on", "ray"), there)
        note(f"undisturbed: {length:.1f} s")
        cluster.remove_node(node)
        for number in range(kills):
            out, node = folder / f"killed-{number}", cluster.add_node(num_cpus=1)
            moment = rng.uniform(0.2, 0.9) * length
            timer = threading.Timer(moment, cluster.remove_node, (node, False))
            timer.start()
            took = seconds(command(file, out, "--on", "ray"), there)
            timer.join()
            again = sum(log.read_text("utf-8").count(LOST) for log in (out / "logs").iterdir())
            same = table(out) == expected and not list(out.glob(".*"))
            found.append({"after": moment, "took": took, "again": again, "same": same})
            note(f"kill {number + 1} after {moment:.1f} of {took:.1f} s: {again} runs begun again, same: {same}")
    finally:
        cluster.shutdown()
    return found


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often both are measured; 0 for kills alone")
    parser.add_argument("--strips", type=int, default=10_000, help="training strips of each of the 12 runs")
    parser.add_argument("--kills", type=int, default=10, help="how many nodes are killed")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # A cluster that somebody else has started here is left alone. Python keeps what it compiles, as it does where
        # nothing forbids that: Ray consists of many processes.
        os.environ.update(PYTHONPYCACHEPREFIX=str(folder / "compiled"), PYTHONDONTWRITEBYTECODE="")
        environment = {**os.environ, RAY_ADDRESS: "local"}
        write_text(folder / "first.yaml", SHORT)
        for place in (("--jobs", "2"), ("--on", "ray")):  # not measured: compiles
            seconds(command(folder / "first.yaml", folder / f"first{place[0]}", *place), environment)
        rounds = measure_cost(folder, options.rounds, options.strips, environment)
        kills = kill_nodes(folder, options.kills, options.seed, environment)
    lines = [
        [f"{each['after']:.1f} s", f"{each['took']:.1f} s", str(each["again"]), "yes" if each["same"] else "NO"]
        for each in kills
    ]
    right, results, text = sum(each["same"] for each in kills), dict[str, Any](kills=kills), ""
    if rounds:
        ratio = median(each["--on ray"] / each["--jobs 2"] for each in rounds)
        each_way = ", ".join(f"{each['--jobs 2']:.0f} s and {each['--on ray']:.0f} s" for each in rounds)
        results |= {"ratio": ratio, "rounds": rounds}
        text = (
            f"A grid of 12 runs took {ratio:.2f} times as long with `--on ray`, its start and end included, as with "
            f"`--jobs 2` ({each_way}); all rows equal but for what was timed.\n\n"
        )
    text += (
        f"Of {len(kills)} grids of 4 real trainings on two nodes of which one was killed, {right} ended with every row "
        "once, equal to the local one, and nothing else in the folder:\n\n"
        + markdown_table(["node killed after", "grid took", "runs begun again", "same rows"], lines, words=0)
    )
    common.write(options.out, "cluster", results, text)
    if right < len(kills):
        raise MultidigitError("a table differs from the local one")


if __name__ == "__main__":
    common.run(main)
