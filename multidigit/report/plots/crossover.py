"""Sequence accuracy of every contender along a sweep, and where the lead changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multidigit.comparison.crossover import Crossover, short_name
from multidigit.comparison.groups import Sweep, format_value
from multidigit.report.crossover import format_place, mean_and_range, sweep_sentence
from multidigit.report.plots.drawing import REFERENCE, SOFT, Chart, Drawing, accuracy_axis, errors, new_figure

APART = 0.08
"""Least distance of two values written below the axis, as a share of it."""


def crossover(drawing: Drawing, sweep: Sweep, crossovers: Sequence[Crossover]) -> Chart:
    """Means over seeds with the range of the seeds; a line where the lead changes, shaded over its interval."""
    figure, axes = new_figure(height=3.3)
    found = []
    for series in sweep.series:
        kept = [
            (at, right) for at, runs in zip(sweep.places, series.runs, strict=True) if (right := mean_and_range(runs))
        ]
        xs = [at for at, _ in kept]
        strips = max(run.metrics["test"]["strips"] for runs in series.runs for run in runs)
        mean, lowest, highest = errors([right for _, right in kept], strips).T
        look = drawing.looks.named(series.label, series.strategy)
        axes.fill_between(xs, lowest, highest, color=look["color"], alpha=0.22, linewidth=0, gid=look["gid"])
        edge = look | {"marker": "", "linestyle": "-", "linewidth": 0.5, "alpha": 0.5}
        axes.plot(xs, np.stack([lowest, highest], 1), **edge)
        axes.plot(xs, mean, **look)
        found.append(f"{series.label} " + ", ".join(f"{at:g}: {right[0]:.1%}" for at, right in kept))
    accuracy_axis(axes, "test numbers right")
    first, last = sweep.places[0], sweep.places[-1]
    width = last - first
    crossings = sorted((each.at, each) for each in crossovers if each.state == "crossing" and each.at is not None)
    for number, (at, each) in enumerate(crossings):
        low = sweep.places[0 if each.low is None else each.low]
        high = sweep.places[-1 if each.high is None else each.high]
        axes.axvspan(low, high, color=SOFT, alpha=0.1, linewidth=0)
        axes.axvline(at, **REFERENCE)
        axes.annotate(
            f" {each.one} = {each.two}: {format_place(sweep, at)} ",
            (at, axes.get_ylim()[0]),
            (0, 4 + 10 * number),
            textcoords="offset points",
            ha="left" if at < first + 0.6 * width else "right",
            fontsize=7.5,
        )
    ticks = _apart(sweep.places, APART * width)
    axes.set_xticks([sweep.places[index] for index in ticks], [format_value(sweep.values[index]) for index in ticks])
    axes.set(xlim=(first - 0.03 * width, last + 0.03 * width), xlabel=sweep.key)
    alt = f"Numbers right on {sweep.label} strips against {sweep.key}: {'; '.join(found)}."
    alt = f"{alt} {sweep_sentence(sweep, crossovers)}"
    title = f"{sweep.label} strips: {short_name(sweep.key)}"
    return drawing.chart(figure, title, alt, sweep.layout, standalone=True)


def _apart(places: Sequence[float], least: float) -> list[int]:
    """Indices of the first place, the last, and between them as many as stand so far apart."""
    kept = [0]
    for index, place in enumerate(places[:-1]):
        if place - places[kept[-1]] >= least and places[-1] - place >= least:
            kept.append(index)
    return [*kept, len(places) - 1]
