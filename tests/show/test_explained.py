"""Explained readings: rows are outlined where they are, the likeliest class stands out, the words are right."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from multidigit.labels import BLANK, CELL, CLASSES, text_to_slots
from multidigit.pictures import RowBox, View
from multidigit.reading.reader import Alternative, Look, Reading
from multidigit.show.explained import explained_lines, explained_picture

ORANGE, BLUE, VERMILLION, SKY = (230, 159, 0), (0, 114, 178), (213, 94, 0), (86, 180, 233)
"""The row that was read, the best class, the answer where it is another one, and other rows and lines between cells."""
LEFT = 30
"""Where everything on the page begins."""
SLOTS, WIDTH = 5, 140
ROW = RowBox(200, 130, 320, 140)


def sure_of(text: str, share: float = 0.9, slots: int = SLOTS) -> NDArray[np.float32]:
    """Probabilities that give the classes of a number the same share each, and the rest to the other classes."""
    found = np.full((slots, CLASSES), (1 - share) / (CLASSES - 1), np.float32)
    found[np.arange(slots), text_to_slots(text, slots)] = share
    return found


def look(
    shape: tuple[int, int] = (300, 400),
    row: RowBox | None = None,
    others: tuple[RowBox, ...] = (),
    likely: NDArray[np.float32] | None = None,
    text: str = "47",
    **reading: Any,
) -> Look:
    """A look at a grey picture with one row read, or the whole, and others found; the strip is noise."""
    likely = sure_of("47") if likely is None else likely
    wide = CELL * len(likely)
    strip = np.random.default_rng(0).integers(0, 256, (CELL, wide)).astype(np.uint8)
    box = row or RowBox(shape[1] / 2, shape[0] / 2, shape[1], shape[0])
    return Look(
        np.full(shape, 220, np.uint8),
        (*([row] if row else []), *others),
        View(strip[None], row),
        likely,
        np.zeros((len(likely), wide), np.float32),
        Reading(text, 0.973, box=box, **reading),
    )


def page(what: Look, title: str = "") -> NDArray[np.uint8]:
    image = explained_picture(what, title)
    assert image.mode == "RGB"
    return np.asarray(image)


def where(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Pixels of exactly one colour, shape (H, W)."""
    return (pixels == colour).all(-1)


