"""Printed digits: each kind legible, every range used; and what is done about fonts."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from multidigit.digits import make_source, printed
from multidigit.digits.printed import KINDS, VERSION, Printed, draw_batch
from multidigit.digits.printed.displays import MATRICES, MATRIX_SHAPES
from multidigit.digits.printed.fonts import REACH, distances, font_files, load_faces, read_font
from multidigit.digits.printed.ranges import Ranges
from multidigit.errors import DataError

DRAWS = Printed.DRAWS
EVERY = np.arange(10, dtype=np.uint8).repeat(60)
NONE = dict.fromkeys(KINDS, 0.0)
STYLES = ("plain", "outlined", "stencil", "inverse")


def only(kind: str, style: str | None = None, **more: object) -> Ranges:
    """Ranges in which one kind has all the weight, and one style of letters if it is named."""
    styles = {} if style is None else dict.fromkeys(STYLES, 0.0) | {style: 1.0}
    return replace(Ranges(), **(NONE | {kind: 1.0} | styles | more))


def numbers(count: int, seed: int = 2) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).random((count, DRAWS))


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


def test_displays_have_the_bytes_of_this_version():
    """After a change of the generator on purpose: raise VERSION and put the new digest here."""
    how = replace(Ranges(), fonts=0.0, wheels=0.0)
    images = draw_batch(EVERY, numbers(600), load_faces(), how)
    assert (VERSION, hashlib.sha256(images.tobytes()).hexdigest()) == (
        "1",
        "92e09b72fc5c615513ce543a39522e7c3d017a1c339b42ea1a676f167124c41d",
    )


def test_single_precision_is_never_left(monkeypatch):
    seen = []
    boxes = printed.canvas.View.boxes
    monkeypatch.setattr(
        printed.canvas.View, "boxes", lambda view, light: seen.append((view.x.dtype, light.dtype)) or boxes(view, light)
    )
    draw_batch(EVERY, numbers(600), load_faces())
    assert set(itertools.chain(*seen)) == {np.dtype(np.float32)}
    assert len(seen) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_enough_numbers_are_set_aside(kind):
    draws = numbers(30)
    spare = np.hstack([draws[:, :-1], 1 - draws[:, -1:]])
    one, other = (draw_batch(EVERY[:30], each, load_faces(), only(kind)) for each in (draws, spare))
    assert (one == other).all(), "the last number is not used"


def test_every_range_matters():
    table = replace(Ranges(), **dict.fromkeys(STYLES, 0.25))
    usual = draw_batch(EVERY[::3], numbers(200), load_faces(), table)
    for field in fields(Ranges):
        value = getattr(table, field.name)
        if field.name == "dot_matrices":
            other: object = value[::-1]
        elif isinstance(value, tuple):
            other = (0.9 * value[0] + 0.1 * value[1],) * 2
        else:
            other = value * (0.3 if field.name in ("boldest", "contour_edge") else 3)
        changed = draw_batch(EVERY[::3], numbers(200), load_faces(), replace(table, **{field.name: other}))
        assert (changed != usual).any(), field.name


@pytest.fixture(scope="module")
def classify() -> Callable[[np.ndarray], np.ndarray]:
    """A plain classifier of printed digits: (B, 28, 28) -> labels."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    labels = np.arange(3000, dtype=np.uint8) % 10

    def flat(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1) / images.max((1, 2))[:, None]

    model = make_pipeline(PCA(60, random_state=0), SVC(C=10)).fit(flat(Printed().draw(labels, [21])), labels)
    return lambda images: model.predict(flat(images))


@pytest.mark.parametrize(
    ("how", "least"),
    [(Ranges(), 0.93)]
    + [(only("fonts", style), 0.6 if style == "inverse" else 0.93) for style in STYLES]
    + [(only("wheels"), 0.75), (only("seven"), 0.95), (only("dots"), 0.95)],
    ids=["all", *STYLES, "wheels", "seven", "dots"],
)
def test_each_kind_can_be_read(classify, how, least):
    labels = np.arange(400, dtype=np.uint8) % 10
    assert (classify(draw_batch(labels, numbers(400, 9), load_faces(), how)) == labels).mean() > least


def test_a_wheel_shows_more_of_its_digit_than_of_the_next():
    how = Ranges()
    for window, period, curve in itertools.product(how.wheel_window, how.wheel_period, how.wheel_curve):
        shift = (window - 1) / 2 + how.wheel_hidden
        edge = window / 2 * (1 + curve)
        shown, neighbour = 1 - max(0.0, shift + 0.5 - edge), edge + shift + 0.5 - period
        assert shown >= 0.6
        assert shown > neighbour + 0.1
        assert neighbour > 0, "or a digit that is cut off would stand alone"


def test_a_wheel_rolls_upwards(folder):
    """As on a meter that counts up: the next digit comes from below, and the one before leaves at the top."""
    draws = np.full((2, DRAWS), 0.5)
    draws[:, 8] = 0.0, 1.0  # a 2 that has rolled on, and one about to arrive
    how = only("wheels", wheel_curve=(0.0, 0.0))
    on, before = draw_batch(np.array([2, 2], np.uint8), draws, load_faces(folder), how) > 60
    lowest, highest = (np.flatnonzero(image.any(1))[end] for image, end in ((on, -1), (before, 0)))
    assert np.ptp(np.flatnonzero(on[lowest])) > 6, "the round top of a 3 below it"
    assert np.ptp(np.flatnonzero(before[highest])) < 4, "the stem of a 1 above it"


