"""Very many pictures: `multidigit predict --parquet`, here and on a Ray cluster of this machine; and its memory.

Pictures are hard links of a few hundred generated strips. Pairs are done side by side, the local command and the one
with `--on ray` in turn, on a cluster that runs already, since a cluster usually does: rates are of the whole command on
the wall's clock. `--most N` then reads N pictures on the cluster, once, and counts that each has exactly one row.
"""

from __future__ import annotations

import json
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

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError
from multidigit.report.tables import markdown_table

DRAWN = 400
"""Different pictures; a file may have some 65,000 names."""
IN_A_FOLDER = 10_000
EVERY = 0.5
"""Seconds between looks at memory."""
KINDS = {
    "read_elsewhere": "reads a part",
    "pictures.workers": "decodes",
    "predict": "the command",
    "raylet": "Ray",
    "gcs_server": "Ray",
}
"""What a process does, by what its command line holds."""


class Memory(threading.Thread):
    """Watches the resident memory of this process' descendants, in bytes, the largest of each kind; Linux only."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks: dict[str, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            parents = {}
            for status in Path("/proc").glob("[0-9]*/stat"):
                try:
                    parents[status.parent] = int(status.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
                except OSError:
                    continue  # it has just ended
            ours = {os.getpid()}
            for _ in range(8):
                ours |= {int(each.name) for each, parent in parents.items() if parent in ours}
            for each in parents:
                if int(each.name) in ours - {os.getpid()}:
                    self._look(each)

    def _look(self, process: Path) -> None:
        try:
            command = (process / "cmdline").read_text("utf-8", "replace")
            size = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return
        kind = next((name for word, name in KINDS.items() if word in command), "other processes of Ray")
        self.peaks[kind] = max(self.peaks.get(kind, 0), size)


def write_pictures(base: Path, folder: Path, count: int) -> None:
    """So many names for the pictures of a folder."""
    pictures = sorted(base.glob("*.png"))
    for number in range(count):
        below = folder / f"{number // IN_A_FOLDER:05}"
        if number % IN_A_FOLDER == 0:
            below.mkdir(parents=True)
        os.link(pictures[number % len(pictures)], below / f"{number:09}.png")


def predicting(folder: Path, out: Path, count: int, options: tuple[str, ...], run: str = "shipped") -> float:
    """Seconds that the command takes.

    Raises:
        MultidigitError: it failed, or did not write a row for each picture.
    """
    command = [sys.executable, "-m", "multidigit", "predict", str(folder), "--run", run, "--parquet", str(out)]
    began = time.perf_counter()
    done = subprocess.run([*command, *options], stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise MultidigitError(f"{' '.join(command)}: exit code {done.returncode}; {done.stderr.strip()[-500:]}")
    index = json.loads((out / "index.json").read_text())
    if (index["pictures"], index["rows"]) != (count, count):
        raise MultidigitError(f"{out}: expected {count:,} rows; received {index['rows']:,}")
    return seconds


def check_once_each(out: Path, count: int) -> None:
    """Refuse Parquet files that have not exactly one row for each picture.

    Raises:
        MultidigitError: they have not.
    """
    from pyarrow import dataset

    paths = dataset.dataset(out, format="parquet", exclude_invalid_files=True).to_table(["image_path"])["image_path"]
    if (len(paths), len(paths.unique())) != (count, count):
        raise MultidigitError(
            f"{out}: expected {count:,} paths; received {len(paths.unique()):,} in {len(paths):,} rows"
        )


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--pictures", type=int, default=8_000, help="pictures of the pairs")
    parser.add_argument("--rounds", type=int, default=3, help="pairs")
    parser.add_argument("--most", type=int, default=0, help="pictures read once on the cluster")
    parser.add_argument("--run", default="shipped", help="the run that reads those")
    options = parser.parse_args()
    from ray.cluster_utils import Cluster

    results: dict[str, Any] = {"rounds": [], "most": None}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": os.cpu_count(), "include_dashboard": False})
    os.environ["RAY_ADDRESS"] = cluster.address
    try:
        # In the current folder, so that links are on one disk and memory is not mistaken for one.
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
            base = Path(name) / "base"
            generate = [sys.executable, "-m", "multidigit", "generate", "--count", str(DRAWN), "--out", str(base)]
            subprocess.run(generate, check=True, capture_output=True)
            if options.rounds:
                write_pictures(base, Path(name) / "pairs", options.pictures)
            for number in range(options.rounds):
                seconds = {
                    where: predicting(Path(name) / "pairs", Path(name) / f"{where}-{number}", options.pictures, how)
                    for where, how in (("here", ()), ("ray", ("--on", "ray")))
                }
                results["rounds"].append(seconds)
                note(f"pair {number + 1} of {options.rounds}: {seconds}")
            results["pictures"] = options.pictures
            if options.most:
                write_pictures(base, Path(name) / "most", options.most)
                memory = Memory()
                memory.start()
                out = Path(name) / "out"
                seconds_taken = predicting(Path(name) / "most", out, options.most, ("--on", "ray"), options.run)
                memory.over.set()
                memory.join()
                check_once_each(out, options.most)
                size = sum(file.stat().st_size for file in out.glob("*.parquet"))
                results["most"] = {
                    "pictures": options.most,
                    "run": "the shipped reader" if options.run == "shipped" else "a small run",
                    "seconds": seconds_taken,
                    "bytes": size,
                    "peak_memory": memory.peaks,
                }
    finally:
        cluster.shutdown()
    common.write(options.out, "bulk", results, tables(results))


def tables(results: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    rounds, pictures = results["rounds"], results["pictures"]
    text = ""
    if rounds:
        rows = [
            [*(f"{pictures / pair[where]:,.0f}/s" for where in ("here", "ray")), f"{pair['here'] / pair['ray']:.2f}"]
            for pair in rounds
        ]
        ratio = median(pair["here"] / pair["ray"] for pair in rounds)
        text = markdown_table(["here", "--on ray", "ratio"], rows)
        text += f"\n{pictures:,} pictures each time, whole commands; the median of the ratios is {ratio:.2f}.\n"
    if most := results["most"]:
        peaks = [[kind, common.megabytes(peak)] for kind, peak in sorted(most["peak_memory"].items())]
        text += (
            f"\n{most['pictures']:,} pictures with `--on ray`, read by {most['run']}, in {most['seconds']:,.0f} s: "
            f"each has one row; the files take {most['bytes'] / most['pictures']:.1f} bytes a picture. The largest "
            "process of each kind:\n\n"
        )
        text += markdown_table(["", "memory at most"], peaks)
    return text


if __name__ == "__main__":
    common.run(main)
