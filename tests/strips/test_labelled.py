"""A user's own pictures: written and read back, with every fault named by its line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multidigit.digits.base import Digits
from multidigit.errors import DataError
from multidigit.labels import BLANK, slots_to_text, texts_to_slots
from multidigit.settings import LayoutSettings
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.labelled import read_labels, write_labelled


def make(digits: Digits, slots: int) -> Strips:
    layout = LayoutSettings(name="structured", length=(1, slots))
    return Composer(digits, layout, slots).compose(12, np.random.default_rng(0))


@pytest.fixture
def strips(toy_digits: Digits) -> Strips:
    return make(toy_digits, 5)


def read_labelled(place: Path, slots: int) -> Strips:
    """The pictures of a table, which are strips, and their numbers."""
    paths, numbers = read_labels(place, slots)
    return Strips(np.stack([np.asarray(Image.open(path)) for path in paths]), numbers)


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding)
    return path


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


def test_tables_of_spreadsheets_are_read(strips: Strips, tmp_path: Path) -> None:
    """A byte order mark, quotes, columns of one's own in any order, and zeros in front."""
    (tmp_path / "pictures").mkdir()
    Image.fromarray(strips.images[0]).save(tmp_path / "pictures" / "a, b.png")
    path = table(tmp_path, 'text,who,image_path\r\n"007",me,"pictures/a, b.png"\r\n', "utf-8-sig")
    found = read_labelled(path, 5)
    assert np.array_equal(found.slots, texts_to_slots(["007"], 5))
    assert np.array_equal(found.images, strips.images[:1])


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_labels_are_parted_by_commas_semicolons_or_tabs(tmp_path: Path, mark: str, encoding: str) -> None:
    lines = [["Note", " IMAGE_PATH", "Text "], ["", "a.png", "007"], ["x", "more/b, c.png", " 12 "]]
    lines += [["", "none.png", ""], ["", "spaces.png", "  "]]
    with (tmp_path / "mine.csv").open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=mark).writerows(lines)
    paths, slots = read_labels(tmp_path / "mine.csv", 4)
    assert paths == [tmp_path / name for name in ("a.png", "more/b, c.png", "none.png", "spaces.png")]
    assert slots.dtype == np.uint8
    assert slots.shape == (4, 4)
    assert [slots_to_text(row) for row in slots] == ["007", "12", "", ""]


def test_a_picture_without_a_number_is_blank(strips: Strips, tmp_path: Path) -> None:
    Image.fromarray(strips.images[0] * 0).save(tmp_path / "none.png")
    found = read_labelled(table(tmp_path, "image_path;text\nnone.png;\n"), 5)
    assert np.array_equal(found.slots, np.full((1, 5), BLANK))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_path,text\na.png,1\nb.png,12a\n", r"mine.csv, line 3: .* must be 1 to 5 digits; received '12a'"),
        ("image_path,text\na.png,123456\n", r"mine.csv, line 2: .*'123456'"),
        ("image_path;text\na.png;1\n\nb.png;1,2\n", r"mine.csv, line 4: .*'1,2'"),
        # Empty where there is no number, but not missing.
        ("image_path,text\na.png\n", r"mine.csv, line 2: .*; received 'a.png' and nothing"),
        ("image_path,text\n,1\n", r"mine.csv, line 2: expected a picture's path .*; received '' and '1'"),
        ("text,image_path\n1\n", r"mine.csv, line 2: expected a picture's path .*; received '' and '1'"),
        # Blank lines and quoted line breaks count as the lines that they are.
        ("image_path,text\n\n\na.png,x\n", r"mine.csv, line 4: .*'x'"),
        ('image_path,text,note\na.png,1,"two\nlines"\nb.png,x,\n', r"mine.csv, line 4: .*'x'"),
        ("", "at least one row; received no rows"),
        ("image_path,text\n", "at least one row; received no rows"),
        ("image,text\na.png,1\n", "the columns image_path, text and at least one row; received image, text"),
        ("image;text\na.png;1\n", "the columns image_path, text and at least one row; received image, text"),
        ("image_path,text,Text\na.png,1,2\n", "received image_path, text, text"),
        ("a.png,1\nb.png,2\n", "received a.png, 1"),
    ],
)
def test_a_faulty_table_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_labelled(table(tmp_path, text), 5)


def test_missing_and_unreadable_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv: no such file; expected a CSV file with the columns"):
        read_labelled(tmp_path / "none.csv", 5)
    with pytest.raises(DataError, match=r"labels.csv: no such file"):
        read_labelled(tmp_path, 5)
    (tmp_path / "mine.csv").write_bytes(b"image_path,text\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"mine.csv: cannot be read as CSV"):
        read_labelled(tmp_path / "mine.csv", 5)
