"""Scenes: numbers and what is around them, drawn, lit and photographed; with the truth about every row of digits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from multidigit.digits import Split
from multidigit.scenes.camera import expose, light
from multidigit.scenes.grounds import Field, draw_ground, draw_shape, draw_surroundings
from multidigit.scenes.rows import DrawnRow, draw_kind, draw_row
from multidigit.scenes.texts import number, words

CLOSE_HEIGHTS = (7, 44)
"""Least and greatest height of a digit in a close picture, in pixels; drawn evenly by ratio."""
NEAR_HEIGHTS = (11, 50)
"""The same of writing, which is scanned rather than seen from afar, and of a share ``NEAR`` of the displays."""
NEAR = 0.6
WIDE_HEIGHTS = (6, 64)
"""The same in a wide picture."""
DARK_INK = {"hand": 0.7, "segments": 0.6}
"""Share of the close pictures that show dark ink on a brighter ground, of the kinds that nearly always do."""
SEEN = 0.3
"""Share of a digit's width that must be in the picture for it to be read."""
LUMINANCE = (0.299, 0.587, 0.114)
TURNED = frozenset("01689")
"""Digits that are digits upside down, too."""


@dataclass(frozen=True)
class Row:
    """The truth about a row of digits.

    Attributes:
        text: its digits.
        x: middle, in pixels from the left edge of the picture.
        y: middle, from the top.
        width: from the first to the last digit, along the row.
        height: of its digits.
        angle: in radians, by which the row falls to the right.
    """

    text: str
    x: float
    y: float
    width: float
    height: float
    angle: float


@dataclass(frozen=True)
class Scene:
    """A picture, ``uint8`` (H, W), and its rows of digits."""

    picture: NDArray[np.uint8]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Tones:
    """Grey levels of one scene, made from colours as a camera makes them."""

    ground: float
    ink: float
    plate: float


def draw_close(rng: np.random.Generator, slots: int, split: Split = "train") -> Scene:
    """A picture of one row, more or less tight around it, as people crop them; in a few it holds no digit."""
    kind = draw_kind(rng)
    near = kind == "hand" or (kind == "segments" and rng.random() < NEAR)
    height = float(np.exp(rng.uniform(*np.log(NEAR_HEIGHTS if near else CLOSE_HEIGHTS))))
    text = words(rng) if rng.random() < 0.06 else number(rng, slots, kind)
    row = draw_row(text, height, rng, split, kind)
    turn = _turn(row, rng)
    corners = _moved(_corners(_ink_box(row)), turn)
    digits = _moved(_corners(_box(row.boxes)), turn) if len(row.boxes) else corners
    # Units and words beside the number may be in the picture, cut by its edge, or outside.
    around = corners if rng.random() < 0.6 else digits
    left, top = np.minimum(around.min(0), digits.min(0))
    right, bottom = np.maximum(around.max(0), digits.max(0))
    top, bottom = digits[:, 1].min(), digits[:, 1].max()
    size = row.height
    across, down = (_margins(rng) for _ in range(2))
    left, right = left - across[0] * size, right + across[1] * size
    top, bottom = top - down[0] * size, bottom + down[1] * size
    if rng.random() < 0.05 and len(row.boxes) > 1:  # the edge of the picture cuts a digit off
        wide = (digits[:, 0].max() - digits[:, 0].min()) / len(row.boxes)
        if rng.random() < 0.5:
            left = digits[:, 0].min() + wide * rng.uniform(0, 0.9)
        else:
            right = digits[:, 0].max() - wide * rng.uniform(0, 0.9)
    shape = (max(8, round(bottom - top)), max(8, round(right - left)))
    turn = turn.copy()
    turn[:, 2] -= (left, top)

    tones = _dark_ink(rng) if kind in DARK_INK and rng.random() < DARK_INK[kind] else _tones(rng)
    picture = tones.ground + draw_ground(shape, size, tones.ink - tones.ground, rng, 0.35 if kind == "hand" else 0.15)
    for _ in range(rng.integers(0, 3) if rng.random() < 0.12 else 0):
        draw_shape(picture, size, rng)
    if rng.random() < 0.12:  # a line of text above or below, mostly cut off
        other = draw_row(words(rng), size * rng.uniform(0.3, 1), rng, split, draw_kind(rng))
        y = (
            -other.height * rng.uniform(0, 0.5)
            if rng.random() < 0.5
            else shape[0] + other.height * rng.uniform(-0.1, 0.4)
        )
        _lay(picture, other, _upright(other, rng.uniform(0, shape[1]), y), tones)
    _lay(picture, row, turn, tones)
    if rng.random() < 0.3:
        draw_surroundings(picture, size, rng)
    if rng.random() < 0.08:  # strokes across
        for _ in range(rng.integers(1, 4)):
            start, end = ((int(rng.uniform(-0.1, 1.1) * shape[1]), int(rng.uniform(0, 1) * shape[0])) for _ in range(2))
            cv2.line(
                picture,
                start,
                end,
                float(rng.uniform(0, 255)),
                max(1, round(size * rng.uniform(0.02, 0.07))),
                cv2.LINE_AA,
            )
    truth = _truth(row, turn, shape, rng)
    levels = expose(light(picture, rng, {"segments": 2.2, "hand": 0.6}.get(kind, 1.0)), size, rng)
    if truth and rng.random() < 0.015 and not set(truth.text) <= TURNED:
        return Scene(np.ascontiguousarray(levels[::-1, ::-1]), ())
    return Scene(levels, (truth,) if truth else ())


