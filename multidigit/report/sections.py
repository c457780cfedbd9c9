"""What stands in a report between its results and its settings: a file for each kind of figure, a section for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multidigit.comparison.crossover import Crossover
from multidigit.comparison.groups import Condition, Contender, Sweep
from multidigit.report import budget, crossover, twins
from multidigit.report.gallery import shown
from multidigit.report.plots import measured
from multidigit.report.plots.budget import budget as budget_chart
from multidigit.report.plots.crossover import crossover as crossover_chart
from multidigit.report.plots.drawing import Chart, Drawing
from multidigit.report.tables import Line, Table

Swept = tuple[Sweep, Sequence[Crossover]]
"""A sweep, and what became of every two of its contenders."""


@dataclass(frozen=True)
class Section:
    """Figures and tables under one heading. The page shows both, its twin in Markdown the tables.

    Attributes:
        id: its name in addresses, and, with a capital, in the list of sections.
        legend: whether its figures tell strategies apart by colour and marker, so that these are to be explained.
        twins: what the figures show, as tables; the page has them folded.
    """

    id: str
    title: str
    about: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    legend: bool = True
    twins: Sequence[Table] = ()


def sections(kinds: Sequence[Condition], swept: Sequence[Swept], drawing: Drawing) -> list[Section]:
    """Those that have something to show, in their order.

    Args:
        kinds: all conditions of the report; of a sweep's many some are shown, spread evenly.
        swept: every sweep, and what became of its contenders.
        drawing: what draws the figures.
    """
    kinds = shown(kinds)

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
            "crossover",
            "Where the lead changes",
            "One setting moves, and everybody is trained anew at each of its values. Lines are means over seeds, bands "
            f"go from the lowest to the highest seed. {stretched} Dashed: where two lines cross; shaded: between the "
            "last value at which the one is ahead beyond chance and the first at which the other is.",
            [crossover_chart(drawing, *each) for each in swept],
            [table for each in swept for table in crossover.crossover_tables(*each)],
        ),
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
            "budget",
            "The error budget",
            "The same networks read the same test strips again, each time with more help, and what a help takes away "
            "is its share of the error: the true polarity, of pictures that may be dark ink on light; the true "
            "length; the true cuts, each digit alone in the first cell (place); no effects (picture quality). What is "
            "left is class: a digit taken for another. The shares add up to the whole error; means over seeds. They "
            "depend on the order in which help is given, and one below 0 means that its help did harm, as true cuts "
            "do to a network that never saw a whole digit alone.",
            everywhere(budget_chart),
            [table] if (table := budget.table(kinds, drawing)).lines else [],
            legend=False,
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
