"""How the report's figures are drawn: colours, marks, axes, and SVG that takes its colours from the page around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
"""Dashes whose markers are hollow, so that these are told apart where there is no line."""
INK, SOFT, FAINT = "#101010", "#505050", "#d8d8d8"
_INKS = {INK: "var(--ink)", SOFT: "var(--soft)", FAINT: "var(--line)"}
_COLOURS = _INKS | {colour: f"var(--s{index})" for index, colour in enumerate(PALETTE)}
"""What stands in a drawing for a colour of the page."""
SHARES = (
    *(0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995),
    *(0.2, 0.7, 0.6, 0.85, 0.97, 0.985, 0.3, 0.4, 0.1, 0.75, 0.65, 0.92, 0.94, 0.96, 0.975, 0.993, 0.997),
)
"""Marks on an axis of accuracy; those that are to be there first come first."""
APART = 0.12
"""Least distance of two of them, as a share of the axis."""
_HEAD = 40
"""Points above a chart that stands alone, for its title and who is who."""
_LOOK: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "svg.fonttype": "none",
    "svg.hashsalt": "multidigit",
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


@dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        svg: the drawing, to stand in a page: colours are the page's, identifiers its own.
        title: what it shows, above it.
        alt: the same in full, for those who do not see it.
        layout: whose strips; the page filters by it.
        strategy: the only one shown; empty where there are several.
    """

    svg: str
    title: str
    alt: str
    layout: str
    strategy: str = ""


class Looks:
    """Colour, marker and dashes of everybody in a report, the same in every figure.

    Args:
        conditions: all that the report shows.
        known: strategies by name; these keep their colours whoever takes part.
    """

    def __init__(self, conditions: Sequence[Condition], known: Sequence[str]) -> None:
        contenders = [contender for condition in conditions for contender in condition.contenders]
        there = dict.fromkeys(contender.strategy for contender in contenders)
        order = [*known, *(strategy for strategy in there if strategy not in known)]
        self.index = {strategy: order.index(strategy) % len(PALETTE) for strategy in there}
        """Number of the colour of each strategy."""
        self.dash: dict[str, int] = {}
        labels: dict[str, list[str]] = {}
        for contender in contenders:
            of_strategy = labels.setdefault(contender.strategy, [])
            if contender.label not in of_strategy:
                of_strategy.append(contender.label)
            self.dash[contender.label] = of_strategy.index(contender.label) % len(DASHES)
        self.labels = [label for of_strategy in labels.values() for label in of_strategy]
        self.strategy = {contender.label: contender.strategy for contender in contenders}

    def colour(self, strategy: str) -> str:
        return PALETTE[self.index[strategy]]

    def of(self, contender: Contender, **more: Any) -> dict[str, Any]:
        """Keywords for a line."""
        return self.named(contender.label, contender.strategy) | more

    def named(self, label: str, strategy: str) -> dict[str, Any]:
        """The same for whoever has that label."""
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
    """What the figures of one report have in common.

    Args:
        looks: colours, markers and dashes.
    """

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self._drawn = 0

    def look(self) -> Any:
        """Within this block figures have the report's letters and lines."""
        import matplotlib as mpl

        return mpl.rc_context(_LOOK)

    def chart(self, figure: Figure, title: str, alt: str, layout: str, strategy: str = "") -> Chart:
        """The figure as a chart; what follows are the attributes of ``Chart``."""
        data = BytesIO()
        with self.look():
            figure.savefig(data, format="svg", metadata={"Date": None})
        self._drawn += 1
        return Chart(inline(data.getvalue().decode(), f"f{self._drawn}-", alt), title, alt, layout, strategy)


