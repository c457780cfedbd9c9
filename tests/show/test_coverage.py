"""The accuracy-coverage curve: its points by hand, its chart dot by dot, its picture files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import multidigit.show.coverage as module
from multidigit.errors import DataError, MultidigitError
from multidigit.metrics import coverage_at_accuracy
from multidigit.show.coverage import ACROSS, HEIGHT, UP, WIDTH, curve, draw_terminal, write_picture

Floats = NDArray[np.float64]


def simulated(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """The curve of a reader whose surest answers are the right ones."""
    rng = np.random.default_rng(seed)
    confidence = 1 - 0.3 * rng.random(count) ** 4
    return curve(confidence, rng.random(count) < confidence)


def heights(chart: str) -> list[float | None]:
    """For each column of a plain chart how far the line is below the top, in lines; ``None`` where it is not drawn."""
    rows = [line for line in chart.splitlines()[1:] if re.match(r" *[0-9.%]*[|+]", line) and "--" not in line]
    start = re.search(r"[|+]", rows[0])
    assert start
    columns = [line.ljust(60)[start.end() :] for line in rows]
    found: list[float | None] = []
    for x in range(60 - start.end()):
        places = [row + {"'": 0.0, ":": 0.25, ".": 0.5}[line[x]] for row, line in enumerate(columns) if line[x] != " "]
        found.append(sum(places) / len(places) if places else None)
    return found


class TestCurve:
    def test_by_hand(self) -> None:
        coverage, accuracy = curve(np.array([0.5, 0.9, 0.7, 0.9]), np.array([False, True, True, False]))
        np.testing.assert_allclose(coverage, [0.5, 0.75, 1])
        np.testing.assert_allclose(accuracy, [1 / 2, 2 / 3, 1 / 2])

    @pytest.mark.parametrize("target", [0.85, 0.95])
    def test_agrees_with_the_measure(self, target: float) -> None:
        rng = np.random.default_rng(1)
        confidence = np.round(rng.random(500) ** 0.2, 2)
        right = rng.random(500) < confidence
        coverage, accuracy = curve(confidence, right)
        reached = coverage[accuracy >= target]
        assert (reached.max() if len(reached) else 0) == coverage_at_accuracy(confidence, right, target).coverage

    @pytest.mark.parametrize(("confidences", "rights"), [(0, 0), (3, 2)])
    def test_unusable(self, confidences: int, rights: int) -> None:
        with pytest.raises(DataError, match="at least one strip"):
            curve(np.ones(confidences), np.ones(rights, np.bool_))


class TestTerminal:
    @pytest.mark.parametrize("plain", [True, False])
    @pytest.mark.parametrize("count", [1, 2, 40, 3_000])
    def test_fits_its_box(self, count: int, plain: bool) -> None:
        lines = draw_terminal(*simulated(count), plain).splitlines()
        assert len(lines) <= HEIGHT
        assert max(map(len, lines)) <= WIDTH
        assert lines[0] == UP
        assert lines[-1].strip() == ACROSS
        assert lines[-2].split() == ["0%", "25%", "50%", "75%", "100%"]
        assert any(line.strip() for line in lines[1:-3])

    def test_plain_is_ascii_and_the_other_is_in_braille(self) -> None:
        of = simulated(3_000)
        assert draw_terminal(*of, plain=True).isascii()
        assert any(0x2800 < ord(character) < 0x2900 for character in draw_terminal(*of))

    def test_falls_where_accuracy_falls(self) -> None:
        # All right in the surer half, then ever fewer.
        confidence = np.linspace(1, 0, 4_000)
        right = (confidence > 0.5) | (np.arange(4_000) % 4 == 0)
        drawn = heights(draw_terminal(*curve(confidence, right), plain=True))
        half = len(drawn) // 2
        known = [height for height in drawn if height is not None]
        assert len(known) >= len(drawn) - 1
        assert len(set(known[: half - 1])) == 1
        assert known[half - 1 :] == sorted(known[half - 1 :])
        # From 100 % to 62.5 %: by nearly the whole height, marks being at 60 % and 100 %.
        assert known[-1] - known[0] > 6

    def test_rises_where_accuracy_rises(self) -> None:
        # The surest tenth is wrong, all others are right.
        confidence = np.linspace(1, 0, 4_000)
        drawn = heights(draw_terminal(*curve(confidence, confidence < 0.9), plain=True))
        known = [height for height in drawn if height is not None]
        assert known == sorted(known, reverse=True)
        assert known[0] > known[-1] + 5

    def test_marks_stand_at_their_values(self) -> None:
        # From 100 % to 90 %, 95 % in the middle.
        coverage = np.arange(1, 101) / 100
        accuracy = np.linspace(1, 0.9, 100)
        lines = draw_terminal(coverage, accuracy, plain=True).splitlines()
        marked = {line.split("%")[0].strip(): row for row, line in enumerate(lines[1:-3]) if "%" in line}
        assert list(marked) == ["100", "95", "90"]
        middle = heights("\n".join(lines))[27]
        assert middle is not None
        assert middle == pytest.approx(marked["95"], abs=0.6)

    def test_one_wrong_at_the_top_does_not_flatten_the_rest(self) -> None:
        confidence = np.linspace(1, 0, 2_000)
        chart = draw_terminal(*curve(confidence, np.arange(2_000) > 0), plain=True)
        marks = [float(mark) for mark in re.findall(r"([0-9.]+)%\+", chart)]
        assert max(marks) == 100
        assert min(marks) >= 90

    def test_nothing_left_of_the_first_threshold(self) -> None:
        # Six in ten share the highest confidence, and no threshold separates them.
        confidence = np.where(np.arange(1_000) < 600, 1.0, np.linspace(0.9, 0, 1_000))
        drawn = heights(draw_terminal(*curve(confidence, np.arange(1_000) % 9 > 0), plain=True))
        blank = [height is None for height in drawn]
        first = blank.index(False)
        assert first == pytest.approx(0.6 * len(drawn), abs=1)
        assert not any(blank[first:])


class TestPicture:
    def test_png(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "curve.png"
        write_picture(path, *simulated(2_000), "title")
        with Image.open(path) as picture:
            assert picture.width > picture.height > 400
            colours = picture.convert("RGB").getcolors(1 << 20)
        assert colours
        blue = sum(count for count, colour in colours if isinstance(colour, tuple) and colour == (0, 114, 178))
        assert blue > 500

    @pytest.mark.parametrize("count", [1, 300])
    def test_svg_is_the_same_twice(self, tmp_path: Path, count: int) -> None:
        first, second = tmp_path / "a.svg", tmp_path / "b.SVG"
        for path in (first, second):
            write_picture(path, *simulated(count), "title")
        text = first.read_bytes()
        assert text == second.read_bytes()
        assert b"<svg" in text
        assert b"<dc:date>" not in text

    @pytest.mark.parametrize("name", ["curve.bmp", "curve", "png"])
    def test_other_endings(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(MultidigitError, match=r"expected a file that ends in \.svg"):
            write_picture(tmp_path / name, *simulated(5), "title")
        assert not list(tmp_path.iterdir())

    def test_whole_or_not_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "curve.png").mkdir()
        with pytest.raises(MultidigitError, match="cannot be written"):
            write_picture(tmp_path / "curve.png", *simulated(5), "title")
        assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


def test_chart_needs_no_matplotlib() -> None:
    code = (
        "import sys, numpy as np; from multidigit.show.coverage import curve, draw_terminal;"
        "draw_terminal(*curve(np.ones(3), np.ones(3, bool)));"
        "assert not {'matplotlib', 'rich', 'tensorflow', 'scipy'} & set(sys.modules)"
    )
    root = Path(module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