def draw_wide(rng: np.random.Generator, shape: tuple[int, int], slots: int, split: Split = "train") -> Scene:
    """A picture of a shape, with rows of digits anywhere in it, beside words and lines; in some there is none."""
    count = int(rng.choice(4, p=(0.1, 0.6, 0.18, 0.12)))
    unit = float(np.exp(rng.uniform(*np.log(WIDE_HEIGHTS))))
    tones = _tones(rng)
    picture = tones.ground + draw_ground(shape, unit, tones.ink - tones.ground, rng)
    for _ in range(rng.integers(0, 5) if rng.random() < 0.4 else 0):
        draw_shape(picture, unit, rng)
    taken: list[NDArray[np.float64]] = []
    truths: list[Row] = []
    tilt = rng.normal(0, 0.04) if rng.random() < 0.75 else rng.uniform(-0.52, 0.52)
    kinds = [draw_kind(rng) for _ in range(2)]
    # The numbers are placed first, then words where there is room.
    for place in range(count + int(rng.integers(0, 6) if rng.random() < 0.6 else 0)):
        counts = place < count
        height = unit * (rng.uniform(0.8, 1.25) if counts else rng.uniform(0.4, 1.2))
        kind = kinds[int(rng.random() < 0.2)]
        text = number(rng, slots, kind) if counts else words(rng)
        row = draw_row(text, max(height, 4.0), rng, split, kind)
        turn = _turn(row, rng, tilt)
        corners = _moved(_corners(_ink_box(row)), turn)
        size = corners.max(0) - corners.min(0)
        room = np.array([shape[1], shape[0]], float)
        if (size > room * 1.02).any():
            shrink = float((room * 0.96 / size).min())
            if row.height * shrink < 4:
                continue
            turn[:, :2] *= shrink
            row = replace(row, height=row.height * shrink)
            corners = _moved(_corners(_ink_box(row)), turn)
            size = corners.max(0) - corners.min(0)
        for _ in range(8):
            corner = rng.uniform(0, np.maximum(room - size, 1e-6))
            box = np.array([*corner, *(corner + size)])
            apart = 0.25 * row.height
            if all(
                box[2] + apart < other[0] or other[2] + apart < box[0] or box[3] < other[1] or other[3] < box[1]
                for other in taken
            ):
                break
        else:
            continue
        taken.append(box)
        turn[:, 2] += corner - corners.min(0)
        if rng.random() < 0.25:  # a display, a label or a field of a form around it
            _panel(picture, box, row.height, rng)
            own = replace(tones, ground=float(picture[_inside(box, shape)].mean()))
            own = replace(own, ink=_apart(own.ground, tones.ink, rng))
        else:
            own = tones if rng.random() < 0.85 else replace(tones, ink=_apart(tones.ground, rng.uniform(0, 255), rng))
        _lay(picture, row, turn, own)
        truth = _truth(row, turn, shape, rng)
        if truth:
            truths.append(truth)
    if rng.random() < 0.3:
        draw_surroundings(picture, unit, rng)
    return Scene(expose(light(picture, rng), unit, rng), tuple(truths))


