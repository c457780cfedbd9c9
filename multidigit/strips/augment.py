"""Augmentation: training strips are slanted, moved and bent a little, so that no digit is seen twice in one shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLANT = 0.25
"""Columns a row that a strip leans by at most, at strength 1."""
OFFSET = 1.5
"""Columns that a strip is moved by at most."""
ROW_WAVE, ROW_WAVES = 1.0, (0.016, 0.056)
"""Columns that rows swing by, and how many waves a row that is, from and to."""
COLUMN_WAVE, COLUMN_WAVES = 1.8, (0.008, 0.040)
"""Rows that columns swing by at most, and how many waves a column that is."""
_MARGIN = 10


def bend(images: NDArray[np.uint8], rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.uint8]:
    """Strips slanted, moved and swung, each in its own way, by whole pixels.

    Args:
        images: ``uint8`` (N, 28, W), ink bright on dark.
        rng: consumed in a fixed order.
        strength: 0 changes nothing, 1 is what helps training most.

    Returns:
        ``uint8`` strips of the same shape.
    """
    count, high, wide = images.shape
    dice = rng.random((7, count, 1))
    down = np.arange(high) - (high - 1) / 2
    lean = (2 * dice[0] - 1) * SLANT * down + (2 * dice[1] - 1) * OFFSET
    waves, more = ROW_WAVES[0], ROW_WAVES[1] - ROW_WAVES[0]
    lean += ROW_WAVE * _wave(down * (waves + more * dice[2]) + dice[3])
    waves, more = COLUMN_WAVES[0], COLUMN_WAVES[1] - COLUMN_WAVES[0]
    rise = COLUMN_WAVE * dice[4] * _wave(np.arange(wide) * (waves + more * dice[5]) + dice[6])
    across = np.clip(np.rint(strength * lean), -_MARGIN, _MARGIN).astype(np.int32)
    up = np.clip(np.rint(strength * rise), -_MARGIN, _MARGIN).astype(np.int32)

    padded = np.pad(images, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    line = padded.shape[2]
    begin = np.arange(count, dtype=np.int32)[:, None, None] * np.int32(padded.shape[1] * line)
    from_row = (np.arange(high, dtype=np.int32) + _MARGIN) * np.int32(line) + across
    from_column = up * np.int32(line) + np.arange(wide, dtype=np.int32) + np.int32(_MARGIN)
    return padded.reshape(-1).take(begin + from_row[:, :, None] + from_column[:, None, :])


def _wave(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """A sine of so many turns, by two parabolas: unlike ``np.sin``, exactly the same on every machine."""
    part = turns - np.floor(turns)
    return np.where(part < 0.5, 16 * part * (0.5 - part), -16 * (part - 0.5) * (1 - part))
