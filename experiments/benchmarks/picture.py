"""Draws accuracy against training time, all contenders in one picture, from the rows that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import common
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from multidigit.errors import DataError
from multidigit.settings import LAYOUTS
from multidigit.show.coverage import LOOK as BASE
from multidigit.statistics import mean_and_spread

PICTURE = Path(__file__).parents[1] / "pictures" / "accuracy-per-minute.svg"
# Okabe and Ito's colours, which colour-blind people tell apart as well.
COLOURS = {"heads": "#0072B2", "sigmoid": "#D55E00", "cut": "#009E73"}
OTHERS = ("#444444", "#8a8a8a")
"""Contenders that are not ours, in order of their names."""
STYLES: dict[str, Any] = {"compact": "-", "baseline": (0, (5, 2)), "streetview": (0, (1, 1.6))}
WITH_OPTIONS: Any = (0, (6, 1.5, 1.2, 1.5))
"""Contenders with options of their own, on whatever backbone."""
ABOUT = {
    "structured": "structured: one digit in each cell",
    "free": "free: digits of any size, anywhere",
}
SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999)
TIMES = {2: "2 s", 5: "5 s", 10: "10 s", 20: "20 s", 40: "40 s", 60: "1 min", 120: "2 min", 300: "5 min", 600: "10 min"}
LEAST_ERROR = 1e-3
"""What none of so few validation strips being wrong counts as."""
GREY = "#555555"
LOOK: dict[Any, Any] = {
    **BASE,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}
Curve = NDArray[np.float64]
"""Seconds and error, shape (2, points)."""


def error_curve(row: common.Row) -> Curve:
    """The least error so far at each look."""
    seconds, shares = np.array(common.best_so_far(row["curve"]), float).T
    return np.stack([seconds, np.maximum(1 - shares, LEAST_ERROR)])


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean error of several seeds at every time at which one of them was looked at, while all of them last.

    Between two looks the error is read off the straight line that the picture draws there.
    """
    times = np.unique(np.concatenate([seconds for seconds, _ in curves]))
    first, last = max(seconds[0] for seconds, _ in curves), min(seconds[-1] for seconds, _ in curves)
    times = times[(times >= first) & (times <= last)]
    errors = [np.exp(np.interp(np.log(times), np.log(seconds), np.log(error))) for seconds, error in curves]
    return np.stack([times, np.mean(errors, axis=0)])


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as may be, in the same order, a gap apart and within the limits."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    # Neighbours that would touch become one block around the middle of what they want.
    blocks: list[list[int]] = []

    def start(block: Sequence[int]) -> float:
        middle = sum(wanted[index] - gap * place for place, index in enumerate(block)) / len(block)
        return max(low, min(middle, high - gap * (len(block) - 1)))

    for index in order:
        blocks.append([index])
        while len(blocks) > 1 and start(blocks[-2]) + gap * len(blocks[-2]) > start(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    places = [0.0] * len(wanted)
    for block in blocks:
        for place, index in enumerate(block):
            places[index] = start(block) + gap * place
    return places


def style(row: common.Row, others: Sequence[str]) -> dict[str, Any]:
    """Hue by strategy, dashes by backbone; contenders that are not ours in black and grey."""
    if row["strategy"] not in COLOURS:
        return {"color": OTHERS[others.index(row["contender"]) % len(OTHERS)], "linestyle": "-"}
    dashes = WITH_OPTIONS if "(" in row["contender"] else STYLES.get(row["backbone"] or "", "-")
    return {"color": COLOURS[row["strategy"]], "linestyle": dashes}


def longest(rows: Iterable[common.Row]) -> list[common.Row]:
    """Of each contender the rows of its longest training; what is not trained stands as it is."""
    rows = list(rows)
    most: dict[str, float] = {}
    for row in rows:
        most[row["contender"]] = max(row["minutes"] or 0, most.get(row["contender"], 0))
    return [row for row in rows if (row["minutes"] or 0) == most[row["contender"]]]


def panel(axes: Axes, rows: Sequence[common.Row]) -> None:
    """All contenders of one layout, each with its name at its end."""
    groups: dict[str, list[common.Row]] = {}
    for row in rows:
        groups.setdefault(row["contender"], []).append(row)
    others = sorted((name for name, group in groups.items() if group[0]["strategy"] not in COLOURS), key=str.casefold)
    ends: list[tuple[float, float, str, str]] = []
    for name, group in groups.items():
        look = style(group[0], others)
        right = mean_and_spread([row["test"]["sequence_accuracy"] for row in group])
        label = f"{name} {right.mean:.1%}"
        curves = [error_curve(row) for row in group if row["curve"]]
        if not curves:
            # Nothing was trained: a line across, as if it had been there all along.
            error = max(1 - right.mean, LEAST_ERROR)
            axes.axhline(error, linewidth=1, **{**look, "linestyle": (0, (1, 1))})
            ends.append((axes.get_xlim()[1], error, label, look["color"]))
            continue
        if len(curves) > 1:
            for seconds, error in curves:
                axes.plot(seconds, error, alpha=0.4, linewidth=0.6, color=look["color"])
        seconds, error = mean_curve(curves)
        axes.plot(seconds, error, linewidth=1.7, **look)
        axes.plot(seconds[-1:], error[-1:], "o", markersize=3.5, color=look["color"], clip_on=False, zorder=3)
        ends.append((float(seconds[-1]), float(error[-1]), label, look["color"]))
    name_ends(axes, ends)


def name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names right of the panel, moved apart where they would overlap, each tied to its line's end."""
    height = axes.get_window_extent().height
    # In shares of the panel's height, which a name takes one line of.
    gap = 1.4 * mpl.rcParams["font.size"] * axes.figure.dpi / 72 / height
    wanted = [float(axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1]) for x, y, *_ in ends]
    for (x, y, label, colour), place in zip(ends, spread(wanted, gap, 0.02, 0.98), strict=True):
        axes.annotate(
            label,
            (x, y),
            (1.04, place),
            xycoords="data",
            textcoords="axes fraction",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "relpos": (0, 0.5),
                "shrinkA": 0,
                "shrinkB": 3,
            },
        )


