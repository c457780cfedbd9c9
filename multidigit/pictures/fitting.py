"""Grey pictures -> strips: polarity, background, crop and scale, by the rules that ``multidigit.pictures`` tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, cast

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

CLEAR_VOTE = 0.5
"""How far from even the vote on polarity must be, of 2, to be beyond doubt."""
FULL = 0.45
"""Share of its box from which ink rather looks like the ground that digits stand on."""
DIFFERENT = 0.3
"""Share of their ink by which two strips of the same row of digits may differ."""
LOCAL_ROWS, LOCAL_COLUMNS = 140, 700
"""The picture is shrunk to at most this where ink is told from its surroundings."""
WIDEST_STROKE = 0.3
"""Strokes up to this share of the height are told from their surroundings."""
BRINK = 0.9
"""Difference of the ground on both sides, as a share of the contrast, from which on ink is the brink of a shape."""
MOST_PIECES = 1000
"""More pieces than this are noise."""
LOCAL_CONTRAST = 8
"""As ``MIN_CONTRAST``, for ink that is told from its surroundings."""

Align: TypeAlias = Literal["centre", "left"]
Rule: TypeAlias = Literal["strip", "strip-shaped", "cropped", "blank"]


@dataclass(frozen=True)
class Seen:
    """What was made of a picture.

    Attributes:
        grey: the picture as grey levels, ``uint8``, shape (H, W).
        strips: candidates, ``uint8``, shape (K, 28, 140), bright ink on dark, the likeliest first. There is more than
            one, up to four, only where it is in doubt what is ink; the one that is read with most confidence counts.
        bright: whether the first candidate took the ink to be brighter than its background.
        box: left, top, right and bottom of the ink of the first candidate, in pixels of ``grey``, ends exclusive;
            ``None`` where that is the whole picture, and where it is blank.
        rule: how the first candidate was made: the picture is a ``strip`` already; it is ``strip-shaped`` and was
            resized as a whole; it was ``cropped`` to its ink; or it is ``blank``.
    """

    grey: NDArray[np.uint8]
    strips: NDArray[np.uint8]
    bright: bool
    box: tuple[int, int, int, int] | None
    rule: Rule


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
    clear: bool = True
    """Whether that is beyond doubt."""

    def within(self, box: _Box, room: float) -> _Ink:
        """The ink without what lies more than ``room`` pixels outside a box."""
        kept = np.zeros_like(self.amount)
        rows = slice(max(0, int(box.top - room)), int(np.ceil(box.top + box.tall + room)))
        columns = slice(max(0, int(box.left - room)), int(np.ceil(box.left + box.wide + room)))
        kept[rows, columns] = self.amount[rows, columns]
        return self._replace(amount=kept)


class _Found(NamedTuple):
    """A row of digits that was found in a picture."""

    strip: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    """Left, top, right and bottom, in pixels of the picture."""
    bright: bool

    def full(self) -> bool:
        """Whether there is so much ink that it may be the ground of digits instead."""
        inked = self.strip > 96
        box = inked[inked.any(1)][:, inked.any(0)]
        return bool(box.size and box.mean() > FULL)

    def agrees(self, other: _Found) -> bool:
        """Whether both strips show the same, but for soft edges."""
        a, b = self.strip.astype(np.float32), other.strip.astype(np.float32)
        return bool(np.abs(a - b).sum() <= DIFFERENT * np.maximum(a, b).sum())


def to_strip(grey: NDArray[np.uint8], align: Align = "centre") -> NDArray[np.uint8]:
    """The likeliest strip of a grey picture, by the rules that ``multidigit.pictures`` tells; zeros if it is blank.

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
    return look(grey, align).strips[0].copy()


def look(grey: NDArray[np.uint8], align: Align = "centre") -> Seen:
    """What a grey picture, ``uint8`` of shape (H, W), shows; ``align`` as in ``to_strip``."""
    height, width = grey.shape
    if (height, width) == (CELL, WIDTH):
        return _strip(grey)
    if height >= CELL and width >= WIDTH and abs(width * CELL / (height * WIDTH) - 1) <= STRIP_ASPECT_TOLERANCE:
        return _whole(grey, align)
    found = _candidates(grey, align)
    if not found:
        return Seen(grey, _zeros()[None], _is_dark(grey), None, "blank")
    left, top, right, bottom = found[0].box
    box = (int(left), int(top), min(width, int(np.ceil(right))), min(height, int(np.ceil(bottom))))
    return Seen(grey, np.stack([each.strip for each in found]), found[0].bright, box, "cropped")


