"""Strips in the terminal: half blocks in grey where it has the colours for it, shades of plain characters elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

_REDUCTIONS = (1, 2, 4)
"""Pixels of a strip that become one, each way; digits reduced further can hardly be read."""
_SMALLEST = 7
"""The reduction of strips that are too wide for the screen otherwise."""
_GAP = 2
_BELOW = 2
"""Lines under a strip: its caption and an empty one."""
_PROMPT = 2
"""Lines of a screen that are left for what comes before and after."""
_SHADES = " .:-=+*#%@"
_UPPER_HALF = "▀"


@dataclass(frozen=True)
class Plan:
    """How strips stand on the screen.

    Attributes:
        count: strips that are shown.
        columns: strips side by side.
        reduction: pixels that become one, each way.
    """

    count: int
    columns: int
    reduction: int


def plan(count: int, slots: int, width: int, height: int | None = None) -> Plan:
    """As large as all fit; where they do not, as many as fit at half their size, or smaller on a narrow screen.

    Args:
        count: strips to be shown.
        slots: of each strip.
        width: of the screen, in characters.
        height: of the screen, in lines; ``None`` where it has no end.
    """
    plans = {}
    for reduction in (*_REDUCTIONS, _SMALLEST):
        columns = (width + _GAP) // (slots * CELL // reduction + _GAP)
        lines = -(-CELL // (2 * reduction)) + _BELOW
        fitting = columns * (count if height is None else (height - _PROMPT) // lines)
        plans[reduction] = Plan(min(count, max(fitting, 1)), max(columns, 1), reduction)
        if fitting >= count and reduction in _REDUCTIONS:
            return plans[reduction]
    return next((each for each in (plans[2], plans[4]) if slots * CELL // each.reduction <= width), plans[_SMALLEST])


def draw(strips: NDArray[np.uint8], captions: Sequence[str], how: Plan, grey: bool) -> Text:
    """Strips in rows, each with its caption under it.

    Args:
        strips: ``uint8``, shape (N, 28, 28·slots); the plan says how many of them are drawn.
        captions: one line each.
        how: see ``plan``.
        grey: whether in grey half blocks, or in plain characters.
    """
    from rich.text import Text

    pairs = _halves(strips[: how.count], how.reduction)
    wide, gap = pairs.shape[2], Text(" " * _GAP)
    lines = []
    for first in range(0, how.count, how.columns):
        row = range(first, min(first + how.columns, how.count))
        for line in range(pairs.shape[1]):
            lines.append(gap.join(_grey(pairs[index, line]) if grey else _plain(pairs[index, line]) for index in row))
        lines += [gap.join(Text(captions[index][:wide].ljust(wide)) for index in row), Text()]
    for text in lines:
        text.rstrip()
    return Text("\n").join(lines)


def show(strips: NDArray[np.uint8], captions: Sequence[str], console: Console) -> int:
    """Draws strips on a console: as many as fit if it is a terminal, all of them elsewhere.

    Returns:
        How many were drawn.
    """
    count, _, width = strips.shape
    if console.is_terminal:
        how = plan(count, width // CELL, console.width, console.height)
    else:
        # A file has no width of its own; the variable COLUMNS sets one.
        how = plan(count, width // CELL, shutil.get_terminal_size((width, 1)).columns)
    text = draw(strips, captions, how, grey=has_greys(console))
    console.print(text, highlight=False, soft_wrap=True)
    return how.count


def has_greys(console: Console) -> bool:
    """Whether a console shows half blocks in grey."""
    # Of sixteen colours four are grey: plain characters have more shades.
    colours = console.is_terminal and not console.no_color and console.color_system in ("256", "truecolor")
    return colours and console.encoding.startswith("utf")


def _halves(strips: NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    """Upper and lower pixel of every character, shape (N, lines, columns, 2)."""
    count, height, width = strips.shape
    blocks = strips.reshape(count, height // reduction, reduction, width // reduction, reduction)
    small = blocks.mean((2, 4)).round().astype(np.uint8)
    small = np.pad(small, ((0, 0), (0, small.shape[1] % 2), (0, 0)))
    return small.reshape(count, -1, 2, small.shape[2]).transpose(0, 1, 3, 2)


def _plain(pairs: NDArray[np.uint8]) -> Text:
    from rich.text import Text

    return Text("".join(_SHADES[shade] for shade in pairs.mean(-1).astype(int) * len(_SHADES) // 256))


def _grey(pairs: NDArray[np.uint8]) -> Text:
    from rich.text import Text

    text = Text()
    for (upper, lower), run in groupby(map(tuple, pairs.tolist())):
        text.append(_UPPER_HALF * len(list(run)), _style(upper, lower))
    return text


@lru_cache(maxsize=4096)
def _style(upper: int, lower: int) -> Style:
    from rich.color import Color
    from rich.style import Style

    return Style(color=Color.from_rgb(upper, upper, upper), bgcolor=Color.from_rgb(lower, lower, lower))
