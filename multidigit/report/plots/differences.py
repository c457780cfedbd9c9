"""Every two strategies on the same strips: who is ahead, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from multidigit.comparison.pairs import Pair
from multidigit.report.plots.drawing import FAINT, SOFT, Chart, Drawing, new_figure


def differences(drawing: Drawing, found: Sequence[Pair]) -> list[Chart]:
    """Every two strategies: the difference in accuracy with its interval, a chart a layout."""
    charts = []
    for layout in dict.fromkeys(pair.layout for pair in found):
        pairs = [pair for pair in found if pair.layout == layout]
        with drawing.look():
            figure, axes = new_figure(left=1.4, height=0.7 + 0.3 * len(pairs), bottom=0.5)
            for place, pair in enumerate(pairs):
                ahead = pair.a if pair.difference > 0 else pair.b
                colour = drawing.looks.colour(ahead) if pair.resolved else SOFT
                axes.plot([100 * pair.low, 100 * pair.high], [place, place], color=colour, linewidth=2.2)
                face = colour if pair.resolved else "none"
                axes.plot([100 * pair.difference], [place], "o", color=colour, markersize=6, markerfacecolor=face)
            axes.axvline(0, color=SOFT, linewidth=0.9)
            axes.set_yticks(range(len(pairs)), [f"{pair.a} − {pair.b}" for pair in pairs])
            axes.set_ylim(len(pairs) - 0.5, -0.5)
            axes.margins(x=0.08)
            axes.grid(axis="x", color=FAINT, linewidth=0.6)
            axes.set_xlabel("numbers right, difference in points")
            told = "; ".join(
                f"{pair.a} less {pair.b} {100 * pair.difference:+.2f} points, "
                f"95 % interval {100 * pair.low:+.2f} to {100 * pair.high:+.2f}"
                for pair in pairs
            )
            title = f"{layout}: who is ahead, and by how much"
            charts.append(drawing.chart(figure, title, f"Differences on {layout} strips: {told}.", layout))
    return charts