def _strip(grey: NDArray[np.uint8]) -> Seen:
    """A picture that has a strip's size already."""
    low, high = int(grey.min()), int(grey.max())
    # Most strips are told by a look at how many pixels, and how many of the upper and lower edge, are dark.
    dark = grey <= (low + high) // 2
    clear = np.count_nonzero(dark) >= 0.6 * grey.size and np.count_nonzero(dark[:: CELL - 1]) >= 1.6 * WIDTH
    if clear and high - low >= MIN_CONTRAST:
        return Seen(grey, grey[None], True, None, "strip")
    ink = _find_ink(grey)
    if ink.contrast < MIN_CONTRAST:
        blank = grey if ink.bright else _zeros()
        return Seen(grey, blank[None], ink.bright, None, "strip" if ink.bright else "blank")
    strips = [grey, 255 - grey] if ink.bright else [255 - grey, grey]
    return Seen(grey, np.stack(strips[: 1 if ink.clear else 2]), ink.bright, None, "strip")


def _whole(grey: NDArray[np.uint8], align: Align) -> Seen:
    """A strip-shaped picture at a strip's size; on a light background it is a scan, and so levelled and stretched."""
    height, width = grey.shape
    multiple = height % CELL == 0 and width == height // CELL * WIDTH
    # The mean over blocks gives back exactly the strip whose pixels were repeated.
    filter_ = Image.Resampling.BOX if multiple else Image.Resampling.HAMMING
    small = np.array(Image.fromarray(grey).resize((WIDTH, CELL), filter_))
    ink = _find_ink(small)
    if ink.contrast < MIN_CONTRAST and not ink.bright:
        return Seen(grey, _zeros()[None], False, None, "blank")
    strips = [small if ink.bright else _stretched(ink.amount)]
    # A photograph may have this shape by chance. No strip has light or uneven ground, or much ink at its edges.
    dark = small < (int(small.min()) + int(small.max())) / 2
    if not (ink.bright and ink.clear and np.median(small) < 64 and _edge(dark).mean() > 0.9):
        strips += [each.strip for each in _candidates(grey, align)]
    return Seen(grey, np.stack(strips[:4]), ink.bright, None, "strip-shaped")


def _candidates(grey: NDArray[np.uint8], align: Align) -> list[_Found]:
    """Rows of digits in a picture, the likeliest first; none where it is blank, several where it is in doubt."""
    small, factor = _reduced(grey)
    ink = _find_ink(small)
    box = _find_box(ink)
    if box is None:
        return []
    window = box.around(factor, grey.shape)
    clear, bright, row_box = ink.clear, ink.bright, box
    left, top, scale = 0, 0, float(factor)
    if factor > 1:
        # The ink was found in a small copy; its pixels come from the picture itself, so that small digits stay sharp.
        small, again = _reduced(grey[window])
        ink = _find_ink(small, ink.bright)
        row_box = box.seen_in(factor / again, window[0].start / again, window[1].start / again)
        ink = ink.within(row_box, factor / again)
        row_box = _find_box(ink, lines=True) or row_box
        left, top, scale = window[1].start, window[0].start, float(again)
    levelled = _Found(_fitted(ink, row_box, align), row_box.corners(left, top, scale), bright)

    # In uneven light the levelled way may miss digits at the ends of a row.
    wider = box.around(factor, grey.shape, down=1, across=3)
    area = (wider[1].start, wider[0].start, wider[1].stop, wider[0].stop)
    near = _near(grey, area)
    scale = (area[3] - area[1]) / near.shape[0]

    def found(bright: bool) -> list[_Found]:
        row = _local_row(near, bright)
        return [_Found(_fitted(*row, align), row[1].corners(area[0], area[1], scale), bright)] if row else []

    same = found(bright)
    if clear and same and same[0].agrees(levelled) and not levelled.full():
        return same
    return [*same, levelled, *found(not bright)]


