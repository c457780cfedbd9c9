"""Digits on seven-segment and dot-matrix displays: geometry alone, the same on any machine."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.generated import Dice
from multidigit.digits.printed.canvas import Field, chance, choose, single, view
from multidigit.digits.printed.fonts import Faces
from multidigit.digits.printed.ranges import Ranges

SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcfgd")
"""Lit segments of each digit: a top, b upper right, c lower right, d bottom, e lower left, f upper left, g middle."""
LEFT_ONE = "ef"
SEGMENT_PLACES = (
    # Middle in half widths and half heights of the frame, whether it lies along x, and where the frame's inside is.
    (0.0, -1.0, True, 1.0),
    (1.0, -0.5, False, -1.0),
    (1.0, 0.5, False, -1.0),
    (0.0, 1.0, True, -1.0),
    (-1.0, 0.5, False, 1.0),
    (-1.0, -0.5, False, 1.0),
    (0.0, 0.0, True, 0.0),
)
SQRT_HALF = np.float32(0.7071067811865476)

# fmt: off
MATRICES = (
    # Lit dots of the digits 0 to 9, side by side: the usual 5 × 7 of character displays.
    (" ###    #    ###  #####    #  #####   ##  #####  ###   ### ",
     "#   #  ##   #   #    #    ##  #      #        # #   # #   #",
     "#  ##   #       #   #    # #  ####  #        #  #   # #   #",
     "# # #   #      #     #  #  #      # ####    #    ###   ####",
     "##  #   #     #       # #####     # #   #  #    #   #     #",
     "#   #   #    #    #   #    #  #   # #   #  #    #   #    # ",
     " ###   ###  #####  ###     #   ###   ###   #     ###   ##  "),
    # 5 × 7 as on buses and score boards: an empty 0, an open 4, rounder 3, 6 and 9.
    (" ###    #    ###   ###  #   # #####  ###  #####  ###   ### ",
     "#   #  ##   #   # #   # #   # #     #   #     # #   # #   #",
     "#   # # #       #     # #   # #     #         # #   # #   #",
     "#   #   #      #    ##  ##### ####  ####     #   ###   ####",
     "#   #   #     #       #     #     # #   #    #  #   #     #",
     "#   #   #    #    #   #     #     # #   #   #   #   # #   #",
     " ###  ##### #####  ###      # ####   ###    #    ###   ### "),
    # 4 × 6.
    (" ##    #   ##  ###  #  # ####  ##  ####  ##   ## ",
     "#  #  ##  #  #    # #  # #    #       # #  # #  #",
     "#  #   #     #  ##  #  # ###  ###    #   ##  #  #",
     "#  #   #    #     # ####    # #  #   #  #  #  ###",
     "#  #   #   #      #    # #  # #  #  #   #  #    #",
     " ##   ### #### ###     #  ##   ##   #    ##   ## "),
    # 3 × 5.
    ("###  #  ### ### # # ### ### ### ### ###",
     "# # ##    #   # # # #   #     # # # # #",
     "# #  #  ### ### ### ### ###   # ### ###",
     "# #  #  #     #   #   # # #   # # #   #",
     "### ### ### ###   # ### ###   # ### ###"),
)
MATRIX_SHAPES = tuple((len(art), (len(art[0]) - 9) // 10) for art in MATRICES)
"""Rows and columns of each matrix."""
# fmt: on


def paint_segments(labels: NDArray[np.uint8], dice: Dice, how: Ranges, faces: Faces) -> NDArray[np.uint8]:
    """Seven-segment digits: ``uint8`` boxes (B, BOX, BOX) for labels (B,); no font is needed."""
    lit = _lit_segments(labels, dice, how)
    radius, gap = single(dice.even(how.seven_thickness)), single(dice.even(how.seven_gap))
    half_x, half_y = single(dice.even(how.seven_width)) / 2, np.float32(0.5) - radius
    end = choose(dice, (how.seven_pointed, how.seven_mitred, how.seven_rounded, how.seven_square))[:, None]
    slant = np.where(chance(dice, how.seven_upright_chance), 0, single(dice.even(how.seven_slant)))
    faint = _faint(dice, how)
    uneven = single(dice.even(how.seven_uneven, len(SEGMENT_PLACES)))

    # A 1 beside which nothing can be seen fills its box alone.
    bare, on_left = (faint == 0) & (labels == 1)[:, None], lit[:, 4:5]
    left = np.where(bare & ~on_left, half_x - radius, -half_x - radius)
    right = np.where(bare & on_left, radius - half_x, half_x + radius)
    top = np.full_like(left, -0.5)
    corners_x = np.hstack([left - slant * top, right - slant * top, left + slant * top, right + slant * top])
    glow, reach = _glow(dice, how)
    seen = view(corners_x, np.hstack([top, top, -top, -top]), reach, dice, how)

    u, v = seen.x + slant * seen.y, seen.y
    light = np.zeros_like(u)
    nearest = np.full_like(u, np.inf)
    for number, (x, y, lies, inside) in enumerate(SEGMENT_PLACES):
        along, across = (
            (u, v - np.float32(y) * half_y) if lies else (v - np.float32(y) * half_y, u - np.float32(x) * half_x)
        )
        length = half_x if lies else half_y / 2
        distance = _segment(np.abs(along), across, np.float32(inside), length, radius, gap, end)
        on = lit[:, number : number + 1]
        light = np.maximum(light, seen.cover(distance) * np.where(on, uneven[:, number : number + 1], faint))
        nearest = np.where(on, np.minimum(nearest, distance), nearest)
    return seen.boxes(_with_glow(light, nearest, glow, reach))


def paint_dots(labels: NDArray[np.uint8], dice: Dice, how: Ranges, faces: Faces) -> NDArray[np.uint8]:
    """Dot-matrix digits: ``uint8`` boxes (B, BOX, BOX) for labels (B,); no font is needed."""
    kind = choose(dice, how.dot_matrices)
    rows, columns = (np.array(MATRIX_SHAPES, np.float32)[kind, axis][:, None] for axis in (0, 1))
    radius, pitch = single(dice.even(how.dot_radius)), single(dice.even(how.dot_pitch))
    round_dots = chance(dice, how.dot_round_chance)
    slant, faint = single(dice.even(how.dot_slant)), _faint(dice, how)
    most_rows, most_columns = (max(shape[axis] for shape in MATRIX_SHAPES) for axis in (0, 1))
    uneven = single(dice.even(how.dot_uneven, most_rows * most_columns))

    # The frame's height, from the first row's dots to the last's, is 1.
    step = 1 / (rows - 1 + 2 * radius)
    half_x = ((columns - 1) * pitch / 2 + radius * pitch) * step
    tall = np.full_like(half_x, 0.5)
    corners_x = np.hstack([slant * tall - half_x, slant * tall + half_x, -slant * tall - half_x, half_x - slant * tall])
    glow, reach = _glow(dice, how)
    seen = view(corners_x, np.hstack([-tall, -tall, tall, tall]), reach, dice, how)

    column = (seen.x + slant * seen.y) / (step * pitch) + (columns - 1) / 2
    row = seen.y / step + (rows - 1) / 2
    across = np.clip(np.floor(column + np.float32(0.5)), 0, columns - 1)
    down = np.clip(np.floor(row + np.float32(0.5)), 0, rows - 1)
    x, y = (column - across) * pitch, row - down
    away = np.where(round_dots, np.sqrt(x * x + y * y), np.maximum(np.abs(x), np.abs(y)))
    distance = (away - radius) * step
    place = down.astype(np.int64) * most_columns + across.astype(np.int64)
    on = np.take_along_axis(_matrices()[kind, labels], place, 1)
    level = np.where(on, np.take_along_axis(uneven, place, 1), faint)
    light = seen.cover(distance) * level
    return seen.boxes(_with_glow(light, np.where(on, distance, np.float32(np.inf)), glow, reach))


def _lit_segments(labels: NDArray[np.uint8], dice: Dice, how: Ranges) -> NDArray[np.bool_]:
    """Which of the segments a to g are lit, shape (B, 7)."""
    tables = [[letter in SEGMENTS[digit] for letter in "abcdefg"] for digit in range(10)]
    lit = np.array(tables)[labels]
    tail, hook, left = (
        chance(dice, share)[:, 0] for share in (how.seven_tail_chance, how.seven_hook_chance, how.seven_left_chance)
    )
    lit[(labels == 6) & ~tail, 0] = False
    lit[(labels == 9) & ~tail, 3] = False
    lit[(labels == 7) & hook, 5] = True
    lit[(labels == 1) & left] = [letter in LEFT_ONE for letter in "abcdefg"]
    return lit


def _segment(
    along: Field, across: Field, inside: np.float32, length: Field, radius: Field, gap: Field, end: NDArray[np.int64]
) -> Field:
    """Distance to the edge of one segment.

    Args:
        along: from its middle, without sign.
        across: from its middle line.
        inside: 1 or -1, the sign of ``across`` towards the inside of the frame, or 0 for the segment in the middle.
        length: half of it, up to the place where segments meet.
        radius: half its thickness.
        gap: what its ends fall short by.
        end: pointed 0, mitred 1, rounded 2 or square 3.
    """
    sides = np.abs(across) - radius
    reach = length - gap
    # The two at 45 degrees: a point on the middle line, or one slope from the outer to the inner side.
    pointed = (along + np.abs(across) - reach) * SQRT_HALF
    mitred = (along + inside * across - reach) * SQRT_HALF if inside else pointed
    cut = np.where(end == 0, pointed, np.where(end == 1, mitred, along - reach + radius))
    past = np.maximum(along - reach + radius, 0)
    return np.where(end == 2, np.sqrt(past * past + across * across) - radius, np.maximum(sides, cut))


def _faint(dice: Dice, how: Ranges) -> Field:
    """Brightness of what is not lit, (B, 1)."""
    seen, level = chance(dice, how.faint_chance), single(dice.even(how.faint))
    return np.where(seen, level, np.float32(0))


def _glow(dice: Dice, how: Ranges) -> tuple[Field, Field]:
    """Brightness of the glow and how far it reaches, both (B, 1) and 0 where there is none."""
    glows, glow, reach = chance(dice, how.glow_chance), dice.even(how.glow), dice.even(how.glow_reach)
    return single(np.where(glows, glow, 0)), single(np.where(glows, reach, 0))


def _with_glow(light: Field, nearest: Field, glow: Field, reach: Field) -> Field:
    """Light with the glow around what is lit; ``nearest`` is the distance to that."""
    fade = np.clip(1 - nearest / np.maximum(reach, np.float32(1e-6)), 0, 1)
    return np.maximum(light, glow * fade * fade)


@cache
def _matrices() -> NDArray[np.bool_]:
    """Which dots are lit, shape (matrices, 10, most rows · most columns), smaller matrices padded right and below."""
    most_rows, most_columns = (max(shape[axis] for shape in MATRIX_SHAPES) for axis in (0, 1))
    lit = np.zeros((len(MATRICES), 10, most_rows, most_columns), bool)
    for number, (art, (rows, columns)) in enumerate(zip(MATRICES, MATRIX_SHAPES, strict=True)):
        dots = np.array([list(line + " ") for line in art]) == "#"
        lit[number, :, :rows, :columns] = dots.reshape(rows, 10, columns + 1).swapaxes(0, 1)[:, :, :columns]
    return lit.reshape(len(MATRICES), 10, -1)
