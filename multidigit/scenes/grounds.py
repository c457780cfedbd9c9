"""What rows stand on: paper, cheques, boards, displays, tables; everything that is no digit and not around one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def draw_ground(
    shape: tuple[int, int], unit: float, contrast: float, rng: np.random.Generator, cheque: float = 0.2
) -> Field:
    """Differences from the ground's mean level, in grey levels, ``float32`` (H, W).

    Args:
        shape: rows and columns.
        unit: height of a digit in pixels, by which patterns are sized.
        contrast: of the ink, in grey levels: on faint ink's ground patterns are faint, too.
        rng: decides everything.
        cheque: share of grounds with fine waves, as cheques have.
    """
    ground = np.zeros(shape, np.float32)
    if rng.random() < 0.5:
        ground += _slope(shape, rng) * rng.uniform(2, 50)
    kind = rng.random()
    if kind < 0.3:
        ground += noise(shape, unit * rng.uniform(0.05, 0.5), rng) * rng.uniform(1, 16)
    elif kind > 1 - cheque:
        _guilloche(ground, unit, rng)
    elif kind < 0.42:
        _ruled(ground, unit, rng)
    elif kind < 0.5:
        _board(ground, unit, rng)
    elif kind < 0.56:
        ground += noise(shape, unit * rng.uniform(0.5, 3), rng) * rng.uniform(5, 50)
    elif kind < 0.6:
        _hatched(ground, unit, rng)
    if rng.random() < 0.2:
        ground += noise(shape, unit * rng.uniform(0.02, 0.15), rng) * rng.uniform(2, 14)
    return ground * np.float32(min(abs(contrast) / 130, 1.0) * rng.uniform(0.3, 1))


def noise(shape: tuple[int, int], grain: float, rng: np.random.Generator) -> Field:
    """Smooth noise of deviation 1 whose blots are ``grain`` pixels wide."""
    grain = max(grain, 1.0)
    small = rng.standard_normal((int(shape[0] / grain) + 2, int(shape[1] / grain) + 2)).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _slope(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """From -1 to 1 across the picture, in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.linspace(-1, 1, shape[0], dtype=np.float32), np.linspace(-1, 1, shape[1], dtype=np.float32)
    return np.asarray(np.float32(np.cos(angle)) * x[None] + np.float32(np.sin(angle)) * y[:, None], np.float32)


def _guilloche(ground: Field, unit: float, rng: np.random.Generator) -> None:
    """Families of fine waves, as on cheques and notes."""
    rows, columns = ground.shape
    y, x = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None]
    for _ in range(rng.integers(1, 4)):
        angle = rng.normal(0, 0.35) + (np.pi / 2 if rng.random() < 0.25 else 0)
        across = np.float32(np.cos(angle)) * y + np.float32(np.sin(angle)) * x
        along = np.float32(np.cos(angle)) * x - np.float32(np.sin(angle)) * y
        wave = (
            unit * rng.uniform(0.05, 0.7) * np.sin(along * np.float32(rng.uniform(0.3, 3) / unit) + rng.uniform(0, 6))
        )
        pitch = unit * rng.uniform(0.09, 0.4)
        line = np.cos((across + wave) * np.float32(2 * np.pi / pitch))
        if rng.random() < 0.7:  # thin lines rather than waves
            line = np.clip((line - rng.uniform(0, 0.8)) * 3, 0, 1)
        ground -= (line * rng.uniform(5, 60)).astype(np.float32)


def _ruled(ground: Field, unit: float, rng: np.random.Generator) -> None:
    """Straight lines: rules, underlines, boxes of forms, columns of tables."""
    rows, columns = ground.shape
    level = float(rng.uniform(-110, -10) if rng.random() < 0.85 else rng.uniform(10, 90))
    width = max(1, round(unit * rng.uniform(0.02, 0.1)))
    tilt = rng.normal(0, 0.02)
    pitch = unit * rng.uniform(1.1, 3)
    for y in np.arange(rng.uniform(0, pitch), rows, pitch):
        cv2.line(ground, (0, int(y)), (columns, int(y + tilt * columns)), level, width, cv2.LINE_AA)
        if rng.random() < 0.2:
            break
    if rng.random() < 0.5:
        pitch = unit * rng.uniform(2, 9)
        for x in np.arange(rng.uniform(0, pitch), columns, pitch):
            cv2.line(
                ground, (int(x), 0), (int(x - tilt * rows), rows), level * rng.uniform(0.7, 1.3), width, cv2.LINE_AA
            )


