"""Fonts: where they are, which of them hold digits, and those digits as maps of distances."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features
from PIL import __version__ as pillow_version

from multidigit.errors import DataError

ENDINGS = (".ttf", ".otf")
MOST_FONTS = 64
"""Fonts taken, at most."""
GRID = 96
"""Height and width of a digit's map."""
INNER = 64
"""Longer side of the largest digit of a font, in the map's points."""
REACH = 14
"""Largest distance that a map holds, in its points; what lies further away counts as lying there."""
DIRECTIONS = tuple((a, b) for a in range(-4, 5) for b in range(-4, 5) if max(abs(a), abs(b)) == 4)
"""Directions in which a digit's outermost points are looked up: 32 around the square."""
READABLE = 5
"""Digits of ten, at least, that must look most like the same digit of Pillow's own font: symbol fonts have about 1."""
PILLOW_FONT = "Pillow"
"""The name under which Pillow's own font is listed."""
FAINTEST = 200
"""Darkest point, at least, of each digit: hairlines finer than a map's points have no inside."""
ABSENT = "\U0010fffd"
"""A character that no font should have: shows what a font draws for what it lacks."""


@dataclass(frozen=True)
class Faces:
    """The digits of several fonts.

    Lengths are in heights of the digit unless the map's points are named.

    Attributes:
        names: file name and size in bytes of each font, sorted by name.
        weights: how often each font is to be taken; the fonts of one family share what a family gets. Shape (F,).
        maps: distance in the map's points from each of them to the edge of the ink, negative inside, at most ``REACH``;
            ``float32``, shape (F, 10, GRID, GRID), the ink's box in the middle.
        height: of each digit, in the map's points, ``float32``, shape (F, 10).
        rim: outermost points of each digit, x before y, from its middle; ``float32``, shape (F, 10, 32, 2).
        stroke: half the width of the font's main strokes, ``float32``, shape (F,).
    """

    names: tuple[tuple[str, int], ...]
    weights: tuple[float, ...]
    maps: NDArray[np.float32]
    height: NDArray[np.float32]
    rim: NDArray[np.float32]
    stroke: NDArray[np.float32]

    def fingerprint(self) -> str:
        """A digest of what decides how these fonts come out: their names, sizes, and Pillow's and FreeType's versions.

        Kept images of the same fingerprint, generator version and seed are the same.
        """
        lines = [f"Pillow {pillow_version}", f"FreeType {features.version('freetype2')}"]
        lines += [f"{name} {size}" for name, size in self.names]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=4)
def load_faces(folder: Path | None = None) -> Faces:
    """The fonts of a folder and of the folders in it, or, without one, those that this machine has.

    Raises:
        DataError: no font with digits is there, or Pillow cannot draw fonts.
    """
    _own_font(INNER)
    taken: list[tuple[str, int, str, list[Image.Image]]] = []
    if folder is not None:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; expected one with {ENDINGS[0]} or {ENDINGS[1]} files")
        paths = font_files([folder])
    else:
        taken.append((PILLOW_FONT, 0, PILLOW_FONT, _pillow_digits()))
        bundled = font_files(_matplotlib_folders())
        paths = bundled + font_files(_system_folders(), known={path.name for path in bundled})
    for path in paths:
        if len(taken) == MOST_FONTS:
            break
        found = read_font(path)
        if found is not None:
            taken.append((path.name, *found))
    if not taken:
        endings = " or ".join(ENDINGS)
        raise DataError(
            f"{folder}: expected a folder with {endings} files that have the glyphs 0 to 9; received "
            + (f"{len(paths)} such files, none with all ten digits" if paths else f"no {endings} file")
        )
    # The order must not depend on where fonts lie, or the same fonts would give other images on another machine.
    taken.sort(key=lambda font: font[:2])
    families = [family for _, _, family, _ in taken]
    parts = [_measure(digits) for *_, digits in taken]
    maps, height, rim, stroke = (np.stack(part) for part in zip(*parts, strict=True))
    return Faces(
        tuple((name, size) for name, size, _, _ in taken),
        tuple(1 / families.count(family) for family in families),
        *(maps, height, rim, stroke),
    )


