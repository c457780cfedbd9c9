"""Effects on what stands on the page: neighbouring digits, breaks and blobs of ink, faint ink, ruled lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL
from multidigit.strips.effects.base import Chosen, lattice, per_strip
from multidigit.strips.pixels import INK, ONE, Images, Numbers, sample_rows

BREAK_STEP = 3
"""Pixels between the knots of the field that says where ink is missing."""
BLOB_STEP = 4
"""Pixels between the knots of the field that says where ink has run."""
_SLIVER = 7
"""Columns of a neighbour that show at most."""


def neighbours(chosen: Chosen) -> Images:
    """The edge of another digit at the left end, the right end or both, cut off by the strip's end.

    It never touches the number: where there is no room beside it, nothing is drawn.
    """
    images = chosen.images.copy()
    ends = chosen.between(0, 0, 2)
    column = np.asarray((images > INK).any(1))
    inked = column.any(1)
    for end, free in enumerate((column.argmax(1), column[:, ::-1].argmax(1))):
        die = 1 + 4 * end
        digit = chosen.pool[chosen.between(die, 0, len(chosen.pool) - 1)]
        # A mirrored copy for the right end, so that both ends are the same work.
        digit = digit[:, :, ::-1] if end else digit
        size = chosen.between(die + 1, 3 * ONE // 4, 5 * ONE // 4)
        down = chosen.between(die + 2, -3 * ONE, 3 * ONE)
        middle = (CELL - 1) * ONE // 2
        row = middle + ((np.arange(CELL) * ONE - middle - down[:, None]) << 8) // size[:, None]
        digit = sample_rows(digit, np.clip(row, 0, (CELL - 1) * ONE))
        digit *= ((row >= 0) & (row < CELL * ONE))[..., None]

        ink = np.asarray((digit > INK).any(1))
        right = CELL - ink[:, ::-1].argmax(1)
        wide = (right - ink.argmax(1)) * size // ONE
        show = 1 + chosen.between(die + 3, 0, 1 + (5 * chosen.strength >> 9))
        show = np.minimum(np.minimum(show, wide - 2), np.where(inked, free, images.shape[2]) - 2)
        across = np.arange(_SLIVER)
        source = (right - 1)[:, None] * ONE + ((across - show[:, None] + 1) * ONE << 8) // size[:, None]
        sliver = sample_rows(digit.transpose(0, 2, 1), np.clip(source, 0, (CELL - 1) * ONE))
        sliver *= (across < np.where((ends == end) | (ends == 2), show, 0)[:, None])[..., None]
        part = images[:, :, ::-1][:, :, :_SLIVER] if end else images[:, :, :_SLIVER]
        np.maximum(part, sliver.transpose(0, 2, 1), out=part)
    return images


def breaks(chosen: Chosen) -> Images:
    """Ink that is missing in patches: a dry pen, worn print."""
    field = lattice(chosen.grain, BREAK_STEP, chosen.images.shape[2])
    # How far the field lies under the threshold, in steps that lead from full ink to what is left of it.
    missing = np.clip(per_strip(chosen.up_to(54)) - field, 0, 32)
    missing *= per_strip(chosen.between(0, 4, 7))
    return scaled(chosen.images, missing.view(np.uint16))


def blobs(chosen: Chosen) -> Images:
    """Ink that has run: strokes a pixel wider in patches, and a round blot or two."""
    images = chosen.images
    grown = images.copy()
    np.maximum(grown[:, 1:], images[:, :-1], out=grown[:, 1:])
    np.maximum(grown[:, :-1], images[:, 1:], out=grown[:, :-1])
    np.maximum(grown[:, :, 1:], images[:, :, :-1], out=grown[:, :, 1:])
    np.maximum(grown[:, :, :-1], images[:, :, 1:], out=grown[:, :, :-1])
    field = lattice(chosen.grain, BLOB_STEP, images.shape[2])
    run = np.clip(field - per_strip(255 - chosen.up_to(50)), 0, 16)
    run <<= 4
    grown = np.maximum(images, (grown * run.view(np.uint16) >> 8).astype(np.uint8))

    width = images.shape[2]
    blots = chosen.between(0, 0, 2)
    for blot in range(2):
        rows = np.flatnonzero(blots > blot)
        die = 1 + 3 * blot
        x, y = chosen.between(die, 0, width - 1)[rows], chosen.between(die + 1, 0, CELL - 1)[rows]
        size = 2 + chosen.between(die + 2, 0, chosen.up_to(3))[rows]
        # Squares are cut off far beyond any blot, to fit 16 bits; from the rim inwards it takes five steps to full ink.
        across = np.minimum((np.arange(width) - x[:, None]) ** 2, 1 << 14).astype(np.int16)[:, None, :]
        along = ((np.arange(CELL) - y[:, None]) ** 2).astype(np.int16)[:, :, None]
        ink = (np.clip(per_strip(size) - along - across, 0, 5) * np.int16(50)).astype(np.uint8)
        grown[rows] = np.maximum(grown[rows], ink)
    return grown


def contrast(chosen: Chosen) -> Images:
    """Faint ink: darker altogether, and its softer parts darker still."""
    pale = scaled(chosen.images, per_strip(chosen.up_to(90), np.uint16))
    soft = per_strip(chosen.between(0, 0, chosen.up_to(64)), np.uint16)
    # The share of itself that a pixel loses grows as it gets darker.
    return scaled(pale, (np.uint16(255) - chosen.images) * soft >> 8)


def lines(chosen: Chosen) -> Images:
    """Printed lines: under the number, above and below it, round it, between cells, or a comb of short ticks."""
    kind = chosen.between(0, 0, 4)
    level = chosen.up_to(100) * chosen.between(1, ONE // 2, ONE) // ONE
    thick = chosen.between(2, ONE // 2, 3 * ONE // 2)
    low = chosen.between(3, 21 * ONE, (CELL - 1) * ONE)
    top = chosen.between(4, 0, 5 * ONE)
    wide = chosen.images.shape[2]
    left, right = chosen.between(5, -30, 10), chosen.between(6, wide - 10, wide + 30)
    pitch = chosen.between(7, 20, 30)

    x, y = np.arange(wide), np.arange(CELL)
    two = np.isin(kind, (1, 2, 3))
    across = _cover(y * ONE - low[:, None], thick)
    across = np.maximum(across, _cover(y * ONE - top[:, None], thick) * two[:, None])
    # Cells stand one beside another from the left end of the frame on; a plain frame has only its two ends.
    offset = x - left[:, None]
    half = pitch[:, None] // 2
    cell = (offset + half) % pitch[:, None] - half
    cell = np.where((kind == 2)[:, None], np.minimum(np.abs(offset), np.abs(x - right[:, None])), cell)
    upright = _cover(cell * ONE, thick) * (kind >= 2)[:, None]
    # A comb's ticks are a quarter of the height.
    begin = np.where(kind == 4, low - 6 * ONE, top)
    inside_x = ((x >= left[:, None]) & (x <= right[:, None])).astype(np.uint8)
    inside_y = ((y * ONE >= begin[:, None]) & (y * ONE <= low[:, None])).astype(np.uint8)
    # Uprights are fainter, for they could be taken for ones.
    across = (across * level[:, None] >> 8).astype(np.uint8)
    upright = (upright * level[:, None] * 3 >> 10).astype(np.uint8)
    drawn = across[:, :, None] * inside_x[:, None, :]
    np.maximum(drawn, (upright * inside_x)[:, None, :] * inside_y[:, :, None], out=drawn)
    return np.maximum(chosen.images, drawn)


def _cover(distance: Numbers, thick: Numbers) -> Numbers:
    """How much of a pixel a line covers whose middle is ``distance`` away: 0 to 256, shapes (M, N) and (M,)."""
    return np.clip((thick[:, None] + ONE) // 2 - np.abs(distance), 0, np.minimum(thick, ONE)[:, None])


def scaled(images: Images, loss: NDArray[np.uint16]) -> Images:
    """Images less a share of themselves, in 256ths, 0 to 256."""
    left = images * (np.uint16(ONE) - loss)
    left += np.uint16(128)
    left >>= 8
    return left.astype(np.uint8)
