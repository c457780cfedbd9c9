"""The benchmark of photographs: its pictures are of the promised sizes, depend on their seed alone and can be read."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from multidigit.reading.reader import Reader

FOLDER = Path(__file__).parents[1] / "experiments" / "benchmarks"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The part, imported as it is run, its own folder first on the path, and forgotten afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module("photographs")
    for name in {path.stem for path in FOLDER.glob("*.py")} & set(sys.modules):
        del sys.modules[name]


def handwriting(part: ModuleType, rng: np.random.Generator) -> tuple[Image.Image, str]:
    """Real digits are not at hand: bars stand for them."""
    digits = np.zeros((10, 28, 28), np.uint8)
    digits[:, 4:24, 8:20] = 255
    found: tuple[Image.Image, str] = part.handwriting(digits, np.arange(10, dtype=np.uint8), rng)
    return found


@pytest.mark.parametrize(("kind", "lengths"), [("date_code", {4}), ("meter", {4, 5}), ("handwriting", {1, 2, 3, 4, 5})])
def test_pictures_are_of_the_promised_sizes(part: ModuleType, kind: str, lengths: set[int]) -> None:
    found = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        picture, text = handwriting(part, rng) if kind == "handwriting" else getattr(part, kind)([None], rng)
        assert picture.mode == "RGB"
        assert 150 <= picture.width <= 900
        assert np.asarray(picture).std() > 2
        assert text.isdigit()
        found.add(len(text))
    assert found <= lengths
    assert len(found) >= min(2, len(lengths))


def test_files_depend_on_seed_and_place_alone(part: ModuleType, tmp_path: Path) -> None:
    def draw(rng: np.random.Generator) -> tuple[Image.Image, str]:
        found: tuple[Image.Image, str] = part.date_code([None], rng)
        return found

    few = part.pictures(draw, "date codes", 3, 4, tmp_path / "few")
    more = part.pictures(draw, "date codes", 3, 8, tmp_path / "more")
    other = part.pictures(draw, "date codes", 4, 4, tmp_path / "other")
    assert [text for _, text in few] == [text for _, text in more[:4]]
    assert [path.read_bytes() for path, _ in few] == [path.read_bytes() for path, _ in more[:4]]
    assert [text for _, text in few] != [text for _, text in other]
    assert {path.suffix for path, _ in more} == {".png", ".jpg"}


def test_easy_pictures_are_read_right(part: ModuleType, tmp_path: Path) -> None:
    def draw(rng: np.random.Generator) -> tuple[Image.Image, str]:
        text = part.number(4, rng)
        picture = Image.new("RGB", (400, 160), (230, 230, 220))
        picture.paste((20, 20, 60), (60, 40), part.lettered(text, 60, False, [None], rng))
        return picture, text

    row = part.measured(Reader("shipped"), "easy", part.pictures(draw, "easy", 0, 30, tmp_path / "easy"))
    assert row["sequence_accuracy"] > 0.6
    assert row["interval"][0] < row["sequence_accuracy"] <= row["interval"][1]
    assert 0 <= row["expected_calibration_error"] <= 1


def test_displays_show_each_digit_differently(part: ModuleType) -> None:
    for draw in (part.segmented, part.dotted):
        shapes = {
            np.asarray(draw(digit, 70, np.random.default_rng(0)).resize((20, 30))).tobytes() for digit in "0123456789"
        }
        assert len(shapes) == 10