def _inside(box: NDArray[np.float64], shape: tuple[int, int]) -> tuple[slice, slice]:
    left, top, right, bottom = (int(each) for each in box)
    return slice(max(top, 0), max(min(bottom, shape[0]), top + 1)), slice(
        max(left, 0), max(min(right, shape[1]), left + 1)
    )


def _panel(picture: Field, box: NDArray[np.float64], height: float, rng: np.random.Generator) -> None:
    """A plate under a row, with or without an edge."""
    around = height * rng.uniform(0.1, 0.8, 2)
    start = tuple(int(each) for each in box[:2] - around)
    end = tuple(int(each) for each in box[2:] + around)
    cv2.rectangle(picture, start, end, float(rng.uniform(0, 255)), -1)
    if rng.random() < 0.6:
        cv2.rectangle(picture, start, end, float(rng.uniform(0, 255)), max(1, round(height * rng.uniform(0.03, 0.15))))


def _margins(rng: np.random.Generator) -> NDArray[np.float64]:
    """Empty space at both sides of a close picture, in heights of a digit."""
    chance = rng.random()
    if chance < 0.6:
        return rng.uniform(-0.03, 0.35, 2)
    return rng.uniform(0.1, 0.8, 2) if chance < 0.9 else rng.uniform(0.2, 2, 2)


def _turn(row: DrawnRow, rng: np.random.Generator, tilt: float | None = None) -> NDArray[np.float64]:
    """How a row is put into the picture, an affine map (2, 3): stretched, leaning and turned."""
    hand = row.kind == "hand"
    stretch = float(np.clip(np.exp(rng.normal(0, 0.14 if hand else 0.25)), 0.4, 2.5))
    lean = rng.normal(0, 0.18 if hand else 0.08)
    if row.kind == "segments" and rng.random() < 0.5:
        # Displays have wide digits that lean to the right, and are photographed from the side.
        stretch, lean = stretch * rng.uniform(1, 2.5), lean + rng.uniform(0, 0.4)
    if tilt is None:
        chance = rng.random()
        tilt = (
            rng.normal(0, 0.035)
            if chance < 0.85
            else rng.uniform(-0.2, 0.2)
            if chance < 0.96
            else rng.uniform(-0.5, 0.5)
        )
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    shape = turn @ np.array([[stretch, -lean], [0.0, 1.0]])
    return np.hstack([shape, np.zeros((2, 1))])


def _upright(row: DrawnRow, x: float, y: float) -> NDArray[np.float64]:
    rows, columns = row.ink.shape
    return np.array([[1.0, 0, x - columns / 2], [0, 1.0, y - rows / 2]])


