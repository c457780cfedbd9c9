"""What stands in a report between its results and its settings: a section for each kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multidigit.comparison.crossover import Crossover
from multidigit.comparison.groups import Condition, Sweep
from multidigit.report.crossover import crossover_tables
from multidigit.report.figure_tables import (
    breakdown_table,
    confidence_table,
    confusion_table,
    learning_table,
    lengths_table,
    robustness_table,
    slots_table,
)
from multidigit.report.gallery import spread
from multidigit.report.plots import measured
from multidigit.report.plots.breakdown import breakdown
from multidigit.report.plots.crossover import crossover
from multidigit.report.plots.drawing import Chart, Drawing, Looks
from multidigit.report.plots.robustness import robustness
from multidigit.report.tables import Table

Swept = tuple[Sweep, Sequence[Crossover]]
"""A sweep with the crossover of every two of its contenders."""


@dataclass(frozen=True)
class Section:
    """Figures and tables under one heading. The page shows both, the report in Markdown the tables.

    Attributes:
        id: its name in addresses, and, with a capital, in the list of sections.
        legend: whether its figures tell strategies apart by colour and marker, so that a legend is needed.
        folded: tables of what the figures show; folded in the page.
    """

    id: str
    title: str
    about: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    legend: bool = True
    folded: Sequence[Table] = ()


def sections(conditions: Sequence[Condition], swept: Sequence[Swept], drawing: Drawing) -> list[Section]:
    """Those that have something to show, in their order.

    Args:
        conditions: all of the report; of a sweep's many some are shown, spread evenly.
        swept: every sweep with its crossovers.
        drawing: what draws the figures.
    """
    conditions = spread(conditions)

    def charts(*draws: Callable[[Drawing, Condition], list[Chart]]) -> list[Chart]:
        return [chart for condition in conditions for draw in draws for chart in draw(drawing, condition)]

    def tables(*make: Callable[[Sequence[Condition], Looks], Table]) -> list[Table]:
        found = [each(conditions, drawing.looks) for each in make]
        return [table for table in found if table.lines]

    seeds = any(len(one.runs) > 1 for condition in conditions for one in condition.contenders)
    stretched = "The scale of accuracy is stretched towards 100 %, where halving the errors is one step."
    with drawing.style():
        found = [
            Section(
                "crossover",
                "Where the lead changes",
                "One setting changes, and every strategy is trained anew at each of its values. Lines are means over "
                f"seeds, bands go from the lowest to the highest seed. {stretched} Dashed: where two lines cross; "
                "shaded: between the last value at which the one is ahead beyond chance and the first at which the "
                "other is.",
                [crossover(drawing, *each) for each in swept],
                [table for each in swept for table in crossover_tables(*each)],
            ),
            Section(
                "time",
                "Accuracy against training time",
                f"Test numbers right, with 95 % intervals. {stretched}"
                + (" Large marks are means over seeds." if seeds else ""),
                charts(measured.time),
            ),
            Section(
                "learning",
                "Learning curves",
                f"Validation numbers right after every epoch, a line for each run. {stretched}",
                charts(measured.learning),
                folded=tables(learning_table),
            ),
            Section(
                "slots",
                "By slot and by length",
                "Where in the number the mistakes are, and how much harder long numbers are; means over seeds, "
                "with 95 % intervals by length.",
                charts(measured.slots_and_lengths),
                folded=tables(slots_table, lengths_table),
            ),
            Section(
                "confusion",
                "What is taken for what",
                "True class downwards, answered class across, over all slots; a dash is a slot without a digit. "
                "Figures are percent of the true class, from one percent on; right answers are grey.",
                charts(measured.confusion),
                folded=tables(confusion_table),
            ),
            Section(
                "breakdown",
                "The error breakdown",
                "The same networks read the same test strips again, each time with more help, and what a help removes "
                "is its share of the error: the true polarity, of pictures that may be dark ink on light; the true "
                "length; the true cuts, each digit alone in the first cell (place); no effects (picture quality). What "
                "is left is class: a digit taken for another. The shares add up to the whole error; means over seeds. "
                "They depend on the order in which help is given, and one below 0 means that its help did harm, as "
                "true cuts do to a network that never saw a single digit in training.",
                charts(breakdown),
                tables(breakdown_table),
                legend=False,
            ),
            Section(
                "robustness",
                "What breaks them",
                "Numbers right, in percent, where test strips are made worse in ways that training never showed: means "
                "over five degrees of each way, and over seeds.",
                charts(robustness),
                legend=False,
                folded=tables(robustness_table),
            ),
            Section(
                "confidence",
                "How far confidence can be trusted",
                "Reliability: on the dashed line, 80 % of the answers with a confidence of 80 % are right. Coverage: "
                "accuracy when only the most confident answers are given; dashed: 98 %.",
                charts(measured.reliability, measured.coverage),
                folded=tables(confidence_table),
            ),
        ]
    return [section for section in found if section.charts or section.tables]
