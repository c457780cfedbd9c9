"""The pen: draws a batch of digits from styles, with all that makes two hands, and two digits of one hand, differ.

Every image is a function of its label and of ``DRAWS`` numbers between 0 and 1, so that a digit does not depend on its
neighbours in the batch. Only + - * /, square roots, floors, comparisons and copies touch the numbers, each on its own
element: IEEE 754 fixes their last bit, so the same seed gives the same bytes on any machine. Sines, powers, normal
deviates, matrix products and sums of floats are left out for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.drawn.styles import SAMPLES, STYLES, Style, Tables, choice, tables
from multidigit.digits.generated import BOX, Dice, centred

Floats = NDArray[np.float64]

DRAWS = 256
"""Random numbers set aside for each image; some are spare, so that a new variation need not move the others."""


@dataclass(frozen=True)
class Variation:
    """How much digits differ. Pairs are the limits of an even spread; single numbers are the standard deviation of a
    bell-shaped one, which ends at three of them. Lengths are in heights of the digit unless pixels are named."""

    # Place on the way from a style's first path to its second; beyond 0 and 1 it is exaggerated
    between: tuple[float, float] = (-0.4, 1.4)
    # Factor, one per digit, on the shaky parts: ``points``, ``strokes`` and ``warp``
    sloppiness: tuple[float, float] = (0.2, 1.3)
    points: float = 0.055  # each point of a path, in x and in y, on its own
    strokes: float = 0.05  # each stroke as a whole, in x and in y
    # Each end of a stroke: overshoot, in lengths of the way to the next point; negative falls short
    ends: tuple[float, float] = (-0.4, 0.4)
    # How far a sample moves towards the middle of its neighbours: corners and bends are cut, or sharpened
    rounding: tuple[float, float] = (-0.35, 0.4)
    # Distances to those neighbours, in samples; each with a rounding of its own
    rounding_spans: tuple[int, ...] = (4, 9, 16)
    warp: float = 0.11  # coefficients of the smooth warp of the plane, in half heights
    width: tuple[float, float] = (0.85, 1.9)  # factor on the style's own width
    slant: float = 0.26  # shear: lengths to the right per length upwards
    slant_mean: float = 0.12  # most people's writing leans to the right
    turn: float = 0.11  # rotation: tangent of half its angle
    size: tuple[float, float] = (18.5, 20.5)  # longer side of the ink, in pixels
    radius: tuple[float, float] = (0.6, 2.2)  # half the pen's width, in pixels; triangular, most common in the middle
    # Keeps room between the lines: the largest radius, in lengths of the digit's shorter side, times the length of
    # its path in heights. A path of length ``crowds_from`` or less, such as a plain 1, may be as bold as it likes
    crowding: float = 0.5
    crowds_from: float = 1.35  # length of path, in heights, up to which lines do not crowd each other
    boldness: float = 1.3  # factor on the radius of such a short path: nothing is lost when it is bold
    # Change of that radius along a stroke, as a share: from one end to the other, and from the ends to the middle
    taper: float = 0.12
    nib: float = 0.1  # difference between the pen's half width in x and in y, as a share
    edge: tuple[float, float] = (0.5, 1.6)  # width in pixels of the edge in which ink fades into paper
    peak: tuple[float, float] = (0.8, 1.3)  # brightness of full ink, cut off at 1


def draw_batch(
    labels: NDArray[np.uint8],
    numbers: Floats,
    slashed: bool = False,
    variation: Variation | None = None,
    styles: tuple[Style, ...] = STYLES,
) -> NDArray[np.uint8]:
    """Draws one digit per label.

    Args:
        labels: the digits, 0 to 9, shape (B,).
        numbers: between 0 and 1, shape (B, ``DRAWS``), that decide everything else.
        slashed: whether some zeros get a stroke through them.
        variation: how much digits differ.
        styles: ways to write, at least one of each digit.

    Returns:
        ``uint8`` images (B, 28, 28), ink bright on dark, its centre of mass in the middle pixel.
    """
    how = variation or Variation()
    dice = Dice(numbers)
    style = (dice.even((0.0, 1.0)) >= choice(slashed, styles)[labels]).sum(1)
    table = tables(styles)
    x, y, along = _strokes(table, style, dice, how)
    x, y = _posture(x, y, dice, how)
    return centred(_ink(x, y, along, table.length[style][:, None], dice, how))


def _strokes(table: Tables, style: NDArray[np.int64], dice: Dice, how: Variation) -> tuple[Floats, Floats, Floats]:
    """Samples of each digit's strokes: x, y, and how far along its stroke each is, from -1 to 1; all (B, SAMPLES)."""
    rows = np.arange(len(style))[:, None]
    sloppiness = dice.even(how.sloppiness)[:, :, None]
    here, there = table.points[style], table.towards[style]
    points = here + dice.even(how.between)[:, :, None] * (there - here)
    count = points.shape[1]
    points += sloppiness * dice.bell(how.points, 2 * count).reshape(-1, count, 2)
    end, inner = table.end[style], table.inner[style]
    for column, overshoot in enumerate(dice.even(how.ends, end.shape[1]).T):
        tip = points[rows[:, 0], end[:, column]]
        points[rows[:, 0], end[:, column]] = tip + overshoot[:, None] * (tip - points[rows[:, 0], inner[:, column]])

    index, share = table.index[style], table.share[style]
    path = share[:, :, :1] * points[rows, index[:, :, 0]]
    for j in range(1, 4):
        path += share[:, :, j : j + 1] * points[rows, index[:, :, j]]
    most_strokes = end.shape[1] // 2
    shift = sloppiness * dice.bell(how.strokes, 2 * most_strokes).reshape(-1, most_strokes, 2)
    path += shift[rows, table.stroke[style]]

    first, last = table.first[style], table.last[style]
    for span in how.rounding_spans:
        number = np.arange(SAMPLES)
        back, ahead = np.maximum(number - span, first), np.minimum(number + span, last)
        # Near an end both steps are as short as the shorter one, or the stroke would shrink from its ends.
        reach = np.minimum(number - back, ahead - number)
        middle = (path[rows, number - reach] + path[rows, number + reach]) / 2
        path = path + dice.even(how.rounding)[:, :, None] * (middle - path)

    along = (2 * np.arange(SAMPLES) - first - last) / (last - first)
    return path[:, :, 0], path[:, :, 1], along


