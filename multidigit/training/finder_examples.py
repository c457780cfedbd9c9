"""What the finder learns from: scenes as it sees them, and what it is to say of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.digits import Split
from multidigit.pictures.finder import LENGTH, STRIDE, shown
from multidigit.scenes import Row, draw_close, draw_wide

CORE = 0.3
"""Share of a digit's height above and below the middle line that is a row for certain."""
CLOSE = 0.3
"""Share of close pictures among those that it learns from."""
LONGEST = 12
"""Digits of a row, at most, in scenes for the finder: it knows no slots."""


def target(
    rows: tuple[Row, ...], shape: tuple[int, int], scale: float, corner: tuple[float, float]
) -> NDArray[np.float32]:
    """What the network is to say of a picture with these rows, scaled and moved as ``shown`` did."""
    down, across = shape[0] // STRIDE, shape[1] // STRIDE
    truth = np.zeros((down, across, 8), np.float32)
    truth[..., 6] = 1
    y, x = np.meshgrid((np.arange(down) + 0.5) * STRIDE, (np.arange(across) + 0.5) * STRIDE, indexing="ij")
    for row in rows:
        middle_x, middle_y = row.x * scale + corner[0], row.y * scale + corner[1]
        cos, sin = np.cos(row.angle), np.sin(row.angle)
        along = (x - middle_x) * cos + (y - middle_y) * sin
        below = -(x - middle_x) * sin + (y - middle_y) * cos
        half, high = row.width * scale / 2, row.height * scale
        near = (np.abs(below) < max(high * 0.6, STRIDE)) & (np.abs(along) < half + 0.3 * high)
        core = (np.abs(below) < max(CORE * high, STRIDE * 0.55)) & (np.abs(along) < max(half, STRIDE * 0.55))
        truth[near & ~core & (truth[..., 5] == 0), 6] = 0
        truth[core, 5:7] = 1
        count = max(int(core.sum()), 1)
        truth[core, 6] = max(1.0, 24 / count)
        truth[core, 7] = 1 / count
        truth[core, 0] = (half + along[core]) / LENGTH
        truth[core, 1] = (half - along[core]) / LENGTH
        truth[core, 2] = -below[core] / LENGTH
        truth[core, 3] = np.log(max(high, 1) / LENGTH)
        truth[core, 4] = row.angle / 4
    return truth


def finder_examples(
    count: int, shape: tuple[int, int], rng: np.random.Generator, split: Split = "train"
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pictures of one of ``SHAPES`` as the network sees them, and what it is to say of them."""
    pictures = np.empty((count, *shape), np.uint8)
    truth = np.empty((count, shape[0] // STRIDE, shape[1] // STRIDE, 8), np.float32)
    place = 0
    while place < count:
        scene = (
            draw_close(rng, LONGEST, split)
            if rng.random() < CLOSE
            else draw_wide(rng, _around(shape, rng), LONGEST, split)
        )
        canvas, scale, corner = shown(scene.picture)
        if canvas.shape != shape:
            continue
        pictures[place], truth[place] = canvas, target(scene.rows, shape, scale, corner)
        place += 1
    return pictures, truth


def _around(shape: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """A shape of which the network's is the nearest: about the same, or as large as shapes come."""
    larger = float(np.exp(rng.uniform(-0.4, 0.5)))
    squeezed = float(np.exp(rng.normal(0, 0.15)))
    return max(24, round(shape[0] * larger * squeezed)), max(24, round(shape[1] * larger / squeezed))