def inline(svg: str, prefix: str, alt: str) -> str:
    """A drawing by matplotlib made fit to stand in a page beside others.

    Args:
        svg: a whole SVG file.
        prefix: begins every identifier that is left in it.
        alt: what it shows.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    opening = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alt)}">'
    svg = re.sub(r"<svg.*?>", lambda _: opening, svg, count=1, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'id="strategy-(\d+)"', r'data-strategy="\1"', svg)
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{prefix}", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda found: _COLOURS.get(found[0], found[0]), svg)
    # A hundredth of a point is less than anyone sees; only in attributes, for labels hold numbers too.
    svg = re.sub(r'="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def standalone(chart: Chart, looks: Looks) -> str:
    """A chart as a file of its own, dark on white, its title and who is who above it."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart.svg)
    assert found, "matplotlib gives every drawing a view box"
    width, height = float(found[1]), float(found[2]) + _HEAD
    legend, x = [f'<text x="6" y="-24" font-size="10" font-weight="bold">{escape(chart.title)}</text>'], 8
    for label in looks.labels:
        colour = looks.colour(looks.strategy[label])
        legend.append(f'<path d="M{x} -10h14" stroke="{colour}" stroke-width="3"/>')
        legend.append(f'<text x="{x + 18}" y="-7" font-size="9">{escape(label)}</text>')
        x += 30 + 6 * len(label)
    svg = chart.svg.replace(found[0], f'viewBox="0 {-_HEAD} {width:g} {height:g}"', 1)
    size = f'width="{width:g}pt" height="{height:g}pt" font-family="DejaVu Sans, Verdana, sans-serif"'
    svg = svg.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" {size} ', 1)
    end = svg.index(">") + 1
    ground = f'<rect y="{-_HEAD}" width="100%" height="100%" fill="#ffffff"/>'
    svg = f"{svg[:end]}{ground}{''.join(legend)}{svg[end:]}"
    for ours, name in _COLOURS.items():
        svg = svg.replace(name, ours)
    return f"{svg}\n"


def new_figure(
    width: float = 4.4,
    height: float = 3.0,
    left: float = 0.72,
    right: float = 0.22,
    bottom: float = 0.46,
    top: float = 0.12,
) -> tuple[Figure, Axes]:
    """An empty chart; sizes and margins in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2, width=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def floor_of(strips: Sequence[int]) -> float:
    """What no error at all counts as, where errors are drawn as logarithms: half a strip."""
    return 0.5 / max(strips)


def errors(shares: Any, floor: float) -> NDArray[np.float64]:
    return np.maximum(1 - np.asarray(shares, np.float64), floor)


def accuracy_axis(axes: Axes, label: str) -> None:
    """Errors as logarithms, with accuracy written at the marks, better upwards: 98 to 99 % is as far as 50 to 75."""
    from matplotlib.ticker import FixedLocator, NullLocator

    lines = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]
    drawn = np.concatenate(lines)
    low, high = float(drawn.max()), float(drawn.min())
    # Never so near that a difference of nothing fills the chart.
    high = min(high, low / 2)
    axes.set_yscale("log")
    low, high = min(low * 1.12, 1.08), high / 1.12
    axes.set_ylim(low, high)
    shares = marks(low, high)
    axes.yaxis.set_major_locator(FixedLocator([1 - share for share in shares]))
    axes.set_yticklabels([f"{100 * share:g}%" for share in shares])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(label)
    axes.grid(color=FAINT, linewidth=0.6)


def marks(low: float, high: float) -> list[float]:
    """Accuracies to be written at an axis that goes from the error ``low`` up to the smaller error ``high``."""
    length = np.log(low / high)
    found: list[float] = []
    for share in SHARES:
        error = 1 - share
        if high <= error <= low and all(abs(np.log(error / (1 - other))) >= APART * length for other in found):
            found.append(share)
    return sorted(found)


def percents(axis: Any) -> None:
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    axis.set_major_locator(MultipleLocator(0.2))
    axis.set_major_formatter(PercentFormatter(1, 0))


def offsets(count: int) -> list[float]:
    """Beside each other, so that intervals do not hide one another."""
    return list(np.linspace(-0.12, 0.12, count)) if count > 1 else [0.0]
