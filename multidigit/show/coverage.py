"""The accuracy-coverage curve: the share of answers that are right when only the most confident ones are given."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, MultidigitError
from multidigit.files import write_bytes
from multidigit.metrics import TARGET

Floats = NDArray[np.float64]

ACROSS, UP = "share of strips answered", "answered numbers that are right"
FEWEST = 0.01
"""Least share of the strips for which accuracy is drawn: one of two right is no 50 %."""
WIDTH, HEIGHT = 60, 13
"""Characters and lines of the chart in the terminal."""
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_INTERVALS = 4
"""Between the marks on the upright axis, at most."""
_NARROWEST = 0.005
"""Least range of accuracy that is drawn."""
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a Braille character, row by row from the top."""
_BRAILLE = 0x2800
_PLAIN = " '.:"
LOOK: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that the picture is the same everywhere
    "svg.fonttype": "path",
    "svg.hashsalt": "multidigit",
    "axes.edgecolor": "#999999",
}


def curve(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Coverage and accuracy at every threshold there is, from the highest to the one that answers all.

    Args:
        confidence: shape (N,), N at least 1.
        right: which strips were read right, ``bool``, shape (N,).

    Returns:
        The share of strips answered, rising to 1, and the share of these that is right; both of shape (M,), one entry
        for every confidence that occurs.

    Raises:
        DataError: there are no strips, or the shapes differ.
    """
    if confidence.ndim != 1 or confidence.shape != right.shape or not len(right):
        raise DataError(
            "a curve needs one confidence and one truth for each of at least one strip; "
            f"received shapes {confidence.shape} and {right.shape}"
        )
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    # Strips of equal confidence are answered together.
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    answered = last + 1
    return answered / len(order), right[order].cumsum()[last] / answered


def draw_terminal(coverage: Floats, accuracy: Floats, plain: bool = False) -> str:
    """The curve in at most ``HEIGHT`` lines of at most ``WIDTH`` characters.

    Args:
        coverage, accuracy: see ``curve``.
        plain: in ASCII, not in Braille dots.
    """
    low, high, step = _range(coverage, accuracy)
    intervals = round((high - low) / step)
    marks = [f"{high - index * step:.{_decimals(step)}%}" for index in range(intervals + 1)]
    margin = max(map(len, marks)) + 1
    # Marks stand a whole number of lines apart; five lines are for the labels of the axes.
    apart = (HEIGHT - 5) // intervals
    columns, rows = WIDTH - margin - 1, apart * intervals + 1

    # Of each column of dots the row of the accuracy there, a mark being at the second of its line's four. Fewer strips
    # than the first threshold answers cannot be answered.
    places = np.linspace(0, 1, 2 * columns)
    shown = np.flatnonzero(places >= max(FEWEST, coverage[0]))
    values = accuracy[np.searchsorted(coverage, places[shown])]
    heights = np.clip(np.rint((high - values) / step * 4 * apart).astype(int) + 1, 0, 4 * rows - 1)
    dots = np.zeros((4 * rows, 2 * columns), np.bool_)
    for x, before, now in zip(shown, [heights[0], *heights], heights, strict=False):
        dots[min(before, now) : max(before, now) + 1, x] = True

    upright, tick, corner, flat = "|++-" if plain else "│┤└─"
    lines = [UP]
    for row, cells in enumerate(dots.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)):
        label = "" if row % apart else marks[row // apart]
        lines.append(f"{label:>{margin}}{upright if row % apart else tick}{_characters(cells, plain)}")
    below = [" "] * WIDTH
    for quarter in range(5):
        text = f"{quarter / 4:.0%}"
        start = margin + 1 + round(quarter / 4 * (columns - 1)) - len(text) // 2
        start = min(start, WIDTH - len(text))
        below[start : start + len(text)] = text
    lines += [f"{'':{margin}}{corner}{flat * columns}", "".join(below), f"{'':{margin}} {ACROSS:^{columns}}"]
    return "\n".join(line.rstrip() for line in lines)


def write_picture(path: Path, coverage: Floats, accuracy: Floats, title: str) -> None:
    """The curve as a picture file, ``.svg``, ``.png`` or ``.pdf``; written whole or not at all.

    Args:
        path: the file; replaced where it exists.
        coverage, accuracy: see ``curve``.
        title: one line above the curve.

    Raises:
        MultidigitError: the file has another ending, or cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png", "pdf"):
        raise MultidigitError(f"{path}: expected a file that ends in .svg, .png or .pdf; received {path.suffix!r}")
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    low, high, step = _range(coverage, accuracy)
    data = BytesIO()
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
        axes = figure.subplots()
        shown = coverage >= FEWEST
        line: dict[str, Any] = {"color": "#0072B2", "linewidth": 1.7, "drawstyle": "steps-pre", "zorder": 3}
        # A single point has no line.
        axes.plot(coverage[shown], accuracy[shown], marker="" if shown.sum() > 1 else "o", clip_on=False, **line)
        reached = np.flatnonzero(accuracy >= TARGET)
        if len(reached) and low < TARGET < high:
            most = float(coverage[reached[-1]])
            axes.plot([0, most, most], [TARGET, TARGET, low], color="#D55E00", linewidth=1, linestyle=(0, (4, 2)))
            # Beside the foot of the line, on the side with room.
            left = most > 0.5
            axes.annotate(
                f"{TARGET:.0%} right with {most:.1%} answered",
                (most, low),
                (-5 if left else 5, 6),
                textcoords="offset points",
                ha="right" if left else "left",
                color="#D55E00",
            )
        axes.set(xlim=(0, 1), ylim=(low, high + (high - low) * 0.02), xlabel=ACROSS, ylabel=UP)
        axes.xaxis.set_major_locator(MultipleLocator(0.1))
        axes.yaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, _decimals(step)))
        axes.set_title(title, loc="left", fontsize=10)
        axes.grid(color="#e4e4e4", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        # Without a date the same curve gives the same file.
        dateless: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(data, format=kind, metadata=dateless.get(kind))
    write_bytes(path, data.getvalue())


def _range(coverage: Floats, accuracy: Floats) -> tuple[float, float, float]:
    """Lowest and highest accuracy to be drawn, and the step between the marks, of which both are multiples."""
    drawn = accuracy[coverage >= FEWEST]
    # A level line shows no more than that it is level.
    high = max(float(drawn.max()), _NARROWEST)
    low = min(float(drawn.min()), high - _NARROWEST)
    for step in _STEPS:
        # Counted in whole steps, rounded: 0.3 / 0.1 is a little less than 3.
        first, last = int(np.floor(round(low / step, 6))), int(np.ceil(round(high / step, 6)))
        if last - first <= _INTERVALS:
            break
    return first * step, last * step, step


def _decimals(step: float) -> int:
    return 1 if step < 0.01 else 0


def _characters(cells: NDArray[np.bool_], plain: bool) -> str:
    """A line of the chart from its dots, shape (columns, 4, 2)."""
    if plain:
        halves: list[int] = (cells.reshape(-1, 2, 4).any(-1) @ np.array([1, 2])).tolist()
        return "".join(_PLAIN[half] for half in halves)
    codes: list[int] = (cells * _DOTS).sum((1, 2)).tolist()
    return "".join(chr(_BRAILLE + code) if code else " " for code in codes)
