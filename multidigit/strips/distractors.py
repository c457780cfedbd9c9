"""Distractors: what stands in pictures and is no digit. Letters and signs, shapes, scribbles, and mere texture.

A network that has only seen numbers finds one in everything. Distractors are drawn once, as a pool of pictures of the
size of digits, and composed like digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont

from multidigit.digits.printed.fonts import ABSENT, load_letter_fonts
from multidigit.labels import CELL
from multidigit.strips.effects.base import lattice, lattice_bytes

CLEAR = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwxy&@?%#+=*ÄÜÑЖЯДФЮШЭΔΣΩΨ漢"
"""Letters and signs that nobody takes for a digit; those that a font lacks are left out."""
ALIKE = "OoIlSsZzBbDQqgGij!/|()"
"""Letters and signs that look like digits alone, but not in a word."""
LETTERS, SHAPES, SCRIBBLES, POINTS = 2_400, 900, 700, 200
"""Distractors of each kind in the pool, in this order."""
_FINE = 4
"""Distractors are drawn so many times larger, and then made smaller."""
_BOX = 20
"""Longest side in pixels, as that of digits."""
_SIZE = _BOX * _FINE
_STREAM = 0x3A2C5


class Distractors(NamedTuple):
    """A pool of distractors.

    Attributes:
        images: ``uint8``, shape (M, 28, 28), ink bright on dark.
        clear: which of them nobody takes for a digit, ``bool``, shape (M,).
        points: which of them stand between digits: points, commas, colons and dashes, the last ones, shape (M,).
    """

    images: NDArray[np.uint8]
    clear: NDArray[np.bool_]
    points: NDArray[np.bool_]


@lru_cache(maxsize=6)
def load_distractors(seed: int) -> Distractors:
    """The pool of a seed: the same wherever the same fonts are."""
    rng = np.random.default_rng([_STREAM, seed])
    fonts = load_letter_fonts(_SIZE)
    drawn: list[tuple[Image.Image, bool]] = [_letter(fonts, rng) for _ in range(LETTERS)]
    drawn += [(SHAPE_KINDS[rng.integers(len(SHAPE_KINDS))](rng), True) for _ in range(SHAPES)]
    drawn += [(_scribble(rng), True) for _ in range(SCRIBBLES)]
    cells = [_cell(image, rng, (15, _BOX)) for image, _ in drawn]
    cells += [_cell(image, rng, sizes) for image, sizes in (_point(rng) for _ in range(POINTS))]
    clear = np.array([clear for _, clear in drawn] + [False] * POINTS)
    return Distractors(np.stack(cells), clear, np.arange(len(cells)) >= len(drawn))


def textures(count: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Strips of mere texture: clouds and grain of any coarseness, ``uint8`` (count, 28, width)."""
    strips = np.empty((count, CELL, width), np.uint8)
    for index, step in enumerate(rng.integers(1, 15, size=count)):
        if step < 4:  # grain: single pixels, or blocks of two or three
            size = -(-CELL // step), -(-width // step)
            field = rng.integers(256, size=size).repeat(step, 0).repeat(step, 1)[:CELL, :width]
        else:
            grain = rng.integers(256, size=(1, lattice_bytes(int(step), width)), dtype=np.uint8)
            field = lattice(grain, int(step), width)[0].astype(np.int64)
        low, contrast = rng.integers(-160, 140), rng.integers(64, 900)
        strips[index] = np.clip((field - 128) * contrast // 256 + 128 + low, 0, 255)
    return strips


def _letter(fonts: list[ImageFont.FreeTypeFont], rng: np.random.Generator) -> tuple[Image.Image, bool]:
    """One letter or sign in one of the fonts: full, bold or as an outline."""
    clear = bool(rng.random() < 0.7)
    font = fonts[rng.integers(len(fonts))]
    letters = letters_of(font, CLEAR if clear else ALIKE)
    letter = letters[rng.integers(len(letters))]
    left, top, right, bottom = (round(end) for end in font.getbbox(letter, stroke_width=4))
    picture = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    bold = int(rng.choice([0, 0, 0, 2, 4]))
    draw = ImageDraw.Draw(picture)
    draw.text((-left, -top), letter, fill=255, font=font, stroke_width=bold)
    if rng.random() < 0.1:  # an outline: what a bold one has more than the letter itself
        inner = Image.new("L", picture.size)
        ImageDraw.Draw(inner).text((-left, -top), letter, fill=255, font=font)
        draw.text((-left, -top), letter, fill=255, font=font, stroke_width=4)
        picture = ImageChops.subtract(picture, inner)
    return picture, clear


@lru_cache(maxsize=256)
def letters_of(font: ImageFont.FreeTypeFont, letters: str) -> str:
    """Those of the letters that a font has; for one that it lacks it draws nothing, or the same box each time."""
    absent = bytes(font.getmask(ABSENT))
    return "".join(letter for letter in letters if bytes(font.getmask(letter)) not in (absent, b""))


def _canvas() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", (_SIZE, _SIZE))
    return picture, ImageDraw.Draw(picture)


def _ellipse(rng: np.random.Generator, least: float = 0.5) -> tuple[float, float, float, float]:
    wide, tall = rng.uniform(least, 1, 2) * (_SIZE - 2)
    return ((_SIZE - wide) / 2, (_SIZE - tall) / 2, (_SIZE + wide) / 2, (_SIZE + tall) / 2)


def _face(rng: np.random.Generator) -> Image.Image:
    """A round thing with two eyes, most often with a mouth: full with holes, or an outline with spots."""
    picture, draw = _canvas()
    left, top, right, bottom = box = _ellipse(rng, 0.7)
    full = rng.random() < 0.6
    line = int(rng.integers(4, 10))
    draw.ellipse(box, fill=255 if full else 0, outline=255, width=line)
    paint = 0 if full else 255
    wide, tall = right - left, bottom - top
    for side in (-1, 1):
        x, y = (left + right) / 2 + side * wide * rng.uniform(0.15, 0.24), top + tall * rng.uniform(0.32, 0.42)
        size = rng.uniform(0.05, 0.1) * wide
        draw.ellipse((x - size, y - size, x + size, y + size), fill=paint)
    if rng.random() < 0.8:
        begin, end = (20, 160) if rng.random() < 0.7 else (200, 340)
        inset = rng.uniform(0.18, 0.28)
        low = top + tall * 0.35 if begin == 20 else top + tall * 0.6
        mouth = (left + inset * wide, low, right - inset * wide, low + tall * 0.45)
        draw.arc(mouth, begin, end, fill=paint, width=line)
    return picture


def _blob(rng: np.random.Generator) -> Image.Image:
    """A full disc, several overlapping discs or a full polygon."""
    picture, draw = _canvas()
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 5)):
            draw.ellipse(np.sort(rng.uniform(0, _SIZE, (2, 2)), axis=0).ravel().tolist(), fill=255)
    elif rng.random() < 0.5:
        draw.ellipse(_ellipse(rng), fill=255)
    else:
        points = rng.uniform(0, _SIZE, (int(rng.integers(3, 7)), 2))
        draw.polygon([(float(x), float(y)) for x, y in points], fill=255)
    return picture


