"""What agreement is worth against confidence: accuracy by the share of strips answered, by either."""

from __future__ import annotations

from typing import Any

import numpy as np

from multidigit.report.agreeing import Agreeing
from multidigit.report.coverage import ACROSS, curve
from multidigit.report.plots.drawing import (
    INK,
    Chart,
    Drawing,
    accuracy_axis,
    errors,
    floor_of,
    new_figure,
    percents,
)
from multidigit.report.plots.measured import FEWEST, POINTS

MARKS = ("*", "d", "h")
"""Where all agree, where one less does or more, and so on; none of them stands for a strategy."""


def agreement(drawing: Drawing, panel: Agreeing) -> list[Chart]:
    """Each member's own confidence as a curve; beside them, as marks, the strips on which all agree, or fewer do."""
    told = []
    with drawing.look():
        figure, axes = new_figure(height=3.2)
        floor = floor_of([panel.found.strips])
        for member, confidence, right in zip(panel.members, panel.confidence, panel.right, strict=True):
            answered, accuracy = curve(confidence, right)
            wanted = np.linspace(FEWEST, 1, POINTS)
            points = np.unique(np.searchsorted(answered, wanted).clip(0, len(answered) - 1))
            line = drawing.looks.of(member, marker="", clip_on=True, linewidth=1.2)
            axes.plot(answered[points], errors(accuracy[points], floor), **line)
            axes.plot([1], errors(accuracy[-1:], floor), **drawing.looks.of(member))
        levels = [level for level in panel.found.levels if level.fewest > 1 and level.strips]
        # Of more members than marks the most agreeing are shown.
        for level, mark in zip(levels, MARKS, strict=False):
            share, right_of = level.strips / panel.found.strips, level.right / level.strips
            axes.plot([share, share], errors([level.low, level.high], floor), color=INK, linewidth=1.2)
            look: dict[str, Any] = {"color": INK, "linestyle": "", "zorder": 3, "clip_on": False}
            look |= {"marker": mark, "markersize": 9 if mark == MARKS[0] else 6.5}
            axes.plot([share], errors([right_of], floor), label=panel.what(level), **look)
            told.append(f"{panel.what(level)} on {share:.1%} of the strips, {right_of:.2%} of these right")
        if told:
            # The page's legend knows contenders only. Curves fall, so that this corner is free.
            axes.legend(*axes.get_legend_handles_labels(), loc="upper right", frameon=False, fontsize=8)
        accuracy_axis(axes, "right of those")
        axes.set_xlim(0, 1)
        percents(axes.xaxis)
        axes.set_xlabel(ACROSS)
        agreed = panel.found.agreed
        if agreed.strips:
            rivals = ", ".join(
                f"{member.label} {rival.surest / agreed.strips:.2%}"
                for member, rival in zip(panel.members, panel.found.rivals, strict=True)
            )
            told.append(f"of as many strips as all agree on, each by its own confidence: {rivals}")
        alt = f"Agreement against confidence on {panel.condition.label} strips: {'; '.join(told) or 'none agree'}."
        return [drawing.chart(figure, f"{panel.condition.label} strips", alt, panel.condition.layout)]