def _zeros() -> NDArray[np.uint8]:
    return np.zeros((CELL, WIDTH), np.uint8)


def _reduced(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The picture in at most about ``WORKING_PIXELS``, and how many times smaller it is."""
    factor = int(np.ceil(np.sqrt(grey.size / WORKING_PIXELS)))
    return (grey if factor <= 1 else np.asarray(Image.fromarray(grey).reduce(factor))), max(1, factor)


def _is_dark(grey: NDArray[np.uint8]) -> bool:
    return bool(np.median(grey) < 128)


def _find_ink(grey: NDArray[np.uint8], bright: bool | None = None) -> _Ink:
    """Takes the background off; polarity as told, or by the rule that ``multidigit.pictures`` tells."""
    calm = _without_speckle(grey)
    level = (calm - _background(calm)).astype(np.float32)
    # The extremes are those that a few pixels reach, at least four, so that no single fault of a scan sets the scale.
    rank = min(max(4, level.size // 5000), level.size) - 1
    ranked = np.partition(level, [rank, level.size - 1 - rank], axis=None)
    low, high = sorted((float(ranked[rank]), float(ranked[-1 - rank])))
    middle = (low + high) / 2
    clear = True
    if bright is None and high - low < MIN_CONTRAST:
        bright = _is_dark(calm)
    elif bright is None:
        above = level > middle
        vote = 3 * above.mean() + _edge(above).mean() - 2
        bright, clear = bool(vote < 0), bool(abs(vote) >= CLEAR_VOTE)
    if not bright:
        level, low, high, middle = -level, -high, -low, -middle

    ground = level[level <= middle]
    ground = ground[:: 1 + ground.size // 50_000]  # enough for medians
    zero = float(np.median(ground))
    noise = 1.4826 * float(np.median(np.abs(ground - zero)))
    # Up to the floor it is background; never so high that thin grey strokes go with it.
    floor = min(2 * noise, 0.15 * (high - zero))
    amount = np.maximum(level - (zero + floor), 0, dtype=np.float32)
    return _Ink(amount, high - zero - floor, noise, bright, clear)


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

    def around(
        self, factor: int, shape: tuple[int, ...], down: float = 0.25, across: float = 0.25
    ) -> tuple[slice, slice]:
        """Rows and columns of a picture ``factor`` times larger, of the given shape, with some background around.

        ``down`` and ``across`` tell how much, in heights of the box.
        """
        room_y, room_x = 2 + down * self.tall, 2 + across * self.tall
        top, left = max(0, int((self.top - room_y) * factor)), max(0, int((self.left - room_x) * factor))
        bottom = min(shape[0], int((self.top + self.tall + room_y) * factor))
        return slice(top, bottom), slice(left, min(shape[1], int((self.left + self.wide + room_x) * factor)))

    def corners(self, left: float, top: float, scale: float) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in a picture ``scale`` times larger, of which this one begins there."""
        x, y = left + self.left * scale, top + self.top * scale
        return x, y, x + self.wide * scale, y + self.tall * scale

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


class _Runs(NamedTuple):
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


def _find_pieces(mask: NDArray[np.bool_]) -> tuple[_Pieces, _Runs]:
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
    return _Pieces(top, bottom, left, right, area), _Runs((height, width), starts, ends, piece)


def _find_box(ink: _Ink, lines: bool = False) -> _Box | None:
    """Where the ink stands, not counting lines and frames unless told so; None where nothing can be ink."""
    if ink.contrast < MIN_CONTRAST:
        return None
    # Over a third of full ink, so that a weaker digit counts; higher where noise reaches that far.
    mask = ink.amount > max(0.35 * ink.contrast, min(2.5 * ink.noise, 0.6 * ink.contrast))
    pieces, _ = _find_pieces(mask)
    if not lines:
        pieces = _without_lines(pieces, mask)
    largest = int(pieces.area.max(initial=0))
    pieces = pieces.take(pieces.area >= SPECK_SHARE * largest)
    # Mere noise: the strongest pixels stand out little, and make many small pieces instead of a few large ones.
    if ink.contrast < 7 * ink.noise and (largest < 16 or pieces.area.size > 40):
        return None
    if not largest or pieces.bottom.max() - pieces.top.min() < MIN_INK_HEIGHT:
        return None
    top, left = float(pieces.top.min()), float(pieces.left.min())
    return _Box(top, left, float(pieces.bottom.max()) - top, float(pieces.right.max()) - left, _tallest(pieces))


def _near(grey: NDArray[np.uint8], area: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A part of a picture (left, top, right, bottom), small and without single odd pixels."""
    left, top, right, bottom = area
    part = Image.fromarray(grey[top:bottom, left:right])
    factor = min(1, LOCAL_ROWS / part.height, LOCAL_COLUMNS / part.width)
    if factor < 1:
        size = max(1, round(part.width * factor)), max(1, round(part.height * factor))
        part = part.resize(size, Image.Resampling.HAMMING, reducing_gap=3)
    return _without_speckle(np.asarray(part))


def _local_row(levels: NDArray[np.uint8], bright: bool) -> tuple[_Ink, _Box] | None:
    """The row of digits among what is brighter (or darker) than its surroundings.

    What is wider and higher than a stroke, such as a board, a window or a shadow, becomes background, whatever its
    level; its edges and frames are then told from digits by their shapes.
    """
    height = len(levels)
    reach = max(3, int(WIDEST_STROKE * height) | 1)
    least, most = (np.minimum, np.maximum) if bright else (np.maximum, np.minimum)
    ground = _extreme(_extreme(levels, reach, least), reach, most)
    amount = (levels - ground if bright else ground - levels).astype(np.float32)
    zero = float(np.median(amount))
    noise = 1.4826 * float(np.median(np.abs(amount - zero)))
    floor = min(zero + 2 * noise, 0.3 * _strongest(amount))
    amount = np.maximum(amount - floor, 0)
    soft = max(1, round(0.018 * height))  # how far soft edges reach, and the gaps in broken strokes
    clean = np.zeros(0, np.bool_)
    for _ in range(2):
        contrast = _strongest(amount)
        if contrast < LOCAL_CONTRAST:
            return None
        mask = amount > 0.4 * contrast
        pieces, runs = _find_pieces(mask)
        if pieces.area.size > MOST_PIECES:
            return None
        clean = ~(_frames(pieces, mask) | _brinks(pieces, runs, ground, contrast))
        if clean.all():
            break
        # Frames may be far stronger than digits: what is ink is decided without them.
        amount[_extreme(runs.mask(~clean), 2 * soft + 1, np.maximum)] = 0
    if not clean.any():
        return None
    pieces, runs = _find_pieces(_extreme(runs.mask(clean), 2 * soft + 1, np.maximum))
    row = _in_row(pieces)
    if not row.any():
        return None
    kept = runs.mask(row)
    amount[~kept] = 0
    digits, _ = _find_pieces(mask & kept)
    top, left = float(digits.top.min()), float(digits.left.min())
    tall, wide = float(digits.bottom.max()) - top, float(digits.right.max()) - left
    if tall < MIN_INK_HEIGHT:
        return None
    box = _Box(top, left, tall, wide, _tallest(digits))
    return _Ink(amount, contrast, noise, bright), box


def _strongest(amount: NDArray[np.float32]) -> float:
    """What a four-hundredth of the pixels reach, at least four of them."""
    rank = min(max(4, amount.size // 400), amount.size)
    return float(np.partition(amount, amount.size - rank, axis=None)[-rank])


def _extreme(values: NDArray[Any], reach: int, extreme: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """The least or most of the ``reach`` × ``reach`` pixels around each pixel; ``reach`` is odd."""
    for _ in range(2):
        values = np.pad(values, ((reach // 2, reach // 2), (0, 0)), mode="edge")
        # Two windows make a larger one: as many steps as the reach has binary digits.
        seen = 1
        while seen < reach:
            step = min(seen, reach - seen)
            values = extreme(values[:-step], values[step:])
            seen += step
        values = values.T
    return values


def _frames(pieces: _Pieces, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pieces are frames round others, long lines, or what is left of a board's edge; shape of the pieces."""
    height, width = mask.shape
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    full = pieces.area / (tall * wide)
    middle = (pieces.top + pieces.bottom) / 2
    around = (pieces.left[:, None] < pieces.left) & (pieces.right[:, None] > pieces.right)
    around &= (pieces.top[:, None] < middle) & (pieces.bottom[:, None] > middle)
    inner = np.where(around, tall, 0).max(1, initial=0)
    frames = (inner >= 0.1 * tall) & (full < 0.5)
    for i in np.flatnonzero(frames):
        # An outlined 0 is round another piece, too, but has round corners.
        side = max(1, round(0.13 * min(tall[i], wide[i])))
        part = mask[pieces.top[i] : pieces.bottom[i], pieces.left[i] : pieces.right[i]]
        ends = slice(None, side), slice(-side, None)
        corners = sum(bool(part[rows, columns].any()) for rows in ends for columns in ends)
        sharp = corners >= 3 and (inner[i] >= 0.3 * tall[i] or wide[i] > 1.2 * tall[i])
        frames[i] = sharp or (wide[i] > 1.6 * tall[i] and full[i] < 0.35)
    lines = (wide > 6 * tall) | ((wide >= 0.6 * width) & (tall <= 0.12 * height))
    lines |= (wide >= 0.8 * width) & (full < 0.1)
    edges = (pieces.left == 0).astype(int) + (pieces.right == width) + (pieces.top == 0) + (pieces.bottom == height)
    rest = (edges >= 2) & (full < 0.35) & (wide >= 0.5 * width)
    rest |= (edges >= 1) & (tall < 0.25 * height) & (wide > 3 * tall)
    return frames | lines | rest


def _brinks(pieces: _Pieces, runs: _Runs, ground: NDArray[np.uint8], contrast: float) -> NDArray[np.bool_]:
    """Which pieces are no strokes but lie along the brink of something full, whose inside has become ground.

    A stroke has the same ground on both sides.
    """
    height, width = runs.shape
    found = np.zeros(pieces.area.size, np.bool_)
    # Small ones would take time and do not matter.
    for i in np.flatnonzero(pieces.area >= 0.05 * pieces.area.max(initial=0)):
        room = max(2, (pieces.right[i] - pieces.left[i]) // 6, (pieces.bottom[i] - pieces.top[i]) // 12)
        rows = slice(max(0, pieces.top[i] - room), min(height, pieces.bottom[i] + room))
        columns = slice(max(0, pieces.left[i] - room), min(width, pieces.right[i] + room))
        around = ground[rows, columns].astype(np.int16)
        low, high = np.percentile(around, (15, 85))
        found[i] = high - low > BRINK * contrast
    return found


def _in_row(pieces: _Pieces) -> NDArray[np.bool_]:
    """Which pieces are digits of one row: not the bars between windows, nor what stands above or below the others."""
    tall, wide = pieces.bottom - pieces.top, pieces.right - pieces.left
    middle, x = (pieces.top + pieces.bottom) / 2, (pieces.left + pieces.right) / 2
    slim = wide < 0.35 * tall
    row = ~(slim & (tall > 1.15 * _typical(tall, pieces.area, ~slim if not slim.all() else slim)))
    digit = _typical(tall, pieces.area, row)
    high = row & (tall > 0.6 * digit)
    across = x - x[high].mean()
    slope = (across * middle)[high].sum() / max(1.0, (across[high] ** 2).sum()) if high.sum() >= 3 else 0.0
    middle = middle - float(np.clip(slope, -0.2, 0.2)) * x
    row &= np.abs(middle - np.median(middle[high])) < 0.5 * digit
    return row & (pieces.area >= 0.05 * pieces.area[row].max(initial=1))


def _typical(tall: NDArray[np.int64], area: NDArray[np.int64], chosen: NDArray[np.bool_]) -> float:
    """The height that half of the chosen pieces' area reaches."""
    order = np.argsort(tall[chosen])
    sums = np.cumsum(area[chosen][order])
    return float(tall[chosen][order][np.searchsorted(sums, sums[-1] / 2)])


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