@lru_cache(maxsize=2)
def load_letter_fonts(size: int) -> list[ImageFont.FreeTypeFont]:
    """This machine's fonts that hold digits, with them most often letters, at one size in pixels; one a family.

    Raises:
        DataError: Pillow cannot draw fonts.
    """
    fonts = {PILLOW_FONT: _own_font(size)}
    for path in font_files([*_matplotlib_folders(), *_system_folders()])[:MOST_FONTS]:
        found = read_font(path)
        if found is not None and found[1] not in fonts:
            fonts[found[1]] = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    return [fonts[family] for family in sorted(fonts)]


@lru_cache(maxsize=1)
def machine_fonts() -> tuple[tuple[Path | None, ...], ...]:
    """Every font of this machine that holds digits, the fonts of a family together; ``None`` is Pillow's own."""
    families: dict[str, list[Path | None]] = {PILLOW_FONT: [None]}
    for path in font_files([*_matplotlib_folders(), *_system_folders()]):
        found = read_font(path)
        if found is not None:
            families.setdefault(found[1], []).append(path)
    return tuple(tuple(families[name]) for name in sorted(families))


def font_files(folders: list[Path], known: set[str] | None = None) -> list[Path]:
    """Font files in folders and all below them, one per file name and none whose name is ``known``.

    In an order that looks random but depends on each name alone: the first few are nearly the same after another font
    is installed, and not only those whose names begin with A.
    """
    files: dict[str, Path] = {}
    for start in folders:
        # Unlike a glob, a walk passes over folders that may not be read.
        for folder, below, names in os.walk(start):
            below.sort()
            for name in names:
                if Path(name).suffix.lower() in ENDINGS and name not in (known or ()):
                    files.setdefault(name, Path(folder) / name)
    return [files[name] for name in sorted(files, key=lambda name: (hashlib.sha256(name.encode()).digest(), name))]


def read_font(path: Path) -> tuple[int, str, list[Image.Image]] | None:
    """A font file's size in bytes, its family and pictures of its ten digits.

    ``None`` where it has no digits that a person would read, or cannot be read itself.
    """
    try:
        size = path.stat().st_size
        font = _sized(ImageFont.truetype(path, INNER, layout_engine=ImageFont.Layout.BASIC))
        if font is None:
            return None
        digits = [_glyph(font, str(digit)) for digit in range(10)]
        absent = _glyph(font, ABSENT)
    except (OSError, ValueError):
        # A file that only ends like a font: nothing to take, and no reason to stop.
        return None
    faintest = min(int(np.asarray(digit).max()) for digit in digits)
    different = len({picture.tobytes() for picture in [*digits, absent]})
    if faintest < FAINTEST or different < 11 or not _readable(digits):
        return None
    return size, str(font.getname()[0]), digits


def _matplotlib_folders() -> list[Path]:
    """The folder of the fonts that matplotlib brings, where it is installed; found without importing it."""
    try:
        spec = find_spec("matplotlib")
    except (ImportError, ValueError):
        spec = None
    places = (spec.submodule_search_locations if spec else None) or []
    return [Path(place) / "mpl-data" / "fonts" / "ttf" for place in places]


def _system_folders() -> list[Path]:
    """Where Linux, macOS and Windows keep fonts; those that are not there hold none."""
    home, windows = Path.home(), Path(os.environ.get("WINDIR") or "C:/Windows")
    local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".fonts",
        home / ".local" / "share" / "fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library" / "Fonts",
        windows / "Fonts",
        local / "Microsoft" / "Windows" / "Fonts",
    ]


def _own_font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow brings (Aileron)."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise DataError("printed digits and letters need a Pillow built with FreeType; install Pillow from PyPI")
    return font


@lru_cache(maxsize=1)
def _pillow_digits() -> list[Image.Image]:
    """Pictures of the digits of the font that Pillow brings."""
    font = _sized(_own_font(INNER))
    assert font is not None
    return [_glyph(font, str(digit)) for digit in range(10)]