def _corners(box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def _moved(points: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ turn[:, :2].T + turn[:, 2]


def _box(boxes: Field) -> tuple[float, float, float, float]:
    return float(boxes[:, 0].min()), float(boxes[:, 1].min()), float(boxes[:, 2].max()), float(boxes[:, 3].max())


def _ink_box(row: DrawnRow) -> tuple[float, float, float, float]:
    shown = row.ink > 0.2 if row.plate is None else (row.ink > 0.2) | (row.plate > 0.2)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return 0.0, 0.0, float(row.ink.shape[1]), float(row.ink.shape[0])
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _truth(row: DrawnRow, turn: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator) -> Row | None:
    """What is to be read of a row in a picture; ``None`` where that is nothing."""
    if not row.digits:
        return None
    middles = _moved(np.stack([row.boxes[:, [0, 2]].mean(1), row.boxes[:, [1, 3]].mean(1)], 1).astype(float), turn)
    half = (row.boxes[:, 2] - row.boxes[:, 0]) / 2 * np.hypot(*turn[:, 0])
    inside = np.minimum(middles[:, 0] + half, shape[1]) - np.maximum(middles[:, 0] - half, 0)
    shares = inside / np.maximum(2 * half, 1e-6)
    # Of a digit that is hardly there nobody can say whether it counts: it does, and it does not, in turn.
    read = (shares > SEEN + rng.uniform(-0.15, 0.25)) & (middles[:, 1] > 0) & (middles[:, 1] < shape[0])
    if not read.any():
        return None
    chosen = np.flatnonzero(read)
    text = "".join(row.digits[place] for place in chosen)
    corners = _moved(_corners(_box(row.boxes[chosen])), turn)
    along = corners[1] - corners[0]
    angle = float(np.arctan2(along[1], along[0]))
    # Leaning digits are as high as before: what counts is how far their lines are apart.
    down = corners[3] - corners[0]
    high = float(down @ np.array([-np.sin(angle), np.cos(angle)]))
    middle = corners.mean(0)
    return Row(text, float(middle[0]), float(middle[1]), float(np.hypot(*along)), high, angle)


def _tones(rng: np.random.Generator) -> _Tones:
    """Levels of ground, ink and windows: coloured, and grey by a mix that differs from camera to camera."""
    mix = np.array(LUMINANCE) if rng.random() < 0.6 else rng.dirichlet(np.array(LUMINANCE) * 8 + 0.3)
    chance = rng.random()
    if chance < 0.35:
        colour = np.full(3, rng.uniform(170, 255)) + rng.normal(0, 8, 3)
    elif chance < 0.55:
        colour = np.full(3, rng.uniform(0, 70)) + rng.normal(0, 8, 3)
    else:
        colour = rng.uniform(0, 255, 3)
    ground = float(np.clip(colour, 0, 255) @ mix)
    chance = rng.random()
    wanted = (
        rng.uniform(0, 60, 3) if chance < 0.4 else rng.uniform(200, 255, 3) if chance < 0.6 else rng.uniform(0, 255, 3)
    )
    ink = _apart(ground, float(wanted @ mix), rng)
    return _Tones(ground, ink, float(rng.uniform(0, 160)))


def _dark_ink(rng: np.random.Generator) -> _Tones:
    """Levels of dark ink on brighter paper, or of a display that is lit from behind or not at all."""
    ground = float(rng.uniform(90, 255))
    return _Tones(ground, ground * float(rng.uniform(0.05, 0.75)), float(rng.uniform(0, 160)))


def _apart(ground: float, ink: float, rng: np.random.Generator) -> float:
    """The level of ink, moved away from the ground's where both are too much alike."""
    least = float(rng.uniform(10, 35)) if rng.random() < 0.15 else float(rng.uniform(35, 110))
    if abs(ink - ground) >= least:
        return ink
    dark = ground - least >= 0 and (ground + least > 255 or rng.random() < 0.5)
    return ground - least if dark else min(ground + least, 255.0)


def _lay(picture: Field, row: DrawnRow, turn: NDArray[np.float64], tones: _Tones) -> None:
    """Draw a row into a picture."""
    size = picture.shape[::-1]

    def moved(field: Field, outside: float = 0.0) -> Field:
        shrinks = abs(np.linalg.det(turn[:, :2])) < 0.4
        if shrinks:
            field = np.asarray(cv2.GaussianBlur(field, (0, 0), 0.7), np.float32)
        return np.asarray(
            cv2.warpAffine(
                field, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
            ),
            np.float32,
        )

    contrast = np.float32(tones.ink - tones.ground)
    base: Field | np.float32 = np.float32(tones.ground)
    if row.plate is not None and row.plate_tone is not None:
        levels = np.clip(tones.ground + row.plate_tone * np.float32(tones.plate), 0, 255)
        cover = moved(row.plate)
        base = moved(levels, tones.ground)
        picture *= 1 - cover
        picture += cover * base
        # In windows of other levels the ink is on the side where there is room for it.
        flip = np.where((levels + row.tone * contrast < -10) | (levels + row.tone * contrast > 265), -1, 1)
        tone = moved((row.tone * flip).astype(np.float32), 1.0)
    else:
        tone = moved(row.tone, 1.0)
    ink = moved(row.ink)
    picture *= 1 - ink
    picture += ink * np.clip(base + tone * contrast, 0, 255)
