"""Cuts a strip between its digits, along the paths from top to bottom that cross the least ink.

1. For every column, find the cheapest seam through it: a path down the strip that moves by at most one column a row.
2. The cheapest seam of every five columns is a candidate. Choose pieces, at most one a slot, so that seams cross little
   ink and that each piece is as wide, and has as much ink, as digits do for the height of the line.
3. Mask each piece by its seams, scale it to the height of a digit in its cell, and centre it.

All decisions are integer arithmetic: an 8-bit export leaves integers alone, so it cuts as the original does. Ranges of
values are bounded for strips of 12 slots, 336 columns. Nothing below 0 is divided: ONNX rounds that towards 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL

if TYPE_CHECKING:
    import tensorflow as tf

HALF = CELL // 2
"""Seams are found from above and from below; they meet in the middle."""
FULL = 15
"""Levels of ink: so few that the ink of a whole strip, at most 15·28·336, stays below ``_HIGH``."""
FAINT = 24
"""A strip whose brightest pixel is less than this above its background is blank."""
DETOUR = 2
"""Cost of a seam's move aside by a column, in levels of ink."""
BLOCK = 5
"""Columns of which only the cheapest seam is a candidate."""
LINE, WIDEST = 20, 26
"""The most rows and columns of its cell that a digit fills."""
_ONE = 256
"""Fixed-point one: positions are kept in 256ths of a pixel."""
_HIGH = 1 << 18
"""A seam's cost, in multiples of this, and the ink on its left are one integer, so that one minimum finds both."""
_INK = 426_000
"""A row's ink, at most 15·336, in multiples of this, and its moment about the strip's middle, at most 212,940 either
way, are one integer, so that one running sum finds both: at 12 slots it stays just below 2³¹."""
_FAR, _NEVER = 1 << 30, -(1 << 20)


def _table(points: str) -> NDArray[np.int32]:
    return np.array(points.split(), np.int32)


# Hundredths of log-odds, fitted to free strips of MNIST's training digits by maximum likelihood of their true borders.
WIDTHS = _table("-314 -108 20 58 61 80 111 137 151 155 141 105 46 -29 -94 -144 -183 -216 -250 -286")
"""Points for a piece, by the columns in which it has ink, in twelfths of the height of the line."""
INKS = _table("-486 74 159 213 235 234 211 186 147 103 60 17 -28 -73 -111 -144 -180 -220 -259 -299 -341 -384 -428 -473")
"""Points for a piece, by its ink, in fortieths of a square as high as the line."""
SEAMS = _table(
    "122 -89 -209 -292 -352 -404 -458 -505 -546 -580 -616 -655 -696 -725 -745 -764 -785 -804 -820 -833 -844 -851 -859 "
    "-863 -864 -860 -854 -846 -837 -829 -821 -816"
)
"""Points for a seam, by the ink that it crosses, in eightieths of the height of the line."""


