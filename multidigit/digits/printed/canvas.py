"""The canvas: where a printed digit's shape, given as distances, becomes pixels.

Every kind of print gives, for each place near a digit, the distance to the nearest edge of its ink. This file chooses
the places, so that the digit stands turned and sized in its box, and turns distances into ink. Only + - * /,
square roots, floors, comparisons and copies are used, each on its own element: IEEE 754 fixes their last bit, so the
same numbers give the same bytes on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.generated import BOX, Dice
from multidigit.digits.printed.ranges import Ranges

Field = NDArray[np.floating]
"""One number per image and sample, shape (B, PLACES), or per image, shape (B, 1), always in single precision."""

FINE = 2
"""Samples per pixel, in each direction."""
PLACES = (FINE * BOX) ** 2
"""Samples of a box."""


@dataclass(frozen=True)
class View:
    """Samples of a batch of boxes, as the digits see them.

    Attributes:
        x, y: place of each sample in heights of the digit, (B, PLACES), y downwards, before any slant.
        scale: pixels per height, (B, 1).
        edge: width in pixels of the soft edge of ink, (B, 1).
        peak: brightness of full ink, 1 or more for white, (B, 1).
    """

    x: Field
    y: Field
    scale: Field
    edge: Field
    peak: Field

    def cover(self, distance: Field) -> Field:
        """Share of ink, 0 to 1, where the edge of the ink is ``distance`` heights away; negative is inside."""
        return np.clip(np.float32(0.5) - distance * (self.scale / self.edge), 0, 1)

    def boxes(self, light: Field) -> NDArray[np.uint8]:
        """Images (B, BOX, BOX) of the light (B, PLACES) at each sample, 0 to 1 and above."""
        shade = np.minimum(light * self.peak, 1).reshape(-1, BOX, FINE, BOX, FINE)
        # Added up one by one: the order of numpy's sum, and with it the last bit, is not documented.
        total = shade[:, :, 0, :, 0]
        for part in range(1, FINE * FINE):
            total = total + shade[:, :, part // FINE, :, part % FINE]
        boxes: NDArray[np.uint8] = (total * np.float32(255 / (FINE * FINE)) + np.float32(0.5)).astype(np.uint8)
        return boxes


def view(x: Field, y: Field, grow: Field, dice: Dice, how: Ranges) -> View:
    """Turns and sizes digits so that they fill their boxes.

    Args:
        x, y: points in heights whose hull the ink fills, (B, K).
        grow: how much further than these the ink reaches, in heights, (B, 1).
        dice: random numbers of the batch.
        how: the ranges of turn, size, softness and contrast.
    """
    t = single(dice.bell(how.turn_deviation))
    size, edge, peak = (single(dice.even(limits)) for limits in (how.size, how.edge, how.peak))
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    across, down = cosine * x - sine * y, sine * x + cosine * y
    ends = [(part.min(1, keepdims=True), part.max(1, keepdims=True)) for part in (across, down)]
    longer = np.maximum(*(most - least for least, most in ends)) + 2 * grow
    scale = (size - edge) / longer
    pixel = (np.arange(FINE * BOX, dtype=np.float32) + np.float32(0.5)) / FINE - np.float32(BOX / 2)
    middle_across, middle_down = ((least + most) / 2 for least, most in ends)
    across = np.tile(pixel, FINE * BOX) / scale + middle_across
    down = np.repeat(pixel, FINE * BOX) / scale + middle_down
    return View(cosine * across + sine * down, cosine * down - sine * across, scale, edge, peak)


def single(numbers: NDArray[np.floating]) -> Field:
    """The same numbers in single precision, which is twice as fast and far finer than a pixel needs."""
    return numbers.astype(np.float32)


def choose(dice: Dice, weights: Sequence[float]) -> NDArray[np.int64]:
    """One of several choices for each image, shape (B,), as often as its weight says."""
    total = sum(weights)
    reached = np.array([sum(weights[: n + 1]) / total for n in range(len(weights) - 1)] + [1.0])
    return (dice.even((0.0, 1.0)) >= reached).sum(1)


def chance(dice: Dice, probability: float) -> NDArray[np.bool_]:
    """True for about this share of the images, shape (B, 1)."""
    return dice.even((0.0, 1.0)) < probability