def limits(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is true; the ends are exclusive."""
    y, x = np.nonzero(mask)
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def strip_top(pixels: NDArray[np.uint8]) -> int:
    """Where the strip begins: the only place with a line of sky blue from one cell to the next."""
    column = np.flatnonzero(where(pixels, SKY)[:, LEFT + CELL * 6])
    assert len(column) == CELL * 6
    return int(column[0])


def is_whole(pixels: NDArray[np.uint8]) -> None:
    """The page was filled down to its last line, no line of it was cut off, and nothing stands in its margins."""
    assert (pixels[-10:] == 255).all()
    assert (pixels[-60:-10] < 110).any()
    assert (pixels[:, : LEFT - 3] == 255).all()
    assert (pixels[:, -LEFT + 3 :] == 255).all()


class TestPicture:
    @pytest.mark.parametrize(
        ("shape", "row", "scale"),
        [
            ((250, 400), ROW, 1),
            ((2000, 3000), RowBox(1555, 1002, 690, 205), 280 / 2000),
            ((30, 40), RowBox(19, 15, 28, 19), 6),
            ((250, 400), RowBox(200, 130, 140, 30, 0.5), 1),
        ],
        ids=["as large as there is room", "shrunk", "enlarged", "turned"],
    )
    def test_the_row_that_was_read_is_outlined(self, shape: tuple[int, int], row: RowBox, scale: float) -> None:
        found = np.array(limits(where(page(look(shape, row)), ORANGE)))
        x, y = np.array(row.corners()).T * scale
        top = np.flatnonzero(where(page(look(shape)), (220, 220, 220)).sum(1) > 100)[0]
        assert np.abs(found - (LEFT + x.min(), top + y.min(), LEFT + x.max(), top + y.max())).max() <= 3

    def test_other_rows_are_outlined_in_another_colour(self) -> None:
        other = RowBox(90, 250, 100, 30)
        for what, orange, blue in (
            (look(), False, False),
            (look(row=ROW), True, False),
            (look(row=ROW, others=(other,)), True, True),
            (look(others=(other,)), False, True),
        ):
            pixels = page(what)
            assert where(pixels, ORANGE).any() == orange
            assert where(pixels[: strip_top(pixels)], SKY).any() == blue

    @pytest.mark.parametrize(
        ("shape", "row"),
        [
            ((60, 9000), RowBox(4040, 30, 80, 40)),
            ((9000, 60), RowBox(30, 8970, 40, 40)),
            ((60, 9000), RowBox(4500, 30, 9000, 40)),
            ((1, 30_000), None),
            ((30_000, 1), None),
            ((1, 1), None),
            ((3000, 4000), RowBox(2000, 1500, 4000, 3000)),
        ],
    )
    def test_any_shape_fits_on_a_page(self, shape: tuple[int, int], row: RowBox | None) -> None:
        pixels = page(look(shape, row))
        assert pixels.shape[1] == 900
        is_whole(pixels)
        assert where(pixels, ORANGE).any() == (row is not None)

    @pytest.mark.parametrize("x", [40, 4040, 8960])
    def test_of_long_pictures_the_part_with_the_row_is_shown(self, x: int) -> None:
        left, top, right, bottom = limits(where(page(look((60, 9000), RowBox(x, 30, 80, 40))), ORANGE))
        assert right - left == pytest.approx(80 * 40 / 60, abs=4)
        assert bottom - top == pytest.approx(40 * 40 / 60, abs=4)
        assert (left > 700) == (x == 8960)


def test_the_strip_is_shown_six_times_as_large() -> None:
    what = look()
    pixels = page(what)
    top = strip_top(pixels)
    # In the middle of each pixel, so that the lines between cells are not met.
    shown = pixels[top + 3 : top + CELL * 6 : 6, LEFT + 3 : LEFT + WIDTH * 6 : 6]
    assert np.array_equal(shown, np.repeat(what.view.strip[..., None], 3, -1))


def test_attention_has_a_band_for_each_digit() -> None:
    attention = np.zeros((SLOTS, WIDTH), np.float32)
    attention[0, 40:60], attention[1, 70:100], attention[2] = 1, 1, 1
    pixels = page(replace(look(), attention=attention))
    black = where(pixels[strip_top(pixels) + CELL * 6 :], (0, 0, 0))
    # The third slot holds no digit.
    assert black.sum(0).max() == 20
    assert limits(black[:, LEFT + 100 :])[::2] == (40 * 6 - 100, 100 * 6 - 100)
    assert black.sum() == 20 * 6 * (20 + 30)
    is_whole(page(look(likely=np.eye(CLASSES, dtype=np.float32)[[BLANK] * SLOTS], text="")))


class TestCharts:
    @staticmethod
    def bars(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> list[tuple[int, int, int]]:
        """Slot, class and height of each bar of a colour, in the order in which they stand."""
        below = pixels[strip_top(pixels) + CELL * 6 :]
        found = []
        for slot in range(SLOTS):
            for index in range(CLASSES):
                x = LEFT + slot * CELL * 6 + 7 + index * 14 + 2
                # With paper beside it: rules across the page are as grey.
                columns = where(below[:, x : x + 10], colour).all(-1) & ~where(below[:, x - 1], colour)
                # Letters of headings are as blue, on two lines at most.
                if columns.sum() > 2:
                    found.append((slot, index, int(columns.sum())))
        return found

    def test_bars_are_as_high_as_their_classes_are_likely_and_the_best_stands_out(self) -> None:
        likely = np.zeros((SLOTS, CLASSES), np.float32)
        likely[:, 3] = 1, 0.9, 0.6, 0.5, 0.004
        likely[:, BLANK] = 1 - likely[:, 3]
        pixels = page(look(likely=likely, text=""))
        assert self.bars(pixels, BLUE) == [(0, 3, 110), (1, 3, 99), (2, 3, 66), (3, 3, 55), (4, BLANK, 110)]
        assert self.bars(pixels, (196, 196, 196)) == [(1, BLANK, 11), (2, BLANK, 44), (3, BLANK, 55)]
        assert not self.bars(pixels, VERMILLION)

    def test_an_answer_that_is_not_the_likeliest_is_shown(self) -> None:
        likely = sure_of("47")
        likely[1, 7], likely[1, 1] = 0.6, 0.3
        pixels = page(look(likely=likely, text="41"))
        assert self.bars(pixels, BLUE)[:2] == [(0, 4, 99), (1, 7, 66)]
        assert self.bars(pixels, VERMILLION) == [(1, 1, 33)]


class TestAnswer:
    def test_each_part_is_on_the_page(self) -> None:
        plain = page(look())
        others = (Alternative("41", 0.02), Alternative("4", 0.001))
        for changed in (
            page(look(text="43")),
            page(look(alternatives=others)),
            page(look(), "meter.png"),
            page(look(too_long=True)),
        ):
            assert changed.shape != plain.shape or (changed != plain).any()

    def test_of_many_alternatives_the_first_four_are_named(self) -> None:
        many = tuple(Alternative(str(number), 0.01) for number in range(30))
        assert np.array_equal(page(look(alternatives=many)), page(look(alternatives=many[:4])))
        assert not np.array_equal(page(look(alternatives=many)), page(look(alternatives=many[:3])))

    def test_no_digits_and_any_title(self) -> None:
        for title in ("日本/été.png", "a\nb\x00\udc80.png", "x" * 500):
            is_whole(page(look(text=""), title))
        one, other, accents = (page(look(), title) for title in ("meter 1e", "meter 2e", "meter 1é"))
        assert (one != other).any()
        assert np.array_equal(one, accents)


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
def test_a_page_is_as_wide_as_its_strip_and_there_is_a_line_for_each_slot(slots: int) -> None:
    text = "908173524610"[:slots]
    what = look(likely=sure_of(text, slots=slots), text=text, alternatives=(Alternative("1", 0.1),))
    pixels = page(what, "meter.png")
    assert pixels.shape[1] == max(840, 168 * slots) + 2 * LEFT
    is_whole(pixels)
    drawn = where(pixels, SKY).sum(0) == CELL * 6
    assert np.flatnonzero(drawn).tolist() == [LEFT + cell * CELL * 6 for cell in range(1, slots)]
    found = [line for line in lines(what, terminal()) if line.startswith("slot")]
    assert "".join(line[9] for line in found) == text
    assert len({line.index("%") for line in found}) == 1


def terminal(width: int = 120, **options: Any) -> Console:
    given = {"force_terminal": True, "color_system": "truecolor", "no_color": False, **options}
    return Console(file=StringIO(), width=width, legacy_windows=False, **given)


def lines(what: Look, console: Console) -> list[str]:
    return explained_lines(what, console).split("\n")


class TestLines:
    def test_a_line_for_each_slot(self) -> None:
        likely = np.zeros((SLOTS, CLASSES), np.float32)
        likely[0, [7, 2, BLANK]] = 0.97, 0.02, 0.01
        likely[1, [1, 3, 4]] = 0.53, 0.469, 0.001
        likely[2:, BLANK] = 1
        likely[4, [BLANK, 0]] = 0.9999, 0.0001
        found = lines(look(likely=likely, text="71"), terminal())
        assert [line for line in found if line.startswith("slot")] == [
            "slot 1   7 ██████████  97 %    2   2 %    –   1 %",
            "slot 2   1 █████       53 %    3  47 %    4  <1 %",
            "slot 3   – ██████████ 100 %    0   0 %    1   0 %",
            "slot 4   – ██████████ 100 %    0   0 %    1   0 %",
            "slot 5   – ██████████ >99 %    0  <1 %    1   0 %",
        ]

    def test_an_answer_that_is_not_the_likeliest_is_added(self) -> None:
        found = [line for line in lines(look(text="41"), terminal()) if line.startswith("slot")]
        assert [line.endswith("    answer: 1 1 %") for line in found] == [False, True, False, False, False]
        assert not any("answer" in line for line in lines(look(text=""), terminal()))

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (None, "4,000 pixels wide, 300 high; read as a whole"),
            (ROW, "4,000 pixels wide, 300 high; a row 320 wide and 140 high was cut out"),
            (replace(ROW, angle=-0.2), "a row 320 wide and 140 high was cut out, turned by -11°"),
        ],
    )
    def test_what_was_read_in_words(self, row: RowBox | None, words: str) -> None:
        assert lines(look((300, 4000), row), terminal())[-1].endswith(words)

    def test_the_strip_in_blocks(self) -> None:
        what = look()
        grey = lines(what, terminal())
        assert all(line.count("▀") == WIDTH // 2 for line in grey[:7])
        upper = int(what.view.strip[:2, :2].mean().round())
        assert grey[0].startswith(f"\x1b[38;2;{upper};{upper};{upper};")
        assert grey[7] == "what the network saw"
        assert lines(what, terminal(60))[0].count("▀") == WIDTH // 4

    @pytest.mark.parametrize("width", [70, 300])
    def test_it_is_no_wider_than_a_hundred(self, width: int) -> None:
        for row in (None, RowBox(5000, 5000, 9999, 9999, 0.5)):
            found = lines(
                look((9999, 9999), row, likely=sure_of("12345", 0.5), text="99999"), terminal(width, no_color=True)
            )
            assert max(map(len, found)) <= 100

    def test_a_terminal_that_has_ascii_alone(self) -> None:
        class Latin(StringIO):
            encoding = "iso-8859-1"

        console = Console(file=Latin(), width=120, force_terminal=True, color_system="truecolor")
        found = "\n".join(lines(look(row=replace(ROW, angle=0.2), text="41"), console))
        assert found.isascii()
        assert "slot 3   - #########   90 %" in found
        assert found.endswith("turned by 11 degrees")


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from multidigit.pictures import View\n"
        "from multidigit.reading.reader import Look, Reading\n"
        "from multidigit.show.explained import explained_picture\n"
        "strip, likely = np.zeros((28, 140), np.uint8), np.full((5, 11), 1 / 11, np.float32)\n"
        "what = Look(strip, (), View(strip[None], None), likely, np.zeros((5, 140), np.float32), Reading('1', 0.5))\n"
        "explained_picture(what)\n"
        "heavy = {'matplotlib', 'tensorflow', 'keras', 'scipy', 'cv2', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
