"""A folder of strips as PNG files: decoding alone, here and in workers; then `multidigit predict` as a whole process.

Rates are of the clock on the wall, start-up included; the processor time beside them, of the process and its workers,
is what it would take on an idle machine. A machine is never quite idle, so the ways take turns, round after round.
"""

from __future__ import annotations

import os
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
from PIL import Image

from multidigit import Reader
from multidigit.cli.progress import counting, note
from multidigit.errors import MultidigitError
from multidigit.picture_files import walk
from multidigit.pictures.workers import seen_in, useful_workers
from multidigit.report.tables import markdown_table
from multidigit.settings import validate
from multidigit.strips.stream import StripStream

WORKERS = (0, 1, 2)
FIRST = 4
"""The smaller folder holds one picture in so many."""
EVERY = 0.05
"""Seconds between looks at memory."""
MADE = 1_000
"""Strips made at a time."""


def write_pictures(folder: Path, count: int) -> None:
    """Writes free strips of drawn digits, the first of them into a folder ``first`` within."""
    stream = StripStream(validate({"digits": "drawn", "layout": "free"}))
    (folder / "first").mkdir(parents=True)
    with counting("writing pictures", count) as step:
        for number in range(count):
            if number % MADE == 0:
                strips = stream.batch(number // MADE, MADE).images
            where = folder / "first" if number < count // FIRST else folder
            Image.fromarray(strips[number % MADE]).save(where / f"{number}.png")
            step()


def processor_seconds() -> float:
    """Processor time of this process and of those that it has waited for; the latter only where the system tells."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def decoding(folder: Path, count: int, workers: int) -> dict[str, float]:
    """Decodes all pictures and does nothing with them."""
    began, began_processor = time.perf_counter(), processor_seconds()
    looker = Reader("shipped").looker
    found = sum(not isinstance(seen, Exception) for _, seen in seen_in(map(str, walk(folder)), workers, looker))
    assert found == count
    return {"seconds": time.perf_counter() - began, "processor": processor_seconds() - began_processor}


class Memory(threading.Thread):
    """Watches the resident memory of a process and its children, in bytes; Linux only, 0 elsewhere.

    What processes share, libraries above all, counts for each of them.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.own = pid, 0, 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            try:
                children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
                own, *others = [self._resident(pid) for pid in [str(self.pid), *children]]
            except OSError:
                continue  # one of them has just ended
            self.own, self.peak = max(self.own, own), max(self.peak, own + sum(others))

    @staticmethod
    def _resident(pid: str) -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def predicting(folder: Path, count: int, run: str) -> dict[str, float]:
    """`multidigit predict FOLDER --csv FILE`, start-up included.

    Raises:
        MultidigitError: it failed, or did not read every picture.
    """
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "numbers.csv"
        command = [sys.executable, "-m", "multidigit", "predict", str(folder), "--run", run, "--csv", str(table)]
        began, began_processor = time.perf_counter(), processor_seconds()
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            memory = Memory(process.pid)
            memory.start()
            errors = process.communicate()[1]
            memory.over.set()
        seconds, processor = time.perf_counter() - began, processor_seconds() - began_processor
        memory.join()
        if process.returncode:
            raise MultidigitError(f"{' '.join(command)}: exit code {process.returncode}; {errors.strip()}")
        with table.open(encoding="utf-8") as lines:
            rows = sum(1 for _ in lines) - 1
    if rows != count:
        raise MultidigitError(f"{' '.join(command)}: expected {count} readings; received {rows}")
    return {"seconds": seconds, "processor": processor, "peak": memory.peak, "own_peak": memory.own}


def summary(rounds: list[dict[str, float]], count: int) -> dict[str, Any]:
    return {
        "pictures": count,
        "median": median(count / each["seconds"] for each in rounds),
        "best": max(count / each["seconds"] for each in rounds),
        "processor_microseconds": median(each["processor"] for each in rounds) / count * 1e6,
        "peak_memory": max(each.get("peak", 0) for each in rounds) or None,
        "own_peak_memory": max(each.get("own_peak", 0) for each in rounds) or None,
        "rounds": rounds,
    }


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--pictures", type=int, default=20_000, help="pictures in the folder")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of everything")
    parser.add_argument("--run", default="shipped", help="the run that reads")
    options = parser.parse_args()
    count, few = options.pictures, options.pictures // FIRST
    found: dict[str, list[dict[str, float]]] = {}
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pictures"
        write_pictures(folder, count)
        for number in range(options.rounds):
            for workers in WORKERS:
                what = f"decoding, {workers or 'no'} worker{'s' * (workers != 1)}"
                counts[what] = count
                found.setdefault(what, []).append(common.alone(decoding, folder, count, workers))
            for where, pictures in ((folder / "first", few), (folder, count)):
                what = f"predict, {pictures:,} pictures"
                counts[what] = pictures
                found.setdefault(what, []).append(predicting(where, pictures, options.run))
            note(f"round {number + 1} of {options.rounds}")
    rows = {what: summary(rounds, counts[what]) for what, rounds in found.items()}
    results = {"run": options.run, "workers_of_predict": useful_workers(count), "rows": rows}
    common.write(options.out, "folder", results, tables(results))


def tables(results: Mapping[str, Any]) -> str:
    """The results as a Markdown table and a sentence."""
    cells = [
        [
            what,
            f"{row['median']:,.0f}/s",
            f"{row['best']:,.0f}/s",
            f"{row['processor_microseconds']:,.0f} µs",
            common.megabytes(row["own_peak_memory"]),
            common.megabytes(row["peak_memory"]),
        ]
        for what, row in results["rows"].items()
    ]
    heads = [
        "",
        "pictures, median",
        "pictures, best",
        "processor time each",
        "memory of the process",
        "with its workers",
    ]
    return markdown_table(heads, cells) + (
        f"\npredict reads with `--run {results['run']}` and decodes in {results['workers_of_predict']} workers. "
        "Memory is measured on Linux only; what processes share counts for each.\n"
    )


if __name__ == "__main__":
    common.run(main)
