"""The error breakdown: how much of each contender's error is polarity, length, place, picture quality or class."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING, Any

from multidigit.comparison.groups import Condition
from multidigit.error_breakdown import CAUSES
from multidigit.report.means import CAUSE_NAMES, format_points, shares_by_cause
from multidigit.report.plots.drawing import INK, PALETTE, SOFT, Chart, Drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HATCHES = ("xxxx", "", "////", "....", "\\\\\\\\")
_LOOKS: dict[str, dict[str, Any]] = {
    cause: {"facecolor": colour, "hatch": hatch, "edgecolor": INK, "linewidth": 0.7}
    for cause, colour, hatch in zip(CAUSES, PALETTE[3:8], _HATCHES, strict=True)
}
"""Colour and hatching of each cause; colour alone would not do in print."""
_THICK = 0.46
"""Of a bar, the distance of two being 1."""
_LABEL = 26
"""Letters of a contender's label in one line."""
_ROOM = 0.055
"""Share of the axis that a figure above a part of a bar needs."""


def breakdown(drawing: Drawing, condition: Condition) -> list[Chart]:
    """A bar for each contender, in parts by cause; shares below 0 are drawn to the left."""
    from matplotlib.patches import Patch

    bars = [(contender, found) for contender in condition.contenders if (found := shares_by_cause(contender))]
    if not bars:
        return []
    low = min(sum(min(share, 0) for share in found.values()) for _, found in bars)
    high = max(sum(max(share, 0) for share in found.values()) for _, found in bars)
    figure, axes = new_figure(height=0.5 * len(bars) + 0.8)
    axes.set(xlim=(102 * low, 110 * max(high, 0.001)), ylim=(len(bars) - 0.5, -0.5))
    axes.set_yticks(range(len(bars)), [fill(contender.label, _LABEL) for contender, _ in bars])
    for place, (contender, found) in enumerate(bars):
        gid = f"strategy-{drawing.looks.index[contender.strategy]}"
        axes.get_yticklabels()[place].set_gid(gid)
        _bar(axes, place, found, gid)
    axes.axvline(0, color=SOFT, linewidth=0.9)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("numbers wrong, in points")
    figure.legend(
        handles=[Patch(**look, label=CAUSE_NAMES[cause]) for cause, look in _LOOKS.items()],
        loc="outside upper center",
        ncols=len(_LOOKS),
        fontsize=7.5,
        frameon=False,
        handlelength=1.6,
        handletextpad=0.4,
        columnspacing=1.0,
    )
    words = [
        f"{contender.label} {format_points(sum(found.values()))}: "
        + ", ".join(f"{CAUSE_NAMES[cause]} {format_points(share)}" for cause, share in found.items())
        for contender, found in bars
    ]
    title = f"{condition.label}: what the errors are made of"
    alt = f"Error breakdown on {condition.label} strips, in points of numbers wrong, in all and by cause: "
    return [drawing.chart(figure, title, f"{alt}{'; '.join(words)}.", condition.layout)]


def _bar(axes: Axes, place: int, found: Mapping[str, float], gid: str) -> None:
    """The parts of one bar, each with its figure above it where there is room, and the whole beside it."""
    low, high = axes.get_xlim()
    up = down = 0.0
    for cause, share in found.items():
        width = 100 * share
        start = up if width >= 0 else down
        up, down = max(up, start + width), min(down, start + width)
        if not width:
            continue
        axes.barh(place, width, _THICK, start, gid=gid, **_LOOKS[cause])
        if abs(width) >= _ROOM * (high - low):
            middle, above = start + width / 2, place - _THICK / 2 - 0.03
            axes.text(middle, above, f"{width:.1f}", ha="center", va="bottom", fontsize=7, gid=gid)
    whole = f"{100 * sum(found.values()):.1f}"
    axes.annotate(whole, (up, place), (4, 0), textcoords="offset points", va="center", weight="bold", gid=gid)