def cut_ink(strips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cells of strips, one for each piece from the left, empty ones after the last.

    Args:
        strips: ``uint8`` (N, 28, 28·slots), ink bright, 1 to 12 slots.

    Returns:
        Cells ``uint8`` (N, slots, 28, 28), background 0, and the number of pieces of each strip, ``int32`` (N,).
    """
    import tensorflow as tf

    grey, ink = _levels(strips)
    # Ink, and ink times its column from the middle, from the left edge up to each column.
    columns = np.arange(strips.shape[2], dtype=np.int32) - strips.shape[2] // 2
    running = tf.cumsum(ink * (_INK + columns), axis=2)
    sums = _seams(ink, _ink_of(running) - ink)
    columns, inked, measures = _candidates(ink, sums[-1])
    chosen, pieces = _choose(*measures, strips.shape[2] // CELL)
    paths = _paths(sums, tf.gather(columns, chosen, batch_dims=1))
    inked = tf.gather(inked, tf.pad(chosen, ((0, 0), (1, 0))), batch_dims=1)
    return _cells(grey, running, paths, inked[:, 1:] - inked[:, :-1]), pieces


def _ink_of(sums: tf.Tensor) -> tf.Tensor:
    return (sums + _INK // 2) // _INK


def _levels(strips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Strips without their background, and their ink in levels of 0 to 15; both ``int32`` (N, 28, W)."""
    import tensorflow as tf

    pixels = tf.cast(strips, tf.int32)
    # Digits cover little of a strip, so pixels up to the mean are background, and their mean is its brightness.
    size = CELL * strips.shape[2]
    mean = tf.reduce_sum(pixels, (1, 2), keepdims=True) // size
    ground = tf.reduce_sum(tf.minimum(pixels, mean), (1, 2), keepdims=True) // size
    grey = tf.maximum(pixels - ground, 0)
    peak = tf.reduce_max(grey, (1, 2), keepdims=True)
    grey = tf.where(peak < FAINT, 0, grey)
    faint = peak // 4
    share = ((FULL + 1) << 16) // tf.maximum(peak - faint + 1, 1)
    return grey, tf.maximum(grey - faint, 0) * share // (1 << 16)


def _seams(ink: tf.Tensor, left: tf.Tensor) -> list[tf.Tensor]:
    """The cheapest seams from both edges to each pixel, row by row to the middle: 14 arrays ``int32`` (N, 2, W)."""
    import tensorflow as tf

    step = ink * _HIGH + left
    rows = tf.unstack(tf.stack([step[:, :HALF], tf.reverse(step[:, HALF:], [1])], 1), axis=2)
    sums = [rows[0]]
    for row in rows[1:]:
        around = tf.pad(sums[-1], ((0, 0), (0, 0), (1, 1)), constant_values=_FAR)
        aside = tf.minimum(around[:, :, :-2], around[:, :, 2:]) + DETOUR * _HIGH
        sums.append(tf.minimum(aside, sums[-1]) + row)
    return sums


def _candidates(
    ink: tf.Tensor, middle: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Candidates' columns, the inked columns on their left, and three measures in units of the tables; (N, C) each."""
    import tensorflow as tf

    width = ink.shape[2]
    first = np.arange(0, width, BLOCK, dtype=np.int32)
    seams = middle[:, 0] + middle[:, 1]
    if width % BLOCK:
        seams = tf.pad(seams, ((0, 0), (0, -width % BLOCK)), constant_values=_FAR)
    seams = tf.reshape(seams, (-1, len(first), BLOCK))
    columns = tf.pad(tf.argmin(seams, axis=2, output_type=tf.int32) + first, ((0, 0), (1, 0)))
    columns = tf.pad(columns, ((0, 0), (0, 1)), constant_values=width)
    best = tf.reduce_min(seams, 2)
    crossed = best // _HIGH
    whole = tf.reduce_sum(ink, (1, 2))[:, None]
    left = tf.concat([whole * 0, best - crossed * _HIGH, whole], 1)
    filled = tf.cumsum(tf.minimum(tf.reduce_max(ink, 1), 1), axis=1)
    inked = tf.gather(tf.pad(filled, ((0, 0), (1, 0))), columns, batch_dims=1)
    height = tf.reduce_sum(tf.minimum(tf.reduce_max(ink, 2), 1), 1, keepdims=True)
    height = tf.maximum(height, 6)
    crossed = tf.minimum(crossed * 80 // (FULL * height), len(SEAMS) - 1)
    measures = inked * 12 // height, left * 40 // (FULL * height * height), tf.pad(crossed, ((0, 0), (1, 1)))
    return columns, inked, measures


def _choose(inked: tf.Tensor, left: tf.Tensor, crossed: tf.Tensor, slots: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The candidates at which the best pieces end, (N, slots), filled up with the last; the number of pieces, (N,)."""
    import tensorflow as tf

    def points(measure: tf.Tensor, table: Any) -> tf.Tensor:
        between = measure[:, None, :] - measure[:, :, None]
        return tf.gather(table, tf.clip_by_value(between, 0, len(table) - 1))

    count = inked.shape[1]
    backwards = np.where(np.tri(count, dtype=bool), _NEVER, 0).astype(np.int32)
    piece = points(inked, WIDTHS) + points(left, INKS) + tf.gather(SEAMS, crossed)[:, None, :] + backwards
    # Dynamic programming: the most points up to each candidate with one piece, then with one more.
    score = piece[:, 0]
    totals, origins = [score[:, -1]], []
    for _ in range(slots - 1):
        ways = score[:, :, None] + piece
        origins.append(tf.argmax(ways, axis=1, output_type=tf.int32))
        score = tf.reduce_max(ways, 1)
        totals.append(score[:, -1])
    pieces = tf.argmax(tf.stack(totals, 1), axis=1, output_type=tf.int32) + 1
    pieces *= tf.minimum(inked[:, -1], 1)
    end = tf.zeros_like(pieces) + (count - 1)
    ends = [end]
    for number in range(slots - 1, 0, -1):
        before = tf.gather(origins[number - 1], end[:, None], batch_dims=1)[:, 0]
        end = tf.where(pieces > number, before, end)
        ends.append(end)
    return tf.stack(ends[::-1], 1), pieces


def _paths(sums: list[tf.Tensor], cuts: tf.Tensor) -> tf.Tensor:
    """The columns in each row, (N, slots, 28), of the seams that cross the middle at columns ``cuts`` (N, slots)."""
    import tensorflow as tf

    width = sums[0].shape[2]
    at = tf.minimum(cuts, width - 1)
    at = tf.stack([at, at], 1)
    path, aside = [at], np.array([DETOUR * _HIGH, 0, DETOUR * _HIGH], np.int32)
    for row in sums[-2::-1]:
        around = tf.pad(row, ((0, 0), (0, 0), (1, 1)), constant_values=_FAR)
        near = tf.gather(around, at[..., None] + np.arange(3, dtype=np.int32), batch_dims=2)
        at += tf.argmin(near + aside, axis=3, output_type=tf.int32) - 1
        path.append(at)
    upper = tf.stack([at[:, 0] for at in path[::-1]], 2)
    lower = tf.stack([at[:, 1] for at in path], 2)
    return tf.where(cuts[..., None] < width, tf.concat([upper, lower], 2), width)


def _cells(grey: tf.Tensor, running: tf.Tensor, paths: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
    """Cells, ``uint8`` (N, slots, 28, 28), of the pieces that end at ``paths`` and have ink in ``widths`` columns."""
    import tensorflow as tf

    edges = tf.pad(paths, ((0, 0), (1, 0), (0, 0)))
    left = tf.pad(running, ((0, 0), (0, 0), (1, 0)))
    left = tf.gather(left, tf.transpose(edges, (0, 2, 1)), batch_dims=2)
    # Seams may touch, and then cross by a pixel or two.
    held = tf.maximum(left[:, :, 1:] - left[:, :, :-1], 0)  # (N, 28, slots)
    ink = _ink_of(held)
    row = np.arange(CELL, dtype=np.int32)[:, None]
    top = tf.reduce_min(tf.where(ink > 0, row, CELL), 1)
    bottom = tf.reduce_max(tf.where(ink > 0, row, -1), 1)
    whole = tf.reduce_sum(ink, 1)
    moment = tf.reduce_sum(held - ink * _INK, 1) + whole * (grey.shape[2] // 2)
    # The cell is centred on the middle of the rows and on the ink's centre of gravity, as in MNIST.
    across = moment * 16 // tf.maximum(whole, 1) * (_ONE // 16)
    down = (top + bottom) * (_ONE // 2)
    span = tf.maximum(bottom - top + 1, widths * LINE // WIDEST)
    step = (tf.maximum(span, 4) * _ONE // LINE)[..., None]

    # The positions in the strip of the cell's pixels.
    offset = np.arange(CELL, dtype=np.int32) * step - ((CELL - 1) * step + 1) // 2
    columns, rows = across[..., None] + offset, down[..., None] + offset
    lines = tf.cast(tf.transpose(grey, (0, 2, 1)), tf.float32)
    picked = _mixed(lines, columns, 1)  # (N, slots, across, down)
    # The column in the cell of each row's seam: the first one that mixes no pixel on the seam's left.
    beyond = 2 * _ONE * edges
    steps, middle = 2 * step, 2 * across[..., None] - (CELL + 1) * step + 1
    after = [tf.minimum(tf.maximum(side - middle, 0) // steps, CELL) for side in (beyond[:, :-1], beyond[:, 1:])]
    shown = np.tri(CELL + 1, CELL, -1, dtype=np.float32)  # row k: columns before k
    mask = tf.nn.relu(tf.gather(shown, after[1]) - tf.gather(shown, after[0]))
    alone = tf.pad(tf.transpose(picked, (0, 1, 3, 2)) * mask, ((0, 0), (0, 0), (1, 1), (0, 0)))
    return tf.cast(_mixed(alone, rows + _ONE, 2) + 0.5, tf.uint8)


def _mixed(lines: tf.Tensor, positions: tf.Tensor, batch: int) -> tf.Tensor:
    """Lines (…, C, L), with ``batch`` axes before C, interpolated at positions (…, P) in 256ths: (…, P, L)."""
    import tensorflow as tf

    last = lines.shape[batch] - 1
    positions = tf.clip_by_value(positions, 0, last * _ONE)
    first = positions // _ONE
    part = tf.cast(positions - first * _ONE, tf.float32)[..., None] / _ONE
    near = tf.gather(lines, first, batch_dims=batch)
    far = tf.gather(lines, tf.minimum(first + 1, last), batch_dims=batch)
    return near + (far - near) * part
