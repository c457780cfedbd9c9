"""Ends a grid of 6 short trainings by kill -9 at 20 random moments, resumes it each time, and looks for damage.

In the end the table must be that of a grid that nobody disturbed, but for what was timed, and no run that was finished
may have been done again. Where a grid is finished before the last kill, another one is begun. --jobs 2 does the same
with two runs at once.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError
from multidigit.experiments.results import LINES
from multidigit.files import write_text
from multidigit.measures import TIMED
from multidigit.report.tables import markdown_table
from multidigit.runs import ENVIRONMENT, read_json

GRID = """\
name: kills
settings:
  layout: structured
  backbone: {name: compact, width: 0.25}
  train: {epochs: 2, strips: 256, batch_size: 32}
  evaluation: {validation_strips: 50, test_strips: 200}
grid:
  strategy: [heads, sigmoid, cut]
seeds: 2
"""


def finished(out: Path) -> dict[str, str]:
    """When each finished run of the folder was made, by name."""
    return {path.parent.name: read_json(path)["created"] for path in out.glob(f"[!.]*/{ENVIRONMENT}")}


def table(out: Path) -> list[dict[str, Any]]:
    """The flat table without what was timed."""
    rows = [json.loads(line) for line in (out / LINES).read_text("utf-8").splitlines()]
    return [{key: value for key, value in row.items() if not key.endswith(("created", *TIMED))} for row in rows]


def kill(command: Sequence[str], out: Path, seconds: float, sign: str | None = None, times: int = 1) -> bool:
    """Start the command and end it by kill -9.

    Args:
        seconds: how long it is let live.
        sign: what it writes to standard output when that begins to count; from the start where ``None``.
        times: in how many lines it does.

    Returns:
        Whether it was still alive then.

    Raises:
        MultidigitError: it failed, or a run that was finished before is gone or was done again.
    """
    before = finished(out)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        while sign and times and (line := process.stdout.readline()):
            times -= sign in line
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
    if code not in (0, -signal.SIGKILL):
        raise MultidigitError(f"{out}: ended by itself with exit code {code}")
    check_kept(before, finished(out))
    return code != 0


def check_kept(before: dict[str, str], after: dict[str, str]) -> None:
    """Raises ``MultidigitError`` where a run that was finished is gone or was done again."""
    for name, created in before.items():
        if after.get(name) != created:
            raise MultidigitError(f"{name}: was finished, and is {'done again' if name in after else 'gone'}")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        file, calm = Path(folder, "kills.yaml"), Path(folder, "calm")
        write_text(file, GRID)

        def command(to: Path) -> list[str]:
            asked = ["experiment", str(file), "--jobs", str(arguments.jobs), "--out", str(to)]
            return [sys.executable, "-m", "multidigit", *asked]

        note("undisturbed")
        began = time.monotonic()
        with subprocess.Popen(command(calm), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while not finished(calm) and process.poll() is None:
                time.sleep(0.05)
            first = time.monotonic() - began
        if process.returncode:
            raise MultidigitError(f"the undisturbed grid ended with exit code {process.returncode}")
        lines: list[list[str]] = []
        grids, same = 0, True
        while len(lines) < arguments.kills:
            grids += 1
            out = Path(folder, f"killed-{grids}")
            while len(lines) < arguments.kills:
                # A little longer than the first run takes: so the kills are spread over the whole grid.
                seconds = rng.uniform(0, 1.2 * first)
                if not kill(command(out), out, seconds):
                    break
                lines.append([str(len(lines) + 1), str(grids), f"{seconds:.1f} s", str(len(finished(out)))])
                note(f"kill {len(lines)}, grid {grids}, after {seconds:.1f} s: {len(finished(out))} runs finished")
            before = finished(out)
            subprocess.run(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            check_kept(before, finished(out))
            same = same and table(out) == table(calm) and not list(out.glob(".*"))
    text = markdown_table(["kill", "grid", "after", "runs finished by then"], lines, words=0) + (
        f"\nThe tables of {grids} grids are {'' if same else 'NOT '}that of the undisturbed one, and nothing else is "
        "left in their folders; no finished run was done again.\n"
    )
    part = "kills" if arguments.jobs == 1 else f"kills-{arguments.jobs}-jobs"
    common.write(arguments.out, part, {"same": same, "kills": lines}, text)
    if not same:
        raise MultidigitError("the table differs from that of the undisturbed grid")


if __name__ == "__main__":
    common.run(main)
