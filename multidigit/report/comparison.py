"""The results of a comparison or an experiment, written beside its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multidigit.experiments import RESULTS, finished_runs
from multidigit.files import write_json, write_text
from multidigit.report.groups import conditions
from multidigit.report.html import page
from multidigit.report.markdown import markdown
from multidigit.report.plots.drawing import Drawing, Looks
from multidigit.report.sections import Cells, sections
from multidigit.report.tables import results_table
from multidigit.report.verdict import Pair, best_reader, pairs, sentences
from multidigit.strategies import STRATEGIES

REPORT, PAGE = "report.md", "report.html"


def write_report(out: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Complete ``results.json`` with the verdict, and write ``report.html`` and its twin in Markdown, ``report.md``.

    Returns:
        The completed results, with ``verdict`` (sentences), ``pairs`` and ``reader`` (the run to read pictures with).
    """
    runs = list(finished_runs(out, results))
    found = pairs(runs)
    rows = results["rows"]
    complete = {
        **results,
        "verdict": sentences(rows, found),
        "pairs": [asdict(pair) for pair in found],
        "reader": best_reader(rows),
    }
    kinds = conditions(runs)
    drawing = Drawing(Looks(kinds, list(STRATEGIES)))
    shown = sections(kinds, drawing)
    tables = results_table(rows), pairs_table(found)
    html = page(complete, runs, found, drawing, shown, *tables)
    write_text(out / REPORT, markdown(complete, runs, shown, *tables, PAGE))
    write_text(out / PAGE, html)
    write_json(out / RESULTS, complete)
    return complete


def pairs_table(found: Sequence[Pair]) -> Cells:
    """Heads and cells of the pairs, one line each."""
    heads = ["layout", "strategies", "ahead", "difference", "95 % interval", "only the first", "only the second"]
    heads += ["p", "p, Holm", "p over trainings, Holm"]
    cells = [
        [
            pair.layout,
            f"{pair.a} − {pair.b}",
            (pair.a if pair.difference > 0 else pair.b) if pair.resolved else "unresolved",
            f"{100 * pair.difference:+.2f} points",
            f"{100 * pair.low:+.2f} to {100 * pair.high:+.2f}",
            str(pair.only_a),
            str(pair.only_b),
            _p(pair.p_value),
            _p(pair.corrected),
            _p(pair.again),
        ]
        for pair in found
    ]
    return heads, cells


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-9 else "< 1e-9"
