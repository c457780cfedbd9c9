"""Pictures of every kind become the same strip, and whatever cannot be read is a ``PictureError`` of one line."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from multidigit import pictures
from multidigit.errors import PictureError
from multidigit.pictures import candidates, fitting, load_picture, loading, read_strip, see, to_strip

Grey = NDArray[np.uint8]


def drawing(
    text: str = "90714", size: int = 60, shape: tuple[int, int] = (120, 400), ink: int = 0, paper: int = 255
) -> Grey:
    """Printed digits in the middle of a picture, ``uint8`` of the given shape."""
    height, width = shape
    image = Image.new("L", (width, height), paper)
    ImageDraw.Draw(image).text(
        (width / 2, height / 2), text, font=ImageFont.load_default(size=size), fill=ink, anchor="mm"
    )
    return np.array(image)


def bytes_of(image: Image.Image | Grey, format_: str = "PNG", **options: Any) -> bytes:
    """An encoded picture."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def difference(one: Grey, other: Grey) -> float:
    """Mean absolute difference of two strips in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


def ink_box(strip: Grey) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (exclusive) of a strip's clear ink."""
    rows, columns = np.flatnonzero((strip > 96).any(1)), np.flatnonzero((strip > 96).any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def levels(values: NDArray[Any]) -> Grey:
    clipped: Grey = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


REFERENCE = to_strip(drawing())


def sample_strip() -> Grey:
    """A strip with a digit in every cell, as a training strip of the structured layout."""
    strip = np.hstack([drawing(digit, 24, (28, 28), 255, 0) for digit in "20419"])
    assert strip.shape == (28, 140)
    return strip


# --- to_strip --------------------------------------------------------------------------------------------------------


def test_strip_stands_as_in_training() -> None:
    top, bottom, left, right = ink_box(REFERENCE)
    assert REFERENCE.shape == (28, 140)
    assert REFERENCE.dtype == np.uint8
    assert abs(bottom - top - 20) <= 1
    assert abs(top - (28 - bottom)) <= 1
    assert abs(left - (140 - right)) <= 1
    assert REFERENCE.max() == 255
    assert REFERENCE[0].max() == 0
    assert np.median(REFERENCE) == 0


@pytest.mark.parametrize("text", ["1", "7", "11111", "88888", "42"])
@pytest.mark.parametrize("size", [9, 24, 200])
def test_both_polarities_give_the_same_strip(text: str, size: int) -> None:
    grey = drawing(text, size, (2 * size, 5 * size))
    assert difference(to_strip(grey), to_strip(255 - grey)) < 1
    top, bottom, _, _ = ink_box(to_strip(grey))
    assert 18 <= bottom - top <= 22


def test_aspect_is_kept_and_long_numbers_fit() -> None:
    grey = drawing("12345678901234567890", 40, (100, 900))
    rows, columns = np.nonzero(grey < 128)
    top, bottom, left, right = ink_box(to_strip(grey))
    assert left >= fitting.MARGIN_X - 1
    assert right <= 140 - fitting.MARGIN_X + 1
    assert (right - left) / (bottom - top) == pytest.approx(np.ptp(columns) / np.ptp(rows), rel=0.15)


def test_left_aligned() -> None:
    _, _, left, right = ink_box(to_strip(drawing(), align="left"))
    assert abs(left - fitting.MARGIN_X) <= 1
    assert right < 100


y, x = np.mgrid[0:120, 0:400]
noise = np.random.default_rng(1).normal(0, 1, (120, 400))


@pytest.mark.parametrize(
    ("grey", "limit"),
    [
        pytest.param(drawing(ink=215, paper=240), 4, id="faint"),
        pytest.param(levels(drawing() * 0.35 + 60 + 0.25 * x), 4, id="gradient"),
        pytest.param(levels(drawing(ink=120, paper=230) * (1.1 - 0.4 * ((x - 200) / 200) ** 2)), 8, id="vignette"),
        pytest.param(levels(drawing(ink=200, paper=80) * (0.6 + 0.001 * x) + y * 0.3), 8, id="bright, uneven light"),
        pytest.param(levels(drawing(ink=70, paper=180) + 15 * noise), 8, id="noise"),
        pytest.param(levels(np.where(noise > 2.4, 0, drawing())), 4, id="pepper"),
        pytest.param(levels(np.where(np.abs(noise) > 2.4, 127 + 999 * noise, drawing())), 14, id="salt and pepper"),
        pytest.param(drawing(shape=(300, 1200)), 2, id="wide margins"),
        pytest.param(drawing()[36:84, 115:285], 2, id="tight"),
        pytest.param(drawing(size=480, shape=(960, 3200)), 14, id="large, by parts of a pixel elsewhere"),
        pytest.param(np.pad(drawing(), 15, constant_values=40), 2, id="on a dark table"),
    ],
)
def test_circumstances_do_not_matter(grey: Grey, limit: float) -> None:
    assert difference(to_strip(grey), REFERENCE) < limit


def test_small_digits_of_a_large_picture_are_found_and_sharp() -> None:
    grey = np.full((1500, 2000), 235, np.uint8)
    grey[1200:1260, 100:300] = drawing(size=30, shape=(60, 200), paper=235)
    assert difference(to_strip(grey), to_strip(drawing(size=30, shape=(60, 200)))) < 14


def test_frames_and_lines_of_forms_are_left_out() -> None:
    framed = Image.fromarray(drawing())
    ImageDraw.Draw(framed).rectangle((15, 8, 385, 112), outline=0, width=3)
    assert difference(to_strip(np.array(framed)), REFERENCE) < 1
    large = np.array(framed.resize((3200, 960)))
    assert difference(to_strip(large), REFERENCE) < 14
    lined = drawing()
    lined[104:107, 10:390] = 0
    assert difference(to_strip(lined), REFERENCE) < 1


def test_bold_ink_on_most_of_the_area() -> None:
    bold = Image.fromarray(drawing()).filter(ImageFilter.MinFilter(9)).crop((104, 32, 296, 88))
    grey = np.array(bold)
    assert (grey < 128).mean() > 0.5
    # Strokes as wide as the ground between them: which of both is ink is in doubt.
    seen = [max(see(each).strips, key=np.mean) for each in (grey, 255 - grey)]
    assert seen[0][0].max() == 0
    assert seen[0].mean() > 40
    assert difference(*seen) < 1


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (28, 140), (56, 280), (100, 300), (1, 5000), (3000, 2)])
def test_blank(shape: tuple[int, int], level: int) -> None:
    strip = to_strip(np.full(shape, level, np.uint8))
    assert strip.shape == (28, 140)
    if shape in ((28, 140), (56, 280)) and level < 128:
        assert (strip == level).all()  # a strip with a dark background is not touched
    else:
        assert not strip.any()


