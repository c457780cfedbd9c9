"""The results of a comparison or an experiment, written beside its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from multidigit.experiments import RESULTS, finished_runs
from multidigit.files import write_bytes, write_json, write_text
from multidigit.labels import slots_to_text
from multidigit.report.sheet import contact_sheet
from multidigit.report.tables import markdown_table, results_table
from multidigit.report.verdict import Pair, best_reader, pairs, sentences
from multidigit.runs import Run
from multidigit.strips.stream import StripStream

REPORT = "report.md"
EXAMPLES = 12
"""Strips shown of those that a run read wrongly."""


def write_report(out: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Complete ``results.json`` with the verdict, and write ``report.md`` and the sheets of wrongly read strips.

    Returns:
        The completed results, with ``verdict`` (sentences), ``pairs`` and ``reader`` (the run to read pictures with).
    """
    runs = list(finished_runs(out, results))
    found = pairs(runs)
    complete = {
        **results,
        "verdict": sentences(results["rows"], found),
        "pairs": [asdict(pair) for pair in found],
        "reader": best_reader(results["rows"]),
    }
    sheets = [sheet for run in runs if (sheet := _write_wrong(out, run))]
    write_text(out / REPORT, _markdown(complete, found, sheets))
    write_json(out / RESULTS, complete)
    return complete


def _markdown(results: Mapping[str, Any], found: Sequence[Pair], sheets: Sequence[tuple[Run, str]]) -> str:
    rows = results["rows"]
    lines = [f"# {results['name']}", "", results["about"], "", *(f"- {said}" for said in results["verdict"]), ""]
    lines += [markdown_table(*results_table(rows)), f"Tested on {rows[0]['test_strips']:,} strips a run.", ""]
    if found:
        heads = [
            "layout",
            "strategies",
            "difference",
            "95 % interval",
            "only the first",
            "only the second",
            "p",
            "p, Holm",
        ]
        cells = [
            [
                pair.layout,
                f"{pair.a} − {pair.b}",
                f"{100 * pair.difference:+.2f} points",
                f"{100 * pair.low:+.2f} to {100 * pair.high:+.2f}",
                str(pair.only_a),
                str(pair.only_b),
                _p(pair.p_value),
                _p(pair.corrected),
            ]
            for pair in found
        ]
        lines += ["## Pair by pair", "", "Strips read by one strategy and not by the other; exact McNemar test.", ""]
        lines += [markdown_table(heads, cells)]
    if sheets:
        lines += ["## Strips read wrongly", "", "The true number, what was answered, and how sure.", ""]
        lines += [f"### {run.name}\n\n![strips that {run.name} read wrongly]({name})\n" for run, name in sheets]
    lines += ["## Settings", "", "Each run's folder holds its complete `settings.yaml`.", ""]
    return "\n".join(lines)


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-9 else "< 1e-9"


def _write_wrong(out: Path, run: Run) -> tuple[Run, str] | None:
    """A sheet of the strips that a run read wrongly with the most confidence."""
    answers = run.answers
    wrong = np.flatnonzero((answers["slots"] != answers["answers"]).any(1))
    if not len(wrong):
        return None
    shown = wrong[np.argsort(-answers["confidence"][wrong], kind="stable")][:EXAMPLES]
    strips = StripStream(run.settings).fixed("test", run.settings.evaluation.test_strips)
    captions = [
        f"{slots_to_text(answers['slots'][i])} read as {slots_to_text(answers['answers'][i]) or 'nothing'}, "
        f"{answers['confidence'][i]:.0%} sure"
        for i in shown
    ]
    name = f"wrong-{run.name}.png"
    write_bytes(out / name, contact_sheet(strips.images[shown], captions, columns=3))
    return run, name
