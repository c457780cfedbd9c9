"""How the characters of a row look: set in a font, on a segment or dot-matrix display, or written by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from multidigit.digits import SPLITS, Split
from multidigit.digits.drawn.pen import DRAWS, Variation, draw_batch
from multidigit.digits.drawn.styles import LETTER_LIKE, STYLES
from multidigit.digits.printed.displays import MATRICES, MATRIX_SHAPES, SEGMENTS
from multidigit.digits.printed.fonts import ABSENT, PILLOW_FONT, machine_fonts
from multidigit.labels import CELL

Mask = NDArray[np.uint8]
SIZES = (14, 24, 40, 64)
"""Heights of digits, in pixels, at which fonts are drawn; other heights are scaled from the next larger one."""
WRITTEN = re.compile(
    r"script|hand|kristi|klee|humor|breip|rufscript|johnsmith|ecolier|chilanka|comic|tomson|stylo|femke|dkg|pen|yusei",
    re.IGNORECASE,
)
"""Names of fonts that look written."""
HAND_BOX = 20
"""Height of a written digit as its source draws it."""
HAND = Variation(sloppiness=(0.1, 1.0), radius=(0.5, 1.9), slant=0.3)
"""How much writing differs: a little less than among digits that are written one by one."""
WRITERS = {"train": 1500, "validation": 150, "test": 150}
"""Writers of each split."""
VERSIONS = 2
"""How often each of them writes each digit."""
_HANDS = 71
"""Marks their random numbers."""
_SIGNS = {"—": "-", "–": "-", "·": "."}


@dataclass(frozen=True)
class Glyph:
    """One character, or a word, at its size.

    Attributes:
        mask: how far the ink covers each pixel, 0 to 255; its box may hold empty pixels.
        top: rows from the top of digits down to the mask; negative above.
        advance: columns up to the next character, without the row's own gap.
    """

    mask: Mask
    top: float
    advance: float


class Style(Protocol):
    """Draws characters; made for one row, so that they look alike."""

    def glyph(self, part: str, height: float) -> Glyph:
        """A character or word where digits are ``height`` pixels high."""


@lru_cache(maxsize=2)
def font_families(written: bool) -> tuple[tuple[Path | None, ...], ...]:
    """This machine's fonts that hold digits, by family; all, or those that look written, where there are any."""
    families = machine_fonts()
    return (written and tuple(family for family in families if WRITTEN.search(_name(family[0])))) or families


@lru_cache(maxsize=4096)
def _font(path: Path | None, height: int) -> tuple[ImageFont.FreeTypeFont, float]:
    """A font in which a zero is about ``height`` pixels high, and how high it is."""
    size = height * 1.4
    font = ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    box = font.getbbox("0", anchor="ls")
    return font, max(float(box[3] - box[1]), 1.0)


@lru_cache(maxsize=60_000)
def _drawn(path: Path | None, height: int, part: str) -> tuple[Mask, float, float, float]:
    """Mask, its top against the top of a zero, advance and the zero's height, of a part in a font."""
    font, zero = _font(path, height)
    left, top, right, bottom = (int(each) for each in font.getbbox(part, anchor="ls"))
    image = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(image).text((-left, -top), part, fill=255, font=font, anchor="ls")
    return np.asarray(image), top + zero, float(font.getlength(part)), zero


