"""Mixes of digit sources: shares kept, nothing taken twice, and never a training digit in a test strip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Called

from multidigit.digits import load_digits, make_source
from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.digits.mixed import Mixed
from multidigit.errors import DataError
from multidigit.settings import read_yaml, to_yaml, validate
from multidigit.strips.stream import StripStream

Call = Callable[..., Called]


class Numbered(DigitSource):
    """Digits whose first pixels hold source, split, seed and number."""

    def __init__(self, mark: int, count: int) -> None:
        self.mark, self.count = mark, count

    def load(self, split: Split, seed: int) -> Digits:
        number = np.arange(self.count)
        images = np.zeros((self.count, 28, 28), np.uint8)
        images[:, 0, :3] = self.mark, SPLITS.index(split), seed
        images[:, 0, 3], images[:, 0, 4] = number // 256, number % 256
        return Digits(images, (number % 10).astype(np.uint8))


def rows(digits: Digits) -> set[bytes]:
    return {image.tobytes() for image in digits.images}


def counts(digits: Digits) -> dict[int, int]:
    marks, found = np.unique(digits.images[:, 0, 0], return_counts=True)
    return dict(zip(marks.tolist(), found.tolist(), strict=True))


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    """A file like MNIST's, of digits that are one level of grey each: 240 to train with and 60 to test."""
    labels = np.arange(300) % 10
    images = np.full((300, 28, 28), 200, np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(300) // 256, np.arange(300) % 256
    path = tmp_path / "own digits.npz"
    np.savez(path, x_train=images[:240], y_train=labels[:240], x_test=images[240:], y_test=labels[240:])
    return path


class TestMixed:
    @pytest.mark.parametrize(
        ("sizes", "weights", "expected"),
        [
            ((1000, 1000), (0.6, 0.4), (1000, 667)),  # the larger share decides
            ((1000, 100), (0.6, 0.4), (150, 100)),  # the scarcer source decides
            ((1000, 1000, 1000), (6, 3, 1), (1000, 500, 167)),  # weights need not sum to 1
            ((50, 1000), (1e-9, 1), (1, 1000)),  # the least share is one digit
            ((7,), (0.3,), (7,)),
        ],
    )
    def test_shares_are_kept(
        self, sizes: tuple[int, ...], weights: tuple[float, ...], expected: tuple[int, ...]
    ) -> None:
        mix = Mixed([(Numbered(mark, size), w) for mark, (size, w) in enumerate(zip(sizes, weights, strict=True))])
        assert counts(mix.load("train", 0)) == dict(enumerate(expected))

    def test_no_digit_is_taken_twice_and_labels_stay_with_their_images(self) -> None:
        digits = Mixed([(Numbered(1, 900), 0.5), (Numbered(2, 500), 0.5)]).load("train", 3)
        assert len(rows(digits)) == len(digits) == 1000
        number = digits.images[:, 0, 3].astype(int) * 256 + digits.images[:, 0, 4]
        assert (digits.labels == number % 10).all()
        assert (digits.images[:, 0, 2] == 3).all()  # every part has the mix's own seed

    def test_a_source_chosen_in_part_is_chosen_at_random_by_seed_and_split(self) -> None:
        chosen = []
        for split, seed in (("train", 0), ("train", 0), ("train", 1), ("test", 0)):
            digits = Mixed([(Numbered(1, 1000), 0.1), (Numbered(2, 900), 0.9)]).load(split, seed)
            ours = digits.images[digits.images[:, 0, 0] == 1]
            number = ours[:, 0, 3].astype(int) * 256 + ours[:, 0, 4]
            assert len(number) == 100
            assert 400 < number.mean() < 600
            chosen.append(number.tobytes())
        assert chosen[0] == chosen[1]
        assert len(set(chosen)) == 3

    @pytest.mark.parametrize("weights", [(), (0.0,), (1.0, 0.0), (1.0, -0.5), (1.0, float("nan")), (float("inf"), 1.0)])
    def test_weights_must_be_above_zero(self, weights: tuple[float, ...]) -> None:
        with pytest.raises(DataError, match="weights above zero; received "):
            Mixed([(Numbered(1, 10), weight) for weight in weights])


class TestByName:
    def test_a_file_and_built_in_digits(self, npz: Path) -> None:
        mix = {"drawn": 0.8, str(npz): 0.2}
        pools = [load_digits(mix, split, 0) for split in ("validation", "test")]
        # 60 test digits of the file are a fifth, and 20 of its training digits are set aside for validation.
        assert [len(pool) for pool in pools] == [100, 300]
        for split, pool in zip(("validation", "test"), pools, strict=True):
            drawn, theirs = (rows(load_digits(name, split, 0)) for name in ("drawn", str(npz)))
            assert (len(rows(pool) & drawn), len(rows(pool) & theirs)) == (len(pool) * 4 // 5, len(pool) // 5)
        assert not rows(pools[0]) & rows(pools[1])

    def test_weight_zero_is_as_if_not_named(self, npz: Path) -> None:
        with_zero = load_digits({str(npz): 0.5, "no such source": 0, "drawn": 0.5}, "test", 0)
        without = load_digits({str(npz): 0.5, "drawn": 0.5}, "test", 0)
        assert np.array_equal(with_zero.images, without.images)
        assert np.array_equal(with_zero.labels, without.labels)

    @pytest.mark.parametrize("weights", [{}, {"drawn": 0.0}, {"drawn": 0.0, "printed": 0.0}, {"drawn": -1.0}])
    def test_weights_that_cannot_be(self, weights: dict[str, float]) -> None:
        with pytest.raises(DataError, match="weights above zero"):
            make_source(weights)

    def test_the_nearest_name_is_named(self) -> None:
        with pytest.raises(DataError, match=r"^unknown digit source 'drwan'; did you mean 'drawn'\?"):
            make_source({"printed": 0.5, "drwan": 0.5})

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"missing\.npz: no such file or folder"):
            make_source({"drawn": 0.5, str(tmp_path / "missing.npz"): 0.5})


class TestInSettings:
    def test_a_mix_by_name_and_path_gives_the_same_strips_again(self, tmp_path: Path, npz: Path) -> None:
        path = tmp_path / "mix.yaml"
        path.write_text(f'seed: 1\nlayout: free\ndigits: {{drawn: 0.6, "{npz}": 0.4}}\n')
        data, lines = read_yaml(path)
        settings = validate(data, "mix.yaml", lines)
        assert settings.digits == {"drawn": 0.6, str(npz): 0.4}
        path.write_text(to_yaml(settings))
        again = validate(read_yaml(path)[0])
        one, other = (StripStream(each).fixed("test", 20) for each in (settings, again))
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.slots, other.slots)

    def test_the_same_bytes_in_another_process_with_another_cache(self, tmp_path: Path, npz: Path, call: Call) -> None:
        config = tmp_path / "mix.yaml"
        config.write_text(f'seed: 1\nlayout: free\ndigits: {{drawn: 0.5, "{npz}": 0.5}}\n')
        options = ["generate", "--config", str(config), "--count", "8", "--out"]
        called = call(*options, tmp_path / "here")
        assert (called.code, called.err) == (0, "")
        away = {**os.environ, "MULTIDIGIT_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "multidigit", *options, str(tmp_path / "there")]
        subprocess.run(command, env=away, check=True, capture_output=True, timeout=300)
        here, there = ({f.name: f.read_bytes() for f in (tmp_path / out).iterdir()} for out in ("here", "there"))
        assert here == there
        assert len(here) == 9

    @pytest.mark.parametrize(
        ("digits", "message"),
        [
            ("{drawn: 0.5, prnted: 0.5}", "unknown digit source 'prnted'; did you mean 'printed'?"),
            ("{drawn: 0.5, nowhere/mnist.npz: 0.5}", "nowhere/mnist.npz: no such file or folder"),
        ],
    )
    def test_a_mix_that_cannot_be_is_one_line(self, tmp_path: Path, call: Call, digits: str, message: str) -> None:
        config = tmp_path / "mix.yaml"
        config.write_text(f"seed: 1\nlayout: free\ndigits: {digits}\n")
        called = call("generate", "--config", config, "--out", tmp_path / "strips")
        assert called.code == 1
        assert message in called.err
        assert called.err.count("\n") == 1
        assert not (tmp_path / "strips").exists()
