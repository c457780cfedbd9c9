"""Banks: digits are made once, kept whole, and never given wrong."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits import bank, drawn, load_digits
from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.digits.cache import BankWarning
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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone, which need not exist yet."""
    folder = tmp_path / "not" / "there yet"
    monkeypatch.setenv(bank.VARIABLE, str(folder))
    return folder


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def same(a: Digits, b: Digits) -> bool:
    return np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)


def quietly(source: DigitSource, split: Split = "train", seed: int = 0) -> Digits:
    """Digits that must come without a note."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return bank.load(source, split, seed)


def noted(source: DigitSource, match: str) -> Digits:
    """Digits that must come with one note, of one line."""
    with pytest.warns(BankWarning, match=match) as notes:
        digits = bank.load(source, "train", 0)
    assert len(notes) == 1
    assert "\n" not in str(notes[0].message)
    return digits


def test_tests_keep_nothing_in_a_persons_own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert bank.cache_folder().is_relative_to(tmp_path_factory.getbasetemp())
    command = [sys.executable, "-c", "from multidigit.digits.cache import cache_folder; print(cache_folder())"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == str(bank.cache_folder())


def test_a_bank_is_read_back_byte_for_byte(cache: Path) -> None:
    source = Counted()
    made = quietly(source)
    read = quietly(source)
    assert source.made == 1
    assert same(made, read)
    assert (read.images.dtype, read.images.shape) == (np.uint8, (COUNT, 28, 28))
    assert same(read, Counted().load("train", 0))
    # What was read is nobody else's: it may be written to, as what was made may.
    read.images[:] = 0
    assert same(quietly(source), made)


def test_a_source_that_is_quick_keeps_nothing(cache: Path) -> None:
    source = Counted(None)
    quietly(source)
    quietly(source)
    assert source.made == 2
    assert not cache.exists()


def test_whatever_decides_the_digits_decides_the_file(cache: Path) -> None:
    kinds: list[tuple[str, Split, int]] = [
        ("counted 1", "train", 0),
        ("counted 1", "train", 1),
        ("counted 1", "validation", 0),
        ("counted 1", "test", 0),
        ("counted 2", "train", 0),
    ]
    made = [quietly(Counted(name), split, seed) for name, split, seed in kinds]
    assert len(list(cache.iterdir())) == len(kinds)
    for digits, (name, split, seed) in zip(made, kinds, strict=True):
        again = Counted(name)
        assert same(quietly(again, split, seed), digits)
        assert again.made == 0


def test_drawn_digits_are_made_anew_for_other_settings_and_versions(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, source in enumerate((Drawn(10), Drawn(11), Drawn(10, slashed=True)), 1):
        quietly(source)
        assert len(list(cache.iterdir())) == number
    monkeypatch.setattr(drawn, "VERSION", "another")
    quietly(Drawn(10))
    assert len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("keep", [0, 1, 31, 32, 33, 500, COUNT * 784, COUNT * 785, COUNT * 785 + 31])
def test_a_bank_cut_short_is_made_again(cache: Path, keep: int) -> None:
    right = quietly(Counted())
    file = only_file(cache)
    whole = file.read_bytes()
    file.write_bytes(whole[:keep])
    source = Counted()
    assert same(noted(source, "damaged"), right)
    assert source.made == 1
    # Mended: from now on it is read without a word.
    assert file.read_bytes() == whole
    assert same(quietly(source), right)
    assert source.made == 1


def test_no_flipped_bit_passes_unnoticed(cache: Path) -> None:
    right = quietly(Counted())
    file = only_file(cache)
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    places = [0, len(whole) - 1, len(whole) - 33, COUNT * 784, *rng.integers(len(whole), size=60)]
    for place in places:
        harmed = whole.copy()
        harmed[place] ^= 1 << rng.integers(8)
        file.write_bytes(harmed.tobytes())
        assert same(noted(Counted(), "damaged"), right)
        assert file.read_bytes() == whole.tobytes()


def _archive(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    from io import BytesIO

    data = BytesIO()
    np.savez(data, images=images, labels=labels)
    return data.getvalue()


def test_anything_else_in_a_banks_place_is_made_again(cache: Path) -> None:
    right = quietly(Counted())
    file = only_file(cache)
    whole = file.read_bytes()
    images, labels = right.images, right.labels
    others = {
        "one digit more": images.tobytes() + bytes(784) + labels.tobytes() + bytes(1) + whole[-32:],
        "labels in another order": images.tobytes() + labels[::-1].tobytes() + whole[-32:],
        "twice": whole + whole,
        "a tail": whole + b"\n",
        "nothing but zeros": bytes(len(whole)),
        "numpy's archive": _archive(images, labels),
        "text": b"digits\n" * 1000,
    }
    for data in others.values():
        file.write_bytes(data)
        assert same(noted(Counted(), "damaged"), right)


def test_a_whole_bank_under_another_ones_name_is_no_bank(cache: Path) -> None:
    quietly(Counted("theirs"))
    theirs = only_file(cache).read_bytes()
    only_file(cache).unlink()
    right = quietly(Counted())
    only_file(cache).write_bytes(theirs)
    assert same(noted(Counted(), "damaged"), right)


def test_a_folder_in_a_banks_place_is_told(cache: Path) -> None:
    right = quietly(Counted())
    file = only_file(cache)
    file.unlink()
    file.mkdir()
    with pytest.warns(BankWarning) as notes:
        digits = bank.load(Counted(), "train", 0)
    assert same(digits, right)
    assert len(notes) == 2  # it can be neither read nor replaced
    assert list(cache.iterdir()) == [file]


@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_where_nothing_can_be_kept_digits_are_made_anew_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    # A file in the folder's place: unlike permissions it binds root, too.
    (tmp_path / "taken").write_text("no folder")
    monkeypatch.setenv(bank.VARIABLE, str(tmp_path / "taken" / below))
    source = Counted()
    for made in (1, 2):
        assert same(noted(source, f"cannot keep digits there.*{bank.VARIABLE}"), Counted().load("train", 0))
        assert source.made == made
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_full_disk_leaves_no_partial(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert same(noted(Counted(), "No space left"), Counted().load("train", 0))
    assert not list(cache.iterdir())


def test_the_command_line_notes_a_damaged_bank_in_one_line(cache: Path, tmp_path: Path) -> None:
    def generate(out: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "multidigit", "generate", "--count", "3", "--out", str(tmp_path / out)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert generate("first").stderr == ""
    for file in cache.iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    told = generate("second").stderr.splitlines()
    assert len(told) == 1
    assert told[0].startswith("multidigit: ")
    assert told[0].endswith("damaged; making them again")
    assert generate("third").stderr == ""
    folders = [tmp_path / name for name in ("first", "second", "third")]
    kept = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert kept[0] == kept[1] == kept[2]


BUILD = """
import hashlib, sys, warnings
warnings.simplefilter("error")
from multidigit.digits import bank
from multidigit.digits.drawn import Drawn
source = Drawn(400)
print("ready", flush=True)
sys.stdin.readline()
digits = bank.load(source, "train", 5)
print(hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest())
"""


def test_processes_that_build_one_bank_at_once_all_succeed(cache: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert len({out for out, _ in told}) == 1
    # One whole file, no partials, and what it holds is what a process of its own draws.
    assert only_file(cache).suffix == ".bank"
    assert same(quietly(Drawn(400), "train", 5), Drawn(400).load("train", 5))


def test_what_a_killed_process_left_does_no_harm(cache: Path) -> None:
    quietly(Counted())
    file = only_file(cache)
    whole = file.read_bytes()
    file.unlink()
    left = file.with_name(f".{file.name}.partial-0123abcd")
    left.write_bytes(whole[: len(whole) // 2])
    source = Counted()
    quietly(source)
    quietly(source)
    assert source.made == 1
    assert file.read_bytes() == whole


def test_digits_come_from_the_bank_by_name(cache: Path) -> None:
    seed = 987_654  # of no other test: what was loaded once stays in memory
    first = load_digits("drawn", "validation", seed)
    read = bank.load(Drawn(), "validation", seed)
    assert same(first, read)
    assert same(read, Drawn().load("validation", seed))
    assert len(list(cache.iterdir())) == 1