def _posture(x: Floats, y: Floats, dice: Dice, how: Variation) -> tuple[Floats, Floats]:
    """Warps, widens, slants and turns; takes and gives x and y of shape (B, SAMPLES)."""
    x, y = (2 * (part - (part.min(1, keepdims=True) + part.max(1, keepdims=True)) / 2) for part in (x, y))
    # Bends and swellings up to the third degree: enough for a hand that swings, too few to break a stroke.
    terms = (x * y, x * x, y * y, x * y * y, y * y * y, x * x * y)
    bend_x, bend_y = (dice.bell(how.warp, len(terms)) for _ in range(2))
    new_x, new_y = x, y
    for j, term in enumerate(terms):
        new_x = new_x + bend_x[:, j : j + 1] * term
        new_y = new_y + bend_y[:, j : j + 1] * term
    x, y = new_x * dice.even(how.width), new_y
    x = x - (how.slant_mean + dice.bell(how.slant)) * y
    t = dice.bell(how.turn)
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    return cosine * x - sine * y, sine * x + cosine * y


def _ink(x: Floats, y: Floats, along: Floats, length: Floats, dice: Dice, how: Variation) -> NDArray[np.uint8]:
    """Images of the inked strokes in their box, ``uint8`` (B, BOX, BOX).

    ``x``, ``y`` and ``along`` are (B, SAMPLES), ``length`` of the path in heights is (B, 1).
    """
    middles, extents = [], []
    for part in (x, y):
        least, most = part.min(1, keepdims=True), part.max(1, keepdims=True)
        middles.append((least + most) / 2)
        extents.append(most - least)
    size, longer = dice.even(how.size), np.maximum(*extents)
    low, high = how.radius
    base = low + (high - low) * (dice.even((0.0, 1.0)) + dice.even((0.0, 1.0))) / 2
    boldest = np.maximum(low, how.crowding * size * np.minimum(*extents) / (longer * length))
    base = np.where(length <= how.crowds_from, how.boldness * base, np.minimum(base, boldest))
    radius = base * (1 + dice.bell(how.taper) * along + dice.bell(how.taper) * (along * along - 0.5))
    nib = dice.bell(how.nib)
    edge, peak = dice.even(how.edge), dice.even(how.peak)

    room = size - 2 * radius.max(1, keepdims=True) - edge / 2
    scale = room / longer
    pixel = np.arange(BOX) + 0.5 - BOX / 2

    def steps(part: Floats, middle: Floats, half_width: Floats) -> NDArray[np.float32]:
        """Squared distance of each pixel row or column from each sample, in pen radii: (SAMPLES, B, BOX)."""
        away = (pixel - ((part - middle) * scale).T[:, :, None]) / half_width.T[:, :, None]
        squared: NDArray[np.float32] = (away * away).astype(np.float32)
        return squared

    # The pen leaves a row of overlapping discs. A pixel's distance to the nearest, in radii, makes its ink: for each
    # disc one addition and one comparison per pixel, since squared distances add up from a row and a column.
    across, down = steps(x, middles[0], radius * (1 + nib)), steps(y, middles[1], radius * (1 - nib))
    nearest = np.full((len(x), BOX, BOX), np.inf, np.float32)
    distance = np.empty_like(nearest)
    for sample in range(SAMPLES):
        np.add(across[sample][:, None, :], down[sample][:, :, None], out=distance)
        np.minimum(nearest, distance, out=nearest)
    fade = (base / edge).astype(np.float32)[:, :, None]
    cover = np.clip((1 - np.sqrt(nearest)) * fade + np.float32(0.5), 0, 1)
    shade = np.minimum(cover * (255 * peak).astype(np.float32)[:, :, None], 255)
    ink: NDArray[np.uint8] = (shade + np.float32(0.5)).astype(np.uint8)
    return ink
