"""Digits set in fonts: full, outlined, as stencils and in bright boxes, and rolling on the wheels of meters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.generated import Dice
from multidigit.digits.printed.canvas import Field, choose, single, view
from multidigit.digits.printed.fonts import GRID, Faces
from multidigit.digits.printed.ranges import Ranges

STENCIL_GAPS = (
    # Where a stencil's gap runs in each digit: direction across it (x, y), and its place from the middle in heights.
    (1.0, 0.0, 0.0),  # 0: down the middle
    (0.0, 1.0, 0.05),  # 1: across the stem
    (1.0, 0.0, 0.0),
    (1.0, 0.0, -0.03),
    (0.0, 1.0, 0.02),  # 4: across both stems, above the bar
    (1.0, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),  # 7: across the stem
    (1.0, 0.0, 0.0),
    (1.0, 0.0, 0.0),
)


def paint_letters(labels: NDArray[np.uint8], dice: Dice, how: Ranges, faces: Faces) -> NDArray[np.uint8]:
    """Digits in fonts: ``uint8`` boxes (B, BOX, BOX) for labels (B,)."""
    face = choose(dice, faces.weights)
    style = choose(dice, (how.plain, how.outlined, how.stencil, how.inverse))[:, None]
    outlined, stencil, inverse = (style == number for number in (1, 2, 3))
    grow, width = _weight(face, dice, how, faces), single(dice.even(how.width))
    room = single(how.contour_room - faces.stroke[face])[:, None]
    grow = np.where(outlined, np.maximum(grow, room), grow)
    slant = single(how.slant_mean + dice.bell(how.slant_deviation))

    rim = faces.rim[face, labels]
    x, y = rim[:, :, 0] * width - slant * rim[:, :, 1], rim[:, :, 1]
    margin, least, corner = (single(dice.even(limits)) for limits in (how.box_margin, how.box_width, how.box_corner))
    middle = (x.min(1, keepdims=True) + x.max(1, keepdims=True)) / 2
    half = np.maximum((x.max(1, keepdims=True) - x.min(1, keepdims=True)) / 2 + margin, least / 2)
    tall = np.float32(0.5) + margin
    box_x = np.where(np.arange(rim.shape[1]) % 2, middle - half, middle + half)
    box_y = np.where(np.arange(rim.shape[1]) // 2 % 2, -tall, tall)
    seen = view(np.where(inverse, box_x, x), np.where(inverse, box_y, y), np.where(inverse, 0, grow), dice, how)

    seen = replace(seen, edge=np.where(outlined, np.minimum(seen.edge, np.float32(how.contour_edge)), seen.edge))

    u = (seen.x + slant * seen.y) / width
    distance = _look_up(faces, face[:, None], labels[:, None], u, seen.y) - grow
    contour = single(dice.even(how.contour)) / seen.scale
    distance = np.where(outlined, np.abs(distance + contour) - contour, distance)
    gap = np.array(STENCIL_GAPS, np.float32)[labels]
    stray = single(dice.even((-how.stencil_shift, how.stencil_shift)))
    away = np.abs(gap[:, :1] * u * width + gap[:, 1:2] * seen.y - gap[:, 2:] - stray)
    distance = np.where(stencil, np.maximum(distance, single(dice.even(how.stencil_gap)) - away), distance)
    box = _rounded_box(seen.x - middle, seen.y, half, tall, corner)
    return seen.boxes(seen.cover(np.where(inverse, np.maximum(box, -distance), distance)))


def paint_wheels(labels: NDArray[np.uint8], dice: Dice, how: Ranges, faces: Faces) -> NDArray[np.uint8]:
    """Digits on rolling wheels: ``uint8`` boxes (B, BOX, BOX) for labels (B,), the digit that shows most of itself."""
    face = choose(dice, faces.weights)
    grow, width = _weight(face, dice, how, faces), single(dice.even(how.width))
    period, window, curve, shade = (
        single(dice.even(limits)) for limits in (how.wheel_period, how.wheel_window, how.wheel_curve, how.wheel_shade)
    )
    # At this shift the window's edge has reached the share of the digit that it may cut off.
    furthest = (window - 1) / 2 + np.float32(how.wheel_hidden)
    shift = single(dice.even((-1.0, 1.0))) * furthest
    wheel = (labels[:, None].astype(np.int64) + np.arange(-1, 2)) % 10
    half = np.abs(faces.rim[face[:, None], wheel, :, 0]).max((1, 2), keepdims=True)[:, 0] * width + grow
    tall = window / 2
    seen = view(np.hstack([-half, half, -half, half]), np.hstack([-tall, -tall, tall, tall]), 0 * half, dice, how)

    from_edge = seen.y / tall
    on_wheel = seen.y * (1 + curve * from_edge * from_edge) - shift
    step = np.clip(np.floor(on_wheel / period + np.float32(0.5)), -1, 1)
    digit = (labels[:, None] + step.astype(np.int64)) % 10
    distance = _look_up(faces, face[:, None], digit, seen.x / width, on_wheel - step * period) - grow
    light = seen.cover(np.maximum(distance, np.abs(seen.y) - tall))
    return seen.boxes(light * (1 - shade * np.minimum(from_edge * from_edge, 1)))


def _weight(face: NDArray[np.int64], dice: Dice, how: Ranges, faces: Faces) -> Field:
    """How much the edge of each image's ink moves outwards, in heights, (B, 1)."""
    stroke = faces.stroke[face][:, None]
    share = single(dice.even(how.weight))
    room = np.clip(np.float32(how.boldest) - stroke, 0, stroke)
    grow = share * np.where(share > 0, room, stroke)
    return np.maximum(grow, np.float32(how.thinnest) - stroke)


def _look_up(faces: Faces, face: NDArray[np.int64], digit: NDArray[np.integer], u: Field, v: Field) -> Field:
    """Distance to the edge of the ink, in heights, at places u and v (B, PLACES) in heights from a digit's middle.

    ``face`` is (B, 1), ``digit`` (B, 1) or one for each place.
    """
    height = faces.height[face, digit]
    last = np.float32(GRID - 1.001)
    column = np.clip(u * height + np.float32((GRID - 1) / 2), 0, last)
    row = np.clip(v * height + np.float32((GRID - 1) / 2), 0, last)
    left, top = column.astype(np.int64), row.astype(np.int64)
    right_share, bottom_share = column - left.astype(np.float32), row - top.astype(np.float32)
    flat = faces.maps.reshape(-1)
    corner = ((face * 10 + digit) * GRID + top) * GRID + left
    upper = flat[corner] + right_share * (flat[corner + 1] - flat[corner])
    lower = flat[corner + GRID] + right_share * (flat[corner + GRID + 1] - flat[corner + GRID])
    return (upper + bottom_share * (lower - upper)) / height


def _rounded_box(x: Field, y: Field, half: Field, tall: Field, corner: Field) -> Field:
    """Distance to the edge of a box of half width ``half`` and half height ``tall`` with rounded corners."""
    over_x, over_y = np.abs(x) - half + corner, np.abs(y) - tall + corner
    out_x, out_y = np.maximum(over_x, 0), np.maximum(over_y, 0)
    return np.sqrt(out_x * out_x + out_y * out_y) + np.minimum(np.maximum(over_x, over_y), 0) - corner
