"""Numbers with two equal digits side by side, such as 11 or 7003, against all others: how each run reads them.

CTC tells such digits apart only by a column between them that shows nothing. Run ../guests/ctc/ctc.yaml first.
"""

from __future__ import annotations

from pathlib import Path

import common
import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.labels import BLANK
from multidigit.report.tables import markdown_table
from multidigit.runs import find_runs, open_run
from multidigit.statistics import wilson_interval


def repeated(slots: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which numbers have two equal digits side by side; ``bool`` (N,)."""
    return np.asarray(((slots[:, 1:] == slots[:, :-1]) & (slots[:, 1:] != BLANK)).any(1))


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the experiment")
    options = parser.parse_args()
    right: dict[tuple[int, str, bool], list[NDArray[np.bool_]]] = {}
    for folder in find_runs(options.runs):
        run = open_run(folder)
        slots = run.answers["slots"]
        found, repeats = metrics.right(slots, run.answers["answers"]), repeated(slots)
        for kind in (False, True):
            key = run.settings.slots, run.settings.strategy, kind
            right.setdefault(key, []).append(found[repeats == kind])
    rows = []
    for (slots_, strategy, kind), found_ in sorted(right.items()):
        together = np.concatenate(found_)
        low, high = wilson_interval(int(together.sum()), together.size)
        row = {"slots": slots_, "strategy": strategy, "repeats": kind, "runs": len(found_), "strips": together.size}
        rows.append({**row, "accuracy": float(together.mean()), "low": low, "high": high})
    lines = [
        [
            str(row["slots"]),
            str(row["strategy"]),
            "with a repeated digit" if row["repeats"] else "without",
            f"{row['accuracy']:.2%}",
            f"{row['low']:.2%} – {row['high']:.2%}",
            f"{row['strips']:,}",
        ]
        for row in rows
    ]
    heads = ["slots", "strategy", "numbers", "right", "95 % interval of these networks", "read"]
    common.write(options.out, "repeats", {"rows": rows}, markdown_table(heads, lines, 3))


if __name__ == "__main__":
    common.run(main)
