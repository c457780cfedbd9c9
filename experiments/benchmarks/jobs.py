"""Does --jobs auto train more than one after another: the same grid both ways, in turn, in strips a second in all.

Both do eight trainings of the default comparison's networks, from the start of the program to the report.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import common

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError

GRID = """\
name: jobs
settings:
  train: {epochs: 1, strips: STRIPS}
grid:
  layout: [structured, free]
  strategy: [heads, sigmoid]
seeds: 2
"""
RUNS = 8


def seconds(folder: Path, jobs: str, strips: int) -> float:
    """How long the grid takes with so many jobs."""
    file = folder / "jobs.yaml"
    file.write_text(GRID.replace("STRIPS", str(strips)))
    command = [sys.executable, "-m", "multidigit", "experiment", str(file), "--jobs", jobs, "--out"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, str(folder / jobs)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MultidigitError(f"the grid ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--strips", type=int, default=10_000, help="training strips of each run")
    parser.add_argument("--rounds", type=int, default=2, help="how often both are measured")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        found = {}
        # In turn, the first one first and then last, so that a machine that gets slower favours neither.
        for jobs in ("1", "auto")[:: 1 if number % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory() as folder:
                found[jobs] = RUNS * options.strips / seconds(Path(folder), jobs, options.strips)
            note(f"--jobs {jobs}: {found[jobs]:,.0f} training strips a second in all")
        rounds.append(found)
    ratio = median(each["auto"] / each["1"] for each in rounds)
    said = f"`--jobs auto` trains {ratio:.2f} times as many strips a second in all as `--jobs 1`."
    common.write(options.out, "jobs", {"rounds": rounds, "ratio": ratio}, said + "\n")


if __name__ == "__main__":
    common.run(main)
