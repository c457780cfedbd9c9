"""How people write the digits: a table of styles, and its translation into arrays that the pen follows.

A style is one or two paths of the same make. A path is text: strokes parted by ``|``, each a row of points ``x,y`` in
hundredths of the digit's height, x to the right and y downwards. A stroke is a smooth curve through its points; a
point that ends in ``!`` is a corner, where the pen turns at once. With two paths, every digit is drawn somewhere on the
way from the first to the second, or a little beyond either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLES = 112
"""Points at which every digit's strokes are sampled, whatever its style."""


@dataclass(frozen=True)
class Style:
    """One way to write a digit.

    Attributes:
        digit: what it says, 0 to 9.
        weight: how common it is among the styles of the same digit; any positive number.
        name: in words.
        path: its strokes, see the module's text.
        towards: the other end of the range of shapes, with the same strokes and points as ``path``; empty for none.
        slashed: a zero with a stroke through it, which is drawn on request only.
    """

    digit: int
    weight: float
    name: str
    path: str
    towards: str = ""
    slashed: bool = False


# fmt: off
STYLES: tuple[Style, ...] = (
    Style(0, 5, "round to narrow",
          "32,0 10,14 0,50 12,87 32,100 54,86 62,50 50,12 30,0",
          "28,0 16,18 11,50 15,84 27,100 40,86 45,50 40,16 27,1"),
    Style(0, 3, "begun at the right, ends cross",
          "46,9 26,2 7,24 2,60 15,94 38,97 57,70 58,30 44,5 30,4 18,12",
          "54,20 34,4 9,18 2,58 17,93 40,96 60,66 56,24 40,4 34,2 28,4"),
    Style(0, 2, "open at the top",
          "24,5 6,25 3,62 20,97 42,94 57,65 55,28 38,6",
          "30,0 10,14 2,58 16,96 40,97 58,66 58,32 50,12"),
    Style(0, 1.5, "closing curl",
          "40,6 16,8 2,45 10,88 32,99 55,76 57,36 42,5 28,6 32,18 46,16",
          "44,3 18,10 4,45 8,86 28,99 50,78 56,40 44,10 30,2 36,10 56,2"),
    Style(0, 1, "begun at the left, clockwise",
          "8,26 26,3 48,10 58,44 50,84 28,100 8,86 2,52 10,20 24,6",
          "4,40 18,6 40,2 56,30 52,76 32,99 10,90 2,58 6,28 20,8"),
    Style(0, 1, "slashed",
          "32,0 10,14 0,50 12,87 32,100 54,86 62,50 50,12 30,0 | 60,4 32,50 4,96", slashed=True),

    Style(1, 6, "plain",
          "10,0 10,50 10,100",
          "20,0 10,50 2,100"),
    Style(1, 2, "with a flag",
          "0,24 12,14 22,0! 22,50 22,100",
          "10,12 14,8 20,0! 22,50 22,100"),
    Style(1, 1.5, "with flag and foot",
          "2,24 12,14 24,0! 24,50 24,100 | 2,100 24,99 46,99",
          "10,16 16,10 24,0! 24,50 24,100 | 8,100 24,100 40,100"),
    Style(1, 0.4, "with a foot",
          "22,0 22,50 20,100 | 2,100 22,99 42,99"),

    Style(2, 4, "plain",
          "4,22 14,5 34,0 52,14 50,38 28,68 2,98! 30,97 60,97",
          "8,14 20,1 40,4 48,22 40,48 20,74 0,96! 26,96 54,100"),
    Style(2, 4, "looped",
          "4,22 14,4 34,0 52,14 48,40 28,72 10,94 0,94 2,82 14,80 34,90 60,96",
          "2,14 18,0 38,2 48,18 42,46 26,76 8,96 2,88 8,76 22,80 40,94 64,90"),
    Style(2, 1.5, "flat loop, rising tail",
          "4,16 20,1 40,4 46,24 34,54 14,88 4,96 6,90 22,90 44,92 68,84",
          "6,24 14,6 34,0 48,16 44,46 24,78 2,98 2,94 16,90 38,92 62,88"),
    Style(2, 1.5, "like a Z",
          "2,8 28,2 50,6! 28,52 2,97! 30,96 60,97",
          "4,16 26,0 48,10! 36,48 4,95! 32,92 62,98"),
    Style(2, 1.5, "waved foot",
          "4,20 16,3 36,1 48,16 42,42 22,72 2,95! 14,88 32,95 48,99 62,90",
          "2,26 12,6 34,0 52,14 48,44 26,74 4,92! 20,86 34,96 52,102 66,96"),
    Style(2, 1, "curled at the start",
          "16,24 6,22 8,8 28,0 48,12 48,38 28,70 2,98! 30,95 60,97",
          "14,16 8,22 4,12 24,0 46,10 50,36 28,72 6,96! 30,92 58,98"),
    Style(2, 1, "curled at the start, looped foot",
          "16,26 6,20 12,4 32,0 46,12 44,40 26,70 8,94 -2,86 8,74 28,84 60,96",
          "22,18 10,22 8,8 30,0 48,14 44,42 28,68 12,92 -8,88 4,70 28,80 66,90"),
    Style(2, 2.5, "wide loop, falling tail",
          "6,24 20,2 42,4 48,24 36,50 20,74 6,86 -2,76 10,66 30,76 46,90 66,98",
          "8,30 22,3 44,0 52,22 40,52 18,80 0,86 -4,70 14,62 36,78 52,96 74,102"),
    Style(2, 3, "big loop on the line",
          "6,20 22,2 42,6 46,26 34,58 20,84 6,97 -4,86 2,68 18,64 36,78 52,88 70,88",
          "2,26 20,0 46,6 50,30 36,62 20,90 2,98 -10,80 0,60 18,60 36,76 52,92 72,100"),
    Style(2, 1.5, "small top, long level tail",
          "14,12 28,0 42,12 38,40 26,66 4,86 -14,84 -6,72 20,72 58,80 96,82",
          "10,16 26,0 44,10 42,36 28,64 6,84 -10,92 -10,80 12,80 46,84 78,78"),
    Style(2, 1, "narrow, short foot",
          "12,16 24,0 36,12 32,46 18,82 6,98! 22,94 44,92",
          "18,10 26,0 34,10 32,44 20,80 10,96! 26,98 40,100"),
    Style(2, 1, "narrow, looped foot",
          "14,20 24,2 36,14 32,46 22,76 8,94 -4,88 8,78 30,90 56,98",
          "18,8 26,0 34,10 30,44 20,80 4,94 -12,88 -2,78 26,84 64,86"),

    Style(3, 4, "round",
          "6,14 24,0 46,6 48,28 36,42 20,47! 42,52 55,70 46,93 24,100 2,88",
          "2,10 22,0 44,10 44,30 32,42 24,44! 40,46 50,66 46,92 24,101 4,94"),
    Style(3, 2.5, "one wave",
          "4,12 24,0 46,8 46,30 30,46 34,50 52,62 52,86 28,100 2,92",
          "8,6 30,0 48,12 42,34 26,46 34,48 50,60 48,88 22,100 0,96"),
    Style(3, 2, "looped middle",
          "6,12 26,0 48,8 46,30 28,46 20,46 24,40 42,48 56,70 44,94 22,100 2,90",
          "4,8 24,0 44,8 44,28 26,50 16,48 22,38 40,44 52,64 46,92 24,101 0,96"),
    Style(3, 1.2, "flat top",
          "6,3 28,2 52,2! 38,22 22,40! 46,46 56,68 46,93 22,100 2,90",
          "4,6 26,2 48,4! 36,20 26,36! 44,40 52,64 46,92 24,100 0,94"),
    Style(3, 1, "long lower bow",
          "10,10 26,0 42,6 40,24 28,36! 46,40 58,62 50,90 24,100 0,94",
          "10,8 26,0 40,8 40,22 22,34! 44,40 54,66 40,92 16,100 -6,92"),
    Style(3, 1.5, "small upper bow, straight tail",
          "8,12 26,0 44,8 38,28 24,38! 42,44 48,60 36,82 16,100",
          "2,8 24,2 46,4 40,24 26,34! 46,42 52,62 38,84 12,100"),
    Style(3, 1.5, "upper bow far to the left",
          "-8,10 14,0 36,8 36,26 16,42! 40,48 56,66 54,90 34,100 14,94",
          "-4,16 14,0 40,2 44,22 26,40! 44,46 60,62 62,88 44,101 26,96"),
    Style(3, 1, "long bar on top",
          "-6,8 20,3 50,2! 36,20 18,38! 44,44 54,66 44,92 22,100 0,94",
          "-2,4 24,2 54,0! 42,22 30,36! 50,48 54,70 40,94 16,100 -6,98"),

    Style(4, 4, "open, angular",
          "12,0 7,28 2,56! 30,57 62,53 | 46,8 44,50 42,100",
          "4,6 2,30 0,50! 28,52 54,46 | 52,0 48,50 44,100"),
    Style(4, 4, "open, round",
          "12,0 3,34 6,56 28,58 62,48 | 48,6 45,50 42,100",
          "2,2 -4,34 10,54 30,50 52,40 | 56,4 50,50 44,100"),
    Style(4, 1, "open, in one stroke",
          "8,0 3,36 8,54 30,52 46,34 52,4! 48,50 42,100",
          "2,4 -2,40 10,52 28,48 46,36 54,8! 50,50 46,100"),
    Style(4, 2, "closed",
          "44,0 22,32 0,64! 30,65 64,64 | 44,0 43,50 42,100",
          "40,0 20,26 2,52! 30,53 58,50 | 44,4 42,50 40,100"),
    Style(4, 0.3, "closed, in one stroke",
          "46,0 24,20 2,46! 26,50 48,46! 49,24 48,4! 46,50 42,100",
          "48,4 28,16 4,44! 26,47 50,40! 52,22 50,2! 47,50 44,100"),
    Style(4, 1, "open, bar far to the right",
          "16,0 10,24 2,50! 36,51 76,48 | 44,14 42,52 38,100",
          "22,4 14,24 4,46! 36,47 70,42 | 50,6 46,50 38,100"),

    Style(5, 4, "one stroke",
          "54,2 34,2 16,4! 12,24 9,44! 30,36 51,48 53,74 36,97 14,99 0,88",
          "50,6 36,4 18,2! 14,22 12,40! 28,38 44,50 46,74 34,95 14,100 -4,94"),
    Style(5, 3, "bar on its own",
          "14,4 12,24 8,44! 28,36 50,48 53,72 38,97 16,99 0,88 | 14,4 34,3 58,1",
          "18,8 16,24 12,38! 28,38 44,52 44,74 30,95 14,100 -4,94 | 20,6 40,3 68,-4"),
    Style(5, 2, "like an S",
          "56,3 34,2 18,10 13,34 30,44 49,60 47,86 26,100 2,92",
          "62,0 38,4 22,14 16,34 30,48 42,64 38,86 20,100 -2,96"),
    Style(5, 1.5, "no belly to speak of",
          "58,2 36,4 20,6! 14,24 10,38! 30,44 44,58 42,80 26,98 2,100",
          "66,0 44,2 24,6! 20,22 14,36! 28,46 36,62 32,84 18,97 -4,98"),
    Style(5, 2, "belly that curls far up",
          "54,2 36,3 18,5! 14,22 8,42! 30,36 54,48 56,76 36,98 10,96 2,82",
          "58,6 36,4 14,4! 12,22 10,40! 34,32 58,48 58,80 34,100 4,94 0,76"),
    Style(5, 1.5, "short neck, big belly",
          "50,2 30,3 12,6! 9,18 6,30! 30,28 54,42 54,76 34,98 10,98 0,86",
          "60,0 36,2 12,4! 8,18 4,32! 30,34 50,48 52,76 30,100 6,96 -6,84"),
    Style(5, 1.5, "small, below a tall neck",
          "50,2 36,3 22,4! 16,28 10,54! 28,50 44,60 46,78 32,96 14,99 2,92 | 20,4 40,2 64,2",
          "56,0 38,2 22,4! 18,32 12,58! 28,54 40,64 40,80 26,97 10,99 0,94 | 20,6 46,2 76,-2"),

    Style(6, 4, "straight stem",
          "36,0 18,26 5,58 7,86 24,100 46,91 50,72 34,58 14,66 6,80",
          "32,0 16,30 4,62 6,90 20,100 36,94 38,78 26,70 12,78 6,88"),
    Style(6, 4, "curved stem",
          "50,5 32,0 12,22 3,56 9,88 28,100 50,88 50,66 32,54 12,66 6,80",
          "42,0 26,6 10,28 3,58 8,90 24,100 44,92 46,72 30,62 14,70 6,84"),
    Style(6, 2, "loop closed far inside",
          "34,0 14,28 3,64 10,94 32,99 48,82 42,64 24,62 10,74 8,88",
          "44,0 20,22 4,58 8,90 30,100 50,84 44,60 26,58 14,72 18,86"),
    Style(6, 1.5, "open loop",
          "34,0 15,28 4,62 8,92 26,100 46,90 48,72 36,62 22,66",
          "42,2 18,26 4,60 8,90 26,100 48,92 52,76 42,66 28,68"),
    Style(6, 3, "big loop, short stem",
          "42,4 22,8 5,34 2,66 15,95 40,96 56,74 48,50 26,46 8,66",
          "34,0 16,16 4,40 2,68 16,96 40,97 54,78 46,54 24,48 6,60"),
    Style(6, 1.5, "stem hooked to the right",
          "58,10 44,0 22,12 6,42 4,78 22,99 44,92 48,74 34,62 14,68 6,80",
          "62,4 42,0 20,16 6,46 6,82 24,100 46,90 46,72 30,62 12,72 8,84"),
    Style(6, 1.5, "loop ends left of the stem",
          "36,0 18,26 5,58 8,88 26,100 46,90 50,72 34,58 14,68 -8,84",
          "26,0 10,28 3,58 8,90 28,100 50,88 50,68 32,56 10,70 -10,78"),
    Style(6, 2, "like a b",
          "8,0 3,28 2,62 9,94 28,100 50,86 48,64 30,55 10,66 4,82",
          "0,0 2,28 4,62 14,94 34,100 54,86 52,66 36,58 18,68 8,84"),

    Style(7, 4, "plain",
          "0,5 28,4 56,2! 40,44 26,100",
          "2,2 24,5 50,4! 44,46 38,100"),
    Style(7, 2, "with a serif",
          "3,20 2,3! 28,4 56,2! 38,46 26,100",
          "0,16 3,4! 26,6 52,0! 44,46 36,100"),
    Style(7, 1.5, "with a long serif",
          "2,44 3,22 8,4! 34,4 56,2! 42,46 30,100",
          "-2,30 4,14 12,2! 32,12 52,6! 44,48 36,100"),
    Style(7, 3, "barred",
          "0,6 28,4 56,2! 40,46 26,100 | 16,50 36,49 58,47",
          "2,4 26,3 52,4! 42,46 32,100 | 22,54 38,52 54,51"),
    Style(7, 2, "rounded shoulder",
          "0,10 26,1 50,3 52,18 38,54 26,100",
          "2,14 18,0 42,2 50,16 44,52 38,100"),
    Style(7, 2, "waved top",
          "0,16 9,3 30,8 56,2! 38,48 30,100",
          "2,14 12,2 32,10 54,4! 44,40 34,100"),
    Style(7, 1.5, "barred, with a serif",
          "3,20 2,4! 28,5 56,2! 40,46 28,100 | 18,52 38,50 58,48"),
    Style(7, 1.5, "wide, bent back at the foot",
          "-4,8 24,6 60,2! 46,22 34,50 32,78 40,100",
          "0,12 24,4 52,0! 40,24 26,56 18,84 14,100"),
    Style(7, 1.5, "barred low, waved top",
          "0,16 8,4 28,8 54,2! 40,46 32,100 | 14,60 36,57 60,56",
          "2,20 6,2 28,4 50,2! 44,46 36,100 | 24,48 42,46 58,42"),

    Style(8, 4, "as an S and back",
          "50,14 30,0 10,10 9,28 28,46 50,66 52,88 28,100 6,88 8,68 28,50 48,30 50,12",
          "42,10 30,0 16,10 16,28 28,44 40,62 42,88 28,100 12,88 14,66 28,48 40,30 42,8"),
    Style(8, 3, "open at the top",
          "54,8 34,0 14,9 13,28 32,48 50,68 48,90 26,100 6,89 10,68 30,48 50,26 60,6",
          "46,6 30,0 14,10 18,30 32,46 42,66 38,90 22,100 8,90 14,66 32,48 46,28 52,10"),
    Style(8, 1.5, "two rounds",
          "28,46 10,36 10,10 28,0 46,10 46,36 28,46 | 28,46 6,60 6,88 28,100 50,88 50,60 28,46",
          "32,40 18,30 18,10 34,0 48,10 46,30 32,40 | 30,42 8,56 4,86 22,100 42,88 44,58 30,42"),
    Style(8, 2, "mirrored S and back",
          "8,14 28,0 48,10 48,28 28,47 8,66 6,88 28,100 50,88 48,68 28,50 10,30 8,12",
          "14,12 28,0 42,8 42,28 30,46 16,66 14,88 28,100 42,88 42,68 28,48 16,30 14,10"),
    Style(8, 2, "begun in the middle",
          "30,48 12,32 14,8 34,0 50,12 46,32 24,52 6,74 14,96 34,98 46,80 40,62 26,46",
          "26,44 12,26 22,4 42,2 50,18 40,38 18,56 4,78 12,97 32,97 40,80 36,62 22,42"),
    Style(8, 2, "narrow, crossing straight",
          "42,2 24,4 20,22 31,44 44,72 34,98 14,95 14,72 30,46 48,22 44,4",
          "54,4 32,2 22,18 30,42 38,72 26,99 8,94 10,72 32,44 58,18 54,2"),
    Style(8, 2, "open, with a long arm",
          "40,10 24,2 12,16 22,36 40,58 42,84 24,99 8,88 14,66 36,42 66,4",
          "50,16 34,2 16,10 18,32 36,54 38,80 22,98 8,88 14,68 40,44 56,0"),
    Style(8, 1.5, "big below, small and open above",
          "50,10 32,0 20,14 26,34 46,56 54,80 36,100 8,96 2,74 22,50 42,32 58,14",
          "44,2 26,2 18,16 24,32 44,56 50,82 28,100 4,92 6,68 28,46 50,26 66,4"),
    Style(8, 1.5, "big above, small below",
          "56,14 32,0 6,10 6,34 28,52 44,70 44,90 28,100 12,92 14,74 30,54 54,34 56,12",
          "60,20 38,0 12,8 8,32 28,50 38,72 34,92 20,100 8,92 14,74 32,52 58,36 60,14"),

    Style(9, 4, "straight tail",
          "48,10 28,0 8,12 4,34 22,46 42,34 50,8! 49,50 46,100",
          "46,14 30,2 12,12 8,30 22,40 40,30 48,10! 42,52 32,100"),
    Style(9, 4, "smooth, straight tail",
          "46,18 34,1 12,8 2,30 16,46 38,38 48,16 45,52 38,100",
          "42,14 28,1 10,10 4,28 16,40 34,34 45,16 43,50 42,100"),
    Style(9, 3, "curved tail",
          "48,10 28,0 8,12 5,34 24,46 44,34 50,10! 51,50 44,84 26,100 6,92",
          "46,12 28,0 10,10 6,28 22,40 42,30 48,10! 47,48 40,80 22,98 0,98"),
    Style(9, 2, "begun below the loop",
          "46,40 22,46 4,30 12,6 36,0 48,18 46,56 38,100",
          "44,32 22,40 6,26 14,4 36,2 46,20 42,60 30,100"),
    Style(9, 1.5, "round, with a separate tail",
          "46,24 38,4 18,1 3,18 8,40 28,45 44,30 46,16 | 48,4 47,50 44,100",
          "44,20 34,2 16,2 4,18 10,36 28,38 42,26 44,14 | 46,6 43,50 36,100"),
    Style(9, 4, "loop that stays open",
          "40,4 18,2 2,20 8,42 30,42 50,22! 48,60 42,100",
          "34,0 12,8 2,28 12,44 34,36 48,8! 46,52 38,100"),
    Style(9, 2, "wide loop",
          "54,10 30,0 6,14 0,40 18,54 42,42 55,12! 56,52 58,100",
          "56,16 34,0 8,10 -4,34 14,50 42,40 56,16! 54,54 48,100"),
    Style(9, 2, "leaning loop, straight tail",
          "44,6 24,8 8,26 10,42 28,38 44,14! 36,52 26,100",
          "50,0 26,10 8,32 12,44 30,36 48,6! 40,50 34,100"),
    Style(9, 2, "neck, and a small loop",
          "50,8 32,0 12,6 4,24 14,36 34,32 46,20! 45,60 36,100",
          "56,6 34,0 14,6 6,22 16,32 36,28 46,18! 42,56 26,100"),
    Style(9, 3, "flat-topped loop",
          "50,6 30,2 10,6 3,28 22,42 42,32 52,5! 51,50 48,100",
          "54,2 32,2 12,4 8,22 22,34 42,28 52,3! 46,52 38,100"),
)

