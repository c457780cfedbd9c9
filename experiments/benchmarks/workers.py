"""Two worker processes on one machine, against one process with the same joint batch: accuracy, and strips a second."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import common

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError
from multidigit.report.tables import markdown_table
from multidigit.runs import Run, open_run

WORKERS = 2
WITHIN = 0.005
"""How far the mean validation sequence accuracies may lie apart."""


def free_addresses(count: int) -> list[str]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in held]
    for server in held:
        server.close()
    return addresses


def trained(arguments: Sequence[str], out: Path, workers: int) -> Run:
    """A run that so many processes trained together."""
    addresses = free_addresses(workers)
    processes = []
    for index in range(workers):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        command = [sys.executable, "-m", "multidigit", "train", *arguments, "--out", str(out)]
        environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
    ended = [process.wait() for process in processes]
    if any(ended):
        raise MultidigitError(f"a training by {workers} processes failed")
    return open_run(out)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each")
    parser.add_argument("--epochs", type=int, default=4, help="of each training")
    parser.add_argument("--strips", type=int, default=5_000, help="in an epoch")
    options = parser.parse_args()
    budget = ["--layout", "structured", "--epochs", str(options.epochs), "--strips", str(options.strips)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for workers in (1, WORKERS):
                run = trained([*budget, "--seed", str(seed)], Path(folder, f"{workers}-{seed}"), workers)
                measures = run.metrics["training"]
                found = measures["validation_sequence_accuracy"], measures["strips_per_second"], measures["waiting"]
                rows.append((workers, seed, *found))
                note(f"seed {seed}, {workers} processes: {found[0]:.2%}")
    one, several = (mean(row[2] for row in rows if row[0] == workers) for workers in (1, WORKERS))
    good = abs(one - several) <= WITHIN
    cells = [
        [str(n), str(seed), f"{right:.2%}", f"{speed:,.0f}", f"{wait:.0%}"] for n, seed, right, speed, wait in rows
    ]
    names = ["processes", "seed", "validation numbers right", "strips a second", "waiting for strips"]
    text = markdown_table(names, cells) + (
        f"\nMeans: {one:.2%} with one process, {several:.2%} with {WORKERS} on one machine, after {options.epochs} "
        f"epochs of {options.strips:,} structured strips.\n"
    )
    common.write(options.out, "workers", {"same": good, "rows": rows, "means": [one, several]}, text)
    if not good:
        raise MultidigitError("several processes came to another accuracy than one")


if __name__ == "__main__":
    common.run(main)
