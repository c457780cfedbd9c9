"""Explained readings: the ink is outlined where it stands, the likeliest class stands out, the words are right."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from multidigit.labels import BLANK, CELL, CLASSES, text_to_slots
from multidigit.show.explained import explained_lines, explained_picture

ORANGE, BLUE, VERMILLION, SKY = (230, 159, 0), (0, 114, 178), (213, 94, 0), (86, 180, 233)
"""The box, the best class, the answer where it is another one, and the lines between cells."""
LEFT = 30
"""Where everything on the page begins."""
SLOTS, WIDTH = 5, 140


@dataclass(frozen=True)
class Seen:
    """What ``multidigit.pictures.see`` gives."""

    grey: NDArray[np.uint8]
    strips: NDArray[np.uint8]
    bright: bool = False
    box: tuple[int, int, int, int] | None = None
    rule: str = "cropped"


def seen(
    height: int, width: int, box: tuple[int, int, int, int] | None = None, slots: int = SLOTS, **fields: Any
) -> Any:
    """Dark ink in a box on light paper, and strips of noise."""
    grey = np.full((height, width), 220, np.uint8)
    if box:
        grey[box[1] : box[3], box[0] : box[2]] = 40
    strips = np.random.default_rng(0).integers(0, 256, (2, CELL, CELL * slots)).astype(np.uint8)
    return Seen(grey, strips[: fields.pop("candidates", 1)], box=box, **fields)


def sure_of(text: str, share: float = 0.9, slots: int = SLOTS) -> NDArray[np.float32]:
    """Probabilities that give the classes of a number the same share each, and the rest to the other classes."""
    found = np.full((slots, CLASSES), (1 - share) / (CLASSES - 1), np.float32)
    found[np.arange(slots), text_to_slots(text, slots)] = share
    return found


def page(
    what: Any, probabilities: NDArray[np.float32] | None = None, text: str = "47", **more: Any
) -> NDArray[np.uint8]:
    likely = sure_of("47") if probabilities is None else probabilities
    image = explained_picture(what, what.strips[0], likely, text, 0.973, **more)
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


class TestPicture:
    @pytest.mark.parametrize(
        ("height", "width", "box"),
        [(300, 400, (40, 60, 360, 200)), (2000, 3000, (1210, 900, 1900, 1105)), (30, 40, (5, 6, 33, 25))],
        ids=["as large as there is room", "shrunk", "enlarged"],
    )
    def test_the_box_is_around_the_ink(self, height: int, width: int, box: tuple[int, int, int, int]) -> None:
        pixels = page(seen(height, width, box))
        orange = where(pixels, ORANGE)
        left, top, right, bottom = limits(orange)
        inner = orange[top + 3 : bottom - 3, left + 3 : right - 3]
        assert not inner.any()
        assert orange[top : top + 3, left:right].all()
        assert orange[top:bottom, right - 3 : right].all()
        # All of the ink is inside, and hardly any paper: a pixel on each side where the box falls between two.
        ink = pixels[top + 3 : bottom - 3, left + 3 : right - 3]
        assert (ink[1:-1, 1:-1] == 40).all()
        scale = min(840 / width, 280 / height)
        scale = min(int(scale), 6) if scale >= 1 else scale
        assert inner.shape[1] == pytest.approx((box[2] - box[0]) * scale, abs=2)
        assert inner.shape[0] == pytest.approx((box[3] - box[1]) * scale, abs=2)
        assert left + 3 == pytest.approx(LEFT + box[0] * scale, abs=1)
        # Nothing else on the page is as dark as the ink and as grey.
        assert where(pixels[:bottom], (40, 40, 40)).sum() == pytest.approx(ink.shape[0] * ink.shape[1], rel=0.1)

    def test_without_a_box_there_is_none(self) -> None:
        assert not where(page(seen(300, 400, rule="blank")), ORANGE).any()
        assert not where(page(seen(140, 700, rule="strip-shaped")), ORANGE).any()

    @pytest.mark.parametrize(
        ("height", "width", "box"),
        [
            (60, 9000, (4000, 10, 4080, 50)),
            (9000, 60, (10, 8950, 50, 8990)),
            (60, 9000, (0, 10, 9000, 50)),
            (1, 30_000, None),
            (30_000, 1, None),
            (1, 1, None),
            (3000, 4000, (0, 0, 4000, 3000)),
        ],
    )
    def test_any_shape_fits_on_a_page(self, height: int, width: int, box: tuple[int, int, int, int] | None) -> None:
        pixels = page(seen(height, width, box, rule="cropped" if box else "blank"))
        assert pixels.shape[1] == 900
        assert 700 < pixels.shape[0] < 1200
        assert where(pixels, ORANGE).any() == (box is not None)
        # Down to the last line it was filled, and no line of it was cut off.
        assert (pixels[-10:] == 255).all()
        assert (pixels[-60:-10] < 100).any()

    def test_of_long_pictures_the_part_with_the_ink_is_shown(self) -> None:
        for box in [(0, 10, 80, 50), (4000, 10, 4080, 50), (8920, 10, 9000, 50)]:
            left, top, right, bottom = limits(where(page(seen(60, 9000, box)), ORANGE))
            assert right - left - 6 == pytest.approx(2 * (bottom - top - 6), abs=4)
            assert bottom - top - 6 == pytest.approx(40 * 40 / 60, abs=2)
        assert left > 700


class TestStrip:
    def test_it_is_the_one_that_was_read_six_times_as_large(self) -> None:
        what = seen(300, 400, candidates=2)
        pixels = np.asarray(explained_picture(what, what.strips[1], sure_of("47"), "47", 0.9))
        top = strip_top(pixels)
        # In the middle of each pixel, so that the lines between cells are not met.
        shown = pixels[top + 3 : top + CELL * 6 : 6, LEFT + 3 : LEFT + WIDTH * 6 : 6]
        assert np.array_equal(shown, np.repeat(what.strips[1][..., None], 3, -1))


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

    def test_the_best_class_stands_out(self) -> None:
        pixels = page(seen(300, 400))
        assert self.bars(pixels, BLUE) == [
            (slot, int(best), 99) for slot, best in enumerate(text_to_slots("47", SLOTS))
        ]
        assert not self.bars(pixels, VERMILLION)

    def test_bars_are_as_high_as_their_classes_are_likely(self) -> None:
        likely = np.zeros((SLOTS, CLASSES), np.float32)
        likely[:, 3] = 1, 0.9, 0.6, 0.5, 0.004
        likely[:, BLANK] = 1 - likely[:, 3]
        pixels = page(seen(300, 400), likely, "")
        assert self.bars(pixels, BLUE) == [(0, 3, 110), (1, 3, 99), (2, 3, 66), (3, 3, 55), (4, BLANK, 110)]
        assert self.bars(pixels, (196, 196, 196)) == [(1, BLANK, 11), (2, BLANK, 44), (3, BLANK, 55)]

    def test_an_answer_that_is_not_the_likeliest_is_shown(self) -> None:
        likely = sure_of("47")
        likely[1, 7], likely[1, 1] = 0.6, 0.3
        pixels = page(seen(300, 400), likely, "41")
        assert self.bars(pixels, BLUE)[:2] == [(0, 4, 99), (1, 7, 66)]
        assert self.bars(pixels, VERMILLION) == [(1, 1, 33)]


class TestAnswer:
    def test_each_part_is_on_the_page(self) -> None:
        what = seen(300, 400, (40, 60, 360, 200))
        plain = page(what)
        others = [("41", 0.02), ("", 0.001)]
        for more in ({"text": "43"}, {"alternatives": others}, {"title": "meter.png"}):
            changed = page(what, **more)
            assert changed.shape != plain.shape or (changed != plain).any(), more

    def test_of_many_alternatives_the_first_four_are_named(self) -> None:
        what = seen(300, 400)
        many = [(str(number), 0.01) for number in range(50)]
        assert np.array_equal(page(what, alternatives=many), page(what, alternatives=many[:4]))
        assert not np.array_equal(page(what, alternatives=many), page(what, alternatives=many[:3]))

    def test_no_digits_and_any_title(self) -> None:
        for title in ("日本/été.png", "a\nb\x00\udc80.png", "x" * 500):
            pixels = page(seen(300, 400, rule="blank"), text="", title=title)
            assert (pixels[:, : LEFT - 3] == 255).all()
            assert (pixels[:, -LEFT + 3 :] == 255).all()
        one, other, accents = (page(seen(300, 400), title=title) for title in ("meter 1e", "meter 2e", "meter 1é"))
        assert (one != other).any()
        assert np.array_equal(one, accents)


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
class TestSlots:
    def test_the_page_is_as_wide_as_the_strip(self, slots: int) -> None:
        what, text = seen(300, 400, slots=slots), "908173524610"[:slots]
        pixels = page(what, sure_of(text, slots=slots), text)
        assert pixels.shape[1] == max(840, 168 * slots) + 2 * LEFT
        lines = where(pixels, SKY).sum(0) == CELL * 6
        assert np.flatnonzero(lines).tolist() == [LEFT + cell * CELL * 6 for cell in range(1, slots)]
        assert (pixels[:, -LEFT + 3 :] == 255).all()

    def test_there_is_a_line_for_each_slot(self, slots: int) -> None:
        what, text = seen(300, 400, slots=slots), "908173524610"[:slots]
        found = [line for line in lines(what, sure_of(text, slots=slots), text, terminal()) if line.startswith("slot")]
        assert "".join(line[9] for line in found) == text
        assert len({line.index("%") for line in found}) == 1


def terminal(width: int = 120, **options: Any) -> Console:
    given = {"force_terminal": True, "color_system": "truecolor", "no_color": False, **options}
    return Console(file=StringIO(), width=width, legacy_windows=False, **given)


def lines(what: Any, likely: NDArray[np.float32], text: str, console: Console, candidate: int = 0) -> list[str]:
    return explained_lines(what, what.strips[candidate], likely, text, console).split("\n")


class TestLines:
    def test_a_line_for_each_slot(self) -> None:
        likely = np.zeros((SLOTS, CLASSES), np.float32)
        likely[0, [7, 2, BLANK]] = 0.97, 0.02, 0.01
        likely[1, [1, 3, 4]] = 0.53, 0.469, 0.001
        likely[2:, BLANK] = 1
        likely[4, [BLANK, 0]] = 0.9999, 0.0001
        found = [line for line in lines(seen(300, 400), likely, "71", terminal()) if line.startswith("slot")]
        assert found == [
            "slot 1   7 ██████████  97 %    2   2 %    –   1 %",
            "slot 2   1 █████       53 %    3  47 %    4  <1 %",
            "slot 3   – ██████████ 100 %    0   0 %    1   0 %",
            "slot 4   – ██████████ 100 %    0   0 %    1   0 %",
            "slot 5   – ██████████ >99 %    0  <1 %    1   0 %",
        ]

    def test_an_answer_that_is_not_the_likeliest_is_added(self) -> None:
        found = lines(seen(300, 400), sure_of("47"), "41", terminal())
        assert [line.endswith("    answer: 1 1 %") for line in found if line.startswith("slot")] == [False, True] + [
            False
        ] * 3
        assert not any("answer" in line for line in lines(seen(300, 400), sure_of("47"), "", terminal()))

    @pytest.mark.parametrize(
        ("fields", "candidate", "rule", "polarity"),
        [
            ({"rule": "strip", "bright": True}, 0, "a strip already", "bright ink on dark"),
            ({"rule": "strip-shaped", "bright": False}, 0, "resized as a whole", "dark ink on light: inverted"),
            ({"rule": "blank"}, 0, "no ink found", "nothing"),
            ({"candidates": 2, "bright": True}, 0, "cropped", "bright ink on dark (in doubt"),
            ({"candidates": 2, "bright": True}, 1, "cropped", "dark ink on light: inverted (in doubt"),
            ({"candidates": 2, "bright": False}, 1, "cropped", "bright ink on dark (in doubt"),
        ],
    )
    def test_rule_and_polarity_in_words(self, fields: dict[str, Any], candidate: int, rule: str, polarity: str) -> None:
        *_, origin, last = lines(seen(300, 4000, **fields), sure_of("47"), "47", terminal(), candidate)
        assert origin.startswith("4,000 pixels wide, 300 high; ")
        assert rule in origin
        assert last.startswith(polarity)

    def test_the_strip_in_blocks(self) -> None:
        what = seen(300, 400)
        grey = lines(what, sure_of("47"), "47", terminal())
        assert all(line.count("▀") == WIDTH // 2 for line in grey[:7])
        upper = int(what.strips[0][:2, :2].mean().round())
        assert grey[0].startswith(f"\x1b[38;2;{upper};{upper};{upper};")
        assert grey[7] == "what the network saw"
        assert lines(what, sure_of("47"), "47", terminal(60))[0].count("▀") == WIDTH // 4

    @pytest.mark.parametrize("width", [70, 300])
    def test_it_is_no_wider_than_a_hundred(self, width: int) -> None:
        likely = sure_of("12345", 0.5)
        for what in (seen(9999, 9999, rule=rule, candidates=2) for rule in ("strip", "cropped", "blank")):
            found = lines(what, likely, "99999", terminal(width, no_color=True))
            assert max(map(len, found)) <= 100

    def test_a_terminal_that_has_ascii_alone(self) -> None:
        class Latin(StringIO):
            encoding = "iso-8859-1"

        console = Console(file=Latin(), width=120, force_terminal=True, color_system="truecolor")
        found = "\n".join(lines(seen(300, 400), sure_of("47"), "41", console))
        assert found.isascii()
        assert "slot 3   - #########   90 %" in found


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "import numpy as np\n"
        "from multidigit.show.explained import explained_picture\n"
        "strip = np.zeros((28, 140), np.uint8)\n"
        "what = SimpleNamespace(grey=strip, strips=strip[None], bright=True, box=(9, 4, 99, 24), rule='strip')\n"
        "explained_picture(what, strip, np.full((5, 11), 1 / 11, np.float32), '1', 0.5)\n"
        "heavy = {'matplotlib', 'tensorflow', 'keras', 'scipy', 'pydantic', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