LETTER_LIKE: tuple[Style, ...] = (
    Style(2, 3, "like a Q: a curl on top and a loop on the line",
          "30,34 14,36 6,20 18,2 38,2 46,22 34,56 14,88 2,96 2,84 20,82 44,94 70,86",
          "34,24 16,30 4,18 20,0 44,4 50,24 40,54 16,92 -6,94 2,78 24,80 52,96 84,84"),

    Style(3, 1, "waist hardly there",
          "2,6 26,1 50,4! 40,22 28,36 34,44 50,62 46,92 24,100 0,94",
          "0,8 24,0 52,2! 36,24 26,38 36,46 48,64 40,94 16,101 -8,96"),

    Style(4, 3, "like a y",
          "4,0 4,26 20,40 46,34 | 52,0 44,50 34,100",
          "0,4 6,34 24,42 44,30 | 54,-4 40,50 22,104"),
    Style(4, 2, "an angle, and a short stroke",
          "26,0 12,30 0,60! 34,60 70,56 | 40,34 38,66 34,100",
          "20,4 10,32 -2,62! 30,64 58,58 | 44,40 42,70 40,96"),

    Style(5, 4, "like an r: a straight stem under a bar",
          "54,6 36,4 22,10! 20,32 26,54 22,80 6,100",
          "66,-2 46,2 24,12! 18,40 22,62 16,86 -2,100"),
    Style(5, 2, "like a root sign",
          "2,56 10,78 16,98! 22,52 28,8! 50,4 76,2",
          "0,44 10,70 20,96! 22,50 30,2! 56,4 86,-4"),
    Style(5, 2.5, "hardly a belly, long bar",
          "14,6 12,24 14,40! 34,46 36,70 20,94 0,98 | 14,6 44,2 82,-6",
          "18,10 16,26 18,38! 32,50 30,74 14,94 -8,96 | 26,2 56,-4 92,-8"),

    Style(7, 5, "like a t: a small hook, a stem and a long bar",
          "8,20 22,10 38,4! 34,50 26,100 | 0,50 32,46 66,40",
          "20,10 28,4 38,0! 36,50 34,100 | -6,52 30,48 74,44"),
    Style(7, 3, "a wave on top, a long bar",
          "-4,18 10,4 28,10 50,2! 38,46 26,100 | 2,54 34,48 70,44",
          "0,14 16,0 30,8 46,4! 40,50 36,100 | 8,46 40,46 76,48"),

    Style(8, 2, "like a B",
          "12,98 10,50 10,4! 40,2 46,24 22,46! 52,54 50,90 12,97",
          "16,98 12,50 8,6! 36,0 40,26 18,44! 44,50 46,92 10,99"),

    Style(9, 5, "like a P: the stem begins at the left of the loop",
          "26,46 46,36 52,14 34,0 16,8 10,32 10,66 6,100",
          "30,46 52,36 54,12 36,0 18,10 16,34 18,66 16,100"),
    Style(9, 2, "like an e with a stem: begun inside the loop",
          "12,30 34,28 48,14 34,0 12,8 4,28 18,44 34,40! 32,70 26,100",
          "16,26 36,22 46,10 32,0 12,10 6,32 22,46 40,34! 34,68 22,100"),
    Style(9, 2, "stem from under the loop",
          "28,44 46,30 44,8 26,0 8,10 6,30 24,44 30,66 26,100",
          "26,42 46,32 48,10 28,0 10,8 6,26 22,44 34,64 38,100"),
)
"""Ways to write that are common in numbers written at speed, and hard to tell from letters or from other digits alone;
only scenes have them."""
# fmt: on