def test_variants_of_seven_segment_digits():
    labels = np.array([6, 9, 7, 1], np.uint8).repeat(5)
    still = {"faint_chance": 0.0, "glow_chance": 0.0, "seven_upright_chance": 1.0}
    shares = [
        only("seven", seven_tail_chance=tail, seven_hook_chance=other, seven_left_chance=other, **still)
        for tail, other in ((1.0, 0.0), (0.0, 1.0))
    ]
    usual, changed = (draw_batch(labels, numbers(20), load_faces(), how).reshape(4, 5, 28, 28) for how in shares)
    # A 6 loses its upper bar and a 9 its lower one; a 7 gets one more.
    assert (usual[:2].sum((2, 3), dtype=int) > changed[:2].sum((2, 3), dtype=int)).all()
    assert (usual[2].sum((1, 2), dtype=int) < changed[2].sum((1, 2), dtype=int)).all()


def test_unlit_segments_are_faint():
    ones = np.ones(100, np.uint8)
    hidden, seen = (
        draw_batch(ones, numbers(100), load_faces(), only("seven", faint_chance=chance, glow_chance=0.0))
        for chance in (0.0, 1.0)
    )
    assert ((seen > 0).sum((1, 2)) > (hidden > 0).sum((1, 2))).all()
    for images in (hidden, seen):
        assert (np.sort(images.reshape(100, -1), 1)[:, -20:].mean(1) > 80).all()


def test_matrices_are_well_made():
    assert MATRIX_SHAPES == ((7, 5), (7, 5), (6, 4), (5, 3))
    assert len(Ranges().dot_matrices) == len(MATRICES)
    for lines, (_, columns) in zip(MATRICES, MATRIX_SHAPES, strict=True):
        assert {len(line) for line in lines} == {10 * columns + 9}
        assert {line[at] for line in lines for at in range(columns, len(line), columns + 1)} == {" "}
        starts = range(0, len(lines[0]), columns + 1)
        assert len({tuple(line[at : at + columns] for line in lines) for at in starts}) == 10


def test_distances_are_those_of_a_disc():
    y, x = np.mgrid[:48, :48] - 23.5
    true = np.sqrt(x * x + y * y) - 10
    found = distances(np.clip(255 * (0.5 - true), 0, 255).astype(np.uint8)[None])[0]
    near = np.abs(true) < 8
    assert np.abs(found - true)[near].max() < 0.6
    assert np.abs(found - true)[near].mean() < 0.3
    assert found.max() == REACH


def test_a_spec_names_a_folder_whose_fonts_alone_are_taken(folder):
    faces = load_faces(folder)
    assert faces.names == (("own.TTF", (folder / "below" / "own.TTF").stat().st_size),)
    assert (faces.height > 20).all()
    assert 0.03 < faces.stroke[0] < 0.15
    source = make_source(f"printed:{folder}")
    assert isinstance(source, Printed)
    assert source.fonts == folder
    assert source.fingerprint() == Printed(fonts=folder).fingerprint()
    assert (source.draw(EVERY, [1]) != Printed().draw(EVERY, [1])).any()


def test_the_fingerprint_distinguishes_fonts_counts_and_versions(folder):
    faces = load_faces(folder)
    assert faces.fingerprint() != replace(faces, names=(("own.TTF", 1),)).fingerprint()
    given = {Printed(100, folder).fingerprint(), Printed(200, folder).fingerprint(), Printed(100).fingerprint()}
    assert len(given) == 3
    assert all(VERSION in text.split() for text in given)


def test_pillows_font_is_there_where_no_other_is_and_the_number_of_fonts_has_a_limit(monkeypatch, tmp_path):
    fonts = "multidigit.digits.printed.fonts"
    monkeypatch.setattr(f"{fonts}.font_files", lambda *_, **__: [])
    assert load_faces.__wrapped__(None).names == (("Pillow", 0),)
    monkeypatch.undo()
    monkeypatch.setattr(f"{fonts}.MOST_FONTS", 1)
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


def test_files_that_hold_no_digits_are_left_out(folder, tmp_path):
    from fontTools.ttLib import TTFont

    assert read_font(folder / "broken.otf") is None
    assert read_font(folder / "missing.ttf") is None
    assert read_font(folder / "below" / "own.TTF") is not None
    # A symbol font: each digit has a glyph, but none that a person would read as that digit.
    font = TTFont(folder / "below" / "own.TTF")
    for table in font["cmap"].tables:
        glyphs = {ord(digit): table.cmap[ord(digit)] for digit in "0123456789" if ord(digit) in table.cmap}
        table.cmap.update({code: glyphs[48 + (code - 47) % 10] for code in glyphs})
    font.save(tmp_path / "symbols.ttf")
    assert read_font(tmp_path / "symbols.ttf") is None


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


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("printed:missing", "missing: no such folder"),
        ("mnist:folder", "takes no option; received ':folder'"),
        ("printd", "did you mean 'printed'"),
    ],
)
def test_other_specs_are_refused(spec, message):
    with pytest.raises(DataError, match=message):
        make_source(spec)
