"""Printed digits: legible, balanced, the same however they are asked for; and what is done about fonts."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from multidigit.digits import generated, make_source, printed
from multidigit.digits.base import SPLITS
from multidigit.digits.generated import BOX, Dice
from multidigit.digits.printed import DRAWS, KINDS, VERSION, Printed, draw, draw_batch, kinds, lettering
from multidigit.digits.printed.displays import MATRICES, MATRIX_SHAPES, _lit_segments, _matrices
from multidigit.digits.printed.fonts import (
    REACH,
    _pillow_digits,
    _readable,
    distances,
    font_files,
    load_faces,
    read_font,
)
from multidigit.digits.printed.ranges import Ranges
from multidigit.errors import DataError

EVERY = np.arange(10, dtype=np.uint8).repeat(60)
NONE = dict.fromkeys(KINDS, 0.0)
STYLES = ("plain", "outlined", "stencil", "inverse")


def only(kind: str, style: str | None = None) -> Ranges:
    """Ranges in which one kind has all the weight, and one style of letters if it is named."""
    styles = {} if style is None else dict.fromkeys(STYLES, 0.0) | {style: 1.0}
    return replace(Ranges(), **(NONE | {kind: 1.0} | styles))


def numbers(count: int, seed: int = 2) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).random((count, DRAWS))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw(EVERY, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one font, the one that Pillow brings, and with files that are none."""
    place = tmp_path_factory.mktemp("fonts")
    font = ImageFont.load_default(20)
    (place / "below").mkdir()
    (place / "below" / "own.TTF").write_bytes(font.font_bytes)
    (place / "broken.otf").write_bytes(b"OTTO and nothing more")
    (place / "notes.txt").write_text("not a font")
    return place


def test_images_fit_the_contract(images):
    assert images.shape == (600, 28, 28)
    assert images.dtype == np.uint8
    assert (images.max((1, 2)) > 80).all(), "every image has bright ink"
    assert (images.reshape(600, -1).mean(1) < 128).all(), "and more dark than bright"


def test_ink_fills_its_box_and_is_centred(images):
    inked = images > 0
    spans = []
    for axis in (1, 2):
        line = inked.any(axis)
        spans.append(28 - line.argmax(1) - line[:, ::-1].argmax(1))
        centre = (images.sum(axis, dtype=np.int64) * np.arange(28)).sum(1) / images.sum((1, 2), dtype=np.int64)
        assert np.abs(centre - 14).max() <= 1
        assert (np.abs(centre - 14) <= 0.5).mean() > 0.99
    longer = np.maximum(*spans)
    assert longer.max() <= BOX
    assert np.median(longer) >= BOX - 1
    assert longer.min() >= BOX - 7, "a glow takes some of the room"


def test_same_seed_same_bytes_and_other_seed_other_bytes(images):
    assert (draw(EVERY, 5) == images).all()
    assert (draw(EVERY, 6) != images).any((1, 2)).all()


def test_an_image_depends_on_its_number_not_on_its_part(images, monkeypatch):
    for start, stop in ((0, 1), (1, 4), (100, 100 + generated.BATCH + 3), (599, 600)):
        assert (draw(EVERY[start:stop], 5, first=start) == images[start:stop]).all()
    monkeypatch.setattr(generated, "BATCH", 7)
    assert (draw(EVERY[:50], 5) == images[:50]).all()