@dataclass(frozen=True)
class Tables:
    """All styles as arrays, padded to the richest, so that a batch of mixed styles is drawn at once.

    K is the largest number of points in a style, E the largest number of stroke ends. Lengths are in heights of a
    digit.

    Attributes:
        points, towards: the two ends of the range of shapes, ``float64`` (styles, K, 2), x before y.
        index, share: sample s of style y stands at the sum over j of ``share[y, s, j] * points[y, index[y, s, j]]``;
            int64 and ``float64``, (styles, SAMPLES, 4).
        stroke: the stroke that each sample belongs to, int64 (styles, SAMPLES).
        first, last: the first and last sample of each sample's stroke, int64 (styles, SAMPLES).
        length: the whole path's length, ``float64`` (styles,).
        end, inner: point numbers of the stroke ends, and of the point next to each, int64 (styles, E); padding has the
            same number in both, so that moving an end away from its neighbour moves nothing.
    """

    points: NDArray[np.float64]
    towards: NDArray[np.float64]
    index: NDArray[np.int64]
    share: NDArray[np.float64]
    stroke: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    length: NDArray[np.float64]
    end: NDArray[np.int64]
    inner: NDArray[np.int64]


def parse(path: str) -> list[list[tuple[float, float, bool]]]:
    """Strokes of a path, each a list of points (x, y, is a corner), in heights of a digit."""
    strokes = []
    for stroke in path.split("|"):
        points = []
        for word in stroke.split():
            x, y = word.rstrip("!").split(",")
            points.append((int(x) / 100, int(y) / 100, word.endswith("!")))
        strokes.append(points)
    return strokes


