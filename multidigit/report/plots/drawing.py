"""How the report's figures are drawn: colours, marks, axes, and SVG that takes its colours from the page around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multidigit.comparison.groups import Condition, Contender

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#7f7f7f")
"""Of the strategies by light: Okabe and Ito's colours, which colour-blind people tell apart as well."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
"""Of the strategies; colour alone would not do in print."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.6)), (0, (6, 1.5, 1.2, 1.5)))
"""Of contenders with the same strategy."""
HOLLOW = (1, 3)
"""Dashes whose markers are hollow, so that contenders differ where there is no line."""
INK, SOFT, FAINT = "#101010", "#505050", "#d8d8d8"
_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", FAINT: "var(--line)"}
_VARIABLES |= {colour: f"var(--s{index})" for index, colour in enumerate(PALETTE)}
"""The page's own colours, in place of those of a drawing."""
REFERENCE: dict[str, Any] = {"color": SOFT, "linewidth": 0.9, "linestyle": (0, (4, 2))}
"""The look of dashed lines to compare with."""
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.axisbelow": True,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    **{f"{axis}tick.{key}": value for axis in "xy" for key, value in {"color": SOFT, "major.size": 2}.items()},
}


@dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        svg: the drawing, to stand in a page: colours are the page's, and no identifier occurs in another drawing.
        title: stands above it.
        alt: the figure in words, for those who do not see it.
        layout: of the strips; the page filters by it.
        strategy: the only one shown; empty where there are several.
        file: the drawing as a file of its own, with title and legend; empty where none is needed.
    """

    svg: str
    title: str
    alt: str
    layout: str
    strategy: str = ""
    file: str = ""


class Looks:
    """Colour, marker and dashes of every contender in a report, the same in every figure.

    Args:
        conditions: all that the report shows.
        known: strategies by name; they have the same colours in every report.
    """

    def __init__(self, conditions: Sequence[Condition], known: Sequence[str]) -> None:
        contenders = [contender for condition in conditions for contender in condition.contenders]
        labels: dict[str, dict[str, None]] = {}
        for contender in contenders:
            labels.setdefault(contender.strategy, {})[contender.label] = None
        order = list(dict.fromkeys([*known, *labels]))
        self.index = {strategy: order.index(strategy) % len(PALETTE) for strategy in labels}
        """Number of the colour of each strategy."""
        self.labels = [label for names in labels.values() for label in names]
        self.strategy = {contender.label: contender.strategy for contender in contenders}
        self.dash = {label: number % len(DASHES) for names in labels.values() for number, label in enumerate(names)}

    def colour(self, strategy: str) -> str:
        return PALETTE[self.index[strategy]]

    def of(self, contender: Contender, **more: Any) -> dict[str, Any]:
        """Keywords for a contender's line in ``Axes.plot``, with others laid over them."""
        return self.named(contender.label, contender.strategy) | more

    def named(self, label: str, strategy: str) -> dict[str, Any]:
        """The same for the contender of that label."""
        index, dash = self.index[strategy], self.dash.get(label, 0)
        look: dict[str, Any] = {
            "color": PALETTE[index],
            "marker": MARKERS[index],
            "markerfacecolor": "none" if dash in HOLLOW else PALETTE[index],
            "linestyle": DASHES[dash],
            "linewidth": 1.6,
            "markersize": 4.5,
            "gid": f"strategy-{index}",
            "clip_on": False,
        }
        return look


class Drawing:
    """Turns the figures of one report into charts.

    Args:
        looks: colours, markers and dashes.
    """

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self._drawn = 0

    def style(self) -> Any:
        """Within this block matplotlib draws in the report's style."""
        import matplotlib as mpl

        return mpl.rc_context(STYLE)

    def chart(
        self, figure: Figure, title: str, alt: str, layout: str, strategy: str = "", standalone: bool = False
    ) -> Chart:
        """The figure as a chart, whose other attributes follow; also as a file of its own where ``standalone``."""
        self._drawn += 1
        svg = inline(_svg(figure, self._drawn), alt)
        return Chart(svg, title, alt, layout, strategy, self._file(figure, title) if standalone else "")

    def _file(self, figure: Figure, title: str) -> str:
        """The figure dark on white, with its title and a legend above it."""
        from matplotlib.lines import Line2D

        looks = [{**self.looks.named(label, self.looks.strategy[label]), "label": label} for label in self.looks.labels]
        figure.set_facecolor("white")
        figure.legend(
            handles=[Line2D([], [], **look) for look in looks],
            title=title,
            title_fontproperties={"size": 10, "weight": "bold"},
            loc="outside upper left",
            alignment="left",
            ncols=4,
            frameon=False,
            fontsize=8,
        )
        return _svg(figure, self._drawn)


def _svg(figure: Figure, number: int) -> str:
    """An SVG file; with a salt of its own none of its identifiers is that of another figure."""
    import matplotlib as mpl

    data = BytesIO()
    with mpl.rc_context({"svg.hashsalt": f"multidigit-{number}"}):
        figure.savefig(data, format="svg", metadata={"Date": None})
    return data.getvalue().decode()


def inline(svg: str, alt: str) -> str:
    """A drawing by matplotlib made fit to stand in a page.

    Args:
        svg: a whole SVG file.
        alt: what it shows.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|<defs>\s*</defs>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', svg)
    opening = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alt)}">'
    svg = re.sub(r"<svg.*?>", lambda _: opening, svg, count=1, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'id="strategy-(\d+)"', r'data-strategy="\1"', svg)
    # Others than these stand in every drawing.
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), svg)
    # A hundredth of a point is less than anyone sees; only in attributes, for labels hold numbers too.
    svg = re.sub(r'="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def new_figure(width: float = 4.4, height: float = 3.0) -> tuple[Figure, Axes]:
    """An empty chart of that size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def intervals(axes: Axes, xs: ArrayLike, ends: NDArray[np.float64], look: dict[str, Any], alpha: float = 1) -> None:
    """Upright lines between two ends each, shape (N, 2), in the colour of a contender's look."""
    axes.vlines(xs, ends[:, 0], ends[:, 1], look["color"], linewidth=1.2, alpha=alpha, gid=look["gid"], clip_on=False)


def errors(shares: Any, strips: int) -> NDArray[np.float64]:
    """The rest to 1, at least half a strip of so many: errors are drawn as logarithms, and 0 has none."""
    return np.maximum(1 - np.asarray(shares, np.float64), 0.5 / strips)


def accuracy_axis(axes: Axes, label: str) -> None:
    """Errors as logarithms, better upwards, with accuracy at the marks: 98 to 99 % is as far as 50 to 75."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_yscale("log")
    axes.margins(y=0.06)
    best, worst = axes.get_ylim()
    # Never so near that a difference of nothing fills the chart.
    best, worst = min(best, worst / 2.5), min(worst, 1.08)
    axes.set_ylim(worst, best)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if worst / best > 20 else (1, 1.5, 2, 3, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda error, _: f"{100 * (1 - error):.5g}%")
    axes.set_ylabel(label)
    axes.grid(True)


def percents(axis: Any) -> None:
    """Marks every 20 %, from 0 to 1."""
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    axis.set_major_locator(MultipleLocator(0.2))
    axis.set_major_formatter(PercentFormatter(1, 0))
