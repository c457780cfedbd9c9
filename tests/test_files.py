"""Files and folders are written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multidigit.errors import DataError, MultidigitError
from multidigit.files import write_bytes, write_json, write_text, writing, written_aside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_what_is_written_is_read_back_and_nothing_lies_beside_it(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "data.bin", b"\x00\xff")
    write_text(tmp_path / "text.txt", "a longer text that is replaced")
    write_text(tmp_path / "text.txt", "Grüße\n")
    write_json(tmp_path / "data.json", {"é": [1, None], "x": 0.1})
    assert (tmp_path / "a" / "b" / "data.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "text.txt").read_bytes() == "Grüße\n".encode()
    assert json.loads((tmp_path / "data.json").read_text("utf-8")) == {"é": [1, None], "x": 0.1}
    assert "é" in (tmp_path / "data.json").read_text("utf-8")
    assert names(tmp_path) == ["a", "b", "data.bin", "data.json", "text.txt"]


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with written_aside(tmp_path / "new" / "folder") as aside:
        aside.mkdir()
        (aside / "part").write_text("x")
        assert not (tmp_path / "new" / "folder").exists()
    assert names(tmp_path) == ["folder", "new", "part"]


def test_a_folder_that_stands_there_is_kept(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()

    def write() -> None:
        with written_aside(tmp_path / "folder", DataError) as aside:
            aside.mkdir()
            (aside / "other").touch()

    with pytest.raises(DataError, match="folder: cannot be written"):
        write()
    assert names(tmp_path) == ["folder", "mine"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("x")])
def test_an_error_midway_leaves_the_old_file_and_no_other(tmp_path, error):
    (tmp_path / "x").write_text("old")

    def fail() -> None:
        with writing(tmp_path / "x") as file:
            file.write(b"ne")
            raise error

    expected = MultidigitError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        fail()
    if expected is MultidigitError:
        assert str(caught.value) == f"{tmp_path / 'x'}: cannot be written (No space left on device)"
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_the_new_file_is_complete_before_it_replaces_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("old")

    def interrupted(self: Path, target: Path) -> Path:
        assert self.read_bytes() == b"new"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "x", "new")
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_place_that_cannot_be_written_is_an_error_of_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "below", tmp_path / "file" / "far" / "below", tmp_path / "folder"):
        with pytest.raises(MultidigitError, match="cannot be written") as caught:
            write_text(path, "x")
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file", "folder"]


def test_values_that_json_cannot_hold_write_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"x": object()})
    assert not list(tmp_path.iterdir())
