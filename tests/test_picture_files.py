"""Which pictures are found in folders, in which order, and the errors in place of what cannot be read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multidigit.errors import PictureError
from multidigit.picture_files import count, walk

posix = pytest.mark.skipif(os.name != "posix", reason="a matter of POSIX systems")


def filled(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def line_of(error: str | PictureError) -> str:
    assert isinstance(error, PictureError)
    assert "\n" not in str(error)
    return str(error)


def shut(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Makes folders of these names unreadable, for the superuser too."""
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name in names:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def test_folders_are_searched_in_natural_order(tmp_path: Path) -> None:
    shown = [
        "1.jpeg",
        "2.PNG",
        "10.png",
        "A2/1.png",
        "a10/1.png",
        "b/3.TIF",
        "b/c/4.webp",
        "b/d.gif",
        "B2.bmp",
        "c.gif",
        "d.pbm",
        "d.PGM",
        "d.ppm",
    ]
    others = ["notes.txt", ".hidden.png", "._1.png", ".cache/5.png", "png", "b/.c/6.png", "b/empty/notes.txt"]
    filled(tmp_path, others + shown[::-1])
    assert [Path(str(path)).relative_to(tmp_path).as_posix() for path in walk([tmp_path])] == shown
    assert count([tmp_path]) == len(shown)


def test_numbers_in_names_count_by_value(tmp_path: Path) -> None:
    names = ["0.png", "00.png", "007.png", "9" * 20 + ".png", "1" + "0" * 20 + ".png"]
    names += ["page2-9.png", "page2-10.png", "page 02.png", "page 2.png", "page 10 b.png", "page 10 C.png", "page.png"]
    assert [Path(str(path)).name for path in walk(filled(tmp_path, names[::-1]))] == names


def test_files_are_taken_as_they_are_named(tmp_path: Path) -> None:
    filled(tmp_path, ["notes.txt", "b/3.tif", "b/c/4.webp", "10.png", ".hidden.png"])
    named = [tmp_path / "notes.txt", str(tmp_path / "b"), tmp_path / "10.png", tmp_path / ".hidden.png"]
    found = list(walk(named))
    assert all(type(path) is str for path in found)
    assert [Path(str(path)).name for path in found] == ["notes.txt", "3.tif", "4.webp", "10.png", ".hidden.png"]
    assert count(named) == 5
    assert [Path(str(path)).name for path in walk(str(tmp_path / "b" / "c"))] == ["4.webp"]
    assert list(walk([])) == []
    assert count([]) == 0


def test_the_current_folder_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(filled(tmp_path, ["1.png", "b/2.png"]))
    assert list(walk(".")) == ["1.png", str(Path("b", "2.png"))]
    assert list(walk("b/")) == [str(Path("b", "2.png"))]


def test_what_cannot_be_looked_into_does_not_stop_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, ["a/1.png", "locked/2.png", "z/3.png", "notes/notes.txt", "z.png"])
    shut(monkeypatch, "locked")
    paths = [tmp_path / "none", tmp_path, tmp_path / "notes", tmp_path / "locked", "a\0b", tmp_path / "z.png"]
    missing, first, refused, third, last, nothing, refused_again, impossible, named = walk(paths)
    assert line_of(missing).startswith(f"{tmp_path / 'none'}: expected a picture file or a folder; received")
    assert [first, third, last, named] == [str(tmp_path / name) for name in ("a/1.png", "z/3.png", "z.png", "z.png")]
    for error in (refused, refused_again):
        assert line_of(error).startswith(
            f"{tmp_path / 'locked'}: expected a folder that can be read; received Permission"
        )
    assert line_of(nothing).startswith(f"{tmp_path / 'notes'}: expected a folder with pictures (")
    assert ".jpg" in str(nothing)
    assert "no such path" in line_of(impossible)
    assert count(paths) == 4


def test_a_folder_that_fails_midway_gives_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, ["1.png", "2.png"])
    scandir = os.scandir

    class Failing:
        def __init__(self, path: str) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            yield next(self.entries)
            raise OSError(5, "Input/output error")

        def __exit__(self, *_: object) -> None:
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Failing)
    fault, found = walk(tmp_path)
    assert "Input/output error" in line_of(fault)
    assert Path(str(found)).suffix == ".png"


def test_folders_are_read_one_by_one_as_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, ["a/1.png", "b/2.png", "c/3.png"])
    looked: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked.append(Path(path).name) or scandir(path))
    found = walk(tmp_path)
    assert looked == []
    assert next(found) == str(tmp_path / "a" / "1.png")
    assert looked == [tmp_path.name, "a"]


@posix
def test_links_and_pipes(tmp_path: Path) -> None:
    filled(tmp_path / "far", ["9.png"])
    near = filled(tmp_path / "near", ["1.png"])
    (near / "2.png").symlink_to(near / "1.png")
    (near / "3.png").symlink_to(near / "gone.png")
    (near / "4.png").symlink_to(tmp_path / "far")
    (near / "loop.png").symlink_to(near / "loop.png")
    (near / "linked").symlink_to(tmp_path / "far")
    (near / "again").symlink_to(near)
    os.mkfifo(near / "5.png")
    names = ["1.png", "2.png", "3.png", "loop.png"]
    assert [Path(str(path)).name for path in walk(near)] == names, "links that lead nowhere come too"
    assert count(near) == len(names)
    (tmp_path / "to").symlink_to(tmp_path / "far")
    assert list(walk(tmp_path / "to")) == [str(tmp_path / "to" / "9.png")], "a link that is named is entered"


@posix
def test_unusual_names(tmp_path: Path) -> None:
    names = ["two\nlines.png", "tab\t.png", " .png", "-.png", "日本 ٣.png", "a;b'\"c.png"]
    if sys.platform != "darwin":
        names.append(os.fsdecode(b"\xff\xfe.png"))
    filled(tmp_path, [*names, "no\npictures/notes.txt"])
    assert {Path(str(path)).name for path in walk(tmp_path)} == set(names)
    error = next(walk(tmp_path / "no\npictures"))
    assert r"no\npictures" in line_of(error)
    assert isinstance(error, PictureError)
    assert error.picture == str(tmp_path / "no\npictures")


def test_deep_folders(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("d" * 500) if os.name == "posix" else tmp_path / "d" / "d"
    filled(deep, ["1.png"])
    assert list(walk(tmp_path)) == [str(deep / "1.png")]
