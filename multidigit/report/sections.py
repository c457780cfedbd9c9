"""What stands in a report between its results and its settings: a file for each kind of figure, a section for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multidigit.report import twins
from multidigit.report.groups import Condition, Contender
from multidigit.report.plots import measured
from multidigit.report.plots.drawing import Chart, Drawing

Cells = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Heads and lines of a table."""


@dataclass(frozen=True)
class Line:
    """A line of a table, with what it is filtered by: a layout, and the number of a strategy's colour."""

    cells: Sequence[str]
    layout: str = ""
    strategy: int | None = None


@dataclass(frozen=True)
class Table:
    """A table; in the page it can be sorted.

    Attributes:
        caption: what it shows, in one line.
        numbers: for each column whether it holds numbers.
        cells: the same without what it is filtered by.
    """

    caption: str
    heads: Sequence[str]
    lines: Sequence[Line]

    @property
    def numbers(self) -> list[bool]:
        columns = zip(*(line.cells for line in self.lines), strict=True)
        return [all(cell[:1] in "+-−<–" or cell[:1].isdigit() for cell in column) for column in columns]

    @property
    def cells(self) -> Cells:
        return self.heads, [line.cells for line in self.lines]


@dataclass(frozen=True)
class Section:
    """Figures and tables under one heading. The page shows both, its twin in Markdown the tables.

    Attributes:
        id: its name in addresses, and, with a capital, in the list of sections.
        twins: what the figures show, as tables; the page has them folded.
    """

    id: str
    title: str
    about: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    twins: Sequence[Table] = ()


def sections(kinds: Sequence[Condition], drawing: Drawing) -> list[Section]:
    """Those that have something to show, in their order."""

    def everywhere(*draws: Callable[[Drawing, Condition], list[Chart]]) -> list[Chart]:
        return [chart for kind in kinds for draw in draws for chart in draw(drawing, kind)]

    def told(*asked: Callable[[Sequence[Contender]], twins.Twin]) -> list[Table]:
        everybody = [contender for kind in kinds for contender in kind.contenders]
        made = (twin(everybody) for twin in asked)
        tables = [
            Table(
                twin.caption,
                ["strips", "strategy", *twin.heads],
                [
                    Line([kind.label, one.label, *cells], kind.layout, drawing.looks.index[one.strategy])
                    for kind in kinds
                    for one in kind.contenders
                    if (cells := twin.cells(one))
                ],
            )
            for twin in made
        ]
        return [table for table in tables if table.lines]

    seeds = any(len(one.runs) > 1 for kind in kinds for one in kind.contenders)
    stretched = "The scale of accuracy is stretched towards 100 %, where halving the errors is one step."
    found = [
        Section(
            "time",
            "Accuracy against training time",
            f"Test numbers right, with 95 % intervals. {stretched}"
            + (" Large marks are means over seeds." if seeds else ""),
            everywhere(measured.time),
        ),
        Section(
            "learning",
            "Learning curves",
            f"Validation numbers right after every epoch, a line for each run. {stretched}",
            everywhere(measured.learning),
            twins=told(twins.learning),
        ),
        Section(
            "slots",
            "By slot and by length",
            "Where in the number the mistakes are, and how much harder long numbers are; means over seeds, "
            "with 95 % intervals by length.",
            everywhere(measured.slots_and_lengths),
            twins=told(twins.slots, twins.lengths),
        ),
        Section(
            "confusion",
            "What is taken for what",
            "True class downwards, answered class across, over all slots; a dash is a slot without a digit. Figures "
            "are percent of the true class, from one percent on; right answers are grey.",
            everywhere(measured.confusion),
            twins=told(twins.confusion),
        ),
        Section(
            "confidence",
            "How far confidence can be trusted",
            "Reliability: on the dashed line, of the answers that are 80 % sure 80 % are right. Coverage: accuracy "
            "when only the surest are answered; the dashed line is 98 %.",
            everywhere(measured.reliability, measured.coverage),
            twins=told(twins.confidence),
        ),
    ]
    return [section for section in found if section.charts or section.tables]
