"""JPEG artefacts: the quantised cosine transform of 8×8 blocks, by elementwise arithmetic alone.

Python's picture libraries bring codecs that differ in the last bit from one version to the next. Here the cosines are
literal integers and every operation is one exactly rounded float operation, so that every machine gives the same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL, WIDTH
from multidigit.strips.effects.base import ONE, Chosen, Images

BLOCK = 8
_HIGH, _WIDE = -(-CELL // BLOCK), -(-WIDTH // BLOCK)
_PIECE = 24
"""Strips at a time: small enough for their blocks to stay in the processor's cache."""

COSINES = (1024, 1004, 946, 851, 724, 569, 392, 200)
"""1024 · cos(k·π/16), rounded."""
# Rows are frequencies, columns the first half of the eight places; the second half mirrors it with the frequency's sign.
_TABLE = tuple(
    tuple(
        np.float32((1, -1)[angle % 32 > 8 and angle % 32 < 24] * COSINES[min(angle % 16, 16 - angle % 16)])
        if angle % 16 != 8
        else np.float32(0)
        for angle in ((2 * place + 1) * frequency for place in range(BLOCK // 2))
    )
    for frequency in range(BLOCK)
)

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
"""Quantisation of brightness at quality 50 (ITU-T T.81, table K.1)."""

Blocks = NDArray[np.float32]
