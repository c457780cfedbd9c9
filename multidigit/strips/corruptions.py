"""Fifteen ways in which strips get worse, each in five degrees, after MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337).

No network is trained on them: they show what a network bears that it has not met. Shapes stay, labels stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from multidigit.strips.pixels import Images

SEVERITIES = (1, 2, 3, 4, 5)
Levels: TypeAlias = NDArray[np.float32]
"""Grey levels, ``float32`` (N, 28, W), 0 to 1."""
Corruption: TypeAlias = Callable[[Levels, int, np.random.Generator], Levels]
"""Makes strips worse, by a degree of 0 for the mildest to 4."""


def corrupt(images: Images, name: str, severity: int, rng: np.random.Generator) -> Images:
    """Strips made worse.

    Args:
        images: ``uint8``, shape (N, 28, W).
        name: one of ``CORRUPTIONS``.
        severity: 1 to 5.
        rng: decides everything.

    Returns:
        ``uint8``, the same shape.
    """
    levels = CORRUPTIONS[name](images.astype(np.float32) / np.float32(255), severity - 1, rng)
    return (np.clip(levels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _shot_noise(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Few photons: the brighter, the noisier."""
    photons = (60, 25, 12, 6, 3)[degree]
    return (rng.poisson(x * photons) / photons).astype(np.float32)


