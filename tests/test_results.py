"""What experiments/RESULTS.md says can be traced: its figures stand in reports, and these follow from the runs."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import mean

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
REPORTS = sorted((EXPERIMENTS / "results").glob("*/report.md"))
FIGURE = re.compile(r"(?<![\d.])\d+\.\d\d+(?![\d.])")


def figures(text: str) -> set[str]:
    """All numbers with two decimals or more: shares, points and their intervals, p-values."""
    return set(FIGURE.findall(text))


def test_every_figure_stands_in_a_report() -> None:
    told = figures((EXPERIMENTS / "RESULTS.md").read_text("utf-8"))
    known = figures("\n".join(path.read_text("utf-8") for path in REPORTS))
    assert len(told) > 20
    assert told - known == set()


@pytest.mark.parametrize("report", REPORTS, ids=[path.parent.name for path in REPORTS])
def test_the_reports_follow_from_the_runs(report: Path) -> None:
    with (report.parent / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "finished"]
    by_name: dict[str, list[float]] = {}
    for row in rows:
        name = row["run"].removesuffix(f"-seed{row['seed']}")
        by_name.setdefault(name, []).append(float(row["test.sequence_accuracy"]))
    table = report.read_text("utf-8").partition("## Results")[2].partition("\n\nPublished")[0]
    assert len(table.strip().splitlines()) == 2 + len(by_name)
    for right in by_name.values():
        assert f"| {mean(right):.2%} " in table
