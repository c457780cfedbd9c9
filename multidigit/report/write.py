"""The report of a comparison or an experiment, written beside its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multidigit.comparison import MARGIN, Pair, compare_runs
from multidigit.comparison.looks import LookPlan
from multidigit.experiments import finished_runs
from multidigit.files import remove, write_text
from multidigit.registry import STRATEGIES
from multidigit.report.html import page
from multidigit.report.markdown import markdown
from multidigit.report.plots.drawing import Drawing, Looks
from multidigit.report.sections import sections
from multidigit.report.tables import Cells, results_table
from multidigit.report.verdict import p_value, points, sentences

REPORT, PAGE = "report.md", "report.html"


def write_report(out: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``report.html``, the same in Markdown, ``report.md``, and ``crossover-1.svg`` and so on for each sweep.

    Args:
        out: the folder of the runs.
        results: as in ``results.json``, with at least one row.

    Returns:
        The results with ``verdict``: what was found, in sentences.

    Raises:
        RunError: one of the runs is missing or damaged.
    """
    runs = list(finished_runs(out, results))
    comparison = compare_runs(runs, results.get("margin", MARGIN), LookPlan.from_json(results.get("looks")))
    complete = {**results, **comparison.as_json(), "verdict": sentences(comparison)}
    drawing = Drawing(Looks(comparison.conditions, list(STRATEGIES)))
    shown = sections(comparison.conditions, comparison.swept, drawing)
    tables = results_table(results["rows"]), pairs_table(comparison.pairs)
    html = page(complete, runs, comparison, drawing, shown, *tables)
    # The charts of sweeps stand in files of their own, too: no table shows where lines cross.
    charts = [chart for section in shown if section.id == "crossover" for chart in section.charts]
    files = {f"crossover-{number}.svg": chart for number, chart in enumerate(charts, 1)}
    for old in set(out.glob("crossover-*.svg")) - {out / name for name in files}:
        remove(old)
    for name, chart in files.items():
        write_text(out / name, chart.file)
    write_text(out / REPORT, markdown(complete, runs, shown, *tables, PAGE, list(files)))
    write_text(out / PAGE, html)
    return complete


def pairs_table(pairs: Sequence[Pair]) -> Cells:
    """Heads and cells of the pairs, one line each."""
    heads = ["layout", "strategies", "ahead", "difference", "95 % interval", "only the first", "only the second"]
    heads += ["p", "p, corrected", "p over trainings, corrected", "p of the same, corrected"]
    cells = [
        [
            f"{pair.layout}, {pair.condition}" if pair.condition else pair.layout,
            f"{pair.a} − {pair.b}",
            _found(pair),
            f"{100 * pair.difference:+.2f} points",
            f"{100 * pair.low:+.2f} to {100 * pair.high:+.2f}",
            str(pair.only_a),
            str(pair.only_b),
            *map(p_value, (pair.p_value, pair.p_corrected, pair.p_trainings, pair.p_same)),
        ]
        for pair in pairs
    ]
    return heads, cells


def _found(pair: Pair) -> str:
    if pair.resolved:
        return pair.a if pair.difference > 0 else pair.b
    return f"the same within {points(pair.margin)}" if pair.same else "unresolved"
