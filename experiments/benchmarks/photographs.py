"""A reader on pictures as people have them: printed date codes, rows of meter wheels, and handwriting on paper.

The pictures are drawn here, with Pillow alone and none of the code that makes training strips, 150 to 900 pixels wide,
saved as PNG or JPEG and read from there. Fonts are those of this machine, which trained readers may have seen.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import common
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from multidigit.digits import SPLITS, Split, load_digits
from multidigit.digits.printed.fonts import font_files, read_font
from multidigit.labels import DEFAULT_SLOTS
from multidigit.reading.reader import Reader
from multidigit.report.tables import markdown_table

Rng: TypeAlias = np.random.Generator
Colour: TypeAlias = tuple[int, int, int]
FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/Library/Fonts"),
    Path(os.environ.get("WINDIR") or "C:/Windows") / "Fonts",
)
MOST_FONTS = 40
DOTS = "3E5149453E 00427F4000 4261514946 2141454B31 1814127F10 2745454539 3C4A494930 0171090503 3649494936 064949291E"
"""Digits of dot-matrix printers: five columns of seven dots each, the lowest bit on top."""
SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Segments of seven that light up for each digit: a on top, then clockwise, g in the middle."""
CORNERS = {"a": "01", "b": "13", "c": "35", "d": "45", "e": "24", "f": "02", "g": "23"}
"""Ends of each segment; corners are numbered in reading order."""


def machine_fonts() -> list[Path | None]:
    """Fonts of this machine that have digits; ``None`` is Pillow's own, which is always there."""
    import matplotlib

    paths = font_files([Path(matplotlib.get_data_path()) / "fonts" / "ttf", *FONT_FOLDERS])
    return [None, *(path for path in paths if read_font(path))][:MOST_FONTS]


def font(paths: Sequence[Path | None], size: int, rng: Rng) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = paths[int(rng.integers(len(paths)))]
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)


def number(length: int, rng: Rng) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, length))


def colour(level: float, strength: float, rng: Rng) -> Colour:
    """A colour of about this luminance, 0 to 255, that differs from grey by up to ``strength``."""
    tint = rng.uniform(-strength, strength, 3)
    tint -= tint @ (0.299, 0.587, 0.114)
    red, green, blue = np.clip(level + tint, 0, 255).astype(int).tolist()
    return red, green, blue


def two_colours(contrast: tuple[float, float], rng: Rng) -> tuple[Colour, Colour]:
    """Colours of ground and ink, either of them the brighter one, this far apart in luminance."""
    apart = rng.uniform(*contrast)
    dark = rng.uniform(10, 245 - apart)
    ground, ink = (dark, dark + apart) if rng.random() < 0.5 else (dark + apart, dark)
    return colour(ground, 50, rng), colour(ink, 30, rng)


