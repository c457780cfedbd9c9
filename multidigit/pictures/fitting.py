"""Grey pictures -> strips: polarity, background, crop and scale, by the rules that ``multidigit.pictures`` tells."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.labels import CELL, WIDTH
from multidigit.pictures.files import picture_error

WORKING_PIXELS = 500_000
"""Larger pictures are shrunk to at most this before the ink is looked for."""
MIN_CONTRAST = 10
"""Grey levels of 255 between background and ink below which a picture counts as blank."""
MIN_INK_HEIGHT = 4
"""Smallest height of ink in pixels: below that it is dirt, not a digit."""
SPECK_SHARE = 0.08
"""Pieces of less than this share of the largest piece's area do not count as ink."""
INK_HEIGHT = 20
"""Height of the tallest digit in a strip, in pixels: training digits fill a 20×20 box."""
MARGIN_X = 4
"""Columns kept free at both ends of a strip."""
MARGIN_Y = 1
"""Rows kept free at the top and the bottom of a strip."""
STRIP_ASPECT_TOLERANCE = 0.02
"""How far from 5 : 1 a picture may be and still count as strip-shaped."""

Align: TypeAlias = Literal["centre", "left"]


class _Ink(NamedTuple):
    """A picture with its background taken off."""

    amount: NDArray[np.float32]
    """Distance from the background towards the ink, shape (H, W), 0 and more."""
    contrast: float
    """Amount that the strongest ink has."""
    noise: float
    """Standard deviation of the background, estimated from its median deviation."""
    bright: bool
    """Whether the ink is brighter than the background."""

    def within(self, box: _Box, room: float) -> _Ink:
        """The ink without what lies more than ``room`` pixels outside a box."""
        kept = np.zeros_like(self.amount)
        rows = slice(max(0, int(box.top - room)), int(np.ceil(box.top + box.tall + room)))
        columns = slice(max(0, int(box.left - room)), int(np.ceil(box.left + box.wide + room)))
        kept[rows, columns] = self.amount[rows, columns]
        return self._replace(amount=kept)


def to_strip(grey: NDArray[np.uint8], align: Align = "centre") -> NDArray[np.uint8]:
    """The strip of a grey picture, by the rules that ``multidigit.pictures`` tells; blank pictures give zeros.

    Args:
        grey: ``uint8``, shape (H, W), any size, either polarity.
        align: where ink that was cropped stands: ``centre``, or ``left`` with a margin of ``MARGIN_X``.

    Returns:
        ``uint8``, shape (28, 140), bright ink on dark; never the array given.

    Raises:
        PictureError: not a ``uint8`` array of two dimensions, or an empty one.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        received = f"dtype {grey.dtype}, shape {grey.shape}"
        raise picture_error("grey picture", "uint8 of shape (H, W)", received, "use load_picture first")
    height, width = grey.shape
    if (height, width) == (CELL, WIDTH):
        ink = _find_ink(grey)
        return grey.copy() if ink.bright else _zeros() if ink.contrast < MIN_CONTRAST else 255 - grey
    if height >= CELL and width >= WIDTH and abs(width * CELL / (height * WIDTH) - 1) <= STRIP_ASPECT_TOLERANCE:
        return _whole(grey)

    small, factor = _reduced(grey)
    ink = _find_ink(small)
    box = _find_box(ink)
    if box is None:
        return _zeros()
    if factor > 1:
        # The ink was found in a small copy; its pixels come from the picture itself, so that small digits stay sharp.
        window = box.around(factor, grey.shape)
        small, again = _reduced(grey[window])
        ink = _find_ink(small, ink.bright)
        box = box.seen_in(factor / again, window[0].start / again, window[1].start / again)
        ink = ink.within(box, factor / again)
        box = _find_box(ink, lines=True) or box
    return _fitted(ink, box, align)


def _zeros() -> NDArray[np.uint8]:
    return np.zeros((CELL, WIDTH), np.uint8)


def _reduced(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The picture in at most about ``WORKING_PIXELS``, and how many times smaller it is."""
    factor = int(np.ceil(np.sqrt(grey.size / WORKING_PIXELS)))
    return (grey if factor <= 1 else np.asarray(Image.fromarray(grey).reduce(factor))), max(1, factor)


