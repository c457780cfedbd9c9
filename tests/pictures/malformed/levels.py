"""The picture that malformed files show, and its levels as files hold them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]


def picture(bits: int = 8) -> Levels:
    """Levels that so many bits can hold, some rows alike and some not; no side a multiple of eight."""
    rng = np.random.default_rng(bits)
    values = rng.integers(0, 1 << min(bits, 8), (11, 13))
    values[3:6, 2:9] = 0
    values[4] = (1 << min(bits, 8)) - 1
    return (values * 255 // ((1 << min(bits, 8)) - 1)).astype(np.uint8)


def samples(levels: Levels, bits: int) -> NDArray[np.int64]:
    """Levels as the numbers that files of so many bits a sample hold."""
    return (levels.astype(np.int64) * ((1 << bits) - 1) + 127) // 255


def packed(values: NDArray[np.int64], bits: int) -> list[bytes]:
    """Rows of samples as bytes, the first sample in the highest bits."""
    single = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return [row.tobytes() for row in np.packbits(single.reshape(len(values), -1).astype(np.uint8), axis=1)]


def grey_palette(bits: int) -> bytes:
    """Red, green and blue of each number, all grey."""
    return b"".join(bytes([index * 255 // ((1 << bits) - 1)] * 3) for index in range(1 << bits))
