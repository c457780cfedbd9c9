"""A cutter that looks at the ink: cuts run from top to bottom along the way that crosses least of it.

1. For every column, the cheapest seam through it: a way down the strip that moves by at most one column a row.
2. Of every five columns the cheapest seam is a candidate. One to five pieces are chosen so that seams cross little
   ink and that each piece is as wide, and holds as much ink, as digits do for the height of the line.
3. Each piece, masked by its seams, is scaled to the height of a digit in its cell and centred.

All that decides is integer arithmetic: an 8-bit export leaves integers alone, so it cuts as the original does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CELL, SLOTS, WIDTH

if TYPE_CHECKING:
    import tensorflow as tf

HALF = CELL // 2
"""Seams are found from above and from below; they meet in the middle."""
FULL = 15
"""Levels of ink. So few that sums over a strip, and two of them in one integer, stay below 2³¹."""
FAINT = 24
"""A strip whose brightest pixel is less than this above its background is blank."""
DETOUR = 2
"""What it costs a seam to move aside by a column, in levels of ink."""
BLOCK = 5
"""Columns of which only the cheapest seam is a candidate."""
COUNT = WIDTH // BLOCK + 2
"""Candidates, the two ends of the strip among them."""
LINE, WIDEST = 20, 26
"""Rows and columns of its cell that a digit fills at most."""
_ONE = 256
"""Fixed-point one: positions are kept in 256ths of a pixel."""
_HIGH = 1 << 18
"""Two sums are kept in one integer, one of them in multiples of this: one minimum or running sum does for both."""
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
        strips: ``uint8`` (N, 28, 140), ink bright.

    Returns:
        Cells ``uint8`` (N, 5, 28, 28), background 0, and the number of pieces of each strip, ``int32`` (N,).
    """
    import tensorflow as tf

    grey, ink = _levels(strips)
    # Ink, and ink times its column, from the left edge up to each column.
    running = tf.cumsum(ink * (_HIGH + np.arange(WIDTH, dtype=np.int32)), axis=2)
    sums = _seams(ink, running // _HIGH - ink)
    columns, inked, marks = _candidates(ink, sums[-1])
    chosen, pieces = _choose(*marks)
    used = tf.range(1, SLOTS) < pieces[:, None]
    cuts = tf.where(used, tf.gather(columns, chosen, batch_dims=1), WIDTH)
    inked = tf.gather(inked, tf.pad(_ended(chosen, COUNT - 1), ((0, 0), (1, 0))), batch_dims=1)
    return _cells(grey, running, _paths(sums, cuts), inked[:, 1:] - inked[:, :-1]), pieces


def _ended(values: tf.Tensor, last: int) -> tf.Tensor:
    """One more value at the end of the second axis."""
    import tensorflow as tf

    return tf.pad(values, [(0, 0), (0, 1), *[(0, 0)] * (len(values.shape) - 2)], constant_values=last)


def _levels(strips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Strips without their background, and their ink in levels of 0 to 15, both ``int32`` (N, 28, 140)."""
    import tensorflow as tf

    pixels = tf.cast(strips, tf.int32)
    # Digits cover little of a strip: what is not brighter than the mean is background, and its mean that of the ground.
    mean = tf.reduce_sum(pixels, (1, 2), keepdims=True) // (CELL * WIDTH)
    ground = tf.reduce_sum(tf.minimum(pixels, mean), (1, 2), keepdims=True) // (CELL * WIDTH)
    grey = tf.maximum(pixels - ground, 0)
    peak = tf.reduce_max(grey, (1, 2), keepdims=True)
    grey = tf.where(peak < FAINT, 0, grey)
    faint = peak // 4
    share = ((FULL + 1) << 16) // tf.maximum(peak - faint + 1, 1)
    return grey, tf.maximum(grey - faint, 0) * share // (1 << 16)


def _seams(ink: tf.Tensor, left: tf.Tensor) -> list[tf.Tensor]:
    """The cheapest seams from the upper and the lower edge to each column of each row, from the edges to the middle.

    Args:
        ink: (N, 28, 140).
        left: ink on the left of each pixel, (N, 28, 140).

    Returns:
        14 ``int32`` arrays (N, 2, 140): the seam's cost, times ``_HIGH``, plus the ink on its left.
    """
    import tensorflow as tf

    step = ink * _HIGH + left
    rows = tf.unstack(tf.stack([step[:, :HALF], tf.reverse(step[:, HALF:], [1])], 1), axis=2)
    sums = [rows[0]]
    for row in rows[1:]:
        around = tf.pad(sums[-1], ((0, 0), (0, 0), (1, 1)), constant_values=_FAR)
        aside = tf.minimum(around[:, :, :-2], around[:, :, 2:]) + DETOUR * _HIGH
        sums.append(tf.minimum(aside, sums[-1]) + row)
    return sums


def _candidates(ink: tf.Tensor, middle: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tuple[tf.Tensor, ...]]:
    """Where the strip may be cut, its two ends included; everything is ``int32`` (N, 30).

    Args:
        ink: (N, 28, 140).
        middle: the last of the seams, (N, 2, 140).

    Returns:
        The candidates' columns, the columns with ink on their left, and the marks that tables give points for, with
        H the height of the line: columns with ink on the left in H/12, ink on the left in H²/40, ink crossed in H/80.
    """
    import tensorflow as tf

    seams = tf.reshape(middle[:, 0] + middle[:, 1], (-1, WIDTH // BLOCK, BLOCK))
    first = np.arange(0, WIDTH, BLOCK, dtype=np.int32)
    columns = _ended(tf.pad(tf.argmin(seams, axis=2, output_type=tf.int32) + first, ((0, 0), (1, 0))), WIDTH)
    best = tf.reduce_min(seams, 2)
    crossed = best // _HIGH
    whole = tf.reduce_sum(ink, (1, 2))[:, None]
    left = tf.concat([whole * 0, best - crossed * _HIGH, whole], 1)
    filled = tf.cumsum(tf.minimum(tf.reduce_max(ink, 1), 1), axis=1)
    inked = tf.gather(tf.pad(filled, ((0, 0), (1, 0))), columns, batch_dims=1)
    height = tf.reduce_sum(tf.minimum(tf.reduce_max(ink, 2), 1), 1, keepdims=True)
    height = tf.maximum(height, 6)
    crossed = tf.minimum(crossed * 80 // (FULL * height), len(SEAMS) - 1)
    marks = inked * 12 // height, left * 40 // (FULL * height * height), tf.pad(crossed, ((0, 0), (1, 1)))
    return columns, inked, marks


def _choose(inked: tf.Tensor, left: tf.Tensor, crossed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The one to five pieces with the most points, by dynamic programming over candidates.

    Args:
        inked, left, crossed: the candidates' marks, ``int32`` (N, 30).

    Returns:
        Indices of the candidates to cut at, ``int32`` (N, 4), the last one where there is no further cut; the number
        of pieces, ``int32`` (N,), 0 for a blank strip.
    """
    import tensorflow as tf

    def points(marks: tf.Tensor, table: Any) -> tf.Tensor:
        between = marks[:, None, :] - marks[:, :, None]
        return tf.gather(table, tf.clip_by_value(between, 0, len(table) - 1))

    backwards = np.where(np.tri(COUNT, dtype=bool), _NEVER, 0).astype(np.int32)
    piece = points(inked, WIDTHS) + points(left, INKS) + tf.gather(SEAMS, crossed)[:, None, :] + backwards
    score = piece[:, 0]  # of the best way to each candidate, with one piece so far
    ends, origins = [score[:, -1]], []
    for _ in range(SLOTS - 1):
        ways = score[:, :, None] + piece
        origins.append(tf.argmax(ways, axis=1, output_type=tf.int32))
        score = tf.reduce_max(ways, 1)
        ends.append(score[:, -1])
    pieces = tf.argmax(tf.stack(ends, 1), axis=1, output_type=tf.int32) + 1
    pieces *= tf.minimum(inked[:, -1], 1)
    at, cuts = tf.zeros_like(pieces) + (COUNT - 1), []
    for number in range(SLOTS - 1, 0, -1):
        before = tf.gather(origins[number - 1], at[:, None], batch_dims=1)[:, 0]
        at = tf.where(pieces > number, before, at)
        cuts.append(at)
    return tf.stack(cuts[::-1], 1), pieces


def _paths(sums: list[tf.Tensor], cuts: tf.Tensor) -> tf.Tensor:
    """The seams that cross the middle at columns ``cuts`` (N, 4): their column in each row, ``int32`` (N, 4, 28)."""
    import tensorflow as tf

    at = tf.minimum(cuts, WIDTH - 1)
    at = tf.stack([at, at], 1)
    path, aside = [at], np.array([DETOUR * _HIGH, 0, DETOUR * _HIGH], np.int32)
    for row in sums[-2::-1]:
        around = tf.pad(row, ((0, 0), (0, 0), (1, 1)), constant_values=_FAR)
        near = tf.gather(around, at[..., None] + np.arange(3, dtype=np.int32), batch_dims=2)
        at += tf.argmin(near + aside, axis=3, output_type=tf.int32) - 1
        path.append(at)
    upper = tf.stack([at[:, 0] for at in path[::-1]], 2)
    lower = tf.stack([at[:, 1] for at in path], 2)
    return tf.where(cuts[..., None] < WIDTH, tf.concat([upper, lower], 2), WIDTH)


def _cells(grey: tf.Tensor, running: tf.Tensor, paths: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
    """The pieces between seams, each in a cell of its own.

    Args:
        grey: what is shown, (N, 28, 140).
        running: ink, and ink times its column, summed from the left, (N, 28, 140).
        paths: (N, 4, 28).
        widths: columns with ink of each piece, (N, 5).

    Returns:
        ``uint8`` (N, 5, 28, 28).
    """
    import tensorflow as tf

    edges = _ended(tf.pad(paths, ((0, 0), (1, 0), (0, 0))), WIDTH)
    left = tf.pad(running, ((0, 0), (0, 0), (1, 0)))
    left = tf.gather(left, tf.transpose(edges, (0, 2, 1)), batch_dims=2)
    # Seams may touch, and then cross by a pixel or two.
    held = tf.maximum(left[:, :, 1:] - left[:, :, :-1], 0)  # (N, 28, 5)
    ink = held // _HIGH
    row = np.arange(CELL, dtype=np.int32)[:, None]
    top = tf.reduce_min(tf.where(ink > 0, row, CELL), 1)
    bottom = tf.reduce_max(tf.where(ink > 0, row, -1), 1)
    moment = tf.reduce_sum(held - ink * _HIGH, 1)
    # In the middle of the cell stand the middle of the rows and the ink's centre of gravity, as in MNIST.
    across = moment * 16 // tf.maximum(tf.reduce_sum(ink, 1), 1) * (_ONE // 16)
    down = (top + bottom) * (_ONE // 2)
    span = tf.maximum(bottom - top + 1, widths * LINE // WIDEST)
    step = (tf.maximum(span, 4) * _ONE // LINE)[..., None]

    # Where in the strip the cell's pixels lie.
    offset = np.arange(1 - CELL, CELL, 2, dtype=np.int32) * step // 2
    columns, rows = across[..., None] + offset, down[..., None] + offset
    picked = _mixed(tf.cast(tf.transpose(grey, (0, 2, 1)), tf.float32), columns, WIDTH, 1)  # (N, 5, across, down)
    # Where in the cell each row's seams lie: the first column that mixes no pixel on their left.
    beyond = 2 * _ONE * edges
    steps, middle = 2 * step, 2 * across[..., None] - (CELL + 1) * step + 1
    after = [tf.clip_by_value((side - middle) // steps, 0, CELL) for side in (beyond[:, :-1], beyond[:, 1:])]
    shown = np.tri(CELL + 1, CELL, -1, dtype=np.float32)  # row k: columns before k
    mask = tf.nn.relu(tf.gather(shown, after[1]) - tf.gather(shown, after[0]))
    alone = tf.pad(tf.transpose(picked, (0, 1, 3, 2)) * mask, ((0, 0), (0, 0), (1, 1), (0, 0)))
    return tf.cast(_mixed(alone, rows + _ONE, CELL + 2, 2) + 0.5, tf.uint8)


def _mixed(lines: tf.Tensor, positions: tf.Tensor, count: int, batch: int) -> tf.Tensor:
    """Lines at positions between them, each mixed from the two next to it.

    Args:
        lines: ``float32`` (…, count, L), with ``batch`` axes before the lines.
        positions: in 256ths, ``int32`` (…, P); beyond the ends the outermost line is taken.

    Returns:
        ``float32`` (…, P, L).
    """
    import tensorflow as tf

    first = positions // _ONE
    part = tf.cast(positions - first * _ONE, tf.float32)[..., None] / _ONE
    near = tf.gather(lines, tf.clip_by_value(first, 0, count - 1), batch_dims=batch)
    far = tf.gather(lines, tf.clip_by_value(first + 1, 0, count - 1), batch_dims=batch)
    return near + (far - near) * part