def scales(axes: Axes, rows: Sequence[common.Row]) -> None:
    """Logarithms of time and of error, with accuracy written at the ticks, better upwards."""
    curves = [error_curve(row) for row in rows if row["curve"]]
    tested = [max(1 - row["test"]["sequence_accuracy"], LEAST_ERROR) for row in rows]
    first, last = min(curve[0, 0] for curve in curves), max(curve[0, -1] for curve in curves)
    errors = [*tested, *(curve[1].min() for curve in curves)]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(first / 1.15, last * 1.05)
    axes.set_ylim(1.05, min(errors) / 1.3)
    ticks = [time for time in TIMES if first / 1.15 <= time <= last * 1.05]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.set_xticklabels([TIMES[time] for time in ticks])
    shares = [share for share in SHARES if 1 - share >= min(errors) / 1.3]
    axes.yaxis.set_major_locator(FixedLocator([1 - share for share in shares]))
    axes.set_yticklabels([f"{100 * share:g}%" for share in shares])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right"]].set_visible(False)


def drawn(rows: Sequence[common.Row], minutes: float | None = None) -> Figure:
    """The picture.

    Raises:
        DataError: no row has a curve.
    """
    chosen = {}
    for layout in LAYOUTS:
        of_layout = [
            row for row in rows if row["layout"] == layout and (not minutes or row["minutes"] in (minutes, None))
        ]
        of_layout = longest(of_layout)
        if any(row["curve"] for row in of_layout):
            chosen[layout] = of_layout
    if not chosen:
        raise DataError("no row has a curve to draw; measure some with: make bench PART=contenders")
    width, height = 8.6, 4.0 * len(chosen) + 0.45  # inches
    figure = Figure(figsize=(width, height), dpi=100)
    panels = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
    figure.subplots_adjust(0.75 / width, 0.8 / height, 1 - 2.45 / width, 1 - 0.35 / height, 0.7 / 3.3)
    for axes, (layout, of_layout) in zip(panels, chosen.items(), strict=True):
        scales(axes, of_layout)
        panel(axes, of_layout)
        axes.set_title(ABOUT[layout], loc="left", fontsize=10, fontweight="bold", color="#333333")
        axes.set_ylabel("validation numbers right, best so far")
    panels[-1].set_xlabel("training time on two cores, start-up left out")
    legend(figure, [row for group in chosen.values() for row in group])
    return figure


def legend(figure: Figure, rows: Iterable[common.Row]) -> None:
    """What dashes mean, and what stands behind the names."""
    there = {row["backbone"] for row in rows if "(" not in row["contender"]}
    handles = [Line2D([], [], color=GREY, linestyle=STYLES[name], label=name) for name in STYLES if name in there]
    if any("(" in row["contender"] for row in rows):
        handles.append(Line2D([], [], color=GREY, linestyle=WITH_OPTIONS, label="with an option"))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, -0.005),
        ncols=len(handles),
        frameon=False,
        labelcolor=GREY,
        handlelength=3,
    )
    figure.text(0.985, 0.0155, "beside each name: test numbers right", ha="right", color=GREY)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--minutes", type=float, help="budget to draw; by default each contender's longest")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="file to draw: .svg, .png or .pdf")
    options = parser.parse_args()
    with mpl.rc_context(LOOK):
        figure = drawn(common.read_rows(options.out), options.minutes)
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        # Without a date the same rows give the same file.
        figure.savefig(options.picture, metadata={"Date": None} if options.picture.suffix == ".svg" else None)
    print(options.picture)


if __name__ == "__main__":
    common.run(main)
