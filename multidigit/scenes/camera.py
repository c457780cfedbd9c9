"""What happens between a scene and its picture: light, lens, sensor and file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from multidigit.scenes.grounds import Field, noise


def light(picture: Field, rng: np.random.Generator, often: float = 1.0) -> Field:
    """Shadows, uneven light and glare, so many times as ``often`` as on paper."""
    rows, columns = picture.shape
    y, x = np.linspace(0, 1, rows, dtype=np.float32)[:, None], np.linspace(0, 1, columns, dtype=np.float32)[None]
    if rng.random() < 0.12:  # a shadow with an edge
        angle, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.005, 0.2)
        side = (x - rng.uniform(0.2, 0.8)) * np.float32(np.cos(angle)) + (y - rng.uniform(0.2, 0.8)) * np.float32(
            np.sin(angle)
        )
        shade = np.float32(rng.uniform(0.2, 0.75)) / (1 + np.exp(-np.clip(side / np.float32(soft), -30, 30)))
        picture = picture * (1 - shade).astype(np.float32)
    if rng.random() < 0.22 * often:  # uneven light
        uneven = np.float32(rng.uniform(0.05, 0.35)) * noise((rows, columns), max(rows, columns) * 0.4, rng)
        picture = picture * np.clip(1 + uneven, 0.2, 1.8).astype(np.float32)
    if rng.random() < 0.1 * often:  # glare
        away = ((x - rng.uniform(-0.1, 1.1)) / rng.uniform(0.05, 0.4)) ** 2 + (
            (y - rng.uniform(-0.1, 1.1)) / rng.uniform(0.1, 0.8)
        ) ** 2
        picture = picture + (np.exp(-away) * rng.uniform(30, 230)).astype(np.float32)
    return picture


def expose(picture: Field, unit: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture as a camera writes it into a file: blurred, noisy, clipped, compressed.

    ``unit`` is a digit's height in pixels.
    """
    chance = rng.random()
    if chance < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.2, unit * rng.uniform(0.005, 0.065))), np.float32)
    elif chance < 0.68:
        length = max(2, round(unit * rng.uniform(0.05, 0.22)))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        picture = np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)
    if rng.random() < 0.15:  # few pixels, enlarged
        least = max(0.3, min(1.0, 8 / unit))
        scale = rng.uniform(least, 1)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        way = cv2.INTER_NEAREST if rng.random() < 0.15 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(small, picture.shape[::-1], interpolation=way), np.float32)
    if rng.random() < 0.2:  # sharpened by the camera
        soft = cv2.GaussianBlur(picture, (0, 0), max(0.6, unit * 0.05))
        picture = picture + np.float32(rng.uniform(0.3, 2)) * (picture - soft)
    if rng.random() < 0.6:
        grain = rng.standard_normal(picture.shape, np.float32)
        if rng.random() < 0.3:
            grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.8) * 2, np.float32)
        picture = picture + grain * np.float32(abs(rng.normal(0, 5)))
    if rng.random() < 0.15:
        picture = (255 * np.clip(picture / 255, 0, 1) ** rng.uniform(0.5, 2)).astype(np.float32)
    levels = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])
        levels = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return levels