def _whole(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A strip-shaped picture at a strip's size; on a light background it is a scan, and so levelled and stretched."""
    height, width = grey.shape
    multiple = height % CELL == 0 and width == height // CELL * WIDTH
    # The mean over blocks gives back exactly the strip whose pixels were repeated.
    filter_ = Image.Resampling.BOX if multiple else Image.Resampling.HAMMING
    small = np.array(Image.fromarray(grey).resize((WIDTH, CELL), filter_))
    ink = _find_ink(small)
    if ink.bright:
        return small
    return _zeros() if ink.contrast < MIN_CONTRAST else _stretched(ink.amount)


def _find_ink(grey: NDArray[np.uint8], bright: bool | None = None) -> _Ink:
    """Takes the background off; polarity as told, or by the rule that ``multidigit.pictures`` tells."""
    calm = _without_speckle(grey)
    level = (calm - _background(calm)).astype(np.float32)
    # The extremes are those that a few pixels reach, at least four, so that no single fault of a scan sets the scale.
    rank = min(max(4, level.size // 5000), level.size) - 1
    ranked = np.partition(level, [rank, level.size - 1 - rank], axis=None)
    low, high = sorted((float(ranked[rank]), float(ranked[-1 - rank])))
    middle = (low + high) / 2
    if bright is None and high - low < MIN_CONTRAST:
        bright = bool(np.median(calm) < 128)
    elif bright is None:
        above = level > middle
        bright = bool(3 * above.mean() + _edge(above).mean() < 2)
    if not bright:
        level, low, high, middle = -level, -high, -low, -middle

    ground = level[level <= middle]
    ground = ground[:: 1 + ground.size // 50_000]  # enough for medians
    zero = float(np.median(ground))
    noise = 1.4826 * float(np.median(np.abs(ground - zero)))
    # Up to the floor it is background; never so high that thin grey strokes go with it.
    floor = min(2 * noise, 0.15 * (high - zero))
    amount = np.maximum(level - (zero + floor), 0, dtype=np.float32)
    return _Ink(amount, high - zero - floor, noise, bright)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels of a mask, in one row."""
    return np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])


def _without_speckle(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel clipped to the range of its eight neighbours, so that single odd pixels go and thin lines stay.

    In pictures of 64 rows and more, the most extreme neighbour at either end does not count, so that odd pairs go too;
    in smaller ones that would cost strokes one pixel wide their ends.
    """
    height, width = grey.shape
    padded = np.pad(grey, 1, mode="edge") if min(height, width) < 2 else np.pad(grey, 1, mode="reflect")
    low, high = np.full_like(grey, 255), np.zeros_like(grey)
    second_low, second_high = low.copy(), high.copy()
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                neighbour = padded[y : y + height, x : x + width]
                np.minimum(second_low, np.maximum(low, neighbour), out=second_low)
                np.maximum(second_high, np.minimum(high, neighbour), out=second_high)
                np.minimum(low, neighbour, out=low)
                np.maximum(high, neighbour, out=high)
    return np.clip(grey, second_low, second_high) if height >= 64 else np.clip(grey, low, high)


def _background(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Level of the background, shape (H, W): a surface of second degree through most pixels, or else their median.

    The surface minimises the sum of absolute deviations (by reweighted least squares), so that ink, as the minority,
    hardly bends it, and it is too stiff to follow digits. It is used only where most pixels lie clearly nearer to it
    than to one level: lamps and shadows are worth levelling; clean pictures, or a page on a dark table, are not.
    """
    height, width = grey.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    rows = np.unique(np.linspace(0, height - 1, min(height, 48)).astype(int))
    columns = np.unique(np.linspace(0, width - 1, min(width, 96)).astype(int))
    values = grey[np.ix_(rows, columns)].astype(np.float64).ravel()
    v, u = (axis.ravel() for axis in np.meshgrid(y[rows], x[columns], indexing="ij"))
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1).astype(np.float64)

    median = float(np.median(values))
    flat = np.full((1, 1), median, np.float32)
    weights = np.ones_like(values)
    ridge = 1e-6 * np.eye(terms.shape[1])  # keeps the solution defined for pictures one or two pixels wide
    for _ in range(12):
        weighted = terms * weights[:, None]
        factors = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values)
        misfit = np.abs(values - terms @ factors)
        weights = 1 / np.maximum(misfit, 1.0)
    if np.median(misfit) > 0.5 * np.median(np.abs(values - median)) - 1:
        return flat
    a, b, c, d, e, f = (np.float32(factor) for factor in factors)
    column = y[:, None]
    return cast("NDArray[np.float32]", a + b * x + c * column + d * x * x + e * column * x + f * column * column)


class _Box(NamedTuple):
    """Where ink stands in a picture, in pixels."""

    top: float
    left: float
    tall: float
    wide: float
    digit: float
    """Height of the tallest digit."""

    def around(self, factor: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns of a picture ``factor`` times larger, of the given shape, with some background around."""
        room = 2 + 0.25 * self.tall
        top, left = max(0, int((self.top - room) * factor)), max(0, int((self.left - room) * factor))
        bottom = min(shape[0], int((self.top + self.tall + room) * factor))
        return slice(top, bottom), slice(left, min(shape[1], int((self.left + self.wide + room) * factor)))

    def seen_in(self, scale: float, top: float, left: float) -> _Box:
        """The box in a picture ``scale`` times larger that begins at ``top`` and ``left`` of it."""
        y, x, *lengths = (value * scale for value in self)
        return _Box(y - top, x - left, *lengths)


class _Pieces(NamedTuple):
    """Connected pieces of a mask, one entry each; ends are exclusive."""

    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    area: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> _Pieces:
        return _Pieces(*(values[chosen] for values in self))


def _find_pieces(mask: NDArray[np.bool_]) -> _Pieces:
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
    return _Pieces(top, bottom, left, right, area)


def _find_box(ink: _Ink, lines: bool = False) -> _Box | None:
    """Where the ink stands, not counting lines and frames unless told so; None where nothing can be ink."""
    if ink.contrast < MIN_CONTRAST:
        return None
    # Over a third of full ink, so that a weaker digit counts; higher where noise reaches that far.
    mask = ink.amount > max(0.35 * ink.contrast, min(2.5 * ink.noise, 0.6 * ink.contrast))
    pieces = _find_pieces(mask) if lines else _without_lines(_find_pieces(mask), mask)
    largest = int(pieces.area.max(initial=0))
    pieces = pieces.take(pieces.area >= SPECK_SHARE * largest)
    # Mere noise: the strongest pixels stand out little, and make many small pieces instead of a few large ones.
    if ink.contrast < 7 * ink.noise and (largest < 16 or pieces.area.size > 40):
        return None
    if not largest or pieces.bottom.max() - pieces.top.min() < MIN_INK_HEIGHT:
        return None
    top, left = float(pieces.top.min()), float(pieces.left.min())
    return _Box(top, left, float(pieces.bottom.max()) - top, float(pieces.right.max()) - left, _tallest(pieces))


def _fitted(ink: _Ink, box: _Box, align: Align) -> NDArray[np.uint8]:
    """The ink in a box, scaled into a strip."""
    scale = min(INK_HEIGHT / box.digit, (CELL - 2 * MARGIN_Y) / box.tall, (WIDTH - 2 * MARGIN_X) / box.wide)
    rows, columns = max(1, round(box.tall * scale)), max(1, round(box.wide * scale))
    # One more pixel of the strip on each side, for soft edges; what lies farther out is margin, and becomes zero.
    step_y, step_x = box.tall / rows, box.wide / columns
    ring = int(np.ceil(max(step_y, step_x))) + 1
    top, left = box.top + ring, box.left + ring
    area = (left - step_x, top - step_y, left + box.wide + step_x, top + box.tall + step_y)
    filter_ = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.BICUBIC
    fitted = np.asarray(Image.fromarray(np.pad(ink.amount, ring)).resize((columns + 2, rows + 2), filter_, area))

    strip = np.zeros((CELL, WIDTH), np.float32)
    y = (CELL - rows) // 2
    x = (WIDTH - columns) // 2 if align == "centre" else MARGIN_X
    strip[y - 1 : y + rows + 1, x - 1 : x + columns + 1] = fitted
    return _stretched(strip)


def _without_lines(pieces: _Pieces, mask: NDArray[np.bool_]) -> _Pieces:
    """Pieces but for a form's frames and ruled lines and the table round a page; all, if no digit would be left."""
    height, width = mask.shape
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    line = (wide >= 0.8 * width) & ((pieces.area < 0.1 * tall * wide) | (tall <= 0.08 * height))
    if _edge(mask).mean() > 0.7:
        line |= (tall == height) & (wide == width)
    return pieces.take(~line) if tall[~line].max(initial=0) >= 0.15 * tall[line].max(initial=0) else pieces


def _tallest(pieces: _Pieces) -> float:
    """Height of the tallest digit: pieces above one another (a broken stroke, seven segments) count as one digit."""
    order = np.argsort(pieces.left)
    left, reach = pieces.left[order], np.maximum.accumulate(pieces.right[order])
    first = np.concatenate([[0], np.flatnonzero(left[1:] >= reach[:-1]) + 1])
    bottom = np.maximum.reduceat(pieces.bottom[order], first)
    return float((bottom - np.minimum.reduceat(pieces.top[order], first)).max())


def _stretched(amount: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Amounts of ink as grey levels: a fifth of the clearly inked pixels become 255, as the cores of strokes are."""
    strongest = amount.max()
    if strongest <= 0:
        return np.zeros(amount.shape, np.uint8)
    white = np.percentile(amount[amount > strongest / 2], 80)
    levels: NDArray[np.uint8] = np.clip(amount * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    return levels
