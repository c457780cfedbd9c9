"""How printed digits differ: every weight and range in one table."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """Weights of the kinds, and how much digits of each kind differ.

    Pairs are the limits of an even spread; a ``_deviation`` is the standard deviation of a bell-shaped one, which ends
    at three of them. A ``_chance`` is a probability. Weights of one group need not sum to 1. Lengths are in heights of
    the digit unless pixels are named.
    """

    # Which kind of print.
    fonts: float = 0.50  # weight of digits set in a font
    wheels: float = 0.14  # weight of rolling meter wheels, set in a font too
    seven: float = 0.22  # weight of seven-segment displays
    dots: float = 0.14  # weight of dot-matrix displays

    # All kinds.
    size: Range = (18.5, 20.0)  # longer side of the ink in pixels, its soft edge included
    edge: Range = (0.6, 1.9)  # softness: width in pixels of the edge in which ink fades into paper
    peak: Range = (0.65, 1.35)  # contrast: brightness of full ink, cut off at 1
    turn_deviation: float = 0.022  # rotation: tangent of half its angle (three deviations are 7.6 degrees)

    # Fonts.
    plain: float = 0.72  # weight of full letters
    outlined: float = 0.10  # weight of letters of which only the contour shows, as on date code boards
    stencil: float = 0.09  # weight of letters with the gaps of a stencil
    inverse: float = 0.09  # weight of dark letters in a bright box
    # Boldness: growth of half the stroke's width, as a share of what the font has; negative is lighter
    weight: Range = (-0.2, 0.9)
    thinnest: float = 0.025  # half the width, at least, to which a light font's main strokes are kept
    # Half the width, at most, to which strokes are made to grow: bolder, and the rounds of an 8 would close
    boldest: float = 0.105
    width: Range = (0.72, 1.3)  # condensed or extended: factor on the font's own width
    slant_deviation: float = 0.08  # shear: lengths to the right per length upwards, on top of the font's own
    slant_mean: float = 0.03  # letters lean to the right more often than to the left
    contour: Range = (0.45, 0.7)  # half the width of an outlined letter's contour, in pixels
    # Softest edge of an outlined letter, in pixels: softer, and its two sides would run together
    contour_edge: float = 1.0
    # Half the width, at least, to which strokes grow before they are outlined, so that the two sides stay apart
    contour_room: float = 0.1
    stencil_gap: Range = (0.025, 0.045)  # half the width of a stencil's gap
    stencil_shift: float = 0.03  # how far a stencil's gap strays from its usual place, at most
    box_margin: Range = (0.12, 0.3)  # from the letter to the edge of its bright box
    box_width: Range = (0.7, 1.1)  # width of a bright box, at least
    box_corner: Range = (0.0, 0.2)  # radius of the box's corners

    # Rolling meter wheels.
    wheel_period: Range = (1.08, 1.22)  # from one digit of the wheel to the next
    wheel_window: Range = (1.04, 1.22)  # height of the window
    wheel_hidden: float = 0.3  # share of the digit's height, at most, that the window cuts off
    # Roundness of the wheel: how much closer its parts move together towards the window's edges
    wheel_curve: Range = (0.0, 0.3)
    wheel_shade: Range = (0.0, 0.4)  # light lost at the window's edges, as a share

    # Seven-segment displays.
    seven_width: Range = (0.45, 0.68)  # width between the middles of the left and the right segments
    seven_thickness: Range = (0.035, 0.085)  # half a segment's thickness
    seven_gap: Range = (0.0, 0.035)  # from a segment's end to the place where segments would meet
    seven_pointed: float = 0.3  # weight of segments that end in a point
    seven_mitred: float = 0.35  # weight of segments cut at 45 degrees, the outer side longer
    seven_rounded: float = 0.2  # weight of segments with round ends
    seven_square: float = 0.15  # weight of segments cut straight
    seven_slant: Range = (0.0, 0.2)  # lean to the right of a slanted display
    seven_upright_chance: float = 0.45  # displays that do not lean at all
    seven_tail_chance: float = 0.75  # 6 with its upper and 9 with its lower bar
    seven_hook_chance: float = 0.2  # 7 with its upper left bar
    seven_left_chance: float = 0.12  # 1 on the left side
    seven_uneven: Range = (0.8, 1.0)  # brightness of each lit segment, as a share of the display's

    # Dot-matrix displays.
    # Weights of the matrices, in the order of ``displays.MATRICES``
    dot_matrices: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    dot_radius: Range = (0.3, 0.56)  # half a dot's width, in distances between dots; from 0.5 dots touch
    dot_round_chance: float = 0.6  # round dots; the others are square
    dot_pitch: Range = (0.85, 1.15)  # distance between columns, in distances between rows
    dot_slant: Range = (-0.05, 0.12)  # lean to the right
    dot_uneven: Range = (0.75, 1.0)  # brightness of each lit dot, as a share of the display's

    # Both kinds of display.
    faint_chance: float = 0.5  # displays whose unlit segments or dots can be seen
    faint: Range = (0.04, 0.22)  # brightness of these, as a share of the lit ones
    glow_chance: float = 0.35  # displays whose light spreads
    glow: Range = (0.1, 0.45)  # brightness of that light next to a lit segment or dot, as a share
    glow_reach: Range = (0.05, 0.12)  # how far it spreads
