"""Sequence accuracy of every contender along a sweep, and where the lead changes."""

from __future__ import annotations

from collections.abc import Sequence

from multidigit.comparison.crossover import Crossover, short_name
from multidigit.comparison.groups import Sweep, format_value
from multidigit.report.crossover import format_place, mean_and_range, sweep_sentence
from multidigit.report.plots.drawing import SOFT, Chart, Drawing, accuracy_axis, errors, floor_of, new_figure

APART = 0.08
"""Least distance of two values written below the axis, as a share of it."""


def crossover(drawing: Drawing, sweep: Sweep, found: Sequence[Crossover]) -> Chart:
    """Means over seeds with the range of the seeds; a line where the lead changes, shaded over its interval."""
    with drawing.look():
        figure, axes = new_figure(height=3.3, bottom=0.5)
        told = []
        for course in sweep.series:
            kept = [
                (at, right, [run.metrics["test"]["strips"] for run in runs])
                for at, runs in zip(sweep.places, course.runs, strict=True)
                if (right := mean_and_range(runs))
            ]
            xs, floor = [at for at, _, _ in kept], floor_of([count for _, _, strips in kept for count in strips])
            mean, lowest, highest = (errors([right[which] for _, right, _ in kept], floor) for which in range(3))
            look = drawing.looks.named(course.label, course.strategy)
            axes.fill_between(xs, lowest, highest, color=look["color"], alpha=0.22, linewidth=0, gid=look["gid"])
            for edge in (lowest, highest):
                axes.plot(xs, edge, **look | {"marker": "", "linestyle": "-", "linewidth": 0.5, "alpha": 0.5})
            axes.plot(xs, mean, **look)
            told.append(f"{course.label} " + ", ".join(f"{at:g}: {right[0]:.1%}" for at, right, _ in kept))
        accuracy_axis(axes, "test numbers right")
        width = sweep.places[-1] - sweep.places[0]
        crossings = sorted((met.at, met) for met in found if met.state == "crossing" and met.at is not None)
        for at, meeting in crossings:
            low = sweep.places[0 if meeting.low is None else meeting.low]
            high = sweep.places[-1 if meeting.high is None else meeting.high]
            axes.axvspan(low, high, color=SOFT, alpha=0.1, linewidth=0)
            axes.axvline(at, color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
        for number, (at, meeting) in enumerate(crossings):
            early = at < sweep.places[0] + 0.6 * width
            words = f" {meeting.one} = {meeting.two}: {format_place(sweep, at)} "
            axes.annotate(
                words,
                (at, axes.get_ylim()[0]),
                (0, 4 + 10 * number),
                textcoords="offset points",
                ha="left" if early else "right",
                fontsize=7.5,
            )
        ticks = _apart(sweep.places, APART * width)
        axes.set_xticks(
            [sweep.places[index] for index in ticks], [format_value(sweep.values[index]) for index in ticks]
        )
        margin = 0.03 * width
        axes.set_xlim(sweep.places[0] - margin, sweep.places[-1] + margin)
        axes.set_xlabel(sweep.key)
        alt = f"Numbers right on {sweep.label} strips against {sweep.key}: {'; '.join(told)}."
        alt = f"{alt} {sweep_sentence(sweep, found)}"
        return drawing.chart(figure, f"{sweep.label} strips: {short_name(sweep.key)}", alt, sweep.layout)


def _apart(places: Sequence[float], least: float) -> list[int]:
    """Indices of the first place, the last, and between them as many as stand so far apart."""
    kept = [0]
    for index, place_ in enumerate(places[:-1]):
        if place_ - places[kept[-1]] >= least and places[-1] - place_ >= least:
            kept.append(index)
    return [*kept, len(places) - 1]