class FontStyle:
    """Characters of one font."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def glyph(self, part: str, height: float) -> Glyph:
        size = next((each for each in SIZES if each >= height), SIZES[-1])
        mask, top, advance, zero = _drawn(self._path, size, part)
        if not part.isdigit() and np.array_equal(mask, _drawn(self._path, size, ABSENT)[0]):
            mask = np.zeros((1, 1), np.uint8)  # the font has no such character
        scale = height / zero
        return Glyph(scaled(mask, scale, scale), top * scale, advance * scale)


def any_font(rng: np.random.Generator, written: bool = False) -> FontStyle:
    """A font of this machine, each family as often as another; ``written`` asks for one that looks so."""
    families = font_families(written)
    family = families[rng.integers(len(families))]
    return FontStyle(family[rng.integers(len(family))])


def _name(path: Path | None) -> str:
    return path.name if path else PILLOW_FONT


class SegmentStyle:
    """A seven-segment display; what it cannot show is set in a font."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._width = rng.uniform(0.42, 0.75) if rng.random() < 0.9 else rng.uniform(0.25, 0.42)
        self._thick = (rng.uniform(0.07, 0.13) if rng.random() < 0.5 else rng.uniform(0.07, 0.19)) * (
            0.8 if rng.random() < 0.3 else 1
        )
        self._gap = rng.uniform(0, 0.04) if rng.random() < 0.8 else rng.uniform(0.04, 0.14)
        self._ends = int(rng.integers(3))  # pointed, square, round
        self._ghost = int(rng.integers(8, 125)) if rng.random() < 0.33 else 0
        self._tails = rng.random(3) < (0.85, 0.85, 0.3)  # of 6, 9 and 7
        self._left_one = rng.random() < 0.06
        self._uneven = rng.uniform(0.5, 1, 7) if rng.random() < 0.2 else np.ones(7)
        if rng.random() < 0.15:  # seen from above or below, those that lie are fainter
            self._uneven[[0, 3, 6]] *= rng.uniform(0.35, 0.9)
        self._points = rng.uniform(0.7, 1.4)
        self._font = any_font(rng)

    def glyph(self, part: str, height: float) -> Glyph:
        if part in _SIGNS:
            part = _SIGNS[part]
        thick = self._thick * height
        if part in ".,:":
            size = max(thick * self._points, 1.2)
            mask = np.zeros((round(height + size), round(size) + 1), np.uint8)
            for y in (height - size, *((height * 0.35,) if part == ":" else ())):
                cv2.rectangle(mask, (0, round(y)), (round(size) - 1, round(y + size) - 1), 255, -1)
            return Glyph(mask, 0, size * 0.6)
        if part == "-":
            lit = np.array([letter == "g" for letter in "abcdefg"])
        elif part.isdigit() and len(part) == 1:
            lit = np.array([letter in SEGMENTS[int(part)] for letter in "abcdefg"])
            if (part == "6" and not self._tails[0]) or (part == "9" and not self._tails[1]):
                lit[0 if part == "6" else 3] = False
            if part == "7" and self._tails[2]:
                lit[5] = True
            if part == "1" and self._left_one:
                lit[:] = [letter in "ef" for letter in "abcdefg"]
        else:
            glyph = self._font.glyph(part, height * 0.6)
            return Glyph(glyph.mask, glyph.top + height * 0.4, glyph.advance)
        width = self._width * height
        mask = np.zeros((int(height) + 2, int(width) + 2), np.uint8)
        levels = np.where(lit, 255 * self._uneven, self._ghost)
        for segment in np.argsort(levels):
            if levels[segment] > 0:
                self._draw(mask, int(segment), width, height, thick, int(levels[segment]))
        return Glyph(mask, 0, width)

    def _draw(self, mask: Mask, segment: int, width: float, height: float, thick: float, level: int) -> None:
        half, gap = thick / 2, self._gap * height
        x0, x1, y0, y1, y2 = half, width - half, half, height / 2, height - half
        ends = (
            ((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x1, y2)), ((x0, y2), (x1, y2)),
            ((x0, y1), (x0, y2)), ((x0, y0), (x0, y1)), ((x0, y1), (x1, y1)),
        )  # fmt: skip
        a, b = np.array(ends[segment][0]), np.array(ends[segment][1])
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
        across = np.array([-along[1], along[0]]) * half
        a, b = a + along * gap, b - along * gap
        if self._ends == 2:
            cv2.line(mask, _fixed(a), _fixed(b), level, max(1, round(thick)), cv2.LINE_AA, 4)
            return
        if self._ends == 1:
            points = [a - across, b - across, b + across, a + across]
        else:
            inward = along * half
            points = [a, a + inward - across, b - inward - across, b, b - inward + across, a + inward + across]
        cv2.fillPoly(mask, [np.array([_fixed(point) for point in points], np.int32)], level, cv2.LINE_AA, 4)


