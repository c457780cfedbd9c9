"""Meter windows: nothing of the digits is lost, and bars stand in the gaps only."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.digits import load_digits
from multidigit.labels import CELL
from multidigit.settings import LayoutSettings
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.meter_windows import Places, draw_meter_windows


def two_digits(strips: int, slots: int = 5) -> tuple[np.ndarray, Places]:
    """Strips with two white blocks for digits."""
    images = np.zeros((strips, CELL, CELL * slots), np.uint8)
    images[:, 6:22, 40:52] = images[:, 6:22, 70:82] = 255
    left = np.tile(np.array([40, 70] + [0] * (slots - 2)), (strips, 1))
    right = np.tile(np.array([52, 82] + [0] * (slots - 2)), (strips, 1))
    whole = np.ones(strips, np.int64)
    return images, Places(left, right, 6 * whole, 22 * whole, 2 * whole)


def composed(slots: int = 5, **layout: object) -> Strips:
    settings = LayoutSettings.model_validate({"length": [1, slots], "gap": [-3, 20], **layout})
    return Composer(load_digits("drawn", "test", 0), settings, slots).compose(250, np.random.default_rng(3))


@pytest.mark.parametrize("slots", [3, 5, 12])
def test_windows_only_brighten_and_leave_digits_alone(slots: int) -> None:
    images, places = two_digits(400, slots)
    framed = draw_meter_windows(images, places, np.random.default_rng(0))
    assert (framed >= images).all()
    assert (framed[images == 255] == 255).all()
    assert (framed != images).any((1, 2)).all()
    again = draw_meter_windows(images, places, np.random.default_rng(0))
    assert np.array_equal(framed, again)


def test_there_are_bars_frames_plates_and_panels() -> None:
    images, places = two_digits(400)
    framed = draw_meter_windows(images, places, np.random.default_rng(0))
    middle, corner, above = framed[:, 14, 61], framed[:, 0, 0], framed[:, 2, 60]
    assert 0.15 < (corner > 0).mean() < 0.35  # a quarter are plates, bright all round
    assert (middle > 0).all()  # bars, plates, or a panel that begins in the middle of the gap
    assert (above > 0).mean() < (middle > 0).mean()
    # A panel of up to 119 behind the last digit alone: seen just inside its place, right above its ink there.
    panel = (framed[:, 5, 75] > 0) & (framed[:, 5, 45] == 0)
    assert 0.05 < panel.mean() < 0.5


def test_a_gap_too_narrow_for_a_bar_stays_free() -> None:
    images, places = two_digits(300)
    close = places._replace(left=places.left.copy())
    close.left[:, 1] = 54  # two pixels after the first digit's end
    framed = draw_meter_windows(np.zeros_like(images), close, np.random.default_rng(1))
    bars = (framed[:, 14, 52:54] > 0) & (framed[:, 14, 46:48] == 0) & (framed[:, 14, 58:60] == 0)
    assert not bars.any()


@pytest.mark.parametrize("slots", [1, 5, 12])
@pytest.mark.parametrize("layout", [{}, {"slant": [-0.3, 0.3], "tilt": [-6, 6]}])
def test_numbers_stay_what_they_are(layout: dict[str, object], slots: int) -> None:
    plain, framed = composed(slots, **layout), composed(slots, meter_windows=0.5, **layout)
    assert np.array_equal(plain.slots, framed.slots)
    changed = (plain.images != framed.images).any((1, 2))
    assert 0.35 < changed.mean() < 0.6
    assert (framed.images >= plain.images).all()
    # The digits' brightest pixels are still the brightest, or as good, in most strips.
    assert (framed.images[changed].max((1, 2)) >= plain.images[changed].max((1, 2))).all()


def test_cells_have_no_windows() -> None:
    assert np.array_equal(composed(name="structured", meter_windows=1.0).images, composed(name="structured").images)