def segmented(text: str, tall: int, rng: Rng) -> Image.Image:
    """A mask (mode L) of seven-segment digits."""
    wide, stroke, slant = tall * rng.uniform(0.45, 0.6), tall * rng.uniform(0.07, 0.14), rng.uniform(0, 0.15)
    step, gap = wide + tall * rng.uniform(0.2, 0.35), stroke * rng.uniform(0.55, 0.9)
    mask = Image.new("L", (int(step * len(text) + tall * slant + 2 * stroke), int(tall + 2 * stroke)))
    draw = ImageDraw.Draw(mask)
    for i, digit in enumerate(text):
        for segment in SEGMENTS[int(digit)]:
            ends = [(int(c) % 2 * wide, int(c) // 2 * tall / 2) for c in CORNERS[segment]]
            (x, y), (u, v) = ((stroke + i * step + x + slant * (tall - y), stroke + y) for x, y in ends)
            away = gap / max(1.0, float(np.hypot(u - x, v - y)))
            dx, dy = (u - x) * away, (v - y) * away
            draw.line((x + dx, y + dy, u - dx, v - dy), 255, max(2, int(stroke)))
    return mask


def dotted(text: str, tall: int, rng: Rng) -> Image.Image:
    """A mask (mode L) of dot-matrix digits, five by seven dots each, jolted as printed dots are."""
    pitch = tall / 7
    radius, jolt, blank = pitch * rng.uniform(0.38, 0.62), pitch * rng.uniform(0, 0.12), int(rng.integers(1, 3))
    mask = Image.new("L", (int(pitch * (5 + blank) * len(text) + 2 * pitch), int(tall + 2 * pitch)))
    draw = ImageDraw.Draw(mask)
    for i, digit in enumerate(text):
        for column, bits in enumerate(bytes.fromhex(DOTS.split()[int(digit)])):
            for row in range(7):
                if bits >> row & 1:
                    x, y = pitch * np.array([1.5 + i * (5 + blank) + column, 1.5 + row]) + rng.normal(0, jolt, 2)
                    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def lettered(text: str, tall: int, outlined: bool, fonts: Sequence[Path | None], rng: Rng) -> Image.Image:
    """A mask (mode L) of digits of a font, with a little room between them; or their outlines."""
    face, between, line = font(fonts, int(tall * 1.35), rng), tall * rng.uniform(0, 0.25), max(1, round(tall * 0.04))
    boxes = [face.getbbox(digit, stroke_width=line) for digit in text]
    wide = sum(right - left + between for left, _, right, _ in boxes)
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    mask = Image.new("L", (int(wide) + 4, int(bottom - top) + 4))
    draw, x = ImageDraw.Draw(mask), 2.0
    for digit, (left, _, right, _) in zip(text, boxes, strict=True):
        # Two calls, since strokes and fill of one call may not differ on every font.
        for fill, width in ((255, line), (0, 0)) if outlined else ((255, 0),):
            draw.text((x - left, 2 - top), digit, fill, face, stroke_width=width)
        x += right - left + between
    return mask


def date_code(fonts: Sequence[Path | None], rng: Rng) -> tuple[Image.Image, str]:
    """Four printed digits on a coloured board, of which an edge may show."""
    text, tall = number(4, rng), int(rng.uniform(35, 190))
    style = rng.integers(4)
    if style == 0:
        mask = segmented(text, tall, rng)
    elif style == 1:
        mask = dotted(text, tall, rng)
    else:
        mask = lettered(text, tall, style == 2, fonts, rng)
    ground, ink = two_colours((30, 160), rng)
    left, right, top, bottom = (int(tall * part) for part in rng.uniform(0.15, 1.0, 4))
    board = Image.new("RGB", (mask.width + left + right, mask.height + top + bottom), ground)
    board.paste(ink, (left, top), mask)
    if rng.random() < 0.3:
        room = int(tall * rng.uniform(0.1, 0.4))
        table = Image.new(
            "RGB", (board.width + 2 * room, board.height + 2 * room), colour(rng.uniform(0, 255), 40, rng)
        )
        table.paste(board, (room, room))
        board = table
    return photographed(board, rng), text


def meter(fonts: Sequence[Path | None], rng: Rng) -> tuple[Image.Image, str]:
    """Four or five wheels behind windows; some are on their way to the next digit, the last may be on red."""
    text, tall = number(int(rng.integers(4, 6)), rng), int(rng.uniform(30, 110))
    wheel, ink = two_colours((90, 220), rng)
    wide, high = int(tall * rng.uniform(0.85, 1.2)), int(tall * rng.uniform(1.3, 1.8))
    gap, frame = int(tall * rng.uniform(0, 0.5)), int(rng.integers(0, max(2, tall // 12)))
    room_x, room_y = int(tall * rng.uniform(0.05, 0.8)), int(tall * rng.uniform(0.05, 0.6))
    housing = wheel if rng.random() < 0.25 else colour(rng.uniform(0, 255), 25, rng)
    size = (len(text) * (wide + gap) - gap + 2 * room_x, high + 2 * room_y)
    picture, face = Image.new("RGB", size, housing), font(fonts, int(tall * 1.35), rng)
    draw = ImageDraw.Draw(picture)
    reds = int(rng.integers(1, 3)) if rng.random() < 0.4 else 0
    white_on_red = rng.random() < 0.6
    rolls = np.zeros(len(text))
    if rng.random() < 0.6:
        rolls[-1] = rng.uniform(0, 0.35)
        rolls[:-1] = rng.normal(0, 0.03, len(text) - 1)
    edge = colour(rng.uniform(0, 255), 20, rng)
    for i, digit in enumerate(text):
        ground, stroke = wheel, ink
        if i >= len(text) - reds:
            red = (int(rng.uniform(140, 220)), int(rng.uniform(10, 50)), int(rng.uniform(10, 50)))
            ground, stroke = (red, (240, 235, 230)) if white_on_red else (wheel, red)
        window = Image.new("RGB", (wide, high), ground)
        inside = ImageDraw.Draw(window)
        # The wheel turns upwards: the digit goes out on top, and the next one comes in from below.
        for step in (-1, 0, 1):
            shown = str((int(digit) + step) % 10)
            place = (wide / 2 + rng.normal(0, 0.02) * tall, high / 2 + (step - rolls[i]) * high * 1.02)
            inside.text(place, shown, stroke, face, anchor="mm")
        shade = np.cos(np.linspace(-1, 1, high) * rng.uniform(0, 1.1))[:, None, None]
        window = Image.fromarray((np.asarray(window) * shade).astype(np.uint8))
        x = room_x + i * (wide + gap)
        picture.paste(window, (x, room_y))
        if frame:
            draw.rectangle(
                (x - frame, room_y - frame, x + wide + frame - 1, room_y + high + frame - 1), None, edge, frame
            )
    return photographed(picture, rng), text


def handwriting(images: NDArray[np.uint8], labels: NDArray[np.uint8], rng: Rng) -> tuple[Image.Image, str]:
    """One to five real digits in a pen's colour on paper, plain, ruled or with boxes to write in."""
    chosen = rng.integers(0, len(images), rng.integers(1, DEFAULT_SLOTS + 1))
    cell, boxed = int(rng.uniform(45, 150)), rng.random() < 0.25
    sharp = []
    for image in images[chosen]:
        # Enlarged and steepened, so that strokes have edges as a pen's, and not MNIST's own grey ones.
        grey = np.asarray(Image.fromarray(image).resize((cell, cell), Image.Resampling.BICUBIC), np.float32)
        sharp.append(Image.fromarray(np.clip((grey - 90) * 3, 0, 255).astype(np.uint8)))
    step = cell * (1.1 if boxed else rng.uniform(0.62, 1.05))
    left, right, top, bottom = (int(cell * part) for part in rng.uniform(0.1, 1.2 if rng.random() < 0.5 else 0.4, 4))
    wide, high = int(step * (len(chosen) - 1)) + cell + left + right, cell + top + bottom
    paper = Image.new("RGB", (wide, high), colour(rng.uniform(180, 250), 12, rng))
    draw, thick = ImageDraw.Draw(paper), max(1, cell // 50)
    print_ = colour(rng.uniform(60, 210), 50, rng)
    if boxed:
        for i in range(len(chosen)):
            x = left + i * step - 0.05 * cell
            draw.rectangle((x, top - 0.05 * cell, x + step, top + 1.05 * cell), None, print_, thick)
    elif rng.random() < 0.35:
        spacing, offset = cell * rng.uniform(0.9, 1.3), cell * rng.uniform(0.78, 1.0)
        for i in range(-2, 3):
            y = top + offset + i * spacing
            draw.line((0, y, wide, y), print_, thick)
    pen = colour(rng.uniform(10, 110), 60, rng)
    ink = Image.new("L", paper.size)
    for i, mask in enumerate(sharp):
        y = top + int(rng.normal(0, 0.03) * cell)
        at = (left + int(i * step), y)
        whole = Image.new("L", paper.size)
        whole.paste(mask, at)
        ink = ImageChops.lighter(ink, whole)
    paper.paste(pen, mask=ink)
    return photographed(paper, rng), "".join(str(label) for label in labels[chosen])


def photographed(picture: Image.Image, rng: Rng) -> Image.Image:
    """The picture seen by a camera: width 150 to 900, slightly from a side, in uneven light, blurred, with noise."""
    wide = int(np.clip(picture.width, 150, 900))
    picture = picture.resize((wide, max(24, round(picture.height * wide / picture.width))), Image.Resampling.LANCZOS)
    wide, high = picture.size
    if rng.random() < 0.6:
        corners = np.array([(0, 0), (0, high), (wide, high), (wide, 0)]) + rng.uniform(-0.08, 0.08, (4, 2)) * high
        sides = tuple(float(value) for value in corners.ravel())
        grown = Image.fromarray(np.pad(np.asarray(picture), ((high, high), (high, high), (0, 0)), mode="edge"))
        sides = tuple(value + high for value in sides)
        picture = grown.transform(picture.size, Image.Transform.QUAD, sides, Image.Resampling.BICUBIC)
    levels = np.asarray(picture).astype(np.float64)
    y, x = np.mgrid[-1 : 1 : high * 1j, -1 : 1 : wide * 1j]
    if rng.random() < 0.6:
        a, b, c = rng.uniform(-0.22, 0.22, 3)
        levels = levels * (1 + a * x + b * y + c * (x * x + y * y - 0.7))[..., None]
    if rng.random() < 0.2:  # a shadow with a soft edge
        angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(-0.8, 0.8)
        shade = 1 / (1 + np.exp(-(x * np.cos(angle) + y * np.sin(angle) - edge) * rng.uniform(4, 30)))
        levels = levels * (1 - rng.uniform(0.1, 0.4) * shade)[..., None]
    levels = levels + rng.normal(0, rng.uniform(0, 7), levels.shape)
    seen = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return seen.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.012) * high))


def saved(picture: Image.Image, stem: Path, rng: Rng) -> Path:
    """The picture's file: PNG or JPEG."""
    if rng.random() < 0.4:
        path = stem.with_suffix(".png")
        picture.save(path)
    else:
        path = stem.with_suffix(".jpg")
        picture.save(path, quality=int(rng.integers(40, 95)))
    return path


def kinds(mnist: Path, split: Split) -> dict[str, Callable[[Rng], tuple[Image.Image, str]]]:
    """What draws each kind of picture; handwriting only where MNIST is."""
    fonts = machine_fonts()
    found: dict[str, Callable[[Rng], tuple[Image.Image, str]]] = {
        "date codes": lambda rng: date_code(fonts, rng),
        "meters": lambda rng: meter(fonts, rng),
    }
    if mnist.exists():
        digits = load_digits(str(mnist), split, 0)
        found["handwriting"] = lambda rng: handwriting(digits.images, digits.labels, rng)
    return found


def pictures(
    draw: Callable[[Rng], tuple[Image.Image, str]], kind: str, seed: int, count: int, folder: Path
) -> list[tuple[Path, str]]:
    """Files of one kind with their numbers; each depends on kind, seed and its own place only."""
    folder.mkdir(parents=True)
    rngs = [np.random.default_rng([seed, *kind.encode(), i]) for i in range(count)]
    drawn = [(rng, *draw(rng)) for rng in rngs]
    return [(saved(picture, folder / f"{i:05d}", rng), text) for i, (rng, picture, text) in enumerate(drawn)]


def measured(reader: Reader, kind: str, files: Sequence[tuple[Path, str]]) -> dict[str, Any]:
    """How a reader does on one kind."""
    found = [reader.read(path) for path, _ in files]
    right = np.array([reading.text == text for reading, (_, text) in zip(found, files, strict=True)])
    sure = np.array([reading.confidence for reading in found])
    return {"kind": kind, "confidence": float(sure.mean()), **common.readings_measured(sure, right)}


def main() -> None:
    parser: argparse.ArgumentParser = common.parser(__doc__)
    parser.add_argument("--run", default="shipped", help="a run's name or folder, or shipped")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="pictures of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the pictures there, to look at")
    common.mnist_option(parser)
    parser.add_argument("--split", choices=SPLITS, default="test", help="which of MNIST's digits to write with")
    options = parser.parse_args()
    reader = Reader(options.run)
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        rows = [
            measured(reader, kind, pictures(draw, kind, options.seed, options.count, folder / kind.replace(" ", "-")))
            for kind, draw in kinds(options.mnist, options.split).items()
        ]
    cells = [
        [
            row["kind"],
            f"{row['sequence_accuracy']:.1%}",
            "{:.1%} – {:.1%}".format(*row["interval"]),
            f"{row['confidence']:.1%}",
            f"{row['expected_calibration_error']:.1%}",
        ]
        for row in rows
    ]
    heads = ["pictures", "numbers right", "95 % interval", "mean confidence", "calibration error"]
    tables = f"Read with {reader.run.described}: {options.count} pictures of each kind, seed {options.seed}.\n\n"
    tables += markdown_table(heads, cells, words=1)
    common.write(options.out, "photographs", {"run": options.run, "seed": options.seed, "rows": rows}, tables)


if __name__ == "__main__":
    common.run(main)