def _board(ground: Field, unit: float, rng: np.random.Generator) -> None:
    """Tracks and holes of a circuit board."""
    rows, columns = ground.shape
    level = float(rng.uniform(-40, 40))
    for _ in range(rng.integers(1, 7)):
        x0, x1 = rng.integers(-columns // 4, columns * 5 // 4, 2)
        y0, y1 = rng.integers(0, rows + 1, 2)
        if rng.random() < 0.6:
            x1 = x0
        cv2.line(
            ground,
            (int(x0), int(y0)),
            (int(x1), int(y1)),
            level,
            max(1, round(unit * rng.uniform(0.05, 0.3))),
            cv2.LINE_AA,
        )
    for _ in range(rng.integers(0, 6)):
        place = (int(rng.integers(columns)), int(rng.integers(rows)))
        radius = max(2, round(unit * rng.uniform(0.06, 0.2)))
        cv2.circle(ground, place, radius, float(rng.uniform(20, 120)), max(1, radius // 2), cv2.LINE_AA)


def _hatched(ground: Field, unit: float, rng: np.random.Generator) -> None:
    """Stripes or checks."""
    pitch = max(2.0, unit * rng.uniform(0.06, 0.4))
    x, y = np.arange(ground.shape[1], dtype=np.float32), np.arange(ground.shape[0], dtype=np.float32)
    level = np.float32(rng.uniform(3, 25))
    ground += level * np.sin(x * np.float32(6.28 / pitch))[None]
    if rng.random() < 0.6:
        ground += level * np.sin(y * np.float32(6.28 / pitch))[:, None]


def draw_surroundings(picture: Field, unit: float, rng: np.random.Generator) -> None:
    """Bezels, frames, edges and patches at the borders of a picture, drawn over it."""
    rows, columns = picture.shape
    for side in range(4):
        if rng.random() > 0.13:
            continue
        level = float(rng.uniform(0, 255))
        deep = max(1, round(unit * (rng.uniform(0.02, 0.15) if rng.random() < 0.6 else rng.uniform(0.1, 0.5))))
        lean = round(rng.normal(0, 0.06) * unit)
        deep = min(deep, (rows if side < 2 else columns) // 6 + 1)
        corners = {
            0: ((0, 0), (columns, 0), (columns, deep + lean), (0, deep)),
            1: ((0, rows), (columns, rows), (columns, rows - deep - lean), (0, rows - deep)),
            2: ((0, 0), (0, rows), (deep + lean, rows), (deep, 0)),
            3: ((columns, 0), (columns, rows), (columns - deep - lean, rows), (columns - deep, 0)),
        }[side]
        cv2.fillPoly(picture, [np.array(corners, np.int32)], level, cv2.LINE_AA)


def draw_shape(picture: Field, unit: float, rng: np.random.Generator) -> None:
    """Something that is no character: a disc, a box, a line, a scribble, a face."""
    rows, columns = picture.shape
    level, width = float(rng.uniform(0, 255)), max(1, round(unit * rng.uniform(0.03, 0.15)))
    x, y = int(rng.integers(columns)), int(rng.integers(rows))
    size = max(2, round(unit * rng.uniform(0.2, 2)))
    filled = -1 if rng.random() < 0.3 else width
    kind = rng.random()
    if kind < 0.25:
        cv2.circle(picture, (x, y), size, level, filled, cv2.LINE_AA)
    elif kind < 0.5:
        cv2.rectangle(picture, (x, y), (x + size, y + max(2, round(size * rng.uniform(0.2, 2)))), level, filled)
    elif kind < 0.65:
        end = (x + round(size * rng.normal()), y + round(size * rng.normal()))
        cv2.line(picture, (x, y), end, level, width, cv2.LINE_AA)
    elif kind < 0.85:
        points = np.cumsum(rng.normal(0, size / 3, (rng.integers(4, 14), 2)), 0) + np.array([x, y])
        cv2.polylines(picture, [points.astype(np.int32)], False, level, width, cv2.LINE_AA)
    else:
        tall, other = round(size * rng.uniform(0.9, 1.6)), float(rng.uniform(0, 255))
        cv2.ellipse(picture, (x, y), (size, tall), rng.normal(0, 10), 0, 360, level, -1, cv2.LINE_AA)
        apart, eye = size * rng.uniform(0.3, 0.5), max(1, round(size * rng.uniform(0.08, 0.2)))
        for side in (-1, 1):
            cv2.circle(picture, (round(x + side * apart), round(y - tall * 0.25)), eye, other, -1, cv2.LINE_AA)
        mouth = (round(size * rng.uniform(0.3, 0.55)), round(tall * rng.uniform(0.1, 0.35)))
        cv2.ellipse(picture, (x, round(y + tall * 0.3)), mouth, 0, 10, 170, other, max(1, eye // 2), cv2.LINE_AA)