def test_another_process_draws_the_same_and_imports_nothing_heavy(images):
    code = (
        "import sys, numpy as np; from multidigit.digits.printed import draw;"
        "sys.stdout.buffer.write(draw(np.arange(10).repeat(60)[90:110], 5, first=90).tobytes());"
        "assert not {'scipy', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == images[90:110].tobytes()


def test_displays_have_the_bytes_of_this_version_on_every_machine():
    """Whoever changes the generator on purpose raises VERSION and puts the new digest here."""
    how = replace(Ranges(), fonts=0.0, wheels=0.0)
    bank = draw_batch(EVERY, numbers(600), load_faces(), how)
    assert (VERSION, hashlib.sha256(bank.tobytes()).hexdigest()) == (
        "1",
        "92e09b72fc5c615513ce543a39522e7c3d017a1c339b42ea1a676f167124c41d",
    )


def test_all_is_reckoned_in_single_precision(monkeypatch):
    seen = []
    boxes = printed.canvas.View.boxes
    monkeypatch.setattr(
        printed.canvas.View, "boxes", lambda view, light: seen.append((view.x.dtype, light.dtype)) or boxes(view, light)
    )
    draw_batch(EVERY, numbers(600), load_faces())
    assert set(itertools.chain(*seen)) == {np.dtype(np.float32)}
    assert len(seen) == len(KINDS)


def test_splits_share_no_image_and_no_image_comes_twice():
    banks = [Printed(2000).load(split, 3) for split in SPLITS]
    assert [len(bank) for bank in banks] == [2000, 1000, 1000]
    seen = [image.tobytes() for bank in banks for image in bank.images]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("count", [1, 9, 10, 434])
def test_classes_are_balanced_and_shuffled(count):
    bank = Printed(count).load("train", 0)
    counts = np.bincount(bank.labels, minlength=10)
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1
    if count > 100:
        assert (np.diff(bank.labels.astype(int)) % 10 == 1).mean() < 0.2
        assert (bank.labels != Printed(count).load("train", 1).labels).any()
        assert (Printed(count).load("train", 0).images == bank.images).all()


def test_every_kind_comes_as_often_as_its_weight_says():
    how = Ranges()
    share = np.bincount(kinds(numbers(20_000), how), minlength=len(KINDS)) / 20_000
    weights = np.array([getattr(how, kind) for kind in KINDS])
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.02)
    assert weights.min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_enough_numbers_are_set_aside(kind):
    dice = Dice(numbers(3)[:, 1:])
    KINDS[kind](EVERY[:3], dice, Ranges(), load_faces())
    assert dice.used < DRAWS


def test_every_range_matters():
    labels, draws = EVERY[::3], numbers(200)
    table = replace(Ranges(), **dict.fromkeys(STYLES, 0.25))
    usual = draw_batch(labels, draws, load_faces(), table)
    for field in fields(Ranges):
        value = getattr(table, field.name)
        if field.name == "dot_matrices":
            other: object = value[::-1]
        elif isinstance(value, tuple):
            other = (0.9 * value[0] + 0.1 * value[1],) * 2
        else:
            other = value * (0.3 if field.name in ("boldest", "contour_edge") else 3)
        changed = draw_batch(labels, draws, load_faces(), replace(table, **{field.name: other}))
        assert (changed != usual).any(), field.name