@pytest.mark.parametrize("shape", [(28, 100), (200, 600), (700, 900)])
@pytest.mark.parametrize("spread", [2, 6, 20])
def test_mere_noise_is_blank(shape: tuple[int, int], spread: float) -> None:
    values = np.random.default_rng(3).normal(190, spread, shape)
    assert not to_strip(levels(values)).any()


def test_any_shape_and_content_gives_a_strip() -> None:
    rng = np.random.default_rng(5)
    for _ in range(150):
        height, width = rng.integers(1, 90, 2)
        grey = rng.integers(0, 256, (height, width), np.uint8)
        if rng.random() < 0.5:
            grey = np.where(rng.random((height, width)) < rng.random(), 255, 0).astype(np.uint8)
        strip = to_strip(grey)
        assert strip.shape == (28, 140)
        assert strip.dtype == np.uint8


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 4), np.uint8), np.zeros((5, 5)), np.zeros((0, 5), np.uint8)])
def test_to_strip_refuses_other_arrays(bad: NDArray[Any]) -> None:
    with pytest.raises(PictureError, match="uint8"):
        to_strip(bad)


# --- Strips and strip-shaped pictures --------------------------------------------------------------------------------


def test_strips_pass_untouched_and_negatives_are_inverted() -> None:
    rng = np.random.default_rng(7)
    strip = sample_strip()
    for dark in (0, 40, 90):
        noisy = levels(strip * 0.6 + dark + rng.normal(0, 8, strip.shape))
        passed = to_strip(noisy)
        assert np.array_equal(passed, noisy)
        assert passed is not noisy
        assert np.array_equal(to_strip(255 - noisy), noisy)
    assert np.array_equal(read_strip(bytes_of(strip)), strip)
    one = np.hstack([strip[:, :28], np.zeros((28, 112), np.uint8)])
    assert np.array_equal(to_strip(one), one)
    assert np.array_equal(to_strip(255 - one), one)


