"""The results of a comparison or an experiment, written beside its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multidigit.comparison.crossover import Crossover, crossovers, paired_runs
from multidigit.comparison.groups import Condition, Sweep, conditions, sweeps
from multidigit.comparison.pairs import Pair, judged, pairs
from multidigit.comparison.winner import best_reader
from multidigit.experiments import RESULTS, finished_runs
from multidigit.files import write_json, write_text
from multidigit.registry import STRATEGIES
from multidigit.report.crossover import sentence
from multidigit.report.html import page
from multidigit.report.markdown import markdown
from multidigit.report.plots.drawing import Chart, Drawing, Looks, standalone
from multidigit.report.sections import Section, sections
from multidigit.report.tables import Cells, results_table
from multidigit.report.verdict import sentences

REPORT, PAGE = "report.md", "report.html"


def write_report(out: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Complete ``results.json`` with the verdict, and write ``report.html`` and its twin in Markdown, ``report.md``,
    with ``crossover-1.svg`` and so on for each sweep.

    Returns:
        The completed results, with ``verdict`` (sentences), ``pairs``, ``crossover`` (every two contenders along each
        sweep, a ``Crossover`` with the setting's values in place of their indices) and ``reader`` (the run to read
        pictures with).
    """
    runs = list(finished_runs(out, results))
    rows, kinds = results["rows"], conditions(runs)
    swept = [(sweep, crossovers(sweep)) for sweep in sweeps(runs)]
    # Pairs of a sweep are those of each of its values: over all of them the lead may change.
    found = judged([contest for sweep, _ in swept for contest in paired_runs(sweep)]) if swept else pairs(runs)
    complete = {
        **results,
        "verdict": [sentence(*each) for each in swept] if swept else sentences(rows, found),
        "pairs": [asdict(pair) for pair in found],
        "crossover": [_written(sweep, meeting) for sweep, met in swept for meeting in met],
        "reader": best_reader(_hardest(kinds, rows) if swept else rows),
    }
    drawing = Drawing(Looks(kinds, list(STRATEGIES)))
    shown = sections(kinds, swept, drawing)
    tables = results_table(rows), pairs_table(found)
    html = page(complete, runs, found, swept, drawing, shown, *tables)
    maps = {f"crossover-{number}.svg": chart for number, chart in enumerate(_maps(shown), 1)}
    for old in set(out.glob("crossover-*.svg")) - {out / name for name in maps}:
        old.unlink()
    for name, chart in maps.items():
        write_text(out / name, standalone(chart, drawing.looks))
    write_text(out / REPORT, markdown(complete, runs, shown, *tables, PAGE, list(maps)))
    write_text(out / PAGE, html)
    write_json(out / RESULTS, complete)
    return complete


def _written(sweep: Sweep, meeting: Crossover) -> dict[str, Any]:
    """A meeting as it stands in the results: with the values themselves, not their places in the sweep."""
    low, high = (None if index is None else sweep.values[index] for index in (meeting.low, meeting.high))
    return {
        "key": sweep.key,
        "layout": sweep.layout,
        "strips": sweep.label,
        **asdict(meeting),
        "values": [sweep.values[index] for index in meeting.values],
        "differences": [list(difference) for difference in meeting.differences],
        "low": low,
        "high": high,
    }


def _maps(shown: Sequence[Section]) -> list[Chart]:
    """The charts of sweeps, which stand in files of their own, too: no table shows where lines cross."""
    return [chart for section in shown if section.id == "crossover" for chart in section.charts]


def _hardest(kinds: Sequence[Condition], rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of the condition that even the best read worst: who wins there reads the others, too."""
    names = [{run.name for contender in kind.contenders for run in contender.runs} for kind in kinds]
    groups = [[row for row in rows if row["run"] in some] for some in names]
    return min(groups, key=lambda group: max(row["sequence_accuracy"] for row in group))


def pairs_table(found: Sequence[Pair]) -> Cells:
    """Heads and cells of the pairs, one line each."""
    heads = ["layout", "strategies", "ahead", "difference", "95 % interval", "only the first", "only the second"]
    heads += ["p", "p, Holm", "p over trainings, Holm"]
    cells = [
        [
            f"{pair.layout}, {pair.strips_are}" if pair.strips_are else pair.layout,
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
