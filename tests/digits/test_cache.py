"""The cache of digits: made once, kept whole, and never given wrong."""

from __future__ import annotations

import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from multidigit.digits import cache, drawn, load_digits
from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.digits.cache import CacheWarning
from multidigit.digits.drawn import Drawn

COUNT = 40


class Counted(DigitSource):
    """Digits that differ by name, split and seed; counts how often they are made."""

    def __init__(self, name: str | None = "counted 1") -> None:
        self.name, self.made = name, 0

    def fingerprint(self) -> str | None:
        return self.name

    def load(self, split: Split, seed: int) -> Digits:
        self.made += 1
        rng = np.random.default_rng([seed, SPLITS.index(split), *(self.name or "").encode()])
        labels = rng.integers(10, size=COUNT, dtype=np.uint8)
        # Not contiguous, as what is cut out of another array.
        return Digits(rng.integers(256, size=(COUNT, 28, 56), dtype=np.uint8)[:, :, ::2], labels)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone, which need not exist yet."""
    folder = tmp_path / "not" / "there yet"
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    return folder


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def same(a: Digits, b: Digits) -> bool:
    return np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)


def quietly(source: DigitSource, split: Split = "train", seed: int = 0) -> Digits:
    """Digits that must come without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cache.load(source, split, seed)


def warned(source: DigitSource, match: str) -> Digits:
    """Digits that must come with one warning, of one line."""
    with pytest.warns(CacheWarning, match=match) as caught:
        digits = cache.load(source, "train", 0)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    return digits


def test_digits_are_read_back_byte_for_byte() -> None:
    source = Counted()
    made = quietly(source)
    read = quietly(source)
    assert source.made == 1
    assert same(made, read)
    assert (read.images.dtype, read.images.shape) == (np.uint8, (COUNT, 28, 28))
    assert same(read, Counted().load("train", 0))
    # What was read may be written to, as what was made may.
    read.images[:] = 0
    assert same(quietly(source), made)


def test_a_source_that_is_quick_keeps_nothing(folder: Path) -> None:
    source = Counted(None)
    quietly(source)
    quietly(source)
    assert source.made == 2
    assert not folder.exists()


def test_all_that_decides_the_digits_decides_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[tuple[str, Split, int]] = [
        ("counted 1", "train", 0),
        ("counted 1", "train", 1),
        ("counted 1", "validation", 0),
        ("counted 2", "train", 0),
    ]
    made = [quietly(Counted(name), split, seed) for name, split, seed in kinds]
    for digits, (name, split, seed) in zip(made, kinds, strict=True):
        again = Counted(name)
        assert same(quietly(again, split, seed), digits)
        assert again.made == 0
    for source in (Drawn(10), Drawn(11), Drawn(10, slashed=True)):
        quietly(source)
    monkeypatch.setattr(drawn, "VERSION", "another")
    quietly(Drawn(10))
    assert len(list(folder.iterdir())) == len(kinds) + 4


def test_damage_is_found_and_mended(folder: Path) -> None:
    quietly(Counted("other digits"))
    others = only_file(folder).read_bytes()
    only_file(folder).unlink()
    right = quietly(Counted())
    file = only_file(folder)
    whole = file.read_bytes()
    archive = BytesIO()
    np.savez(archive, images=right.images, labels=right.labels)
    images, labels = right.images.tobytes(), right.labels.tobytes()
    damaged = [whole[:size] for size in (0, 1, 31, 32, 33, 500, COUNT * 784, COUNT * 785, COUNT * 785 + 31)]
    damaged += [
        images + bytes(784) + labels + bytes(1) + whole[-32:],
        images + labels[::-1] + whole[-32:],
        others,
        whole + whole,
        whole + b"\n",
        bytes(len(whole)),
        archive.getvalue(),
        b"digits\n" * 1000,
    ]
    rng = np.random.default_rng(0)
    for place in [0, len(whole) - 1, len(whole) - 33, COUNT * 784, *rng.integers(len(whole), size=30)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    for data in damaged:
        file.write_bytes(data)
        source = Counted()
        assert same(warned(source, "damaged; making them again"), right)
        assert source.made == 1
        assert file.read_bytes() == whole
    source = Counted()
    assert same(quietly(source), right)
    assert source.made == 0


def test_a_folder_in_the_files_place_is_reported(folder: Path) -> None:
    right = quietly(Counted())
    file = only_file(folder)
    file.unlink()
    file.mkdir()
    with pytest.warns(CacheWarning) as caught:
        digits = cache.load(Counted(), "train", 0)
    assert same(digits, right)
    assert len(caught) == 2, "it can be neither read nor replaced"
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_where_nothing_can_be_kept_digits_are_made_anew_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    # A file in the folder's place: unlike permissions it binds root, too.
    (tmp_path / "taken").write_text("no folder")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "taken" / below))
    source = Counted()
    for made in (1, 2):
        assert same(
            warned(source, f"cannot be written.*made anew each time.*{cache.VARIABLE}"), Counted().load("train", 0)
        )
        assert source.made == made
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_command_line_reports_damage_in_one_line(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "multidigit", "generate", "--count", "3", "--set", "digits=drawn", "--out"]
    quietly(Drawn(), "test", 0)
    only_file(folder).write_bytes(only_file(folder).read_bytes()[:-1])
    done = subprocess.run([*command, tmp_path / "out"], capture_output=True, text=True, check=True, timeout=300)
    (line,) = done.stderr.splitlines()
    assert line.startswith("multidigit: ")
    assert line.endswith("damaged; making them again")


BUILD = """
import hashlib, sys, warnings
warnings.simplefilter("error")
from multidigit.digits import cache
from multidigit.digits.drawn import Drawn
source = Drawn(400)
print("ready", flush=True)
sys.stdin.readline()
digits = cache.load(source, "train", 5)
print(hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest())
"""


def test_processes_that_make_the_same_digits_at_once_all_succeed(folder: Path) -> None:
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", BUILD], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    only_file(folder)
    assert same(quietly(Drawn(400), "train", 5), Drawn(400).load("train", 5))


def test_digits_come_from_the_cache_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Counted()
    monkeypatch.setattr("multidigit.digits.SOURCES", {"counted for this test": lambda: source})
    first = load_digits("counted for this test", "validation", 0)
    assert load_digits("counted for this test", "validation", 0) is first, "kept in memory, too"
    assert same(first, quietly(source, "validation"))
    assert source.made == 1
