"""Files are written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multidigit.errors import MultidigitError
from multidigit.files import write_bytes, write_json, write_text, writing


def test_what_is_written_is_read_back_and_nothing_lies_beside_it(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "data.bin", b"\x00\xff")
    write_text(tmp_path / "text.txt", "Grüße\n")
    write_json(tmp_path / "data.json", {"é": [1, None], "x": 0.1})
    assert (tmp_path / "a" / "b" / "data.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "text.txt").read_bytes() == "Grüße\n".encode()
    assert json.loads((tmp_path / "data.json").read_text("utf-8")) == {"é": [1, None], "x": 0.1}
    assert "é" in (tmp_path / "data.json").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "data.bin", "data.json", "text.txt"]


def test_a_file_that_stands_there_is_replaced(tmp_path):
    (tmp_path / "x").write_text("a longer text that was there before")
    write_text(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"


def test_writing_that_fails_midway_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "x").write_text("old")

    def fill_the_disk() -> None:
        with writing(tmp_path / "x") as file:
            file.write(b"ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(MultidigitError, match=r"x: cannot be written \(No space left on device\)$"):
        fill_the_disk()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_writing_that_is_interrupted_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("old")

    def interrupted(self: Path, target: Path) -> Path:
        assert self.read_bytes() == b"new", "the new file was complete beside the old one"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "x", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "below", tmp_path / "file" / "far" / "below", tmp_path / "folder"):
        with pytest.raises(MultidigitError, match="cannot be written") as caught:
            write_text(path, "x")
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_json_that_cannot_be_told_writes_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"x": object()})
    assert not list(tmp_path.iterdir())