@pytest.mark.parametrize("factor", [2, 3, 10])
def test_strips_saved_larger_come_back(factor: int) -> None:
    strip = sample_strip()
    larger = strip.repeat(factor, 0).repeat(factor, 1)
    assert np.array_equal(to_strip(larger), strip)
    assert difference(to_strip(255 - larger), strip) < 6


@pytest.mark.parametrize("shape", [(100, 500), (61, 300), (99, 502)])
def test_cells_of_strip_shaped_pictures_stay_in_place(shape: tuple[int, int]) -> None:
    for strip in (sample_strip(), np.hstack([np.zeros((28, 112), np.uint8), sample_strip()[:, :28]])):
        larger = np.array(Image.fromarray(strip).resize(shape[::-1], Image.Resampling.BICUBIC))
        assert difference(to_strip(larger), strip) < 12
        assert difference(to_strip(255 - larger), strip) < 12


def test_other_shapes_are_cropped() -> None:
    strip = np.hstack([np.zeros((28, 112), np.uint8), sample_strip()[:, :28]])
    for padding in ((3, 0), (0, 10)):
        padded = np.pad(strip, (padding[:1] * 2, padding[1:] * 2))
        _, _, left, right = ink_box(to_strip(padded))
        assert abs(left - (140 - right)) <= 1


# --- see -------------------------------------------------------------------------------------------------------------


def test_clean_pictures_have_one_candidate() -> None:
    seen = see(drawing())
    assert seen.strips.shape == (1, 28, 140)
    assert seen.rule == "cropped"
    assert not seen.bright
    assert see(255 - drawing()).bright
    assert np.array_equal(seen.grey, drawing())
    assert seen.box is not None
    rows, columns = np.nonzero(drawing() < 128)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.subtract(seen.box, expected)).max() <= 2
    assert np.array_equal(candidates(drawing()), seen.strips)
    assert np.array_equal(read_strip(drawing()), seen.strips[0])


def test_rules_are_told() -> None:
    strip = sample_strip()
    assert see(strip).rule == "strip"
    assert see(255 - strip).rule == "strip"
    assert not see(255 - strip).bright
    large = see(strip.repeat(3, 0).repeat(3, 1))
    assert large.rule == "strip-shaped"
    assert len(large.strips) == 1
    blank = see(np.full((90, 90), 200, np.uint8))
    assert blank.rule == "blank"
    assert blank.box is None
    assert not blank.strips.any()


def test_doubtful_strips_have_both_polarities() -> None:
    strip = np.zeros((28, 140), np.uint8)
    strip[:, :61] = 255
    seen = see(strip)
    assert len(seen.strips) == 2
    assert np.array_equal(seen.strips[0], 255 - seen.strips[1])
    assert any(np.array_equal(strip, each) for each in seen.strips)


def test_strip_shaped_photographs_are_cropped_too() -> None:
    grey = drawing(shape=(120, 600), ink=90, paper=200)
    found = candidates(grey)
    assert 1 < len(found) <= 4
    assert min(difference(strip, REFERENCE) for strip in found) < 4
    tall = np.ptp(np.flatnonzero((found[0] > 96).any(1)))
    assert tall < 14  # as large as in the whole picture


@pytest.mark.parametrize("ink", [20, 235])
def test_boards_shadows_and_boxes_are_not_ink(ink: int) -> None:
    board = drawing(ink=ink, paper=128)
    framed = np.pad(board, ((25, 25), (40, 40)), constant_values=255 - ink)
    assert min(difference(strip, REFERENCE) for strip in candidates(framed)) < 10
    shaded = board.copy()
    shaded[:, 230:] //= 2
    assert min(difference(strip, REFERENCE) for strip in candidates(shaded)) < 12


@pytest.mark.parametrize("thick", [1, 2, 4])
def test_boxes_to_write_in_are_not_ink(thick: int) -> None:
    cells = [drawing(digit, 60, (80, 60)) for digit in "25704"]
    plain = to_strip(np.hstack(cells))
    boxed = Image.fromarray(np.pad(np.hstack(cells), 20, constant_values=255))
    for left in range(20, 320, 60):
        ImageDraw.Draw(boxed).rectangle((left, 18, left + 60, 101), outline=0, width=thick)
    assert min(difference(strip, plain) for strip in candidates(np.array(boxed))) < 8


