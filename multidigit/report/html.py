"""The report as one page: no file beside it, no network, light and dark, wide and narrow, on screen and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from multidigit.comparison import Comparison
from multidigit.report.about import WORDS, about
from multidigit.report.anchors import ANCHORS, NOT_THE_SAME
from multidigit.report.crossover import clauses, sweep_range
from multidigit.report.gallery import gallery
from multidigit.report.plots.differences import differences
from multidigit.report.plots.drawing import DASHES, HOLLOW, MARKERS, Drawing, Looks
from multidigit.report.sections import Section
from multidigit.report.tables import Cells, Line, Table, format_share, seen
from multidigit.report.verdict import details, headline, notes, strips
from multidigit.runs import Run

_SHAPES = {
    "o": "M10 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "s": "M10.5 2.5h7v7h-7z",
    "^": "M14 2l4.5 8h-9z",
    "D": "M14 1.5L18.5 6L14 10.5L9.5 6z",
    "v": "M14 10L9.5 2h9z",
    "P": "M12.5 2h3v2.5h2.5v3h-2.5v2.5h-3v-2.5h-2.5v-3h2.5z",
    "X": "M10.5 4l2-2L14 3.5l1.5-1.5l2 2L15.5 6l2 2l-2 2L14 8.5l-1.5 1.5l-2-2l2-2z",
    "p": "M14 1.5l4.5 3.300l-1.700 5.200h-5.600L9.5 4.800z",
}
"""The markers of the charts as paths in a box of 28 by 12."""
ABOUT_PAIRS = (
    "Strips read by one strategy and not by the other, with the exact McNemar test; p over trainings asks whether "
    "networks trained anew would differ as well."
)


def page(
    results: Mapping[str, Any],
    runs: Sequence[Run],
    comparison: Comparison,
    drawing: Drawing,
    shown: Sequence[Section],
    results_cells: Cells,
    pairs_cells: Cells,
) -> str:
    """The page.

    Args:
        results: complete, with the verdict.
        runs: those behind the rows of the results, at least one.
        comparison: what was decided about them.
        drawing: what drew the figures of the sections.
        shown: the sections between results and settings.
        results_cells: the table of results, layout and strategy first.
        pairs_cells: the table of the pairs, layout first; without lines where there are no pairs.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    looks = drawing.looks
    rows = results["rows"]
    pictures, faults = gallery(comparison.conditions)
    environment = Environment(
        loader=PackageLoader("multidigit.report"),
        autoescape=True,
        finalize=seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": format_share, "svg": Markup, "swatch": lambda label: _swatch(looks, label)}
    return environment.get_template("report.html").render(
        results=results,
        layouts=list(dict.fromkeys(condition.layout for condition in comparison.conditions)),
        looks=looks,
        labels=looks.labels,
        boards=_boards(comparison),
        notes=notes(comparison),
        differences=[] if comparison.swept else differences(drawing, comparison.pairs),
        pairs=Table(
            ABOUT_PAIRS,
            pairs_cells[0],
            [Line(cells, pair.layout) for cells, pair in zip(pairs_cells[1], comparison.pairs, strict=True)],
        ),
        table=Table(
            "Every strategy on every kind of strip; a click on a column's head sorts by it",
            results_cells[0],
            [Line(cells, cells[0], looks.index.get(cells[1])) for cells in results_cells[1]],
        ),
        anchors=ANCHORS,
        not_the_same=NOT_THE_SAME,
        strips=rows[0]["test_strips"],
        sections=shown,
        gallery=pictures,
        faults=faults,
        about_runs=about(runs),
        words=WORDS,
    )


class Board(NamedTuple):
    """What was found on one layout or along one sweep: paragraphs, each a headline and the rest, and mean sequence
    accuracies by strategy (none for a sweep).
    """

    title: str
    layout: str
    paragraphs: Sequence[tuple[str, str]]
    means: Mapping[str, float]


def _boards(comparison: Comparison) -> list[Board]:
    verdicts = [
        Board(
            f"{strips(verdict)} strips",
            verdict.layout,
            [(headline(verdict), " ".join(details(verdict)))],
            verdict.accuracies,
        )
        for verdict in comparison.verdicts
    ]
    return verdicts + [
        Board(
            sweep_range(sweep),
            sweep.layout,
            [(f"{clause[:1].upper()}{clause[1:]}.", "") for clause in clauses(sweep, crossovers)],
            {},
        )
        for sweep, crossovers in comparison.swept
    ]


def _swatch(looks: Looks, label: str) -> Markup:
    """The line and the marker that stand for a contender, or a strategy, in the charts."""
    index = looks.index[looks.strategy.get(label, label)]
    dash = looks.dash.get(label, 0)
    dashes = DASHES[dash]
    pattern = f' stroke-dasharray="{" ".join(f"{2 * part:g}" for part in dashes[1])}"' if dashes != "-" else ""
    fill = 'fill="none" stroke="currentColor" stroke-width="1.3"' if dash in HOLLOW else 'fill="currentColor"'
    return Markup(
        f'<svg class="swatch" viewBox="0 0 28 12" aria-hidden="true" style="color: var(--s{index})">'
        f'<path d="M0 6h28" stroke="currentColor" stroke-width="2"{pattern}/>'
        f'<path d="{_SHAPES[MARKERS[index]]}" {fill}/></svg>'
    )
