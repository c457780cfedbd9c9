"""The report in Markdown: what the page says, with a table for each figure that one can stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from multidigit.report.about import WORDS, about
from multidigit.report.anchors import ANCHORS, NOT_THE_SAME
from multidigit.report.html import ABOUT_PAIRS
from multidigit.report.sections import Section
from multidigit.report.tables import Cells, Table, format_share, markdown_table, markdown_text
from multidigit.runs import Run


def markdown(
    results: Mapping[str, Any],
    runs: Sequence[Run],
    shown: Sequence[Section],
    results_cells: Cells,
    pairs_cells: Cells,
    page: str,
    maps: Sequence[str] = (),
) -> str:
    """The report.

    Args:
        results: complete, with the verdict.
        runs: those behind the rows of the results, at least one.
        shown: the sections between results and settings; those without tables are left out.
        results_cells: the table of results, layout and strategy first.
        pairs_cells: the table of pairs; without lines where there are no pairs.
        page: the name of the page beside it.
        maps: the names of the files beside it that show the sweeps, in their order.
    """
    count, strips = len(runs), results["rows"][0]["test_strips"]
    parts = [f"# {markdown_text(results['name'])}", markdown_text(results["about"])]
    parts.append("\n".join(f"- {markdown_text(sentence)}" for sentence in results["verdict"]))
    summary = f"{count} run{'s, each' if count != 1 else ','} tested on {strips:,} strips."
    if results["winner"]:
        summary += f" The one to read pictures with: `{results['winner']}`."
    parts.append(f"{summary} Figures, and the strips that tell the strategies apart, are in [{page}]({page}).")
    parts += ["## Results", markdown_table(*results_cells, words=results_cells[0].index("digits right"))]
    parts += [f"Published, for scale ({NOT_THE_SAME}):", _published()]
    if pairs_cells[1]:
        parts += ["## Pair by pair", ABOUT_PAIRS, markdown_table(*pairs_cells, words=3)]
    for section in shown:
        tables = [*section.tables, *section.folded]
        if tables:
            parts.append(f"## {section.title}")
            # What explains a section's figures is of no use where only tables stand for them.
            parts += [section.about] if section.tables else []
            if section.id == "crossover":
                parts += [
                    f"![{markdown_text(chart.title)}]({name})" for chart, name in zip(section.charts, maps, strict=True)
                ]
            parts += [part for table in tables for part in _captioned(table)]
    parts += ["## Settings and environment"]
    parts += ["Each run's folder holds its complete `settings.yaml` and `environment.json`."]
    for facts in about(runs):
        if facts.differing:
            parts += _captioned(facts.differing, f"{facts.what} in which the runs differ")
        parts += [f"{facts.what} alike in all runs:" if count > 1 else f"{facts.what}:"]
        parts.append(markdown_table([facts.what.lower(), ""], list(facts.alike.items())))
    parts += ["## What the words mean", "\n".join(f"- **{word}**: {meaning}." for word, meaning in WORDS.items())]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _captioned(table: Table, caption: str = "") -> list[str]:
    words = table.numbers.index(True) if True in table.numbers else len(table.heads)
    return [f"{caption or table.caption}:", markdown_table(*table.cells, words=words)]


def _published() -> str:
    cells = [
        [
            Markup(f"[{anchor.who}]({anchor.address})"),
            f"{anchor.data}: {anchor.note}",
            format_share(anchor.digits),
            format_share(anchor.numbers),
            NOT_THE_SAME,
        ]
        for anchor in ANCHORS
    ]
    return markdown_table(["published", "read", "digits right", "numbers right", ""], cells)
