"""Effects of the surface: paper or a panel behind the ink, and the light that falls on it."""

from __future__ import annotations

import numpy as np

from multidigit.labels import CELL
from multidigit.strips.effects.base import Chosen, lattice, lattice_bytes, per_strip
from multidigit.strips.effects.ink import scaled
from multidigit.strips.pixels import Images

CLOUD_STEP, FIBRE_STEP = 10, 2
"""Pixels between the knots of the two random fields that paper is made of."""


def paper_bytes(width: int) -> int:
    """Random bytes of paper for each strip: those of the clouds, then those of the fibres."""
    return lattice_bytes(CLOUD_STEP, width) + lattice_bytes(FIBRE_STEP, width)


def paper(chosen: Chosen) -> Images:
    """A background that is not black: clouds, fibres, or a panel's stripes, and the ink laid over it.

    Half of the backgrounds are level with black, as where a picture's background has been taken off: only what is
    brighter than the mean is left of them.
    """
    clouds, fibres = chosen.between(0, 0, chosen.up_to(90)), chosen.between(1, 0, chosen.up_to(60))
    width = chosen.images.shape[2]
    ground = lattice(chosen.grain, CLOUD_STEP, width, clouds)
    ground += lattice(chosen.grain[:, lattice_bytes(CLOUD_STEP, width) :], FIBRE_STEP, width, fibres)
    level = chosen.between(2, -chosen.up_to(48), chosen.up_to(48))
    ground += per_strip(np.maximum(level, 0) - (clouds + fibres) // 2)
    # One in four is a panel: stripes along or across, two to six pixels apart.
    kind, period = chosen.between(3, 0, 7), chosen.between(4, 2, 6)[:, None]
    dark = chosen.between(5, 0, chosen.up_to(32))[:, None]
    rows = np.where((np.arange(CELL) % period == 0) & (kind == 0)[:, None], dark, 0).astype(np.int16)
    columns = np.where((np.arange(width) % period == 0) & (kind == 1)[:, None], dark, 0).astype(np.int16)
    ground += rows[:, :, None]
    ground += columns[:, None, :]
    np.clip(ground, 0, 150, out=ground)
    # What the ground takes from the ink it gives back as brightness, so that ink is never below it.
    return scaled(chosen.images, ground.view(np.uint16)) + ground.astype(np.uint8)


def light(chosen: Chosen) -> Images:
    """Uneven light: a gradient and a round spot; they dim the ink, or veil everything as a shadow veils paper."""
    most, width = chosen.up_to(75), chosen.images.shape[2]
    slope_x, slope_y = chosen.between(0, -most, most), chosen.between(1, -most, most) // 2
    x, y = np.arange(width), np.arange(CELL)
    # Both gradients begin at zero at their brighter end.
    across = (np.abs(slope_x)[:, None] * np.where((slope_x < 0)[:, None], width - x, x) // width).astype(np.int16)
    along = (np.abs(slope_y)[:, None] * np.where((slope_y < 0)[:, None], CELL - y, y) // CELL).astype(np.int16)
    shade = along[:, :, None] + across[:, None, :]
    # The spot falls off as r² / (r² + d²).
    centre_x, centre_y = chosen.between(2, 0, width - 1)[:, None], chosen.between(3, 0, CELL - 1)[:, None]
    radius = chosen.between(4, 6, 40) ** 2
    square_x = ((x - centre_x) ** 2).astype(np.float32)
    square_y = ((y - centre_y) ** 2 + radius[:, None]).astype(np.float32)
    spot = per_strip(chosen.between(5, 0, most) * radius, np.float32) / (square_y[:, :, None] + square_x[:, None, :])
    shade += spot.astype(np.int16)
    np.minimum(shade, per_strip(most), out=shade)
    loss = shade.view(np.uint16)
    veil = per_strip(chosen.between(6, 0, 1), np.uint8)
    # With less of everything, a veil is what is added back to ink and background alike.
    return scaled(chosen.images, loss) + (loss * np.uint16(255) >> 8).astype(np.uint8) * veil
