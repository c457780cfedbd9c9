"""Rows of characters: ink, and under it the windows or wheels that digits stand in, with a box for every digit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from multidigit.digits import Split
from multidigit.scenes.styles import DotStyle, Glyph, HandStyle, SegmentStyle, Style, any_font
from multidigit.scenes.texts import Text

Field = NDArray[np.float32]

HAND = 0.45
"""Share of the rows that are written by hand."""
KINDS = {"font": 34, "segments": 36, "dots": 8, "wheels": 20}
"""How often the others look so, relative."""
ROOM = 0.6
"""Empty space around a row on its canvas, in heights of a digit."""


@dataclass(frozen=True)
class DrawnRow:
    """A row by itself, upright; all arrays are ``float32`` (H, W).

    Attributes:
        ink: how far ink covers each pixel, 0 to 1.
        tone: how much of the row's own contrast the ink has there, 1 where it is as elsewhere; below 0 it is of the
            other polarity.
        plate: how far windows cover the ground, 0 to 1, or ``None``.
        plate_tone: -1 to 1, how the windows differ from the ground.
        digits: the number in it; empty where there is none.
        boxes: left, top, right and bottom of each digit, ``float32`` (digits, 4).
        height: of a digit, in pixels.
        kind: ``hand`` or one of ``KINDS``.
    """

    ink: Field
    tone: Field
    plate: Field | None
    plate_tone: Field | None
    digits: str
    boxes: Field
    height: float
    kind: str


def draw_kind(rng: np.random.Generator) -> str:
    """``hand``, or one of ``KINDS``."""
    if rng.random() < HAND:
        return "hand"
    weights = np.array(list(KINDS.values()), float)
    return str(rng.choice(list(KINDS), p=weights / weights.sum()))


def draw_row(text: Text, height: float, rng: np.random.Generator, split: Split, kind: str) -> DrawnRow:
    """Draw a row of a kind, with digits of a height in pixels."""
    style: Style
    if kind == "segments":
        style = SegmentStyle(rng)
    elif kind == "dots":
        style = DotStyle(rng)
    elif kind == "hand":
        style = HandStyle(rng, split) if rng.random() < 0.75 else any_font(rng, written=True)
    else:
        style = any_font(rng)
    if kind == "wheels" and text.digits:
        return _wheels(text, height, style, rng, split)
    return _line(text, height, style, kind, rng)


def _line(text: Text, height: float, style: Style, kind: str, rng: np.random.Generator) -> DrawnRow:
    """Characters side by side on one line."""
    gap = {
        "hand": rng.uniform(-0.16, 0.35) - 0.1 * rng.random(),
        "segments": rng.uniform(0.04, 0.5),
        "dots": rng.uniform(0.1, 0.4),
    }.get(kind, max(0.0, rng.normal(0.02, 0.08)) if rng.random() < 0.8 else rng.uniform(0.1, 0.8))
    # On displays the digits behind the point are often smaller.
    shrunk, behind = (rng.uniform(0.45, 0.8) if kind == "segments" and rng.random() < 0.5 else 1.0), False
    wander = rng.normal(0, 0.04) * height if kind == "hand" else 0.0
    placed: list[tuple[Glyph, float, float, bool]] = []
    x = y = 0.0
    # There are those without a point, too.
    last = max((place for place, part in enumerate(text.parts) if part.isdigit()), default=-1)
    alone = shrunk < 1 and "." not in text.parts and "," not in text.parts
    for place, part in enumerate(text.parts):
        if part == " ":
            x += height * rng.uniform(0.3, 0.7)
            continue
        digit = part.isdigit() and len(part) == 1
        behind = behind or (part in ".," and shrunk < 1) or (alone and place == last and place > 0)
        size = height * shrunk if behind and digit else height
        glyph = style.glyph(part, size)
        placed.append((glyph, x, y + height - size, digit))
        jitter = abs(rng.normal(0, 0.1)) if kind == "hand" else 0.0
        x += max(glyph.advance + (gap + jitter) * height, 1.0)
        y += rng.normal(0, 0.02) * height + wander if kind == "hand" else 0.0
    ink, boxes = _canvas(placed, height)
    ink = _inked(ink, height, kind, rng)
    if kind == "hand" and len(boxes) and rng.random() < 0.1:  # underlined
        y = float(boxes[:, 3].max()) + height * rng.uniform(0.05, 0.3)
        start, end = (
            (int(x + rng.normal(0, 0.3) * height), int(y + rng.normal(0, 0.04) * height))
            for x in (boxes[:, 0].min(), boxes[:, 2].max())
        )
        cv2.line(ink, start, end, 1.0, max(1, round(height * rng.uniform(0.04, 0.1))), cv2.LINE_AA)
    if kind == "hand" and rng.random() < 0.12:
        _link(ink, boxes, text.digits, height, rng)
    tone = np.ones_like(ink)
    if text.digits:
        _fade(tone, boxes, rng)
        if shrunk < 1 and rng.random() < 0.3:
            tone[:, int(boxes[-1, 0]) - 1 :] *= rng.uniform(0.35, 0.9)
    return DrawnRow(ink, tone, None, None, text.digits, boxes, height, kind)


def _link(ink: Field, boxes: Field, digits: str, height: float, rng: np.random.Generator) -> None:
    """Strokes from zero to zero along their tops, where the pen was not lifted."""
    pen = max(1, round(height * rng.uniform(0.05, 0.1)))
    for place in range(len(digits) - 1):
        if digits[place : place + 2] == "00":
            (left, top, right, _), (start, below, end, _) = boxes[place], boxes[place + 1]
            a = (int(right - 0.35 * (right - left)), int(top + height * rng.uniform(0.04, 0.2)))
            b = (int(start + 0.35 * (end - start)), int(below + height * rng.uniform(0.04, 0.2)))
            cv2.line(ink, a, b, 1.0, pen, cv2.LINE_AA)


def _canvas(placed: list[tuple[Glyph, float, float, bool]], height: float) -> tuple[Field, Field]:
    """Glyphs on a canvas with room around, and the boxes of those that are digits."""
    if not placed:
        return np.zeros((4, 4), np.float32), np.zeros((0, 4), np.float32)
    room = round(ROOM * height) + 2
    left = min(x for _, x, _, _ in placed)
    top = min(y + glyph.top for glyph, _, y, _ in placed)
    right = max(x + glyph.mask.shape[1] for glyph, x, _, _ in placed)
    bottom = max(y + glyph.top + glyph.mask.shape[0] for glyph, _, y, _ in placed)
    canvas = np.zeros((round(bottom - top) + 2 * room + 2, round(right - left) + 2 * room + 2), np.uint8)
    boxes = []
    for glyph, x, y, digit in placed:
        rows, columns = glyph.mask.shape
        at_x, at_y = round(x - left) + room, round(y + glyph.top - top) + room
        part = canvas[at_y : at_y + rows, at_x : at_x + columns]
        np.maximum(part, glyph.mask[: part.shape[0], : part.shape[1]], out=part)
        if digit:
            boxes.append((at_x, at_y, at_x + columns, at_y + rows))
    return np.asarray(canvas / np.float32(255), np.float32), np.array(boxes, np.float32).reshape(-1, 4)


def _inked(ink: Field, height: float, kind: str, rng: np.random.Generator) -> Field:
    """The same characters bolder, thinner, as outlines, bent, or broken."""
    chance = rng.random()
    if kind == "font" and height > 16 and chance < 0.12:
        grown = cv2.dilate(ink, np.ones((3, 3), np.uint8), iterations=1 + (height > 40))
        ink = np.asarray(grown - ink * rng.uniform(0.7, 1), np.float32)
    elif kind in ("font", "segments") and chance < (0.3 if kind == "font" else 0.15):
        reach = max(2, round(height * rng.uniform(0.03, 0.09)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        # Thin type would vanish.
        ink = np.asarray(
            cv2.dilate(ink, kernel) if chance < 0.12 or height < 24 else cv2.erode(ink, kernel), np.float32
        )
    if kind == "hand" or (kind == "font" and rng.random() < 0.15):
        ink = _bent(ink, height, rng)
    if rng.random() < 0.08:
        ink = _broken(ink, height, rng)
    return ink


def _bent(ink: Field, height: float, rng: np.random.Generator) -> Field:
    """Bent a little, as no two written digits are the same."""
    rows, columns = ink.shape
    step = max(height * rng.uniform(0.3, 0.8), 3)
    grid = (max(2, int(rows / step) + 2), max(2, int(columns / step) + 2))
    reach = height * rng.uniform(0.005, 0.045)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    moved = []
    for axis in (x, y):
        noise = rng.normal(0, reach, grid).astype(np.float32)
        moved.append(axis + cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC))
    return np.asarray(cv2.remap(ink, moved[0], moved[1], cv2.INTER_LINEAR), np.float32)


def _broken(ink: Field, height: float, rng: np.random.Generator) -> Field:
    """Ink that failed in places: specks, or lines across."""
    ink = ink.copy()
    if rng.random() < 0.5:
        grain = rng.random((max(2, int(ink.shape[0] / height * 8)), max(2, int(ink.shape[1] / height * 8))))
        holes = cv2.resize(grain.astype(np.float32), ink.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(ink * np.clip((holes - rng.uniform(0.1, 0.3)) * 6, 0.1, 1), np.float32)
    for _ in range(rng.integers(1, 4)):
        y0, y1 = rng.uniform(0, ink.shape[0], 2)
        cv2.line(ink, (0, int(y0)), (ink.shape[1], int(y1)), 0.0, max(1, round(height * rng.uniform(0.02, 0.05))))
    return ink


def _fade(tone: Field, boxes: Field, rng: np.random.Generator) -> None:
    """Some digits fainter than others, or brighter, as pens fail and lamps age."""
    if rng.random() > 0.18 or not len(boxes):
        return
    if rng.random() < 0.5:
        left, _, right, _ = boxes[rng.integers(len(boxes))]
        tone[:, int(left) : int(right) + 1] *= rng.uniform(0.3, 0.8)
    else:
        ends = rng.uniform(0.3, 1, 2)
        tone *= np.linspace(ends[0], ends[1], tone.shape[1], dtype=np.float32)


def _wheels(text: Text, height: float, style: Style, rng: np.random.Generator, split: Split) -> DrawnRow:
    """Digits in windows of their own, as wheels of meters show them, all alike or each of its own look."""
    count = len(text.digits)
    pitch, tall = height * rng.uniform(0.75, 1.7), height * rng.uniform(1.08, 1.9)
    window = pitch if rng.random() < 0.4 else pitch * rng.uniform(0.72, 0.98)
    mixed = rng.random() < 0.45
    rolling = rng.random() < 0.35
    rounded, bars = rng.random() < 0.3, rng.random() < 0.5
    room = round(ROOM * height) + 2
    shape = (round(tall) + 2 * room, round(pitch * count) + 2 * room)
    ink, tone = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    plate, plate_tone = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    boxes = np.zeros((count, 4), np.float32)
    decimals = int(rng.integers(1, 4)) if rng.random() < 0.4 else 0
    own = rng.uniform(-1, 1)
    for place, character in enumerate(text.digits):
        if mixed:
            kind = rng.random()
            style = SegmentStyle(rng) if kind < 0.35 else DotStyle(rng) if kind < 0.45 else any_font(rng)
        middle = room + pitch * (place + 0.5)
        x0, x1 = round(middle - window / 2), round(middle + window / 2)
        y0, y1 = room, room + round(tall)
        level = rng.uniform(-1, 1) if mixed or (decimals and place >= count - decimals) else own
        plate[y0:y1, x0:x1], plate_tone[y0:y1, x0:x1] = 1, level
        if rounded:  # a wheel is darker where it turns away
            across = np.abs(np.linspace(-1, 1, y1 - y0, dtype=np.float32))[:, None]
            plate_tone[y0:y1, x0:x1] -= rng.uniform(0.2, 0.8) * across**3
        polarity = (
            -1.0
            if (mixed and rng.random() < 0.3) or (decimals and place >= count - decimals and level * own < 0)
            else 1.0
        )
        tone[:, x0:x1] = polarity * (rng.uniform(0.5, 1) if mixed else 1)
        roll = 0.0
        if rolling and (place == count - 1 or rng.random() < 0.15):
            roll = rng.uniform(-0.5, 0.5) if rng.random() < 0.5 else rng.normal(0, 0.12)
        size = height * (rng.uniform(0.8, 1.1) if mixed else 1)
        for step in (-1, 0, 1):
            shown = str((int(character) + step) % 10)
            glyph = style.glyph(shown, size)
            top = room + (tall - size) / 2 + glyph.top + (roll + step) * height * 1.25
            _paste(ink, glyph.mask, round(middle - glyph.mask.shape[1] / 2), round(top), (x0, y0, x1, y1))
            if step == 0:
                half = max(glyph.mask.shape[1], height * 0.3) / 2
                boxes[place] = (middle - half, room + (tall - size) / 2, middle + half, room + (tall + size) / 2)
        if bars and place:
            edge = round(middle - pitch / 2)
            plate[y0:y1, edge - 1 : edge + max(1, round(height * 0.04))] = 1
            plate_tone[y0:y1, edge - 1 : edge + max(1, round(height * 0.04))] = rng.choice([-1.5, 1.5])
    if rng.random() < 0.3:
        cv2.rectangle(plate, (room - 2, room - 2), (shape[1] - room + 2, shape[0] - room + 2), 1.0, 1)
    return DrawnRow(ink, tone, plate, plate_tone, text.digits, boxes, height, "wheels")


def _paste(ink: Field, mask: NDArray[np.uint8], x: int, y: int, window: tuple[int, int, int, int]) -> None:
    """A glyph as far as it is seen in a window."""
    x0, y0, x1, y1 = window
    left, top, right, bottom = max(x, x0), max(y, y0), min(x + mask.shape[1], x1), min(y + mask.shape[0], y1)
    if left >= right or top >= bottom:
        return
    part = ink[top:bottom, left:right]
    np.maximum(part, mask[top - y : bottom - y, left - x : right - x].astype(np.float32) / 255, out=part)