class DotStyle:
    """A dot-matrix display; what it cannot show is set in a font."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._matrix = int(rng.choice(len(MATRICES), p=(0.4, 0.35, 0.15, 0.1)))
        self._pitch = rng.uniform(0.75, 1.25)
        self._radius = rng.uniform(0.3, 0.55)
        self._round = rng.random() < 0.6
        self._dotted = int(rng.integers(1, 4)) if self._matrix < 2 and rng.random() < 0.3 else 0
        self._ghost = int(rng.integers(8, 70)) if rng.random() < 0.3 else 0
        self._font = any_font(rng)

    def glyph(self, part: str, height: float) -> Glyph:
        rows, columns = MATRIX_SHAPES[self._matrix]
        step = height / rows
        if not (part.isdigit() and len(part) == 1):
            if part not in ".,:-":
                return self._font.glyph(part, height)
            lit = np.zeros((rows, 1 if part != "-" else 3), bool)
            lit[[rows // 2] if part == "-" else [rows - 1] if part in ".," else [rows // 3, rows - 2]] = True
        else:
            art = MATRICES[self._matrix]
            first = int(part) * (columns + 1)
            lit = np.array([list((line + " ")[first : first + columns]) for line in art]) == "#"
            if part == "0" and self._dotted:
                inner = lit[1 : rows - 1, 1 : columns - 1]
                inner[:] = False
                if self._dotted == 1:
                    inner[rows // 2 - 1, columns // 2 - 1] = True
                elif self._dotted == 2:
                    inner[rows // 2 - 1] = True
                else:
                    inner[np.arange(columns - 2) + (rows - columns) // 2, np.arange(columns - 2)[::-1]] = True
        wide = step * self._pitch
        mask = np.zeros((int(height) + 2, int(lit.shape[1] * wide) + 2), np.uint8)
        for row, column in np.ndindex(lit.shape):
            level = 255 if lit[row, column] else self._ghost
            if not level:
                continue
            x, y = (column + 0.5) * wide, (row + 0.5) * step
            if self._round:
                cv2.circle(mask, _fixed((x, y)), max(6, round(self._radius * step * 16)), level, -1, cv2.LINE_AA, 4)
            else:
                reach = self._radius * step
                cv2.rectangle(
                    mask, (round(x - reach), round(y - reach)), (round(x + reach), round(y + reach)), level, -1
                )
        return Glyph(mask, 0, lit.shape[1] * wide)


class HandStyle:
    """Digits of a source of handwritten digits, signs by the pen, words in a font that looks written."""

    def __init__(self, rng: np.random.Generator, split: Split) -> None:
        self._rng = rng
        writers = hands(split)
        self._images = writers[rng.integers(len(writers))]
        self._uneven = rng.uniform(0, 0.14)
        self._wide = rng.uniform(0.8, 1.25)
        self._thick = int(rng.integers(-1, 2)) if rng.random() < 0.5 else 0
        chance = rng.random()
        self._bare_one = chance > 0.45
        self._flag = rng.uniform(0.15, 0.6) if chance < 0.3 else 0.0
        self._flag_start, self._lean = (
            rng.uniform(0.25, 0.95),
            rng.normal(0.12, 0.15) if chance < 0.3 else rng.normal(0.2, 0.2),
        )
        self._tall = rng.uniform(1, 1.7) if 0.2 < chance < 0.45 else 1.0
        self._small_zeros = rng.uniform(0.55, 0.85) if rng.random() < 0.12 else 0.0
        self._font = any_font(rng, written=True)

    def glyph(self, part: str, height: float) -> Glyph:
        rng = self._rng
        if part.isdigit() and len(part) == 1:
            image = self._images[int(part), rng.integers(VERSIONS)]
            if part == "1" and not self._bare_one:
                return self._stroke_one(image, height)
            # Sources draw digits as large as a box lets them; in a number they are about as high as each other.
            high = height * float(np.clip(rng.normal(1, self._uneven), 0.6, 1.5))
            if part == "0" and self._small_zeros:
                high *= self._small_zeros
            mask = _written(image, high, self._wide * float(np.exp(rng.normal(0, 0.08))))
            if self._thick and height > 24:
                kernel = np.ones((2, 2), np.uint8)
                change = cv2.dilate if self._thick > 0 else cv2.erode
                mask = np.asarray(change(mask, kernel), np.uint8)
            share = 1.0 if self._small_zeros else 0.5
            top = (height - mask.shape[0]) * share + rng.normal(0, self._uneven * 0.4) * height
            return Glyph(mask, top, mask.shape[1])
        pen = max(1, round(height * rng.uniform(0.06, 0.12)))
        part = _SIGNS.get(part, part)
        if part in ("-", "=", "/", ".", ",", ".-", ",-", ".=", "--", "_"):
            return self._sign(part, height, pen)
        return self._font.glyph(part, height * rng.uniform(0.7, 1))

    def _stroke_one(self, image: NDArray[np.uint8], height: float) -> Glyph:
        """A one with a long upstroke, as much of Europe writes it, or a stroke that is longer than digits are high.

        It has the pen of the writer's other one.
        """
        rng = self._rng
        pen = float(image.sum()) / 255 / max(int(image.any(1).sum()), int(image.any(0).sum())) / HAND_BOX * height
        high = height * self._tall * rng.normal(1, self._uneven * 0.6)
        lean = self._lean * high
        stem = [(0.0, 0.0), (-lean * 0.5, high * 0.5), (-lean, high)]
        if self._flag:
            start, flag = high * (self._flag_start + rng.normal(0, 0.05)), high * (self._flag + rng.normal(0, 0.03))
            stem = [(-flag, start), (-flag * 0.4, start * 0.45), *stem]
        points = np.array(stem)
        points += rng.normal(0, 0.02 * high, points.shape) - points.min(0) + pen
        width, rows = np.ceil(points.max(0) + pen + 1).astype(int)
        mask = np.zeros((rows, width), np.uint8)
        fixed = np.round(points * 16).astype(np.int32)
        cv2.polylines(mask, [fixed], False, 255, max(1, round(pen)), cv2.LINE_AA, 4)
        # Longer strokes begin above the digits, end below them, or both.
        return Glyph(mask, (height - rows) * rng.uniform(0.3, 1) + pen * rng.uniform(0, 1), width - pen)

    def _sign(self, part: str, height: float, pen: int) -> Glyph:
        rng, glyphs, x = self._rng, [], 0.0
        mask = np.zeros((round(height * 1.3) + pen, round(height * (0.9 * len(part) + 0.3))), np.uint8)
        for sign in part:
            if sign in ".,":
                y = height - pen / 2
                end = (x + pen + (0 if sign == "." else -pen), y + (0 if sign == "." else height * 0.2))
                cv2.line(mask, _fixed((x + pen, y)), _fixed(end), 255, pen + 1, cv2.LINE_AA, 4)
                x += pen * 2.5
            elif sign == "/":
                cv2.line(mask, _fixed((x, height * 1.25)), _fixed((x + height * 0.6, 0)), 255, pen, cv2.LINE_AA, 4)
                x += height * 0.6
            else:
                length = height * rng.uniform(0.3, 0.8)
                for y in (0.35, 0.6) if sign == "=" else (1.0,) if sign == "_" else (0.5,):
                    left, right = (height * (y + rng.normal(0, 0.04)) for _ in range(2))
                    cv2.line(mask, _fixed((x, left)), _fixed((x + length, right)), 255, pen, cv2.LINE_AA, 4)
                x += length * 1.1
            glyphs.append(sign)
        return Glyph(np.ascontiguousarray(mask[:, : max(1, int(x) + pen)]), 0, x)


@lru_cache(maxsize=3)
def hands(split: Split) -> NDArray[np.uint8]:
    """Digits by writer: ``uint8`` (writers, 10, ``VERSIONS``, 28, 28).

    A digit is drawn from random numbers; those of one writer are nearly the same for all digits, so that slant, width,
    pen and habits are.
    """
    writers = WRITERS[split]
    rng = np.random.default_rng([_HANDS, SPLITS.index(split)])
    numbers = rng.random((writers, 1, 1, DRAWS)) + rng.normal(0, 0.06, (writers, 10, VERSIONS, DRAWS))
    labels = np.broadcast_to(np.arange(10, dtype=np.uint8)[:, None], (writers, 10, VERSIONS))
    flat = np.clip(numbers, 0, 1 - 1e-9).reshape(-1, DRAWS)
    parts = [
        draw_batch(
            labels.reshape(-1)[start : start + 500],
            flat[start : start + 500],
            variation=HAND,
            styles=(*STYLES, *LETTER_LIKE),
        )
        for start in range(0, len(flat), 500)
    ]
    return np.concatenate(parts).reshape(writers, 10, VERSIONS, CELL, CELL)


def _written(image: NDArray[np.uint8], high: float, wide: float) -> Mask:
    """A small drawing ``high`` pixels high, its edges as sharp as before, without its empty margin.

    ``wide`` is how much more it is scaled along the row than across.
    """
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = high / image.shape[0]
    across = min(scale * wide, 1.4 * high / image.shape[1], high / HAND_BOX * 1.6)
    grown = scaled(np.pad(image, 1), across, scale)
    if scale > 1.2:
        # Enlarged, an edge is as wide as it is enlarged; steeper by the same factor it is an edge again.
        steep = grown.astype(np.float32)
        grown = np.clip((steep - 128) * min(scale, 3.0) + 128, 0, 255).astype(np.uint8)
    return grown


def scaled(mask: Mask, scale_x: float, scale_y: float) -> Mask:
    """A mask at another size, at least one pixel."""
    size = (max(1, round(mask.shape[1] * scale_x)), max(1, round(mask.shape[0] * scale_y)))
    shrinks = scale_x * scale_y < 1
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)


def _fixed(point: Sequence[float] | NDArray[np.float64]) -> tuple[int, int]:
    """A point in sixteenths of a pixel, as OpenCV takes it with ``shift=4``."""
    return round(float(point[0]) * 16), round(float(point[1]) * 16)