def _impulse_noise(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Pixels that are black or white."""
    chance = rng.random(x.shape, np.float32)
    share = (0.02, 0.05, 0.09, 0.15, 0.25)[degree]
    return np.where(chance < share / 2, np.float32(0), np.where(chance < share, np.float32(1), x))


def _glass_blur(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Seen through rough glass: each pixel is taken from beside its place, and all is blurred."""
    reach = (1, 1, 1, 2, 2)[degree]
    count, rows, columns = x.shape
    for _ in range((1, 2, 3, 2, 4)[degree]):
        row, column = np.arange(rows)[:, None], np.arange(columns)
        row = np.clip(row + rng.integers(-reach, reach + 1, x.shape), 0, rows - 1)
        column = np.clip(column + rng.integers(-reach, reach + 1, x.shape), 0, columns - 1)
        x = x[np.arange(count)[:, None, None], row, column]
    return _blurred(x, (0.3, 0.4, 0.5, 0.6, 0.8)[degree])


def _motion_blur(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """The camera moved along a straight line."""
    length = (2, 4, 6, 8, 11)[degree]
    angles = rng.uniform(0, np.pi, len(x))
    far = length // 2 + 1
    padded = np.pad(x, ((0, 0), (far, far), (far, far)), mode="edge")
    found = np.zeros_like(x)
    steps = np.linspace(-length / 2, length / 2, 2 * length + 1)
    each, row, column = np.arange(len(x))[:, None, None], np.arange(x.shape[1])[:, None], np.arange(x.shape[2])
    for step in steps:
        down = np.rint(step * np.sin(angles)).astype(int)[:, None, None]
        right = np.rint(step * np.cos(angles)).astype(int)[:, None, None]
        found += padded[each, row + far + down, column + far + right]
    return found / np.float32(len(steps))


def _spatter(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Drops on the lens."""
    noise = _blurred(rng.standard_normal(x.shape, np.float32), 1.2)
    # Blurred noise has a standard deviation of 1 / (2 sigma sqrt(pi)).
    above = noise * np.float32(2 * 1.2 * np.sqrt(np.pi)) - (2.2, 1.9, 1.6, 1.35, 1.1)[degree]
    return np.maximum(x, np.clip(above * 2, 0, 1)).astype(np.float32)


def _shear(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    lean = _signed((0.15, 0.3, 0.45, 0.6, 0.8)[degree], len(x), rng)
    return _moved(x, [(1, each, 0, 0, 1, 0) for each in lean])


def _scale(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """The whole strip smaller."""
    times = 1 / (0.92, 0.84, 0.76, 0.68, 0.6)[degree]
    return _moved(x, [(times, 0, 0, 0, times, 0)] * len(x))


def _rotate(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    turns = np.radians(_signed((1, 2, 3, 4.5, 6)[degree], len(x), rng))
    return _moved(x, [(np.cos(turn), np.sin(turn), 0, -np.sin(turn), np.cos(turn), 0) for turn in turns])


def _translate(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    across, down = (2, 4, 6, 8, 11)[degree], (1, 1, 2, 3, 4)[degree]
    moves = zip(_signed(across, len(x), rng), _signed(down, len(x), rng), strict=True)
    return _moved(x, [(1, 0, right, 0, 1, below) for right, below in moves])


def _brightness(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Too much light."""
    more = (0.15, 0.3, 0.45, 0.6, 0.75)[degree]
    return np.asarray(x * (1 - more) + more + np.float32(0.25) * more * x, np.float32)


def _stripe(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Columns that are negatives of themselves."""
    found = x.copy()
    for strip in found:
        for _ in range(degree + 1):
            width = int(rng.integers(3, 8))
            start = int(rng.integers(0, x.shape[2] - width))
            strip[:, start : start + width] = 1 - strip[:, start : start + width]
    return found


def _fog(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Clouds of many sizes."""
    clouds = np.zeros_like(x)
    for size, strength in ((28, 1.0), (14, 0.5), (7, 0.25)):
        rows, columns = x.shape[1] // size + 1, x.shape[2] // size + 1
        coarse = rng.random((len(x), rows, columns), np.float32)
        clouds += np.float32(strength / 1.75) * _enlarged(coarse, x.shape)
    share = (0.25, 0.4, 0.55, 0.68, 0.8)[degree]
    return np.asarray(x * (1 - share) + clouds * share, np.float32)


def _zigzag(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """A zigzag line across."""

    def draw(drawing: ImageDraw.ImageDraw, width: int, height: int) -> None:
        step = rng.uniform(6, 14)
        middle, reach = rng.uniform(0.2, 0.8) * height, rng.uniform(2, 4 + degree)
        count = int(width / step) + 2
        points = [(index * step, middle + (reach if index % 2 else -reach)) for index in range(count)]
        drawing.line(points, 255, 1 + degree // 2, "curve")

    return _drawn(x, draw, 1 + degree // 3)


def _dotted_line(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    def draw(drawing: ImageDraw.ImageDraw, width: int, height: int) -> None:
        left, right = rng.uniform(0, height, 2)
        for place in np.arange(rng.uniform(0, 4), width, 4):
            y = left + (right - left) * place / width
            drawing.rectangle((place, y, place + 1, y + degree // 3), 255)

    return _drawn(x, draw, degree + 1)


def _canny_edges(x: Levels, degree: int, rng: np.random.Generator) -> Levels:
    """Edges instead of areas; in milder degrees both."""
    down, right = np.gradient(_blurred(x, 0.6), axis=(1, 2))
    size = np.hypot(down, right)
    edges = np.clip((size - 0.08) * 6, 0, 1)
    share = (0.3, 0.5, 0.7, 0.85, 1.0)[degree]
    return np.asarray(x * (1 - share) + edges * share, np.float32)


CORRUPTIONS: Mapping[str, Corruption] = {
    "shot noise": _shot_noise,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "spatter": _spatter,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "zigzag": _zigzag,
    "dotted line": _dotted_line,
    "canny edges": _canny_edges,
}


def _signed(size: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """``size`` or its negative, at random."""
    return size * rng.choice((-1.0, 1.0), count)


def _moved(x: Levels, matrices: list[tuple[float, float, float, float, float, float]]) -> Levels:
    """Strips mapped about their middle; what comes in from outside has the level of the strip's ground."""
    height, width = x.shape[1:]
    middle = np.array([width / 2, height / 2])
    found = np.empty_like(x)
    for place, (strip, (a, b, c, d, e, f)) in enumerate(zip(x, matrices, strict=True)):
        turn = np.array([[a, b], [d, e]])
        offset = middle - turn @ middle + (c, f)
        data = (a, b, offset[0], d, e, offset[1])
        picture = Image.fromarray(strip)
        found[place] = np.asarray(
            picture.transform(
                (width, height),
                Image.Transform.AFFINE,
                data,
                Image.Resampling.BILINEAR,
                fillcolor=float(np.median(strip)),
            )
        )
    return found


def _drawn(x: Levels, draw: Callable[[ImageDraw.ImageDraw, int, int], None], times: int) -> Levels:
    """Strips with something drawn on them, as bright as ink."""
    height, width = x.shape[1:]
    found = np.empty_like(x)
    for place, strip in enumerate(x):
        mask = Image.new("L", (width, height))
        for _ in range(times):
            draw(ImageDraw.Draw(mask), width, height)
        share = np.asarray(mask, np.float32) / np.float32(255)
        ink = np.float32(1 if np.median(strip) < 0.5 else 0)
        found[place] = strip * (1 - share) + ink * share
    return found


def _blurred(x: Levels, sigma: float) -> Levels:
    """Each strip under a Gaussian."""
    radius = int(3 * sigma + 1)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (1, 2):
        room = [(0, 0), (0, 0), (0, 0)]
        room[axis] = (radius, radius)
        padded = np.pad(x, room, mode="edge")
        x = sum(
            (
                weight * np.take(padded, np.arange(place, place + x.shape[axis]), axis)
                for place, weight in enumerate(weights)
            ),
            np.zeros_like(x),
        )
    return x


def _enlarged(x: Levels, shape: tuple[int, ...]) -> Levels:
    """Coarse levels at full size, smoothly."""
    size = shape[2], shape[1]
    return np.stack([np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BICUBIC)) for each in x])
