"""Who is best, and the run to read pictures with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def sequence_means(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean sequence accuracy by layout and strategy, best first."""
    groups: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        groups.setdefault(row["layout"], {}).setdefault(row["strategy"], []).append(row["sequence_accuracy"])
    return {
        layout: dict(sorted(((s, float(np.mean(v))) for s, v in by.items()), key=lambda item: -item[1]))
        for layout, by in groups.items()
    }


def best_reader(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The run to read pictures with: the best on free strips, which is how most pictures are, or else the best."""
    free = [row for row in rows if row["layout"] == "free"] or list(rows)
    return str(max(free, key=lambda row: row["sequence_accuracy"])["run"]) if free else None
