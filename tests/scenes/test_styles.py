"""How characters look: every style draws ten different digits."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.digits import SPLITS
from multidigit.scenes.styles import DotStyle, FontStyle, HandStyle, SegmentStyle, Style, any_font, hands

pytestmark = pytest.mark.usefixtures("small_world")


def make(kind: str, seed: int) -> Style:
    rng = np.random.default_rng(seed)
    if kind == "hand":
        return HandStyle(rng, "validation")
    return {"segments": SegmentStyle, "dots": DotStyle}[kind](rng) if kind in ("segments", "dots") else any_font(rng)


@pytest.mark.parametrize("height", [9.0, 30.0])
@pytest.mark.parametrize("kind", ["font", "segments", "dots", "hand"])
def test_ten_digits_are_ten_drawings(kind: str, height: float) -> None:
    for seed in range(12):
        style = make(kind, seed)
        glyphs = [style.glyph(digit, height) for digit in "0123456789"]
        assert len({(glyph.mask.shape, glyph.mask.tobytes()) for glyph in glyphs}) == 10
        for glyph in glyphs:
            assert glyph.mask.dtype == np.uint8
            assert glyph.mask.max() > 100
            # A written one may be longer than the others.
            assert 0.35 < glyph.mask.shape[0] / height < 2.1
            assert glyph.advance > 0


@pytest.mark.parametrize("kind", ["font", "segments", "dots", "hand"])
def test_every_style_draws_signs_and_words(kind: str) -> None:
    style = make(kind, 1)
    for part in (".", "-", "kWh", "€", "Total"):
        assert style.glyph(part, 24).mask.ndim == 2


def test_a_font_draws_nothing_for_a_character_that_it_lacks() -> None:
    style = FontStyle(None)
    assert not style.glyph("\U0010fffc", 20).mask.any()
    assert style.glyph("7", 20).mask.any()


def test_splits_have_writers_of_their_own() -> None:
    drawn = {split: {image.tobytes() for image in hands(split)[:, :, 0].reshape(-1, 28, 28)} for split in SPLITS}
    assert all(len(images) > 100 for images in drawn.values())
    assert not drawn["train"] & drawn["test"]
    assert not drawn["validation"] & drawn["test"]
