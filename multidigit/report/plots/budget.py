"""The error budget: how much of each contender's error is polarity, length, place, picture quality or class."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

from multidigit.comparison.groups import Condition
from multidigit.error_breakdown import CAUSES
from multidigit.report.budget import WORDS, points, shares
from multidigit.report.plots.drawing import FAINT, INK, PALETTE, SOFT, Chart, Drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS = dict(zip(CAUSES, zip(PALETTE[3:8], ("xxxx", "", "////", "....", "\\\\\\\\"), strict=True), strict=True))
"""Colour and hatching of each; colour alone would not do in print."""
_THICK = 0.46
"""Of a bar, the distance of two being 1."""
_LABEL = 26
"""Letters of a contender's label in one line."""
_ROOM = 0.055
"""Share of the axis that a figure above a part of a bar needs."""


def budget(drawing: Drawing, condition: Condition) -> list[Chart]:
    """A bar a contender, in parts by cause; what is below 0 goes to the left."""
    bars = [(contender, found) for contender in condition.contenders if (found := shares(contender))]
    if not bars:
        return []
    ends = [
        (sum(min(share, 0) for share in of.values()), sum(max(share, 0) for share in of.values())) for _, of in bars
    ]
    low, high = 100 * min(end for end, _ in ends), 100 * max(max(end for _, end in ends), 0.001)
    with drawing.look():
        height, bottom, top = 0.5, 0.45, 0.32
        left = 0.25 + 0.068 * max(len(line) for contender, _ in bars for line in wrap(contender.label, _LABEL))
        figure, axes = new_figure(
            height=height * len(bars) + bottom + top, left=left, bottom=bottom, top=top, right=0.55
        )
        axes.set_xlim(1.02 * low, 1.02 * high)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_yticks(range(len(bars)), [fill(contender.label, _LABEL) for contender, _ in bars])
        for place, (contender, found) in enumerate(bars):
            gid = f"strategy-{drawing.looks.index[contender.strategy]}"
            axes.get_yticklabels()[place].set_gid(gid)
            _bar(axes, place, found, gid)
        axes.axvline(0, color=SOFT, linewidth=0.9)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_xlabel("numbers wrong, in points")
        _legend(axes)
        told = "; ".join(
            f"{contender.label} {points(sum(found.values()))}: "
            + ", ".join(f"{WORDS[cause]} {points(share)}" for cause, share in found.items())
            for contender, found in bars
        )
        title = f"{condition.label}: what the errors are made of"
        alt = f"Error budget on {condition.label} strips, in points of numbers wrong, in all and by cause: {told}."
        return [drawing.chart(figure, title, alt, condition.layout)]


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
        colour, hatch = _LOOKS[cause]
        look: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": INK, "linewidth": 0.7}
        axes.barh(place, width, _THICK, start, gid=gid, **look)
        if abs(width) >= _ROOM * (high - low):
            middle, above = start + width / 2, place - _THICK / 2 - 0.03
            axes.text(middle, above, f"{width:.1f}", ha="center", va="bottom", fontsize=7, gid=gid)
    whole = f"{100 * sum(found.values()):.1f}"
    axes.annotate(whole, (up, place), (4, 0), textcoords="offset points", va="center", weight="bold", gid=gid)


def _legend(axes: Axes) -> None:
    """Which part is what, above the bars."""
    from matplotlib.patches import Patch

    parts = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.7, label=WORDS[cause])
        for cause, (colour, hatch) in _LOOKS.items()
    ]
    axes.figure.legend(
        handles=parts,
        loc="upper center",
        ncols=len(parts),
        fontsize=7.5,
        frameon=False,
        borderaxespad=0.1,
        handlelength=1.6,
        handletextpad=0.4,
        columnspacing=1.0,
    )