SUBDIVISIONS = 16
"""Straight pieces per curve segment, when its length is measured."""


@cache
def tables(styles: tuple[Style, ...] = STYLES) -> Tables:
    """Styles as arrays, by single float operations in a fixed order: the same bits on any machine."""
    paths = [parse(style.path) for style in styles]
    most_points = max(sum(map(len, strokes)) for strokes in paths)
    most_ends = 2 * max(map(len, paths))
    here, there = np.zeros((2, len(styles), most_points, 2))
    index = np.zeros((len(styles), SAMPLES, 4), np.int64)
    share = np.zeros((len(styles), SAMPLES, 4))
    length = np.zeros(len(styles))
    stroke, first, last = np.zeros((3, len(styles), SAMPLES), np.int64)
    end, inner = np.zeros((2, len(styles), most_ends), np.int64)
    for row, (style, strokes) in enumerate(zip(styles, paths, strict=True)):
        for target, text in ((here, style.path), (there, style.towards or style.path)):
            points = [point[:2] for points in parse(text) for point in points]
            target[row, : len(points)] = points
        curves = [_curve(points) for points in strokes]
        lengths = [float(along[-1]) for _, _, along in curves]
        length[row] = sum(lengths)
        # Samples are shared out by length, and the first stroke takes what rounding leaves.
        counts = [int(SAMPLES * part / sum(lengths)) for part in lengths]
        counts[0] += SAMPLES - sum(counts)
        sample = point = 0
        for number, ((numbers, shares, along), count) in enumerate(zip(curves, counts, strict=True)):
            at = np.searchsorted(along, np.arange(count) / (count - 1) * along[-1])
            these = slice(sample, sample + count)
            index[row, these], share[row, these] = numbers[at] + point, shares[at]
            stroke[row, these], first[row, these], last[row, these] = number, sample, sample + count - 1
            final = point + len(strokes[number]) - 1
            end[row, 2 * number : 2 * number + 2] = point, final
            inner[row, 2 * number : 2 * number + 2] = point + 1, final - 1
            sample, point = sample + count, final + 1
    return Tables(here, there, index, share, stroke, first, last, length, end, inner)


