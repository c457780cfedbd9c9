"""What stands in a report between its results and its settings: a file for each kind of figure, a section for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multidigit.report.agreeing import Agreeing
from multidigit.report.crossover import Meeting, ends, mean_and_range, place
from multidigit.report.gallery import shown
from multidigit.report.groups import Condition, Sweep, said
from multidigit.report.plots import budget, crossover, measured
from multidigit.report.plots.drawing import Chart, Drawing
from multidigit.report.plots.panel import agreement

Cells = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Heads and lines of a table."""
Swept = tuple[Sweep, Sequence[Meeting]]
"""A sweep, and what became of every two of its contenders."""


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
        legend: whether its figures tell strategies apart by colour and marker, so that these are to be explained.
    """

    id: str
    title: str
    about: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    legend: bool = True


def sections(
    kinds: Sequence[Condition], swept: Sequence[Swept], panels: Sequence[Agreeing], drawing: Drawing
) -> list[Section]:
    """Those that have something to show, in their order.

    Args:
        kinds: all conditions of the report; of a sweep's many some are shown, spread evenly.
        swept: every sweep, and what became of its contenders.
        panels: of those conditions in which several contenders read the same strips.
        drawing: what draws the figures.
    """
    kinds = shown(kinds)

    def everywhere(*draws: Callable[[Drawing, Condition], list[Chart]]) -> list[Chart]:
        return [chart for kind in kinds for draw in draws for chart in draw(drawing, kind)]

    stretched = "The scale of accuracy is stretched towards 100 %, where halving the errors is one step."
    found = [
        Section(
            "crossover",
            "Where the lead changes",
            "One setting moves, and everybody is trained anew at each of its values. Lines are means over seeds, bands "
            f"go from the lowest to the highest seed. {stretched} Dashed: where two lines cross; shaded: between the "
            "last value at which the one is ahead beyond chance and the first at which the other is.",
            [crossover.crossover(drawing, sweep, met) for sweep, met in swept],
            [table for sweep, met in swept for table in _crossover_tables(sweep, met)],
        ),
        Section(
            "time",
            "Accuracy against training time",
            f"Test numbers right, with 95 % intervals. {stretched} Large marks are means over seeds.",
            everywhere(measured.time),
        ),
        Section(
            "learning",
            "Learning curves",
            f"Validation numbers right after every epoch, a line for each run. {stretched}",
            everywhere(measured.learning),
        ),
        Section(
            "slots",
            "By slot and by length",
            "Where in the number the mistakes are, and how much harder long numbers are; means over seeds, "
            "with 95 % intervals by length.",
            everywhere(measured.slots_and_lengths),
        ),
        Section(
            "confusion",
            "What is taken for what",
            "True class downwards, answered class across, over all slots; a dash is a slot without a digit. Figures "
            "are percent of the true class, from one percent on; right answers are grey.",
            everywhere(measured.confusion),
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
            everywhere(budget.budget),
            [table] if (table := _budget_table(kinds, drawing)).lines else [],
            legend=False,
        ),
        Section(
            "confidence",
            "How far confidence can be trusted",
            "Reliability: on the dashed line, of the answers that are 80 % sure 80 % are right. Coverage: accuracy "
            "when only the surest are answered; the dashed line is 98 %.",
            everywhere(measured.reliability, measured.coverage),
        ),
        _panel([panel for panel in panels if panel.condition in kinds], drawing),
    ]
    return [section for section in found if section.charts or section.tables]


def _crossover_tables(sweep: Sweep, found: Sequence[Meeting]) -> list[Table]:
    """Who is ahead where, and everybody's accuracy at each value."""
    leads = [
        Line(
            [
                meeting.one,
                meeting.two,
                meeting.state,
                place(sweep, meeting.at),
                " to ".join(ends(sweep, meeting)) if meeting.state == "crossing" else "–",
            ],
            sweep.layout,
        )
        for meeting in found
    ]
    lines = []
    for index, value in enumerate(sweep.values):
        cells = []
        for course in sweep.courses:
            right = mean_and_range(course.runs[index])
            cells.append("–" if right is None else f"{right[0]:.2%}")
            if right is not None and right[1] < right[2]:
                cells[-1] += f" ({right[1]:.2%} – {right[2]:.2%})"
        lines.append(Line([said(value), *cells], sweep.layout))
    where = f"{sweep.key} on {sweep.label} strips"
    heads = ["first ahead", "against", "lead", "equal at", "95 % interval"]
    return [
        *([Table(f"{where}: who leads", heads, leads)] if leads else []),
        Table(
            f"{where}: numbers right, means over seeds and their range",
            [sweep.key, *(course.label for course in sweep.courses)],
            lines,
        ),
    ]


