"""Strips in the terminal: as many as fit, right way up, each over its own label; nothing but text elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from helpers import Called
from numpy.typing import NDArray
from rich.console import Console

from multidigit.labels import CELL
from multidigit.show.blocks import Plan, draw, plan, show

Call = Callable[..., Called]
WIDTH = 140
"""Of a strip of five slots."""
CELL_STYLE = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)\x1b\[0m")


@pytest.fixture
def strips() -> NDArray[np.uint8]:
    """Strips of noise, none of which looks like another one."""
    return np.random.default_rng(0).integers(0, 256, (8, CELL, WIDTH)).astype(np.uint8)


def terminal(width: int, height: int, **options: object) -> Console:
    given: dict[str, object] = {"force_terminal": True, "color_system": "truecolor", "no_color": False, **options}
    return Console(file=StringIO(), width=width, height=height, legacy_windows=False, **given)  # type: ignore[arg-type]


def printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def pixels(line: str) -> list[tuple[int, int]]:
    """Upper and lower pixel of every half block of a line."""
    found = []
    for *colours, run in CELL_STYLE.findall(line):
        r, g, b, below_r, below_g, below_b = map(int, colours)
        assert r == g == b
        assert below_r == below_g == below_b
        found += [(r, below_r)] * len(run)
    return found


class TestPlan:
    @pytest.mark.parametrize(
        ("count", "width", "height", "expected"),
        [
            (1, 200, 50, Plan(1, 1, 1)),  # as large as it is
            (3, 200, 50, Plan(3, 1, 1)),
            (4, 200, 50, Plan(4, 2, 2)),  # smaller, so that all fit
            (10, 200, 50, Plan(10, 2, 2)),
            (11, 200, 50, Plan(11, 5, 4)),
            (1000, 200, 50, Plan(10, 2, 2)),  # never so small only to show some more of too many
            (6, 80, 24, Plan(6, 2, 4)),
            (2, 80, 24, Plan(2, 1, 2)),
            (50, 80, 24, Plan(2, 1, 2)),
            (2, 60, 24, Plan(2, 1, 4)),
            (5, 35, 3, Plan(1, 1, 4)),  # one is shown however little room there is
            (5, 30, 3, Plan(1, 1, 7)),
            (500, 140, None, Plan(500, 1, 1)),  # a file has no end
            (500, 139, None, Plan(500, 1, 2)),
        ],
    )
    def test_as_large_as_all_fit(self, count: int, width: int, height: int | None, expected: Plan) -> None:
        assert plan(count, 5, width, height) == expected

    @pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
    def test_no_plan_outgrows_the_screen(self, slots: int) -> None:
        for width in range(max(35, 4 * slots), 400, 19):
            for height in range(8, 120, 11):
                for count in (1, 2, 6, 20, 300):
                    how = plan(count, slots, width, height)
                    wide = how.columns * (CELL * slots // how.reduction + 2) - 2
                    rows = -(-how.count // how.columns)
                    assert 1 <= how.count <= count
                    assert wide <= width
                    assert rows * (-(-CELL // (2 * how.reduction)) + 2) <= max(height, 16)


class TestGrey:
    @pytest.mark.parametrize("slots", [1, 5, 12])
    def test_every_pixel_is_there(self, slots: int) -> None:
        strips = np.random.default_rng(0).integers(0, 256, (2, CELL, CELL * slots)).astype(np.uint8)
        console = terminal(CELL * slots, 100)
        assert show(strips, ["12345", "7"], console) == 2
        lines = printed(console).split("\n")
        for number, caption in enumerate(("12345", "7")):
            block = lines[16 * number : 16 * number + 14]
            seen = np.array([pixels(line) for line in block], np.uint8)  # (14, 28·slots, 2)
            assert np.array_equal(seen.transpose(0, 2, 1).reshape(CELL, -1), strips[number])
            assert lines[16 * number + 14 : 16 * number + 16] == [caption, ""]

    def test_reduced_pixels_are_means(self, strips: NDArray[np.uint8]) -> None:
        console = Console(file=StringIO(), width=200, force_terminal=True, color_system="truecolor")
        console.print(draw(strips[:1], ["1"], Plan(1, 1, 2), grey=True), soft_wrap=True)
        seen = np.array([pixels(line) for line in printed(console).split("\n")[:7]], np.uint8)
        means = strips[0].reshape(14, 2, 70, 2).mean((1, 3)).round()
        assert np.array_equal(seen.transpose(0, 2, 1).reshape(14, 70), means)

    def test_strips_stand_side_by_side_over_their_labels(self, strips: NDArray[np.uint8]) -> None:
        text = draw(strips[:3], ["11111", "22222", "3"], Plan(3, 2, 4), grey=True).plain.split("\n")
        assert text[0] == "▀" * 35 + "  " + "▀" * 35
        assert text[4] == "11111" + " " * 32 + "22222"
        assert text[6] == "▀" * 35
        assert text[10] == "3"

    def test_an_odd_last_row_of_pixels_is_not_lost(self, strips: NDArray[np.uint8]) -> None:
        console = Console(file=StringIO(), width=200, force_terminal=True, color_system="truecolor")
        console.print(draw(strips[:1], ["1"], Plan(1, 1, 4), grey=True), soft_wrap=True)
        seen = np.array([pixels(line) for line in printed(console).split("\n")[:4]])
        assert seen.shape == (4, 35, 2)
        assert (seen[-1, :, 0] > 0).all()
        assert (seen[-1, :, 1] == 0).all()


class TestPlain:
    @pytest.mark.parametrize(
        "options",
        [{"force_terminal": False}, {"no_color": True}, {"color_system": None}, {"color_system": "standard"}],
        ids=["a file", "NO_COLOR", "no colours", "sixteen colours"],
    )
    def test_without_colours_it_is_ascii(self, strips: NDArray[np.uint8], options: dict[str, object]) -> None:
        console = terminal(150, 100, **options)
        show(strips[:1], ["12345"], console)
        assert printed(console).isascii()
        assert "\x1b" not in printed(console)

    def test_a_terminal_that_cannot_write_half_blocks(self, strips: NDArray[np.uint8]) -> None:
        class Latin(StringIO):
            encoding = "iso-8859-1"

        console = Console(file=Latin(), width=150, height=50, force_terminal=True, color_system="truecolor")
        show(strips[:1], ["12345"], console)
        assert printed(console).isascii()

    def test_more_ink_is_a_darker_character(self) -> None:
        ramp = np.broadcast_to(np.linspace(0, 255, WIDTH).astype(np.uint8), (1, CELL, WIDTH))
        line = draw(ramp, ["1"], Plan(1, 1, 1), grey=False).plain.split("\n")[0]
        assert re.fullmatch(r" +\.+:+-+=+\++\*+#+%+@+", line)
        assert len(line) == WIDTH

    def test_a_file_gets_all_and_no_spaces_at_the_ends(
        self, strips: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "72")
        dim = np.where(np.arange(WIDTH) < 20, strips, 0).astype(np.uint8)
        console = terminal(72, 10, force_terminal=False)
        assert show(dim, list("12345678"), console) == 8
        lines = printed(console).split("\n")
        assert [line for line in lines if line.isdigit()] == list("12345678")
        assert all(line == line.rstrip() and len(line) <= 10 for line in lines)


class TestGenerateShow:
    def test_alone_it_writes_no_files(self, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        called = call("generate", "--show", "--layout", "structured", "--set", "slots=8")
        assert (called.code, called.err) == (0, "")
        assert not list(tmp_path.iterdir())
        assert called.out.isascii()
        assert len(re.findall(r"(?m)^[0-9]{1,8}$", called.out)) == 6

    def test_beside_files(self, tmp_path: Path, call: Call) -> None:
        called = call("generate", "--show", "--count", "3", "--out", tmp_path / "strips")
        assert (called.code, called.err) == (0, "")
        labels = [line.split(",")[1] for line in (tmp_path / "strips" / "labels.csv").read_text().split()[1:]]
        assert re.findall(r"(?m)^[0-9]{1,5}$", called.out) == labels
        assert "3 strips are in" in called.out
        called = call("generate", "--show", "--count", "2", "--sheet", tmp_path / "sheet.png")
        assert called.code == 0
        assert len(re.findall(r"(?m)^[0-9]{1,5}$", called.out)) == 2
        assert {path.name for path in tmp_path.iterdir()} == {"strips", "sheet.png"}

    def test_a_screen_too_small_is_named(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("LINES", "24")
        called = call("generate", "--show", "--count", "9")
        assert called.code == 0
        assert called.err == "2 of 9 strips are shown: as many as fit\n"
        assert "▀" in called.out

    def test_with_json_it_is_wrong_usage(self, call: Call, tmp_path: Path) -> None:
        called = call("generate", "--show", "--json", "--out", tmp_path / "strips")
        assert called.code == 2
        assert called.out == ""
        assert not (tmp_path / "strips").exists()