def wheels(text: str, ink: int, wheel: int, housing: int) -> Grey:
    """Digits on wheels behind windows in a housing."""
    cells = [np.pad(drawing(digit, 60, (80, 60), ink, wheel), 12, constant_values=housing) for digit in text]
    return np.pad(np.hstack(cells), 10, constant_values=housing)


@pytest.mark.parametrize(("ink", "wheel", "housing"), [(240, 20, 150), (20, 240, 120), (230, 30, 250), (30, 220, 5)])
def test_digits_behind_windows_are_found(ink: int, wheel: int, housing: int) -> None:
    plain = to_strip(np.hstack([drawing(digit, 60, (104, 84)) for digit in "25704"]))
    found = candidates(wheels("25704", ink, wheel, housing))
    assert min(difference(strip, plain) for strip in found) < 6


def test_what_is_above_and_below_the_row_is_left_out() -> None:
    grey = drawing(shape=(170, 400))
    grey[8:16, 130:180] = 0
    grey[150:158, 200:240] = 0
    assert min(difference(strip, REFERENCE) for strip in candidates(grey)) < 12


def test_never_more_than_four_candidates() -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        height, width = rng.integers(8, 120, 2)
        blocks = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1), np.uint8)
        found = candidates(blocks.repeat(8, 0).repeat(8, 1))
        assert found.dtype == np.uint8
        assert found.shape[1:] == (28, 140)
        assert 1 <= len(found) <= 4


# --- load_picture: encodings -----------------------------------------------------------------------------------------


def palette() -> Image.Image:
    """Dark red ink on pale yellow by a palette whose order says nothing about brightness."""
    image = Image.fromarray((drawing() < 128).astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 200, 90, 0, 0])
    return image


def transparent(ink: int, mode: str) -> Image.Image:
    """Ink of one level on full transparency."""
    ink_plane = Image.new("L", (400, 120), ink)
    alpha = Image.fromarray(255 - drawing())
    return Image.merge("LA", (ink_plane, alpha)).convert(mode)


def turned(orientation: int, back: Image.Transpose) -> dict[str, Any]:
    exif = Image.Exif()
    exif[274] = orientation
    return {"image": Image.fromarray(drawing()).transpose(back), "exif": exif}


def page_with_clear_border() -> Image.Image:
    image = Image.new("LA", (440, 160), (0, 0))
    image.paste(Image.merge("LA", (Image.fromarray(drawing()), Image.new("L", (400, 120), 255))), (20, 20))
    return image


