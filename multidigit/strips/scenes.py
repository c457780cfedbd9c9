"""Strips from scenes: pictures are drawn and strips cut out of them, as reading cuts them out of photographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.digits import Split
from multidigit.labels import BLANK, CELL, row_slots
from multidigit.pictures.fitting import RowBox, cut_row, fit_whole
from multidigit.scenes import Row, Scene, draw_close, draw_wide
from multidigit.strips.compose import Strips

WIDE = 0.15
"""Share of the strips that come from wide scenes, where other things stand around the number."""
WIDE_SHAPES = ((128, 256), (192, 192), (256, 128))
"""Rows and columns of wide scenes."""
LEAST_HEIGHT = 8.0
"""Height in pixels below which digits of wide scenes are not read."""


def scene_strips(count: int, slots: int, split: Split, rng: np.random.Generator, views: int = 1) -> Strips:
    """Strips of rows, and of whole pictures, in scenes.

    Args:
        count: how many.
        slots: the most digits of a number, 1 to 12.
        split: whose digits.
        rng: decides everything.
        views: strips that are cut from each scene, each a little differently; drawing a scene takes the most time.

    Returns:
        Strips of either polarity, grey, with the ground that digits stand on. Of a number with more digits than slots
        see ``labels.row_slots``.
    """
    images = np.empty((count, CELL, CELL * slots), np.uint8)
    labels = np.full((count, slots), BLANK, np.uint8)
    place = 0
    while place < count:
        for strip, text in _cut(slots, split, rng, views)[: count - place]:
            images[place], labels[place] = strip, row_slots(text, slots)
            place += 1
    return Strips(images, labels)


def _cut(slots: int, split: Split, rng: np.random.Generator, views: int) -> list[tuple[NDArray[np.uint8], str]]:
    """Strips with their numbers from one scene; there may be none."""
    if rng.random() < WIDE:
        scene = draw_wide(rng, WIDE_SHAPES[rng.integers(len(WIDE_SHAPES))], slots, split)
        rows = [row for row in scene.rows if row.height >= LEAST_HEIGHT]
        if not scene.rows:
            return [(_nowhere(scene, slots, rng), "")]
        return [(cut_row(scene.picture, found_about(row, rng), slots), row.text) for row in rows for _ in range(views)]
    scene = draw_close(rng, slots, split)
    height, width = scene.picture.shape
    if not scene.rows:
        return [(fit_whole(scene.picture, slots), "")]
    row = scene.rows[0]
    whole = width >= height and rng.random() < 0.6
    strips = [fit_whole(scene.picture, slots)] if whole else []
    strips += [cut_row(scene.picture, found_about(row, rng), slots) for _ in range(views - len(strips))]
    # A view again, but seen as its negative, is another one.
    return [(255 - strip if place and rng.random() < 0.5 else strip, row.text) for place, strip in enumerate(strips)]


def found_about(row: Row, rng: np.random.Generator) -> RowBox:
    """A row as a finder finds it: about where it is."""
    high = row.height * float(np.exp(rng.normal(0, 0.13)))
    shift = rng.normal(0, 0.07, 2) * row.height
    wide = max(row.width + rng.normal(0, 0.25) * row.height, 0.3 * row.height)
    return RowBox(row.x + shift[0], row.y + shift[1], wide, high, row.angle + rng.normal(0, 0.03))


def _nowhere(scene: Scene, slots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A strip of a part of a scene without any digit."""
    rows, columns = scene.picture.shape
    high = rng.uniform(8, 40)
    row = RowBox(rng.uniform(0, columns), rng.uniform(0, rows), high * rng.uniform(0.5, 6), high, rng.normal(0, 0.1))
    return cut_row(scene.picture, row, slots)