@cache
def choice(slashed: bool, styles: tuple[Style, ...] = STYLES) -> NDArray[np.float64]:
    """Cumulative weights of the styles within each digit, ``float64`` (10, styles), rising from 0 to exactly 1."""
    weights = [[s.weight * (s.digit == digit and slashed >= s.slashed) for s in styles] for digit in range(10)]
    return np.array([[sum(row[: n + 1]) / sum(row) for n in range(len(row))] for row in weights])


def _curve(
    points: list[tuple[float, float, bool]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Close samples of a stroke's Catmull-Rom curve: four point numbers and their shares (D, 4), and length so far."""
    t, corners = np.arange(SUBDIVISIONS + 1) / SUBDIVISIONS, np.array([point[:2] for point in points])
    numbers, shares, places = [], [], []
    for segment in range(len(points) - 1):
        starts = segment == 0 or points[segment][2]
        stops = segment == len(points) - 2 or points[segment + 1][2]
        four = (segment - (not starts), segment, segment + 1, segment + 1 + (not stops))
        mixed = _shares(t, starts, stops)
        numbers.append(np.tile(four, (len(t), 1)))
        shares.append(np.stack(mixed, 1))
        place = mixed[0][:, None] * corners[four[0]]
        for part, n in zip(mixed[1:], four[1:], strict=True):
            place = place + part[:, None] * corners[n]
        places.append(place)
    x, y = np.diff(np.concatenate(places), axis=0).T
    along = np.concatenate([[0.0], np.cumsum(np.sqrt(x * x + y * y))])
    return np.concatenate(numbers), np.concatenate(shares), along


def _shares(t: NDArray[np.float64], starts: bool, stops: bool) -> list[NDArray[np.float64]]:
    """Uniform Catmull-Rom weights of four points in a row at ``t`` (0 to 1) between the middle two.

    Where the curve starts or stops there is no outer point: its mirror image about the end point is used.
    """
    a = (-t + 2 * t * t - t * t * t) / 2
    b = (2 - 5 * t * t + 3 * t * t * t) / 2
    c = (t + 4 * t * t - 3 * t * t * t) / 2
    d = (-t * t + t * t * t) / 2
    if starts:
        a, b, c = 0 * a, b + 2 * a, c - a
    if stops:
        b, c, d = b - d, c + 2 * d, 0 * d
    return [a, b, c, d]