GREY = Image.fromarray(drawing())
DEEP = drawing().astype(np.uint16)
ENCODINGS: dict[str, Callable[[], bytes]] = {
    "png": lambda: bytes_of(GREY),
    "jpeg": lambda: bytes_of(GREY, "JPEG", quality=60),
    "bmp": lambda: bytes_of(GREY, "BMP"),
    "gif": lambda: bytes_of(GREY, "GIF"),
    "tiff": lambda: bytes_of(GREY, "TIFF"),
    "tiff, deflate": lambda: bytes_of(GREY, "TIFF", compression="tiff_adobe_deflate"),
    "webp": lambda: bytes_of(GREY.convert("RGB"), "WEBP", quality=70),
    "one bit": lambda: bytes_of(GREY.convert("1", dither=Image.Dither.NONE)),
    "one bit, tiff": lambda: bytes_of(GREY.convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    "rgb": lambda: bytes_of(GREY.convert("RGB")),
    "opaque rgba": lambda: bytes_of(GREY.convert("RGBA")),
    "cmyk, jpeg": lambda: bytes_of(GREY.convert("RGB").convert("CMYK"), "JPEG"),
    "cmyk, tiff": lambda: bytes_of(GREY.convert("RGB").convert("CMYK"), "TIFF"),
    "lab, tiff": lambda: bytes_of(Image.merge("LAB", (GREY, *[Image.new("L", GREY.size, 128)] * 2)), "TIFF"),
    "palette": lambda: bytes_of(palette()),
    "palette, gif": lambda: bytes_of(palette(), "GIF"),
    "palette, clear paper": lambda: bytes_of(palette(), transparency=0),
    "palette, clear paper, gif": lambda: bytes_of(palette(), "GIF", transparency=0),
    "grey, clear paper": lambda: bytes_of(GREY, transparency=255),
    "dark ink on clear": lambda: bytes_of(transparent(20, "RGBA")),
    "bright ink on clear": lambda: bytes_of(transparent(235, "RGBA")),
    "dark ink on clear, grey": lambda: bytes_of(transparent(0, "LA")),
    "bright ink on clear, webp": lambda: bytes_of(transparent(255, "RGBA"), "WEBP", lossless=True),
    "page with a clear border": lambda: bytes_of(page_with_clear_border()),
    "16 bits": lambda: bytes_of(Image.fromarray(DEEP * 257)),
    "16 bits, 12 used": lambda: bytes_of(Image.fromarray(DEEP * 16)),
    "16 bits, narrow range": lambda: bytes_of(Image.fromarray(DEEP // 2 + 30000)),
    "16 bits, tiff": lambda: bytes_of(Image.fromarray(DEEP * 257), "TIFF"),
    "32 bits, tiff": lambda: bytes_of(Image.fromarray(drawing().astype(np.int32) * 1000 - 99), "TIFF"),
    "float to 1, tiff": lambda: bytes_of(Image.fromarray(drawing().astype(np.float32) / 255), "TIFF"),
    "float to 255, tiff": lambda: bytes_of(Image.fromarray(drawing().astype(np.float32)), "TIFF"),
    "float, wide, tiff": lambda: bytes_of(Image.fromarray(drawing() * np.float32(1e9) - 7), "TIFF"),
    "turned left, jpeg": lambda: bytes_of(**turned(6, Image.Transpose.ROTATE_90), format_="JPEG"),
    "turned right, png": lambda: bytes_of(**turned(8, Image.Transpose.ROTATE_270)),
    "upside down, tiff": lambda: bytes_of(**turned(3, Image.Transpose.ROTATE_180), format_="TIFF"),
    "mirrored, webp": lambda: bytes_of(**turned(2, Image.Transpose.FLIP_LEFT_RIGHT), format_="WEBP"),
    "transposed, png": lambda: bytes_of(**turned(5, Image.Transpose.TRANSPOSE)),
    "transverse, jpeg": lambda: bytes_of(**turned(7, Image.Transpose.TRANSVERSE), format_="JPEG"),
    "animated gif": lambda: bytes_of(GREY, "GIF", save_all=True, append_images=[Image.new("L", GREY.size)]),
    "animated png": lambda: bytes_of(GREY, save_all=True, append_images=[Image.new("L", GREY.size)]),
    "animated webp": lambda: bytes_of(
        GREY.convert("RGB"), "WEBP", save_all=True, append_images=[Image.new("RGB", GREY.size)]
    ),
    "two pages, tiff": lambda: bytes_of(GREY, "TIFF", save_all=True, append_images=[Image.new("L", (50, 50))]),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_same_strip(encoding: str) -> None:
    limit = 8 if encoding.startswith("one bit") else 4
    assert difference(read_strip(ENCODINGS[encoding]()), REFERENCE) < limit


def test_colours_of_one_luminance_are_told_apart() -> None:
    ink = drawing() < 128
    colours = np.where(ink[..., None], np.array([200, 0, 0], np.uint8), np.array([0, 102, 0], np.uint8))
    assert difference(read_strip(colours), REFERENCE) < 6


def test_arrays_images_streams_and_paths(tmp_path: Path) -> None:
    grey = drawing()
    path = tmp_path / "picture.jpg"  # a suffix that lies
    path.write_bytes(bytes_of(grey))
    boolean = grey > 127
    rgb = np.repeat(grey[..., None], 3, 2)
    for same in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), BytesIO(path.read_bytes())):
        assert np.array_equal(load_picture(same), grey)
    for array in (grey, grey[..., None], rgb, rgb / 255, grey / 255, grey.astype(np.int64), np.asfortranarray(grey)):
        assert np.abs(load_picture(array).astype(int) - grey).max() <= 1
    assert np.array_equal(load_picture(boolean), boolean * np.uint8(255))
    with path.open("rb") as stream:
        assert np.array_equal(load_picture(stream), grey)
    image = Image.open(path)
    assert np.array_equal(load_picture(image), grey)
    assert np.array_equal(load_picture(Image.fromarray(grey)), grey)
    clear = np.dstack([np.zeros_like(grey), 255 - grey])
    assert difference(read_strip(clear), REFERENCE) < 1


def test_not_finite_and_constant_values() -> None:
    values = drawing().astype(np.float64)
    values[0, :9] = np.nan
    values[1, :9] = np.inf
    values[2, :9] = -np.inf
    assert difference(read_strip(values), REFERENCE) < 1
    for constant in (np.full((9, 9), np.nan), np.full((9, 9), 1e300), np.full((9, 9), -(2**62))):
        assert not read_strip(constant).any()
    assert load_picture(np.full((9, 9), 65535, np.uint16)).min() == 255


# --- load_picture: errors --------------------------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A PNG of the declared size with next to no pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def refusal(source: Any) -> str:
    """The line that a source is refused with."""
    with pytest.raises(PictureError) as caught:
        load_picture(source)
    line = str(caught.value)
    assert "\n" not in line
    assert "expected" in line
    assert "Received: " in line
    assert " object at 0x" not in line
    return line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\x89", "begins"),
        (b"%PDF-1.7 something", "save it as PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "save it as PNG"),
        (b"hello\n" * 50, "save it as PNG"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"BM", "damaged"),
        (png_header(30000, 30000), "megapixels"),
        (png_header(12000, 10000), "12000 x 10000"),
        (png_header(2**31 - 1, 2**31 - 1), "megapixels"),
        (png_header(100, 100), "damaged"),
        (png_header(0, 0), "expected"),
        (bytes_of(np.zeros((1, 1), np.uint8)), "1 x 1"),
        (bytes_of(np.zeros((3, 90), np.uint8), "GIF"), "90 x 3"),
        (bytes_of(drawing())[:-200], "damaged"),
        (bytes_of(drawing(), "JPEG")[:-200], "damaged"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "meter.png"
    path.write_bytes(content)
    line = refusal(path)
    assert line.startswith(str(path))
    assert words in line


def test_bad_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in refusal(tmp_path / "missing.png")
    assert "a folder" in refusal(tmp_path)
    assert "a folder" in refusal("")  # the current folder
    assert refusal("a\0b")
    assert refusal(tmp_path / ("long" * 500))
    assert "\\n" in refusal(tmp_path / "two\nlines.png")

    path = tmp_path / "picture.png"
    path.write_bytes(bytes_of(drawing()))
    monkeypatch.setattr(loading, "MAX_FILE_BYTES", 100)
    assert "at most" in refusal(path)
    assert "at most" in refusal(path.read_bytes())
    assert "at most" in refusal(BytesIO(path.read_bytes()))
    monkeypatch.undo()

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(loading, "open", refuse, raising=False)
    assert "permissions" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(bytes_of(drawing()))
    path.chmod(0)
    assert "permissions" in refusal(path)


def test_bad_sources() -> None:
    closed = BytesIO(b"x")
    closed.close()
    assert "open it again" in refusal(closed)
    assert "mode 'rb'" in refusal(StringIO("text"))
    assert "pass one" in refusal(7)
    assert "pass one" in refusal(None)
    for array in (np.zeros(9), np.zeros((9, 9, 5)), np.zeros((0, 9)), np.full((9, 9), "a"), np.zeros((9, 9), complex)):
        assert "convert the array" in refusal(array)
    assert "1 x 1" in refusal(np.zeros((1, 1)))
    assert "megapixels" in refusal(np.broadcast_to(np.uint8(0), (20000, 20000)))


@pytest.mark.parametrize("name", ["png", "palette", "16 bits", "gif", "jpeg", "bmp", "tiff, deflate", "webp"])
def test_truncated_anywhere(name: str) -> None:
    data = ENCODINGS[name]()
    for end in {*range(60), *np.linspace(60, len(data), 40).astype(int).tolist()}:
        try:
            strip = read_strip(data[:end])
        except PictureError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert strip.shape == (28, 140)


@pytest.mark.parametrize(
    "fault", [MemoryError(), KeyError("x"), struct.error("bad"), RecursionError(), OverflowError()]
)
def test_whatever_pillow_raises(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fail(_: Image.Image) -> None:
        raise fault

    image = Image.fromarray(drawing())
    monkeypatch.setattr(Image.Image, "load", fail)
    assert refusal(image)


# --- Imports ---------------------------------------------------------------------------------------------------------


def test_only_what_a_picture_needs_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(bytes_of(drawing()))
    code = (
        "import sys; from multidigit.pictures import read_strip; read_strip(sys.argv[1]);"
        "heavy = {'tensorflow', 'scipy', 'click', 'yaml', 'PIL.TiffImagePlugin', 'PIL.WebPImagePlugin'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_public_names_exist() -> None:
    assert all(hasattr(pictures, name) for name in pictures.__all__)
