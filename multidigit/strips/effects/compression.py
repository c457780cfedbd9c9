"""JPEG artefacts: the quantised cosine transform of 8×8 blocks, by elementwise arithmetic alone.

Codecs differ in the last bit from one version to the next. Here every step is one exactly rounded float operation, so
that every machine gives the same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.strips.effects.base import Chosen
from multidigit.strips.pixels import ONE, Images

BLOCK = 8
_PIECE = 20
"""Strips at a time: small enough for their blocks to stay in the processor's cache."""

_FREQUENCY, _PLACE = np.ogrid[:BLOCK, : BLOCK // 2]
# One row for each frequency k, its values at the first four places p: cos((2p + 1)·k·π/16) / 2, the first row divided
# by √2, to whole 16,384ths, so that the last bit of a machine's cosine does not count. The other four places mirror
# them, with the sign changed where k is odd.
_COSINES = np.round(8192 * np.cos((2 * _PLACE + 1) * _FREQUENCY * np.pi / 16) * np.where(_FREQUENCY, 1, 0.5**0.5))
_COSINES = (_COSINES / (1 << 14)).astype(np.float32)

QUANTA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Steps of brightness at quality 50, rows by vertical frequency (ITU-T T.81, table K.1)."""


def jpeg(chosen: Chosen) -> Images:
    """Stored as JPEG: quality 27 or so at strength 1, 13 at the greatest; the blocks' grid begins at the corner."""
    images = np.empty_like(chosen.images)
    table = np.array(QUANTA, np.int64)[:, :, None]
    for start in range(0, len(images), _PIECE):
        piece = slice(start, start + _PIECE)
        steps = np.maximum(table * chosen.up_to(480)[piece] // ONE, 1).astype(np.float32)
        images[piece] = _stored(chosen.images[piece], steps)
    return images


def _stored(images: Images, steps: NDArray[np.float32]) -> Images:
    """Images (M, 28, W) with the frequencies of their blocks rounded to multiples of ``steps`` (8, 8, M)."""
    count, high, wide = images.shape
    # The last blocks reach beyond the strip: its edge goes on in them.
    field = np.empty((count, high + -high % BLOCK, wide + -wide % BLOCK), np.uint8)
    field[:, :high, :wide] = images
    field[:, high:, :wide] = images[:, -1:]
    field[:, :, wide:] = field[:, :, wide - 1 : wide]
    # Places in a block first, blocks last: every step below then works on long runs of memory.
    blocks = field.reshape(count, field.shape[1] // BLOCK, BLOCK, -1, BLOCK).transpose(2, 4, 0, 1, 3)
    blocks = blocks.astype(np.float32, order="C")
    blocks -= np.float32(128)
    flat = blocks.reshape(BLOCK, BLOCK, -1)
    flat = _forwards(_forwards(flat).swapaxes(0, 1))
    # The two axes of a block stand swapped from here to the end of the way back.
    waves, step = flat.reshape(BLOCK, BLOCK, count, -1), steps.swapaxes(0, 1)[..., None]
    waves /= step
    waves += np.float32(0.5)
    np.floor(waves, out=waves)
    waves *= step
    flat = _backwards(_backwards(flat).swapaxes(0, 1))
    flat += np.float32(128.5)
    np.clip(flat, 0, 255, out=flat)
    field = flat.astype(np.uint8).reshape(blocks.shape).transpose(2, 3, 0, 4, 1).reshape(field.shape)
    return field[:, :high, :wide]


def _forwards(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frequencies along the first axis, of length 8."""
    waves = np.empty_like(places)
    mirrored = places[:3:-1]
    for odd, half in ((0, places[:4] + mirrored), (1, places[:4] - mirrored)):
        for frequency in range(odd, BLOCK, 2):
            _weighted(half, _COSINES[frequency], waves[frequency])
    return waves


def _backwards(waves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places along the first axis, of length 8; undoes ``_forwards``."""
    places = np.empty_like(waves)
    even, odd = np.empty_like(waves[0]), np.empty_like(waves[0])
    for place in range(BLOCK // 2):
        _weighted(waves[::2], _COSINES[::2, place], even)
        _weighted(waves[1::2], _COSINES[1::2, place], odd)
        np.add(even, odd, out=places[place])
        np.subtract(even, odd, out=places[BLOCK - 1 - place])
    return places


def _weighted(parts: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Sum of four parts, each times its weight, added in this order."""
    np.multiply(parts[0], weights[0], out=out)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        out += part * weight
