"""Every two strategies on the same strips: who is ahead, by how much, and with what interval."""

from __future__ import annotations

from collections.abc import Sequence

from multidigit.comparison.pairs import Pair
from multidigit.report.plots.drawing import SOFT, Chart, Drawing, new_figure


def differences(drawing: Drawing, pairs: Sequence[Pair]) -> list[Chart]:
    """The difference in accuracy of every two strategies with its interval, a chart for each kind of strips."""
    kinds = dict.fromkeys((pair.layout, pair.condition) for pair in pairs)
    with drawing.style():
        return [
            _differences(drawing, [pair for pair in pairs if (pair.layout, pair.condition) == kind]) for kind in kinds
        ]


def _differences(drawing: Drawing, pairs: Sequence[Pair]) -> Chart:
    layout, condition = pairs[0].layout, pairs[0].condition
    strips = f"{layout} ({condition})" if condition else layout
    figure, axes = new_figure(height=0.7 + 0.3 * len(pairs))
    for place, pair in enumerate(pairs):
        ahead = pair.a if pair.difference > 0 else pair.b
        colour = drawing.looks.colour(ahead) if pair.resolved else SOFT
        axes.plot([100 * pair.low, 100 * pair.high], [place, place], color=colour, linewidth=2.2)
        face = colour if pair.resolved else "none"
        axes.plot([100 * pair.difference], [place], "o", color=colour, markersize=6, markerfacecolor=face)
    axes.axvline(0, color=SOFT, linewidth=0.9)
    axes.set_yticks(range(len(pairs)), [f"{pair.a} − {pair.b}" for pair in pairs])
    axes.set(ylim=(len(pairs) - 0.5, -0.5), xlabel="numbers right, difference in points")
    axes.margins(x=0.08)
    axes.grid(axis="x")
    found = "; ".join(
        f"{pair.a} less {pair.b} {100 * pair.difference:+.2f} points, "
        f"95 % interval {100 * pair.low:+.2f} to {100 * pair.high:+.2f}"
        for pair in pairs
    )
    title = f"{strips}: who is ahead, and by how much"
    return drawing.chart(figure, title, f"Differences on {strips} strips: {found}.", layout)
