"""The finder: points that tell of one row are one row, pictures of any shape are shown whole, numbers are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from multidigit.pictures.finder import SHAPES, Finder, rows_of, shown
from multidigit.pictures.fitting import RowBox
from multidigit.runs import FINDER, FINDER_INT8, SHIPPED


def fields(*rows: RowBox) -> NDArray[np.float32]:
    """What a network without fault says of rows: at each point on one, where it begins, ends and runs."""
    found = np.zeros((32, 64, 6), np.float32)
    found[..., 0] = -9
    y, x = (np.mgrid[0:32, 0:64] + 0.5) * 4
    for row in rows:
        cos, sin = math.cos(row.angle), math.sin(row.angle)
        along, beside = (x - row.x) * cos + (y - row.y) * sin, (y - row.y) * cos - (x - row.x) * sin
        on = (abs(along) < row.width / 2) & (abs(beside) < row.height / 3)
        score = math.log(row.confidence / (1 - row.confidence))
        told = [np.full(x.shape, score), (along + row.width / 2) / 16, (row.width / 2 - along) / 16, -beside / 16]
        told += [np.full(x.shape, math.log(row.height / 16)), np.full(x.shape, row.angle / 4)]
        found[on] = np.stack(told, -1)[on]
    return found


LEVEL, TURNED, LOW = (
    RowBox(120, 40, 100, 20, 0.0, 0.9),
    RowBox(100, 90, 90, 16, 0.3, 0.8),
    RowBox(120, 66, 60, 18, 0.0, 0.7),
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], []),
        ([LEVEL], [LEVEL]),
        ([TURNED], [TURNED]),
        ([TURNED, LEVEL], [LEVEL, TURNED]),
        ([LOW, LEVEL], [LEVEL, LOW]),
        ([RowBox(120, 40, 100, 20, 0, 0.2)], []),
        # Most points guess a little beside it.
        ([LEVEL, RowBox(122, 43, 97, 20, 0, 0.6)], [LEVEL]),
    ],
    ids=["none", "one", "turned", "two", "close below", "unsure", "seen twice"],
)
def test_points_of_one_row_are_one_row(told: list[RowBox], expected: list[RowBox]) -> None:
    found = rows_of(fields(*told))
    assert len(found) == len(expected)
    for row, truth in zip(found, expected, strict=True):
        assert np.allclose(row.corners(), truth.corners(), atol=4)
        assert row.confidence == pytest.approx(truth.confidence, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "seen", "scale"),
    [
        ((128, 256), (128, 256), 1),
        ((64, 128), (128, 256), 2),
        ((10, 10), (128, 256), 3),
        ((3000, 3000), (192, 192), 192 / 3000),
        ((512, 128), (256, 128), 0.5),
        ((1, 4000), (128, 256), 256 / 4000),
        ((4000, 1), (256, 128), 256 / 4000),
    ],
)
def test_a_picture_is_shown_whole_in_the_shape_nearest_to_its_own(
    shape: tuple[int, int], seen: tuple[int, int], scale: float
) -> None:
    grey = np.full(shape, 90, np.uint8)
    grey[: -(-shape[0] // 2)] = 100
    canvas, scaled, (x, y) = shown(grey)
    assert canvas.shape == seen
    assert canvas.dtype == np.uint8
    assert seen in SHAPES
    assert scaled == pytest.approx(scale)
    assert x == pytest.approx((seen[1] - shape[1] * scale) / 2, abs=1)
    assert y == pytest.approx((seen[0] - shape[0] * scale) / 2, abs=1)
    assert min(shape) < 4 or (canvas.min(), canvas.max()) == (0, 255)


def test_flat_pictures_are_shown_flat() -> None:
    assert not shown(np.full((90, 300), 77, np.uint8))[0].any()


@pytest.fixture(scope="module", params=[FINDER, FINDER_INT8])
def finder(request: pytest.FixtureRequest) -> Finder:
    return Finder(SHIPPED / request.param)


@pytest.mark.parametrize("degrees", [0, 20])
@pytest.mark.parametrize(("at", "size"), [((200, 120), 40), ((420, 330), 60), ((320, 240), 90)])
def test_the_box_is_where_the_number_is(finder: Finder, at: tuple[int, int], size: int, degrees: int) -> None:
    image, font = Image.new("L", (640, 480), 225), ImageFont.load_default(size)
    ImageDraw.Draw(image).text(at, "47205", 30, font, anchor="mm")
    left, top, right, bottom = ImageDraw.Draw(image).textbbox(at, "47205", font, anchor="mm")
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC, center=at, fillcolor=225)
    row, *_ = finder(np.asarray(turned))
    digit = bottom - top
    assert row.confidence > 0.6
    assert math.hypot(row.x - at[0], row.y - at[1]) < 0.5 * digit
    assert row.width == pytest.approx(right - left, abs=0.6 * digit)
    assert row.height == pytest.approx(digit, rel=0.3)
    # It tells less than the whole angle.
    assert 0.4 * degrees - 5 < math.degrees(row.angle) < degrees + 5


def test_nothing_is_found_where_nothing_is(finder: Finder) -> None:
    for grey in (np.full((480, 640), 225, np.uint8), np.tile(np.linspace(40, 220, 640).astype(np.uint8), (480, 1))):
        assert finder(grey) == []
