"""Scenes: pictures of every look with the truth about their rows, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multidigit.pictures.fitting import RowBox
from multidigit.scenes import Row, Scene, draw_close, draw_wide, scene
from multidigit.scenes.texts import TOO_LONG, Text

pytestmark = pytest.mark.usefixtures("small_world")
SHAPE = (96, 160)


def close(seed: int, slots: int = 8) -> Scene:
    return draw_close(np.random.default_rng(seed), slots, "validation")


def wide(seed: int, slots: int = 8) -> Scene:
    return draw_wide(np.random.default_rng(seed), SHAPE, slots, "validation")


@pytest.mark.parametrize("draw", [close, wide])
def test_the_same_seed_draws_the_same_scene_and_each_seed_another(draw: Callable[[int], Scene]) -> None:
    drawn = [draw(seed) for seed in range(40)]
    for seed in (0, 7, 39):
        again = draw(seed)
        assert again.picture.tobytes() == drawn[seed].picture.tobytes()
        assert again.rows == drawn[seed].rows
    assert len({each.picture.tobytes() for each in drawn}) == 40


@pytest.mark.parametrize("draw", [close, wide])
def test_what_a_scene_tells(draw: Callable[..., Scene]) -> None:
    for seed in range(60):
        drawn = draw(seed, 5)
        height, width = drawn.picture.shape
        assert drawn.picture.dtype == np.uint8
        for row in drawn.rows:
            assert 1 <= len(row.text) <= 5 + TOO_LONG
            assert row.text.isdecimal()
            assert row.height > 0
            assert row.width > 0
            assert abs(row.angle) < 0.8
            assert -row.height < row.x < width + row.height
            assert 0 <= row.y <= height


def test_close_pictures_show_one_row_or_none() -> None:
    counts = [len(close(seed).rows) for seed in range(150)]
    assert set(counts) == {0, 1}
    assert 0.8 < np.mean(counts) < 0.99


def test_wide_pictures_have_their_shape_and_no_row_or_several() -> None:
    drawn = [wide(seed) for seed in range(80)]
    assert {each.picture.shape for each in drawn} == {SHAPE}
    assert {0, 1, 2} <= {len(each.rows) for each in drawn}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but type and displays on even ground, as it is: every pixel of another level is ink."""
    monkeypatch.setattr(scene, "light", lambda picture, *_: picture)
    monkeypatch.setattr(scene, "expose", lambda picture, *_: np.clip(picture, 0, 255).astype(np.uint8))
    monkeypatch.setattr(scene, "draw_ground", lambda shape, *_: np.zeros(shape, np.float32))
    for name in ("draw_surroundings", "draw_shape", "_panel"):
        monkeypatch.setattr(scene, name, lambda *_: None)
    monkeypatch.setattr(scene, "words", lambda *_: Text((), ""))
    monkeypatch.setattr(scene, "number", lambda rng, *_: Text(tuple("4807"), "4807"))
    monkeypatch.setattr(scene, "draw_kind", lambda rng: str(rng.choice(["font", "segments", "dots"])))


def ends(rows: tuple[Row, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.concatenate([RowBox(row.x, row.y, row.width, row.height, row.angle).corners() for row in rows])
    return corners.min(0), corners.max(0)


@pytest.mark.usefixtures("clean")
def test_the_box_of_a_row_holds_its_ink() -> None:
    checked = 0
    for seed in range(60):
        drawn = wide(seed)
        if not drawn.rows:
            continue
        levels = drawn.picture.astype(int)
        y, x = np.nonzero(np.abs(levels - int(np.median(levels))) > 4)
        first, last = ends(drawn.rows)
        # Type leans out of its upright box a little.
        room = 0.45 * max(row.height for row in drawn.rows) + 2
        assert (np.abs(np.array([x.min(), y.min()]) - np.maximum(first, 0)) < room).all(), seed
        assert (np.abs(np.array([x.max(), y.max()]) - np.minimum(last, (SHAPE[1], SHAPE[0]))) < room).all(), seed
        checked += 1
    assert checked > 40