@pytest.fixture(scope="module")
def reader():
    """A plain classifier of printed digits: (B, 28, 28) -> labels."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    labels = np.arange(5000) % 10

    def flat(bank: np.ndarray) -> np.ndarray:
        return bank.reshape(len(bank), -1) / bank.max((1, 2))[:, None]

    model = make_pipeline(PCA(60, random_state=0), SVC(C=10)).fit(flat(draw(labels, 21)), labels)
    return lambda bank: model.predict(flat(bank))


@pytest.mark.parametrize("seed", [22, 23])
def test_digits_can_be_read(reader, seed):
    labels = np.arange(800) % 10
    assert (reader(draw(labels, seed)) == labels).mean() > 0.97


@pytest.mark.parametrize(
    ("kind", "style", "least"),
    [("fonts", style, 0.8) for style in STYLES] + [("wheels", None, 0.8), ("seven", None, 0.97), ("dots", None, 0.97)],
)
def test_each_kind_can_be_read(reader, kind, style, least):
    labels = np.arange(200, dtype=np.uint8) % 10
    bank = draw_batch(labels, numbers(200, 9), load_faces(), only(kind, style))
    assert (reader(bank) == labels).mean() > least


def test_a_wheel_shows_more_of_its_digit_than_of_the_next():
    how = Ranges()
    for window, period, curve in itertools.product(how.wheel_window, how.wheel_period, how.wheel_curve):
        shift = (window - 1) / 2 + how.wheel_hidden
        edge = window / 2 * (1 + curve)
        shown, neighbour = 1 - max(0.0, shift + 0.5 - edge), edge + shift + 0.5 - period
        assert shown >= 0.6
        assert shown > neighbour + 0.1
        assert neighbour > 0, "or a digit that is cut off would stand alone"


@pytest.mark.parametrize("roll", [0.0, 1.0])
def test_a_wheel_rolls_upwards(roll, monkeypatch):
    """As on a meter that counts up: the digit before is above, the next one below."""
    asked = []
    look_up = lettering._look_up

    def spy(faces, face, digit, u, v):
        asked.append(digit[0].reshape(2 * BOX, 2 * BOX))
        return look_up(faces, face, digit, u, v)

    monkeypatch.setattr(lettering, "_look_up", spy)
    draws = np.full((1, DRAWS), 0.5)
    draws[:, 7] = roll
    KINDS["wheels"](np.array([9], np.uint8), Dice(draws), Ranges(), load_faces())
    rows = asked[0][:, BOX]
    assert rows[BOX] == 9
    assert (rows[0], rows[-1]) == ((8, 9) if roll else (9, 0))
    assert (rows == 9).mean() > 0.6


def test_variants_of_seven_segment_digits():
    labels = np.array([6, 9, 7, 1], np.uint8)
    plain = replace(Ranges(), seven_tail_chance=1.0, seven_hook_chance=0.0, seven_left_chance=0.0)
    other = replace(Ranges(), seven_tail_chance=0.0, seven_hook_chance=1.0, seven_left_chance=1.0)
    lit, changed = (_lit_segments(labels, Dice(numbers(4)), how) for how in (plain, other))
    assert lit.sum(1).tolist() == [6, 6, 3, 2]
    assert changed.sum(1).tolist() == [5, 5, 4, 2]
    assert (lit[3] & changed[3]).sum() == 0, "a 1 on the left shares nothing with one on the right"


def test_unlit_segments_are_faint():
    ones, how = np.ones(100, np.uint8), only("seven")
    level = {}
    for seen in (0.0, 1.0):
        bank = draw_batch(ones, numbers(100), load_faces(), replace(how, faint_chance=seen, glow_chance=0.0))
        level[seen] = (bank > 0).sum((1, 2))
        assert (np.sort(bank.reshape(100, -1), 1)[:, -20:].mean(1) > 80).all()
    assert (level[1.0] > level[0.0]).all()


def test_matrices_are_well_made():
    assert MATRIX_SHAPES == ((7, 5), (7, 5), (6, 4), (5, 3))
    assert len(Ranges().dot_matrices) == len(MATRICES)
    for lines, (_, columns) in zip(MATRICES, MATRIX_SHAPES, strict=True):
        assert {len(line) for line in lines} == {10 * columns + 9}
        assert {line[at] for line in lines for at in range(columns, len(line), columns + 1)} == {" "}
    for lit in _matrices():
        assert len({digit.tobytes() for digit in lit}) == 10


def test_distances_are_those_of_a_disc():
    y, x = np.mgrid[:48, :48] - 23.5
    true = np.sqrt(x * x + y * y) - 10
    told = distances(np.clip(255 * (0.5 - true), 0, 255).astype(np.uint8)[None])[0]
    near = np.abs(true) < 8
    assert np.abs(told - true)[near].max() < 0.6
    assert np.abs(told - true)[near].mean() < 0.3
    assert told.max() == REACH


def test_fonts_come_from_a_folder_alone(folder):
    faces = load_faces(folder)
    size = (folder / "below" / "own.TTF").stat().st_size
    assert faces.names == (("own.TTF", size),)
    assert faces.maps.shape[:2] == (1, 10)
    assert (faces.height > 20).all()
    assert 0.03 < faces.stroke[0] < 0.15


def test_spec_names_a_folder(folder):
    spec = f"printed:{folder}"
    bank = make_source(spec).load("test", 1)
    assert len(bank) == 6000
    assert (bank.images == Printed(fonts=folder).load("test", 1).images).all()
    assert make_source(spec).fingerprint() == Printed(fonts=folder).fingerprint()
    assert isinstance(make_source("printed"), Printed)


def test_fingerprint_tells_fonts_apart(folder):
    faces = load_faces(folder)
    assert faces.fingerprint() == load_faces(folder).fingerprint()
    assert faces.fingerprint() != replace(faces, names=(("own.TTF", 1),)).fingerprint()
    given = {Printed(100, folder).fingerprint(), Printed(200, folder).fingerprint(), Printed(100).fingerprint()}
    assert len(given) == 3
    assert all(VERSION in text.split() for text in given)


def test_pillows_font_is_always_there(monkeypatch):
    monkeypatch.setattr("multidigit.digits.printed.fonts._system_folders", list)
    monkeypatch.setattr("multidigit.digits.printed.fonts._matplotlib_folders", list)
    assert load_faces.__wrapped__(None).names == (("Pillow", 0),)


def test_the_number_of_fonts_has_a_limit(monkeypatch):
    monkeypatch.setattr("multidigit.digits.printed.fonts.MOST_FONTS", 1)
    assert len(load_faces.__wrapped__(None).names) == 1


def test_font_files_are_taken_once_per_name_in_a_stable_order(tmp_path):
    for place in ("a/x.ttf", "b/x.ttf", "b/y.otf", "b/deep/z.TTF", "b/no.txt"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = font_files([tmp_path / "a", tmp_path / "b", tmp_path / "missing"])
    assert sorted(path.name for path in found) == ["x.ttf", "y.otf", "z.TTF"]
    assert tmp_path / "a" / "x.ttf" in found
    assert [path.name for path in font_files([tmp_path / "b"])] == [path.name for path in found]
    assert [path.name for path in font_files([tmp_path], known={"x.ttf", "z.TTF"})] == ["y.otf"]


def test_symbols_are_no_digits():
    digits = _pillow_digits()
    assert _readable(digits)
    assert not _readable(digits[1:] + digits[:1])
    assert not _readable([digits[8]] * 10)


def test_a_broken_font_is_passed_over(folder):
    assert read_font(folder / "broken.otf") is None
    assert read_font(folder / "missing.ttf") is None
    assert read_font(folder / "below" / "own.TTF") is not None


@pytest.mark.parametrize(
    ("files", "received"), [((), "no .ttf or .otf file"), (("a.ttf", "b.otf"), "2 such files, none with all ten")]
)
def test_a_folder_without_digits_is_refused(tmp_path, files, received):
    for name in files:
        (tmp_path / name).write_bytes(b"not a font")
    with pytest.raises(DataError, match=received) as caught:
        make_source(f"printed:{tmp_path}")
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "glyphs 0 to 9" in message
    assert "\n" not in message


def test_other_specs_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        make_source(f"printed:{tmp_path / 'missing'}")
    with pytest.raises(DataError, match="takes no option"):
        make_source(f"mnist:{tmp_path}")
    with pytest.raises(DataError, match="did you mean 'printed'"):
        make_source("printd")


@pytest.mark.parametrize("count", [0, -5])
def test_a_count_that_is_not_positive_is_refused(count):
    with pytest.raises(DataError, match=f"Received: {count}"):
        Printed(count)


@pytest.mark.parametrize(
    ("labels", "seed", "first"),
    [([10], 0, 0), ([-1], 0, 0), ([[1]], 0, 0), ([0.5], 0, 0), ([1], -1, 0), ([1], (), 0), ([1], 0, -1)],
)
def test_what_cannot_be_drawn_is_refused(labels, seed, first):
    with pytest.raises(DataError, match="Received"):
        draw(np.array(labels), seed, first)
