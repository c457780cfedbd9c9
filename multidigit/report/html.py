"""The report as one page: no file beside it, no network, light and dark, wide and narrow, on screen and on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from multidigit.comparison.groups import conditions
from multidigit.comparison.pairs import Pair
from multidigit.comparison.winner import sequence_means
from multidigit.report.about import WORDS, about
from multidigit.report.anchors import ANCHORS, NOT_THE_SAME
from multidigit.report.crossover import sentence
from multidigit.report.gallery import gallery
from multidigit.report.plots.differences import differences
from multidigit.report.plots.drawing import DASHES, HOLLOW, MARKERS, Drawing, Looks
from multidigit.report.sections import Section, Swept
from multidigit.report.tables import Cells, Line, Table
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
    found: Sequence[Pair],
    swept: Sequence[Swept],
    drawing: Drawing,
    shown: Sequence[Section],
    results_cells: Cells,
    pairs_cells: Cells,
) -> str:
    """The page.

    Args:
        results: complete, with the verdict.
        runs: those behind the rows of the results, at least one.
        found: every two strategies on the same strips.
        swept: the sweeps among the runs.
        drawing: what drew the figures of the sections.
        shown: the sections between results and settings.
        results_cells: the table of results, layout and strategy first.
        pairs_cells: the table of ``found``, layout first; without lines where there are no pairs.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    kinds = conditions(runs)
    looks = drawing.looks
    rows = results["rows"]
    pictures, faults = gallery(kinds)
    environment = Environment(
        loader=PackageLoader("multidigit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "svg": Markup, "swatch": lambda label: _swatch(looks, label)}
    return environment.get_template("report.html").render(
        results=results,
        layouts=list(dict.fromkeys(kind.layout for kind in kinds)),
        looks=looks,
        labels=looks.labels,
        boards=_boards(results, swept),
        differences=[] if swept else differences(drawing, found),
        pairs=Table(
            ABOUT_PAIRS,
            pairs_cells[0],
            [Line(cells, pair.layout) for cells, pair in zip(pairs_cells[1], found, strict=True)],
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


@dataclass(frozen=True)
class Board:
    """What the verdict says of one layout, or of one sweep.

    Attributes:
        said: paragraphs, each with its first sentence and the rest.
        means: sequence accuracy by strategy; empty for a sweep.
    """

    title: str
    layout: str
    said: Sequence[tuple[str, str]]
    means: Mapping[str, float]


def _boards(results: Mapping[str, Any], swept: Sequence[Swept]) -> list[Board]:
    if swept:
        parted = [(sweep, sentence(sweep, met).partition(": ")) for sweep, met in swept]
        return [
            Board(title, sweep.layout, [(f"{clause[:1].upper()}{clause[1:]}", "") for clause in rest.split("; ")], {})
            for sweep, (title, _, rest) in parted
        ]
    return [
        Board(
            f"{layout} strips",
            layout,
            [_parted(said) for said in results["verdict"] if said.startswith(f"On {layout} strips")],
            means,
        )
        for layout, means in sequence_means(results["rows"]).items()
    ]


def _parted(said: str) -> tuple[str, str]:
    first, stop, rest = said.partition(". ")
    return first + stop.strip(), rest


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


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share:.{digits}%}"