def _frame(rng: np.random.Generator) -> Image.Image:
    """A box, full or with bars in it; an empty one is as wide as tall at least, for a tall one is a zero."""
    picture, draw = _canvas()
    left, top, right, bottom = box = _ellipse(rng, 0.5)
    line = int(rng.integers(4, 14))
    full = rng.random() < 0.3
    draw.rectangle(box, fill=255 if full else 0, outline=255, width=line)
    if rng.random() < 0.5 or (not full and right - left < bottom - top):
        for _ in range(rng.integers(2, 5)):
            draw.line(rng.uniform(box[0], box[2], 4).tolist(), fill=int(rng.integers(0, 256)), width=line)
    return picture


def _bars(rng: np.random.Generator) -> Image.Image:
    """Dashes, crosses, arrows, stripes: two or more straight strokes, none of them like a 1 or a 7 alone."""
    picture, draw = _canvas()
    line = int(rng.integers(4, 12))
    kind = rng.integers(4)
    low, high = 0.1 * _SIZE, 0.9 * _SIZE
    if kind == 0:  # a dash
        y = rng.uniform(low, high)
        draw.line((low, y, high, y + rng.uniform(-10, 10)), fill=255, width=line)
    elif kind == 1:  # a cross
        draw.line((low, low, high, high), fill=255, width=line)
        draw.line((low, high, high, low), fill=255, width=line)
    elif kind == 2:  # stripes
        count = int(rng.integers(3, 7))
        upright = rng.random() < 0.5
        for place in np.linspace(low, high, count):
            draw.line(
                (place, low, place, high) if upright else (low, place, high, place), fill=255, width=line // 2 + 1
            )
    else:  # a star of strokes
        for _ in range(rng.integers(4, 8)):
            x, y = rng.uniform(0, _SIZE, 2)
            draw.line((_SIZE / 2, _SIZE / 2, x, y), fill=255, width=line // 2 + 2)
    return picture


SHAPE_KINDS: tuple[Callable[[np.random.Generator], Image.Image], ...] = (_face, _blob, _frame, _bars)


def _scribble(rng: np.random.Generator) -> Image.Image:
    """One stroke that changes direction more often than any digit does."""
    picture, draw = _canvas()
    knots = rng.uniform(0.05, 0.95, (int(rng.integers(7, 14)), 2)) * _SIZE
    if rng.random() < 0.5:  # a zigzag in one direction, as one signs
        knots[:, rng.integers(2)] = np.linspace(0.05, 0.95, len(knots)) * _SIZE
    time = np.linspace(0, len(knots) - 1, 120)
    x, y = (np.interp(time, np.arange(len(knots)), knots[:, axis]) for axis in (0, 1))
    smooth = np.ones(9) / 9
    x, y = (np.convolve(np.pad(part, 4, mode="edge"), smooth, "valid") for part in (x, y))
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    draw.line(points, fill=255, width=int(rng.integers(5, 13)), joint="curve")
    return picture


def _point(rng: np.random.Generator) -> tuple[Image.Image, tuple[int, int]]:
    """What stands between digits, and its shortest and longest size in pixels."""
    picture, draw = _canvas()
    kind = rng.integers(4)
    draw_one = draw.ellipse if rng.random() < 0.6 else draw.rectangle
    if kind == 0:  # a point
        draw_one((0, 0, 60, 60), fill=255)
        return picture, (2, 5)
    if kind == 1:  # a colon
        draw_one((0, 0, 18, 18), fill=255)
        draw_one((0, 50, 18, 68), fill=255)
        return picture, (9, 14)
    if kind == 2:  # a comma
        draw.line((40, 0, 40, 30, 15, 70), fill=255, width=24, joint="curve")
        return picture, (4, 8)
    draw.rectangle((0, 0, 70, int(rng.integers(14, 30))), fill=255)  # a dash
    return picture, (5, 9)


def _cell(picture: Image.Image, rng: np.random.Generator, sizes: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture's ink as a cell, its longer side between two sizes in pixels, sometimes paler."""
    cell = np.zeros((CELL, CELL), np.uint8)
    ink = picture.crop(picture.getbbox() or (0, 0, 1, 1))
    size = rng.integers(*sizes, endpoint=True)
    scale = size / max(ink.size)
    small = ink.resize([max(1, round(side * scale)) for side in ink.size], Image.Resampling.BOX)
    peak = min(1.0, rng.uniform(0.6, 1.4))
    pixels = (np.asarray(small) * peak).astype(np.uint8)
    top, left = ((CELL - side) // 2 for side in pixels.shape)
    cell[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return cell