def _budget_table(kinds: Sequence[Condition], drawing: Drawing) -> Table:
    """What the charts of the error budget show; without lines where no run has one."""
    lines = []
    for kind in kinds:
        for contender in kind.contenders:
            if found := budget.shares(contender):
                cells = [kind.label, contender.label]
                cells += [budget.points(share) for share in (sum(found.values()), *found.values())]
                lines.append(Line(cells, kind.layout, drawing.looks.index[contender.strategy]))
    heads = ["layout", "strategy", "wrong in all", *budget.WORDS.values()]
    return Table("Numbers wrong by cause, in points", heads, lines)


def _panel(panels: Sequence[Agreeing], drawing: Drawing) -> Section:
    """What it is worth that contenders agree; nothing to show without panels."""
    if not panels:
        return Section("panel", "", "")
    tables = [
        Table(
            "How many strips they agree on, and how often the number that most of them give is right",
            ["strips", "contenders", "agreement", "strips in all", "share", "right of these", "95 % interval"],
            [line for panel in panels for line in _levels(panel)],
        ),
        Table(
            "Against each one's own confidence: of its surest strips, as many as all agree on, how many are right "
            "(equally sure ones: what a draw among them would give), and how far agreement is ahead (95 % interval: "
            "Tango's; what only one of the two answers is paired by lot)",
            ["strips", "contender", "answered", "right, its surest", "right, all agree", "ahead", "95 % interval"],
            [line for panel in panels for line in _rivals(panel, drawing)],
        ),
        Table(
            "The number that most of them give, of several the surest one's, against the best of them alone (95 % "
            "interval: Tango's; p: exact McNemar test)",
            [
                *("strips", "contenders", "numbers right", "best alone", "numbers right, best alone"),
                *("difference", "95 % interval", "only the vote", "only the best", "p"),
            ],
            [_vote(panel) for panel in panels],
        ),
    ]
    return Section(
        "panel",
        "What agreement is worth",
        "Contenders agree where they give the same number. Marks: the strips on which they do, whatever their "
        "confidence, with 95 % intervals. Lines: each one alone, when it answers only its surest strips. Networks are "
        "taken as they are; the strips of all seeds count as one test.",
        [chart for panel in panels for chart in agreement(drawing, panel)],
        [table for table in tables if table.lines],
    )


def _levels(panel: Agreeing) -> list[Line]:
    who = ", ".join(member.label for member in panel.members)
    return [
        Line(
            [
                panel.condition.label,
                who,
                panel.what(level),
                f"{level.strips:,}",
                f"{level.strips / panel.found.strips:.1%}",
                f"{level.right / level.strips:.2%}" if level.strips else "–",
                f"{level.low:.2%} – {level.high:.2%}" if level.strips else "–",
            ],
            panel.condition.layout,
        )
        for level in panel.found.levels
    ]


def _rivals(panel: Agreeing, drawing: Drawing) -> list[Line]:
    agreed = panel.found.agreed
    if not agreed.strips:
        return []
    return [
        Line(
            [
                panel.condition.label,
                member.label,
                f"{agreed.strips:,}",
                f"{rival.surest / agreed.strips:.2%}",
                f"{agreed.right / agreed.strips:.2%}",
                *_points(rival.difference, rival.low, rival.high),
            ],
            panel.condition.layout,
            drawing.looks.index[member.strategy],
        )
        for member, rival in zip(panel.members, panel.found.rivals, strict=True)
    ]


def _vote(panel: Agreeing) -> Line:
    found = panel.found
    return Line(
        [
            panel.condition.label,
            ", ".join(member.label for member in panel.members),
            f"{found.voted / found.strips:.2%}",
            panel.members[found.best].label,
            f"{found.rivals[found.best].right / found.strips:.2%}",
            *_points(found.difference, found.low, found.high),
            f"{found.only_vote:,}",
            f"{found.only_best:,}",
            f"{found.p_value:.2g}" if found.p_value >= 1e-9 else "< 1e-9",
        ],
        panel.condition.layout,
    )


def _points(difference: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """A difference in points, and its interval."""
    if difference is None or low is None or high is None:
        return "–", "–"
    return f"{100 * difference:+.2f} points", f"{100 * low:+.2f} to {100 * high:+.2f}"
