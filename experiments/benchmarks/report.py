"""How long the report of a finished experiment takes, in a fresh process, imports included (--folder names it)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import common

from multidigit.report.tables import markdown_table
from multidigit.runs import read_json

BAR = 5.0
"""Seconds that it may take."""
WRITE = """
import json, sys
from pathlib import Path
from multidigit.report.write import write_report
out = Path(sys.argv[1])
write_report(out, json.loads((out / "results.json").read_text("utf-8")))
sys.exit("tensorflow" in sys.modules)
"""


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that the report is written")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the experiment, with results.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # A copy: the report is written into the folder.
        out = shutil.copytree(options.folder, Path(name) / "experiment")
        seconds = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", WRITE, str(out)], check=True)
            seconds.append(time.perf_counter() - began)
        size = (out / "report.html").stat().st_size
        runs = read_json(out / "results.json")["planned"]
    results = {"runs": runs, "bar": BAR, "best": min(seconds), "median": median(seconds), "bytes": size}
    heads = ["runs", "bar", "best", "median", "report.html"]
    cells = [[str(runs), f"{BAR:.0f} s", f"{min(seconds):.1f} s", f"{median(seconds):.1f} s", f"{size / 1000:,.0f} kB"]]
    common.write(options.out, "report", results, markdown_table(heads, cells, words=0))


if __name__ == "__main__":
    common.run(main)