def _sized(font: ImageFont.FreeTypeFont) -> ImageFont.FreeTypeFont | None:
    """The font in the size at which its largest digit just fits the inner part of a map; ``None`` without any ink."""
    largest = 0.0
    for digit in "0123456789":
        left, top, right, bottom = font.getbbox(digit)
        largest = max(largest, right - left, bottom - top)
    if not largest:
        return None
    return font.font_variant(size=max(8, int(font.size * INNER / largest)))


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> Image.Image:
    """A picture (mode L, GRID × GRID) of one character, its ink's box in the middle."""
    left, top, right, bottom = font.getbbox(character)
    picture = Image.new("L", (GRID, GRID))
    place = ((GRID - int(right - left)) // 2 - left, (GRID - int(bottom - top)) // 2 - top)
    ImageDraw.Draw(picture).text(place, character, fill=255, font=font)
    return picture


def _readable(digits: list[Image.Image]) -> bool:
    """Whether ten pictures look like the digits that they should be, to an eye that has seen only Pillow's font."""
    own, known = (np.stack([_thumbnail(digit) for digit in each]) for each in (digits, _pillow_digits()))
    # Sums of products of whole numbers: exact in any order.
    product = (own[:, None] * known[None]).sum((2, 3))
    likeness = product * np.abs(product) / (known * known).sum((1, 2))
    return int((likeness.argmax(1) == np.arange(10)).sum()) >= READABLE


def _thumbnail(digit: Image.Image) -> NDArray[np.int64]:
    """A digit's ink in 16 × 16 points about their mean, its aspect lost."""
    small = digit.crop(digit.getbbox()).resize((16, 16), Image.Resampling.BOX)
    ink = np.asarray(small).astype(np.int64)
    return ink - int(ink.sum()) // ink.size


def _measure(digits: list[Image.Image]) -> tuple[NDArray[np.float32], ...]:
    """Maps, heights, rims and stroke of one font; see ``Faces``."""
    maps = distances(np.stack([np.asarray(digit) for digit in digits]))
    heights, rims = [], []
    for each in maps:
        y, x = np.nonzero(each < 0)
        top, bottom, left, right = y.min(), y.max() + 1, x.min(), x.max() + 1
        rim = []
        for a, b in DIRECTIONS:
            outermost = (a * x + b * y).argmax()
            rim.append((x[outermost] + 0.5 - (left + right) / 2, y[outermost] + 0.5 - (top + bottom) / 2))
        heights.append(bottom - top)
        rims.append(np.array(rim) / (bottom - top))
    height = np.array(heights, np.float32)
    # The middle one of ten: a 1 with a slab foot or a 4 with a blob at its joint must not speak for the font.
    stroke = np.sort(-maps.min((1, 2)) / height)[5]
    return maps, height, np.array(rims, np.float32), stroke


def distances(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Signed distances to the edge of antialiased shapes.

    Exact distances between the middles of points, corrected at the edge by how far the ink covers a point there
    (as in mapbox/tiny-sdf).

    Args:
        ink: 0 to 255, shape (N, H, W).

    Returns:
        ``float32``, shape (N, H, W), in points; negative inside, from -``REACH`` to ``REACH``.
    """
    share = ink.astype(np.float32) / 255
    short = np.float32(0.5) - share
    outside = np.where(ink > 0, np.maximum(short, 0) ** 2, np.float32(np.inf))
    inside = np.where(ink < 255, np.maximum(-short, 0) ** 2, np.float32(np.inf))
    outer, inner = (np.sqrt(np.minimum(_spread(part), REACH * REACH)) for part in (outside, inside))
    return outer - inner


def _spread(squared: NDArray[np.float32]) -> NDArray[np.float32]:
    """Least, over all points no further than ``REACH`` in x and y, of a point's value plus its squared distance."""
    for axis in (1, 2):
        lines = np.moveaxis(squared, axis, 1)
        least = lines.copy()
        for step in range(1, REACH + 1):
            np.minimum(least[:, step:], lines[:, :-step] + step * step, out=least[:, step:])
            np.minimum(least[:, :-step], lines[:, step:] + step * step, out=least[:, :-step])
        squared = np.moveaxis(least, 1, axis)
    return squared
