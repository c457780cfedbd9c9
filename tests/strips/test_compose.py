"""Strips from digits, measured on digits whose place and size can be read off a strip exactly."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits.base import Digits
from multidigit.labels import BLANK, lengths
from multidigit.settings import LayoutSettings
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.distractors import Distractors

HIGH, WIDE = 20, 12
TOP, LEFT = 4, 8
LABELS = np.arange(10, dtype=np.uint8)


def blocks(high: int = HIGH, wide: int = WIDE, top: int = TOP, left: int = LEFT) -> Digits:
    """One image a digit: a filled rectangle; digit d has the brightness 60 + 20·d and no other pixel has."""
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, top : top + high, left : left + wide] = brightness(LABELS)[:, None, None]
    return Digits(images, LABELS)


def brightness(label: Any) -> NDArray[np.uint8]:
    return (60 + 20 * np.asarray(label, np.int64)).astype(np.uint8)


def draw(count: int = 2000, digits: Digits | None = None, seed: int = 1, slots: int = 5, **layout: Any) -> Strips:
    settings = LayoutSettings(**{"length": (1, slots)} | layout)
    return Composer(digits or blocks(), settings, slots).compose(count, np.random.default_rng(seed))


@dataclass(frozen=True)
class Block:
    """A run of columns that hold ink: the digit it shows, and where it stands; right and bottom lie outside."""

    label: int
    left: int
    right: int
    top: int
    bottom: int
    solid: bool

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def read_off(strip: NDArray[np.uint8]) -> list[Block]:
    """The digits of a strip from the left, separated by empty columns and by brightness."""
    column = strip.max(0).astype(int)
    edges = np.flatnonzero(np.diff(column, prepend=0, append=0))
    found = []
    for left, right in pairwise(edges):
        if column[left]:
            part = strip[:, left:right]
            rows = np.flatnonzero(part.any(1))
            top, bottom = int(rows[0]), int(rows[-1]) + 1
            solid = bool((part[top:bottom] == column[left]).all())
            found.append(Block((column[left] - 60) // 20, int(left), int(right), top, bottom, solid))
    return found


def assert_contract(strips: Strips, count: int, slots: int = 5) -> None:
    assert len(strips) == count
    assert (strips.images.dtype, strips.images.shape) == (np.uint8, (count, 28, 28 * slots))
    assert (strips.slots.dtype, strips.slots.shape) == (np.uint8, (count, slots))
    assert strips.images.flags.c_contiguous
    assert (strips.slots <= BLANK).all()
    # Unused slots trail.
    blank = strips.slots == BLANK
    assert (blank[:, 1:] >= blank[:, :-1]).all()


@pytest.mark.parametrize("layout", ["structured", "free"])
class TestEveryLayout:
    @pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
    @pytest.mark.parametrize("count", [0, 1, 257])
    def test_shapes_and_types(self, layout, count, slots):
        assert_contract(draw(count, name=layout, slots=slots), count, slots)

    @pytest.mark.parametrize("slots", [1, 5, 8])
    def test_every_length_and_every_digit_comes_equally_often(self, layout, slots):
        strips = draw(800 * slots, name=layout, slots=slots)
        assert set(lengths(draw(100, name=layout, length=(2, 3)).slots).tolist()) == {2, 3}
        share = np.bincount(lengths(strips.slots), minlength=slots + 1)
        assert share[0] == 0
        assert (np.abs(share[1:] - 800) < 120).all(), "about 800 of each length"
        for slot in range(slots):
            digits = np.bincount(strips.slots[:, slot], minlength=11)[:10]
            mean = 80 * (slots - slot)
            assert (np.abs(digits - mean) < 6 * mean**0.5).all(), "about as many of each digit in every slot"

    @pytest.mark.parametrize("slots", [1, 3, 8, 12])
    def test_strips_of_any_slots_hold_their_digits_in_order_and_whole(self, layout, slots):
        free = {} if layout == "structured" else {"gap": (1, 6), "scale": (0.6, 1.3), "tilt": (-4, 4)}
        strips = draw(300, name=layout, slots=slots, **free)
        for image, row in zip(strips.images, strips.slots, strict=True):
            found = read_off(image)
            assert [block.label for block in found] == row[row != BLANK].tolist()
            assert all(block.solid and block.height >= 7 for block in found)

    def test_a_strip_depends_on_the_state_of_its_generator_alone(self, layout):
        one, same, other = (draw(300, name=layout, seed=seed) for seed in (3, 3, 4))
        assert one.images.tobytes() == same.images.tobytes()
        assert one.slots.tobytes() == same.slots.tobytes()
        assert (one.slots != other.slots).any(1).mean() > 0.5
        composer, rng = Composer(blocks(), LayoutSettings(name=layout), 5), np.random.default_rng(0)
        assert (composer.compose(50, rng).slots != composer.compose(50, rng).slots).any(1).mean() > 0.5

    def test_every_image_of_the_pool_is_used_and_none_changed(self, layout):
        digits = Digits(np.repeat(blocks().images[:1], 100, 0), np.zeros(100, np.uint8))
        digits.images[:, TOP : TOP + HIGH, LEFT : LEFT + WIDE] = np.arange(100, 200)[:, None, None]
        before = digits.images.copy()
        strips = draw(600, digits, name=layout, gap=(1, 6))
        assert set(np.unique(strips.images)) == {0, *range(100, 200)}
        assert (digits.images == before).all()

    @pytest.mark.parametrize("slots", [1, 5, 12])
    @pytest.mark.parametrize("kind", ["empty", "full", "pixel", "corner", "faint", "column", "row", "mixed"])
    def test_odd_digits_do_no_harm(self, layout, kind, slots):
        kinds = {key: np.zeros((28, 28), np.uint8) for key in ("empty", "full", "pixel", "corner", "faint")}
        kinds |= {"column": np.zeros((28, 28), np.uint8), "row": np.zeros((28, 28), np.uint8)}
        kinds["full"][:], kinds["pixel"][13, 13], kinds["corner"][27, 27], kinds["faint"][:] = 255, 255, 255, 31
        kinds["column"][:, 5], kinds["row"][27] = 255, 255
        images = np.stack([kinds[kind]] * 7 if kind != "mixed" else list(kinds.values()))
        digits = Digits(images, np.arange(7, dtype=np.uint8))
        strips = draw(300, digits, name=layout, gap=(-60, 60), slant=(-1, 1), slots=slots)
        assert_contract(strips, 300, slots)
        assert set(strips.slots.ravel().tolist()) == {*range(7), *([BLANK] if slots > 1 else [])}
        if kind == "empty":
            assert not strips.images.any()
        elif kind not in ("faint", "mixed"):
            # A thin line that leans is spread over two columns.
            assert (strips.images.max((1, 2)) > 100).all()


class TestStructured:
    def test_each_digit_stands_exactly_in_its_cell_and_the_rest_is_empty(self, toy_digits):
        strips = draw(500, toy_digits, name="structured")
        cells = strips.images.reshape(-1, 28, 5, 28).swapaxes(1, 2)
        pool = {image.tobytes(): label for image, label in zip(toy_digits.images, toy_digits.labels, strict=True)}
        assert len(pool) == len(toy_digits)
        for slots, row in zip(strips.slots, cells, strict=True):
            for slot, cell in zip(slots, row, strict=True):
                if slot == BLANK:
                    assert not cell.any()
                else:
                    assert pool[cell.tobytes()] == slot

    @pytest.mark.parametrize("shift", [(-3, 3), (0, 2), (-2, -1), (4, 4)])
    def test_a_shift_moves_each_digit_within_its_range_and_changes_nothing_else(self, shift):
        strips = draw(400, name="structured", shift=shift, length=(1, 5))
        down, right = set(), set()
        for image, slots in zip(strips.images, strips.slots, strict=True):
            found = read_off(image)
            assert [block.label for block in found] == [slot for slot in slots if slot != BLANK]
            for slot, block in enumerate(found):
                assert block.solid
                assert (block.height, block.width) == (HIGH, WIDE)
                down.add(block.top - TOP)
                right.add(block.left - LEFT - 28 * slot)
        assert down == right == set(range(shift[0], shift[1] + 1))

    @pytest.mark.parametrize("layout", [{}, {"freedom": 0, "scale": 1, "digit_scale": 1, "baseline": 0}])
    def test_digits_of_one_strip_are_shifted_each_by_itself_and_each_way_by_itself(self, layout):
        name = "free" if layout else "structured"
        strips = draw(300, name=name, shift=(-3, 3), length=5, **layout)
        moves = np.array([[(b.top - TOP, b.left % 28 - LEFT) for b in read_off(image)] for image in strips.images])
        for way in (0, 1):
            assert set(moves[..., way].ravel().tolist()) == set(range(-3, 4))
        assert (np.ptp(moves, axis=1) > 0).mean() > 0.9
        assert (moves[..., 0] != moves[..., 1]).mean() > 0.7

    def test_what_is_shifted_over_the_edge_does_not_come_back_on_the_other_side(self):
        full = blocks(28, 28, 0, 0)
        for shift, empty, filled in ((14, slice(14), slice(14, None)), (-14, slice(-14, None), slice(-14))):
            images = draw(300, full, name="structured", shift=(shift, shift), length=5).images
            assert not images[:, empty].any()
            assert not images[:, :, empty].any()
            assert images[:, filled, filled].all()


@pytest.fixture(scope="module")
def apart() -> tuple[Strips, list[list[Block]]]:
    """Strips whose digits do not touch, all else as by default, and what is read off them."""
    strips = draw(1500, gap=(1, 6))
    return strips, [read_off(image) for image in strips.images]


class TestFree:
    def test_digits_stand_in_order_whole_and_in_sizes_that_the_settings_allow(self, apart):
        sizes = {(s * HIGH // 256, s * WIDE // 256) for s in range(28 * 256 // HIGH + 1)}
        for slots, row in zip(apart[0].slots, apart[1], strict=True):
            assert [block.label for block in row] == [slot for slot in slots if slot != BLANK]
            for block in row:
                assert block.solid
                assert (block.height, block.width) in sizes, "both ways by the same factor: nothing is cut off"
                assert int(2 / 3 * 0.9 * HIGH) - 1 <= block.height <= 28

    def test_sizes_vary_and_that_of_the_number_more_than_that_of_its_digits(self, apart):
        heights = [[block.height for block in row] for row in apart[1]]
        every = np.concatenate(heights)
        assert every.min() <= 2 / 3 * 0.95 * HIGH
        assert every.max() == 27, "4/3 · 1.1 · 20 would be 29: no digit is higher than the strip"
        means, ratios = np.array([(np.mean(row), max(row) / min(row)) for row in heights]).T
        assert means.max() / means.min() > 1.8
        # 1.1 / 0.9, and what rounding to whole pixels adds to digits of 12 pixels.
        assert 1.15 < ratios.max() <= 1.1 / 0.9 * 13 / 12
        assert (ratios > 1).mean() > 0.6

    def test_gaps_take_every_value_of_their_range_and_no_other(self, apart):
        gaps = [b.left - a.right for row in apart[1] for a, b in pairwise(row)]
        share = np.bincount(gaps, minlength=8) / len(gaps)
        assert share[0] == share[7] == 0
        assert len(share) == 8
        assert (np.abs(share[1:7] - 1 / 6) < 0.03).all()

    def test_a_number_stands_anywhere_in_the_strip(self, apart):
        where = np.array([(row[0].left, 140 - row[-1].right) for row in apart[1]])
        assert where.min() == 0
        place = where[:, 0] / np.maximum(where.sum(1), 1)
        share = np.histogram(place, 5, (0, 1))[0] / len(place)
        assert (share > 0.12).all(), "left, right and everything between"
        assert len(set(where[:, 0].tolist())) > 100

    def test_digits_stand_above_and_below_the_line_each_by_itself(self):
        strips = draw(800, scale=0.5, digit_scale=1, gap=(1, 6), baseline=(-3, 3))
        rows = [[block.bottom for block in read_off(image)] for image in strips.images]
        share = np.bincount(np.concatenate(rows).astype(int))
        assert np.flatnonzero(share).tolist() == list(range(14 + 5 - 3, 14 + 5 + 3 + 1))
        assert (share[share > 0] / share.sum() > 0.11).all()
        assert np.mean([len(set(row)) > 1 for row in rows if len(row) > 1]) > 0.8

    def test_settings_of_one_value_are_met_exactly(self):
        strips = draw(200, scale=1, digit_scale=1, gap=4, baseline=0, length=4)
        for image in strips.images:
            row = read_off(image)
            assert {(block.height, block.width, block.top) for block in row} == {(HIGH, WIDE, 4)}
            assert {b.left - a.right for a, b in pairwise(row)} == {4}

    def test_only_the_ink_counts_not_where_it_stands_in_its_picture(self):
        one = draw(200, blocks())
        other = draw(200, blocks(top=0, left=16))
        assert one.images.tobytes() == other.images.tobytes()

    @pytest.mark.parametrize(("gap", "step"), [(-3, WIDE - 3), (-WIDE, 1), (-60, 1)])
    def test_overlapping_digits_keep_their_order(self, gap, step):
        strips = draw(5000, scale=1, digit_scale=1, gap=gap, baseline=0, length=(2, 4))
        # The brighter ink hides the darker: where brightness rises to the right, every left edge can be seen.
        slots = strips.slots.astype(int)
        rises = ((np.diff(slots) > 0) | (slots[:, 1:] == BLANK)).all(1)
        assert rises.sum() > 250
        for image, row in zip(strips.images[rises], slots[rises], strict=True):
            found = read_off(image)
            assert [block.label for block in found] == [slot for slot in row if slot != BLANK]
            assert {b.left - a.left for a, b in pairwise(found)} == {step}
            assert found[-1].width == WIDE

    @pytest.mark.parametrize(
        ("high", "wide", "scale", "gap"),
        [(28, 28, 1, 0), (28, 28, 1, 1), (28, 28, 4, 60), (28, 12, 4, 60), (20, 20, 4 / 3, 6), (4, 28, 4, 20)],
    )
    @pytest.mark.parametrize("slots", [3, 5, 12])
    def test_numbers_too_wide_for_the_strip_are_shrunk_to_fit(self, high, wide, scale, gap, slots):
        tight = {"scale": scale, "digit_scale": 1, "gap": gap, "baseline": 0, "length": slots}
        strips = draw(60, blocks(high, wide, 0, 0), slots=slots, **tight)
        for image, row in zip(strips.images, strips.slots, strict=True):
            found = read_off(image)
            # A gap of one column is lost in shrinking.
            if gap > 1:
                assert [block.label for block in found] == row.tolist()
                assert len({(block.height, block.width) for block in found}) == 1
                assert all(block.solid for block in found)
                assert abs(found[0].height / found[0].width - high / wide) <= high / wide / found[0].width + 0.2
            span = found[-1].right - found[0].left
            # Each digit and each gap may lose a pixel to rounding.
            assert 25 * slots <= span <= 28 * slots, "no smaller than it has to be"

    @pytest.mark.parametrize("slots", [2, 5, 12])
    @pytest.mark.parametrize("wide", [1, 4])
    def test_thin_digits_far_apart_stay_within_the_strip(self, wide, slots):
        apart = {"scale": 0.25, "digit_scale": 1, "gap": 60, "length": slots}
        strips = draw(100, blocks(20, wide, 0, 0), slots=slots, **apart)
        for image, row in zip(strips.images, strips.slots, strict=True):
            assert [block.label for block in read_off(image)] == row.tolist()

    def test_real_shapes_keep_their_ink(self):
        """A ring with a dot in it: enlarged, reduced and moved, it stays a ring with a dot in it."""
        ring = np.zeros((28, 28), np.uint8)
        ring[4:24, 4:24], ring[7:21, 7:21], ring[12:16, 12:16] = 255, 0, 255
        strips = draw(200, Digits(ring[None], np.zeros(1, np.uint8)), length=1)
        for image in strips.images:
            rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
            box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert abs(box.shape[0] - box.shape[1]) <= 1
            middle = len(box) // 2
            assert box[0].min() == box[-1].min() == box[:, 0].min() == box[:, -1].min() == 255
            assert box[middle].astype(int)[[0, middle, -1]].min() > 200
            assert box[middle, len(box) // 4] < 60


class TestFreedom:
    """Free strips between equal cells and free places."""

    @pytest.mark.parametrize("gap", [0, (-3, 6), 60])
    @pytest.mark.parametrize("length", [1, 3, 5])
    @pytest.mark.parametrize(("high", "wide"), [(20, 12), (20, 5), (28, 28)])
    def test_none_leaves_all_ink_in_the_middle_of_its_cell(self, length, high, wide, gap):
        layout = {"freedom": 0, "scale": 1, "digit_scale": 1, "baseline": 0, "gap": gap, "length": length}
        strips = draw(60, blocks(high, wide, 0, 0), **layout)
        for image, slots in zip(strips.images, strips.slots, strict=True):
            # Digits that fill their cells touch, so they are looked at cell by cell.
            for slot, cell in enumerate(np.split(image, 5, axis=1)):
                rows, columns = (np.flatnonzero(cell.any(axis)) for axis in (1, 0))
                if slots[slot] == BLANK:
                    assert slot >= length
                    assert not len(rows)
                else:
                    assert (cell[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == brightness(slots[slot])).all()
                    # A number that is too wide for the strip with its gaps is set smaller all the same.
                    assert gap or (len(rows), len(columns)) == (high, wide)
                    assert abs(columns[0] - (27 - columns[-1])) <= 1

    def test_more_of_it_takes_every_digit_further_from_its_cell_towards_its_free_place(self):
        steps = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
        several = [draw(200, freedom=freedom, gap=(1, 6)) for freedom in steps]
        found = [[block for image in strips.images for block in read_off(image)] for strips in several]
        assert len({tuple((b.label, b.width, b.height) for b in each) for each in found}) == 1, "sizes stay as they are"
        lefts = [[block.left for block in each] for each in found]
        moves = np.diff(lefts, axis=0)
        assert ((moves >= 0).all(0) | (moves <= 0).all(0)).all()
        # A tenth of the freedom is a tenth of the way, but for what whole pixels and 256ths take.
        way = np.subtract(lefts[-1], lefts[0])
        assert np.abs(way).max() > 40
        for freedom, at in zip(steps, lefts, strict=True):
            assert np.abs(np.subtract(at, lefts[0]) - freedom * way).max() < 1.5

    @pytest.mark.parametrize(("freedom", "most"), [(0.5, 4), (0.75, 2)])
    def test_a_shift_counts_so_far_as_cells_do(self, freedom, most):
        still, moved = (
            draw(200, freedom=freedom, shift=shift, scale=1, digit_scale=1, baseline=0, gap=12) for shift in (0, 8)
        )
        # With one chunk of strips the two are drawn alike but for the shift.
        pairs = [
            pair
            for one, other in zip(still.images, moved.images, strict=True)
            for pair in zip(read_off(one), read_off(other), strict=True)
        ]
        off = np.array([(b.top - a.top, b.left - a.left) for a, b in pairs])
        assert np.abs(off).max(0).tolist() == [most, most]

    @pytest.mark.parametrize(("freedom", "shift"), [(0, 14), (0.2, 7), (0.6, 14), (0.95, 0), (1, 14)])
    def test_digits_keep_their_order(self, freedom, shift):
        """By their middles: at the largest shift two may stand on one another, and none goes past the other."""
        strips = draw(2500, freedom=freedom, shift=shift, scale=0.5, length=(2, 5), baseline=0)
        ordered = strips.slots.astype(int)
        # The brighter ink hides the darker: where brightness rises to the right, the right end of each is to be seen.
        rises = ((np.diff(ordered) > 0) | (ordered[:, 1:] == BLANK)).all(1)
        assert rises.sum() > 200
        for image, slots in zip(strips.images[rises], ordered[rises], strict=True):
            ends = [np.flatnonzero((image == brightness(slot)).any(0)) for slot in slots[slots != BLANK]]
            right = [end[-1] for end in ends if len(end)]
            # Widths differ by up to two pixels.
            assert all(b - a >= -2 for a, b in pairwise(right))

    @pytest.mark.parametrize("slots", [1, 5, 12])
    @pytest.mark.parametrize("freedom", [0, 0.5])
    @pytest.mark.parametrize("kind", ["column", "full"])
    def test_the_largest_shift_with_the_largest_slant_stays_within_the_canvas(self, freedom, kind, slots):
        digits = blocks(28, 1, 0, 13) if kind == "column" else blocks(28, 28, 0, 0)
        leaning = {"freedom": freedom, "shift": (14, 14), "slant": 1, "scale": 1, "digit_scale": 1, "baseline": 0}
        strips = draw(100, digits, length=slots, slots=slots, **leaning)
        assert_contract(strips, 100, slots)
        # What leaves the strip on the right, in the upper half, does not come back on the left.
        assert not strips.images[:, :14, :4].any()


def integer_digits() -> Digits:
    """Twenty small pictures made by whole-number arithmetic alone."""
    row, column = np.mgrid[:28, :28]
    images = np.stack(
        [(row * (k + 3) ^ column * (2 * k + 1)) % 256 * (abs(column - 13) < 4 + k % 8) for k in range(20)]
    )
    return Digits((images * (abs(row - 13) < 11)).astype(np.uint8), (np.arange(20) % 10).astype(np.uint8))


@pytest.mark.parametrize(
    ("layout", "digest"),
    [
        ({"name": "structured"}, "f4d13938904e6d14ae1ce44b"),
        ({"name": "structured", "shift": (-3, 3)}, "4952e91e83a950a7c759fd2a"),
        ({"name": "free"}, "0ff18f367059b5812c13e22c"),
        ({"name": "free", "freedom": 1, "shift": 5}, "0ff18f367059b5812c13e22c"),
        ({"name": "free", "freedom": 0.3, "shift": 5}, "2580f0e9e7f10f30c01e6147"),
    ],
    ids=["structured", "shifted", "free", "wholly free", "half free"],
)
def test_bytes_are_those_of_this_version(layout, digest):
    """Composition is integer arithmetic. A change on purpose changes every run made from a seed."""
    strips = draw(300, integer_digits(), seed=2024, **layout)
    assert hashlib.sha256(strips.images.tobytes() + strips.slots.tobytes()).hexdigest()[:24] == digest


class TestLean:
    def test_a_slant_moves_the_top_of_every_digit_of_a_number_alike(self):
        leaning = {"name": "free", "scale": 1, "digit_scale": 1, "gap": 6, "baseline": 0, "length": 3}
        for slant in (0.5, -0.5):
            images = draw(200, blocks(20, 4, 4, 12), **leaning, slant=slant).images
            for image in images:
                rows = np.flatnonzero(image.any(1))
                top, foot = (np.flatnonzero(image[rows[end]])[[0, -1]] for end in (0, -1))
                assert len(rows) == 20, "a slant leaves the height"
                assert top - foot == pytest.approx([slant * 19] * 2, abs=1)
            upright = draw(200, blocks(20, 4, 4, 12), **leaning).images
            assert images.sum(dtype=int) == pytest.approx(upright.sum(dtype=int), rel=0.03), "and the ink"

    def test_a_tilt_lowers_the_right_end_of_the_strip(self):
        settings = {"name": "free", "scale": 0.5, "digit_scale": 1, "baseline": 0, "length": 1}
        images = draw(400, blocks(20, 4, 4, 12), **settings, tilt=14).images
        left = np.array([image.any(0).argmax() for image in images])
        top = np.array([image.any(1).argmax() for image in images])
        slope = np.polyfit(left, top, 1)[0]
        assert slope == pytest.approx(14 / 140, rel=0.1)


EVERYTHING: dict[str, Any] = {"empty": 0.3, "beside": 0.7, "meter_windows": 0.5, "slant": (-0.3, 0.3), "tilt": (-4, 4)}


class TestAlone:
    """Each digit by itself, as it is in its strip but for where it stands."""

    def both(
        self, count: int = 300, distractors: Distractors | None = None, slots: int = 5, **layout: Any
    ) -> tuple[Strips, NDArray[np.uint8]]:
        """Strips and their digits, drawn from one seed; both draws leave the generator in the same state."""
        settings = LayoutSettings(**{"length": (1, slots)} | layout)
        composer = Composer(blocks(), settings, slots, distractors)
        one, other = np.random.default_rng(3), np.random.default_rng(3)
        strips, alone = composer.compose(count, one), composer.alone(count, other)
        assert one.bit_generator.state == other.bit_generator.state
        assert (alone.dtype, alone.shape) == (np.uint8, (count, slots, 28, 28 * slots))
        assert np.array_equal(alone.any((2, 3)), strips.slots != BLANK)
        return strips, alone

    @pytest.fixture
    def crosses(self) -> Distractors:
        """Crosses of a brightness that no digit has: in cells and between digits."""
        images = np.zeros((6, 28, 28), np.uint8)
        images[:, 8:20, 13:15] = images[:, 13:15, 8:20] = 255
        return Distractors(images, np.arange(6) < 3, np.arange(6) > 3)

    @pytest.mark.parametrize("shift", [0, (-5, 5)])
    def test_a_cell_is_the_digit(self, shift: Any) -> None:
        strips, alone = self.both(name="structured", shift=shift)
        for strip, slots, digits in zip(strips.images, strips.slots, alone, strict=True):
            for block, slot, digit in zip(read_off(strip), slots, digits, strict=False):
                (single,) = read_off(digit)
                assert (single.label, single.left) == (slot, LEFT)
                # One that is shifted is as high as in its strip.
                assert (single.top, single.bottom, single.width) == (block.top, block.bottom, block.width)

    @pytest.mark.parametrize("layout", [{}, {"freedom": 0.3, "shift": (-2, 2)}, {"tilt": (-9, 9)}], ids=str)
    def test_a_free_digit_keeps_size_and_height_and_moved_back_makes_the_strip(self, layout: dict[str, Any]) -> None:
        strips, alone = self.both(name="free", gap=(1, 6), **layout)
        for strip, slots, digits in zip(strips.images, strips.slots, alone, strict=True):
            again = np.zeros_like(strip)
            for block, slot, digit in zip(read_off(strip), slots, digits, strict=False):
                (single,) = read_off(digit)
                assert single.label == slot
                assert single.left == (28 - single.width) // 2
                again = np.maximum(again, np.roll(digit, block.left - single.left, 1))
            assert np.array_equal(again, strip)

    def test_it_leans_as_in_its_strip(self) -> None:
        strips, alone = self.both(length=1, slant=(-0.8, 0.8), baseline=(-3, 3))
        for strip, digit in zip(strips.images, alone[:, 0], strict=True):
            moved = int(np.flatnonzero(strip.any(0))[-1] - np.flatnonzero(digit.any(0))[-1])
            # What leans out of the first cell on the left is cut off by the strip's edge.
            seen = slice(max(0, moved), 140 + min(0, moved))
            assert np.array_equal(np.roll(digit, moved, 1)[:, seen], strip[:, seen])

    @pytest.mark.parametrize("layout", ["structured", "free"])
    @pytest.mark.parametrize("slots", [3, 12])
    def test_what_is_no_digit_is_left_out(self, layout: str, crosses: Distractors, slots: int) -> None:
        strips, alone = self.both(300, crosses, slots, name=layout, **{**EVERYTHING, "slant": 0})
        empty = (strips.slots == BLANK).all(1)
        assert 0.18 < empty.mean() < 0.42
        assert 0.3 < (strips.images[~empty] == 255).any((1, 2)).mean(), "distractors beside"
        # The digits of a number in their order, whatever stands before or between them.
        for slots, digits in zip(strips.slots, alone, strict=True):
            for slot, digit in zip(slots, digits, strict=True):
                assert [block.label for block in read_off(digit)] == ([slot] if slot != BLANK else [])

    @pytest.mark.parametrize("layout", ["structured", "free"])
    @pytest.mark.parametrize("slots", [1, 5, 8])
    @pytest.mark.parametrize("count", [0, 300])
    def test_it_consumes_the_same_random_numbers(
        self, layout: str, crosses: Distractors, slots: int, count: int
    ) -> None:
        self.both(count, crosses, slots, name=layout, **EVERYTHING, shift=(-1, 1), freedom=0.9)

    @pytest.mark.parametrize("layout", ["structured", "free"])
    def test_it_is_repeated_as_often_as_the_shortest_number_has_digits(self, layout: str) -> None:
        strips, alone = self.both(name=layout, length=(3, 5), scale=0.8)
        cells = alone.reshape(-1, 5, 28, 5, 28).swapaxes(2, 3)
        there = cells[strips.slots != BLANK]
        assert there[:, 0].any((1, 2)).all()
        assert np.array_equal(there[:, 0], there[:, 1])
        assert np.array_equal(there[:, 0], there[:, 2])
        assert not there[:, 3:].any()
