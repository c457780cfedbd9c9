"""Strips are written as pictures with a table, whole or not at all, and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multidigit.data.labels import read_labels
from multidigit.digits.base import Digits
from multidigit.errors import DataError
from multidigit.labels import slots_to_text, texts_to_slots
from multidigit.settings import LayoutSettings
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.labelled import write_labelled


def make(digits: Digits, slots: int) -> Strips:
    layout = LayoutSettings(name="structured", length=(1, slots))
    return Composer(digits, layout, slots).compose(12, np.random.default_rng(0))


@pytest.fixture
def strips(toy_digits: Digits) -> Strips:
    return make(toy_digits, 5)


def read_labelled(place: Path, slots: int) -> Strips:
    """The pictures of a table, which are strips, and their numbers."""
    found = read_labels(place, slots).pictures
    images = [np.asarray(Image.open(each.path)) for each in found]
    return Strips(np.stack(images), texts_to_slots([each.text for each in found], slots))


@pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
def test_strips_come_back_as_they_were_written(toy_digits: Digits, tmp_path: Path, slots: int) -> None:
    strips = make(toy_digits, slots)
    steps: list[int] = []
    write_labelled(tmp_path / "out", strips, lambda: steps.append(1))
    assert len(steps) == len(strips)
    for place in (tmp_path / "out", tmp_path / "out" / "labels.csv"):
        found = read_labelled(place, slots)
        assert np.array_equal(found.images, strips.images)
        assert np.array_equal(found.slots, strips.slots)


def test_the_table_names_pictures_beside_it(strips: Strips, tmp_path: Path) -> None:
    write_labelled(tmp_path / "out", strips)
    head, *lines = (tmp_path / "out" / "labels.csv").read_text().splitlines()
    assert head == "image_path,text"
    # Numbered so that names in order are strips in order.
    assert lines == [f"{index:02d}.png,{slots_to_text(slots)}" for index, slots in enumerate(strips.slots)]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [f"{index:02d}.png" for index in range(12)]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_exists_is_left_alone(strips: Strips, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="out: exists already; name another folder, or remove it"):
        write_labelled(tmp_path / "out", strips)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(strips: Strips, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_labelled(tmp_path / "file" / "out", strips)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_half_written(strips: Strips, tmp_path: Path, error: type[BaseException]) -> None:
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 5:
            raise error

    with pytest.raises(error):
        write_labelled(tmp_path / "out", strips, step)
    assert list(tmp_path.iterdir()) == []
