"""What each contender bears: a heat map of the numbers right under every corruption."""

from __future__ import annotations

from textwrap import fill

from multidigit.comparison.groups import Condition
from multidigit.report.means import under_corruptions
from multidigit.report.plots.drawing import Chart, Drawing, new_figure
from multidigit.strips.corruptions import CORRUPTIONS

_LABEL = 16
"""Letters of a contender's label in one line."""
_DARK = 0.65
"""Share of numbers right from which on a cell is so dark that its figure is white."""


def robustness(drawing: Drawing, condition: Condition) -> list[Chart]:
    """A cell for each corruption and contender, the darker the more numbers are right; means over five severities."""
    found = {one.label: shares for one in condition.contenders if (shares := under_corruptions(one))}
    if not found:
        return []
    rows = ["clean", *CORRUPTIONS]
    figure, axes = new_figure(width=1.9 + 0.85 * len(found), height=0.24 * len(rows) + 0.5)
    cells = [[found[label][row] for label in found] for row in rows]
    axes.imshow(cells, cmap="Greys", vmin=0, vmax=1.15, aspect="auto")
    for row, line in enumerate(cells):
        for column, share in enumerate(line):
            colour = "white" if share >= _DARK else "black"
            axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(found)), [fill(label, _LABEL) for label in found])
    axes.set_yticks(range(len(rows)), rows)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    worst = "; ".join(
        f"{label}: clean {shares['clean']:.1%}, least under {min(shares, key=lambda row: shares[row])} "
        f"{min(shares.values()):.1%}"
        for label, shares in found.items()
    )
    title = f"{condition.label}: numbers right under corruptions"
    alt = f"Share of numbers right on {condition.label} strips under each corruption. {worst}."
    return [drawing.chart(figure, title, alt, condition.layout)]
