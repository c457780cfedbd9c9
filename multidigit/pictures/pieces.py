"""Connected pieces of a mask."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pieces(NamedTuple):
    """Connected pieces of a mask, one entry each; ends are exclusive."""

    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    area: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Pieces:
        return Pieces(*(values[chosen] for values in self))


class Runs(NamedTuple):
    """The runs of a mask's rows that its pieces are made of."""

    shape: tuple[int, int]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    piece: NDArray[np.int64]
    """Number of the piece that each run belongs to."""

    def mask(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask of some of the pieces."""
        height, width = self.shape
        steps = np.zeros(height * (width + 2), np.int8)
        runs = chosen[self.piece]
        steps[self.starts[runs]] += 1
        steps[self.ends[runs]] -= 1
        return np.cumsum(steps, dtype=np.int8).reshape(height, width + 2)[:, 1:-1] > 0


def find_pieces(mask: NDArray[np.bool_]) -> tuple[Pieces, Runs]:
    """Pieces of a mask, corners connected: runs of each row, joined with the runs that they touch in the next."""
    height, width = mask.shape
    stride = width + 2
    flat = np.pad(mask, ((0, 0), (1, 1))).ravel().astype(np.int8)
    change = np.diff(flat)
    starts, ends = np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1
    first = np.searchsorted(ends, starts + stride)
    counts = np.maximum(np.searchsorted(starts, ends + stride, side="right") - first, 0)
    upper = np.repeat(np.arange(starts.size), counts)
    lower = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)

    # Every run takes the smallest number among those that it is joined with, until none changes.
    label = np.arange(starts.size)
    while True:
        smaller = np.minimum(label[upper], label[lower])
        new = label.copy()
        np.minimum.at(new, label[upper], smaller)
        np.minimum.at(new, label[lower], smaller)
        new = new[new]
        if np.array_equal(new, label):
            break
        label = new
    _, piece = np.unique(label, return_inverse=True)
    count = int(piece.max(initial=-1)) + 1
    row = starts // stride
    top, left = np.full(count, height), np.full(count, width)
    bottom, right, area = (np.zeros(count, np.int64) for _ in range(3))
    np.minimum.at(top, piece, row)
    np.maximum.at(bottom, piece, row + 1)
    np.minimum.at(left, piece, starts % stride - 1)
    np.maximum.at(right, piece, ends % stride - 1)
    np.add.at(area, piece, ends - starts)
    return Pieces(top, bottom, left, right, area), Runs((height, width), starts, ends, piece)
