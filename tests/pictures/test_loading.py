"""Picture files of every kind become the same strip, and whatever cannot be read is a ``PictureError`` of one line."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import difference, drawing, encoded
from numpy.typing import NDArray
from PIL import Image

from multidigit.errors import PictureError
from multidigit.pictures import RowBox, load_picture, loading
from multidigit.pictures.fitting import cut_row, in_ink


def strip_of(picture: Any) -> NDArray[np.uint8]:
    """The digits in the middle of a picture, bright on dark whatever they were."""
    grey = load_picture(picture)
    height, width = grey.shape
    return in_ink(cut_row(grey, RowBox(width / 2, height / 2, 170, 43), 5), stretched=True)[0]


REFERENCE = strip_of(drawing())


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
    return {"picture": Image.fromarray(drawing()).transpose(back), "exif": exif}


def page_with_clear_border() -> Image.Image:
    image = Image.new("LA", (440, 160), (0, 0))
    image.paste(Image.merge("LA", (Image.fromarray(drawing()), Image.new("L", (400, 120), 255))), (20, 20))
    return image


GREY = Image.fromarray(drawing())
DEEP = drawing().astype(np.uint16)
ENCODINGS: dict[str, Callable[[], bytes]] = {
    "png": lambda: encoded(GREY),
    "jpeg": lambda: encoded(GREY, "JPEG", quality=60),
    "bmp": lambda: encoded(GREY, "BMP"),
    "gif": lambda: encoded(GREY, "GIF"),
    "tiff": lambda: encoded(GREY, "TIFF"),
    "tiff, deflate": lambda: encoded(GREY, "TIFF", compression="tiff_adobe_deflate"),
    "webp": lambda: encoded(GREY.convert("RGB"), "WEBP", quality=70),
    "one bit": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE)),
    "one bit, tiff": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    "rgb": lambda: encoded(GREY.convert("RGB")),
    "opaque rgba": lambda: encoded(GREY.convert("RGBA")),
    "cmyk, jpeg": lambda: encoded(GREY.convert("RGB").convert("CMYK"), "JPEG"),
    "cmyk, tiff": lambda: encoded(GREY.convert("RGB").convert("CMYK"), "TIFF"),
    "lab, tiff": lambda: encoded(Image.merge("LAB", (GREY, *[Image.new("L", GREY.size, 128)] * 2)), "TIFF"),
    "palette": lambda: encoded(palette()),
    "palette, gif": lambda: encoded(palette(), "GIF"),
    "palette, clear paper": lambda: encoded(palette(), transparency=0),
    "palette, clear paper, gif": lambda: encoded(palette(), "GIF", transparency=0),
    "grey, clear paper": lambda: encoded(GREY, transparency=255),
    "dark ink on clear": lambda: encoded(transparent(20, "RGBA")),
    "bright ink on clear": lambda: encoded(transparent(235, "RGBA")),
    "dark ink on clear, grey": lambda: encoded(transparent(0, "LA")),
    "bright ink on clear, webp": lambda: encoded(transparent(255, "RGBA"), "WEBP", lossless=True),
    "page with a clear border": lambda: encoded(page_with_clear_border()),
    "16 bits": lambda: encoded(Image.fromarray(DEEP * 257)),
    "16 bits, 12 used": lambda: encoded(Image.fromarray(DEEP * 16)),
    "16 bits, narrow range": lambda: encoded(Image.fromarray(DEEP // 2 + 30000)),
    "16 bits, tiff": lambda: encoded(Image.fromarray(DEEP * 257), "TIFF"),
    "32 bits, tiff": lambda: encoded(Image.fromarray(drawing().astype(np.int32) * 1000 - 99), "TIFF"),
    "float to 1, tiff": lambda: encoded(Image.fromarray(drawing().astype(np.float32) / 255), "TIFF"),
    "float to 255, tiff": lambda: encoded(Image.fromarray(drawing().astype(np.float32)), "TIFF"),
    "float, wide, tiff": lambda: encoded(Image.fromarray(drawing() * np.float32(1e9) - 7), "TIFF"),
    "turned left, jpeg": lambda: encoded(**turned(6, Image.Transpose.ROTATE_90), format_="JPEG"),
    "turned right, png": lambda: encoded(**turned(8, Image.Transpose.ROTATE_270)),
    "upside down, tiff": lambda: encoded(**turned(3, Image.Transpose.ROTATE_180), format_="TIFF"),
    "mirrored, webp": lambda: encoded(**turned(2, Image.Transpose.FLIP_LEFT_RIGHT), format_="WEBP"),
    "transposed, png": lambda: encoded(**turned(5, Image.Transpose.TRANSPOSE)),
    "transverse, jpeg": lambda: encoded(**turned(7, Image.Transpose.TRANSVERSE), format_="JPEG"),
    "animated gif": lambda: encoded(GREY, "GIF", save_all=True, append_images=[Image.new("L", GREY.size)]),
    "animated png": lambda: encoded(GREY, save_all=True, append_images=[Image.new("L", GREY.size)]),
    "animated webp": lambda: encoded(
        GREY.convert("RGB"), "WEBP", save_all=True, append_images=[Image.new("RGB", GREY.size)]
    ),
    "grey, pgm": lambda: encoded(GREY, "PPM"),
    "colours, ppm": lambda: encoded(GREY.convert("RGB"), "PPM"),
    "one bit, pbm": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE), "PPM"),
    "text, pgm": lambda: b"P2\n# a comment\n400 120 255\n" + " ".join(map(str, drawing().ravel())).encode(),
    "16 bits, pgm": lambda: encoded(Image.fromarray(DEEP.astype(np.int32) * 257), "PPM"),
    "two pages, tiff": lambda: encoded(GREY, "TIFF", save_all=True, append_images=[Image.new("L", (50, 50))]),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_same_strip(encoding: str) -> None:
    limit = 8 if encoding.startswith("one bit") else 4
    assert difference(strip_of(ENCODINGS[encoding]()), REFERENCE) < limit


def test_ink_and_paper_of_one_luminance_differ_by_colour() -> None:
    ink = drawing() < 128
    colours = np.where(ink[..., None], np.array([200, 0, 0], np.uint8), np.array([0, 102, 0], np.uint8))
    assert difference(strip_of(colours), REFERENCE) < 6


def test_arrays_images_streams_and_paths(tmp_path: Path) -> None:
    grey = drawing()
    path = tmp_path / "picture.jpg"  # a suffix that lies
    path.write_bytes(encoded(grey))
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
    assert difference(strip_of(clear), REFERENCE) < 1


def test_not_finite_and_constant_values() -> None:
    values = drawing().astype(np.float64)
    values[0, :9] = np.nan
    values[1, :9] = np.inf
    values[2, :9] = -np.inf
    assert difference(strip_of(values), REFERENCE) < 1
    for constant in (np.full((9, 9), np.nan), np.full((9, 9), 1e300), np.full((9, 9), -(2**62))):
        assert not strip_of(constant).any()
    assert load_picture(np.full((9, 9), 65535, np.uint16)).min() == 255


MASK = (drawing() < 128).astype(np.uint8)
MASKS: dict[str, Any] = {
    "0 and 1": MASK,
    "0 to 8": MASK * np.uint8(8),
    "7 and 8": MASK + np.uint8(7),
    "0 and 1, whole numbers": MASK.astype(np.int64),
    "0 and 1, channels": np.dstack([MASK] * 3),
    "0 and 1, one channel": np.dstack([MASK * 0, MASK, MASK * 0]),
    "0 and 1, png": encoded(MASK),
    "0 and 1, png in colour": encoded(np.dstack([MASK] * 3)),
    "0 and 1, palette": encoded(Image.fromarray(MASK, "L").convert("P")),
    "0 and 1, alpha": encoded(Image.merge("LA", (Image.fromarray(MASK), Image.new("L", GREY.size, 255)))),
    "0 and 1, pgm": b"P5 400 120 255\n" + MASK.tobytes(),
    "an image": Image.fromarray(MASK),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_are_not_blank(name: str) -> None:
    levels = load_picture(MASKS[name])
    ink, paper = levels[MASK == 1], levels[MASK == 0]
    assert ink.min() == ink.max()
    assert paper.min() == paper.max()
    assert int(ink[0]) - int(paper[0]) > 120


@pytest.mark.parametrize("level", [0, 1, 8, 15, 16, 200, 255])
def test_one_colour_stays_one_colour(level: int) -> None:
    assert np.array_equal(load_picture(np.full((20, 90), level, np.uint8)), np.full((20, 90), level))
    assert np.array_equal(load_picture(encoded(np.full((20, 90), level, np.uint8))), np.full((20, 90), level))


def test_dark_pictures_stay_dark() -> None:
    assert load_picture(MASK * np.uint8(16)).max() == 16


@pytest.mark.parametrize(
    ("format_", "mode"), [("GIF", "L"), ("GIF", "P"), ("PNG", "L"), ("WEBP", "RGB"), ("TIFF", "L")]
)
def test_the_first_frame_that_is_not_of_one_colour_is_read(format_: str, mode: str, tmp_path: Path) -> None:
    def frames(*pictures: Image.Image) -> bytes:
        first, *others = (picture.convert(mode) for picture in pictures)
        options: dict[str, Any] = {"lossless": True} if format_ == "WEBP" else {}
        return encoded(first, format_, save_all=True, append_images=others, **options)

    white, black = Image.new("L", GREY.size, 255), Image.new("L", GREY.size)
    for file in (frames(white, black, GREY, white), frames(GREY, white), frames(white, GREY)):
        path = tmp_path / "film"
        path.write_bytes(file)
        assert np.array_equal(load_picture(path), drawing())
    assert load_picture(frames(white, black)).min() == 255
    assert load_picture(Image.open(BytesIO(frames(white, GREY)))).min() == 255, "a Pillow image stays at its frame"
    cut = frames(white, GREY)
    assert load_picture(cut[: -len(cut) // 3] if format_ in ("GIF", "PNG") else frames(white)).min() == 255


def test_only_some_frames_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = [Image.new("L", GREY.size, level) for level in range(0, 160, 8)]
    late = encoded(blank[0], "GIF", save_all=True, append_images=[*blank[1:], GREY])
    assert not load_picture(late).any()
    soon = encoded(blank[0], "GIF", save_all=True, append_images=[*blank[1:10], GREY])
    assert load_picture(soon).any()
    monkeypatch.setattr(loading, "MAX_PIXELS", 400 * 120 * 5)
    assert not load_picture(soon).any()


def test_extreme_shapes() -> None:
    assert "at least 4 x 4 pixels; received 4000 x 1" in refusal(np.zeros((1, 4000), np.uint8))
    assert "at least 4 x 4 pixels; received 1 x 4000" in refusal(encoded(np.zeros((4000, 1), np.uint8)))
    assert load_picture(encoded(np.zeros((20, 20000), np.uint8))).shape == (20, 20000)


BRANDS = {
    "heic": "HEIC",
    "mif1": "HEIC",
    "avif": "AVIF",
    "mif1\0\0\0\0mif1avif": "AVIF",
    "isom": "video",
    "qt  ": "video",
}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *((b"\0\0\0\x1cftyp" + brand.encode() + bytes(30), kind) for brand, kind in BRANDS.items()),
        (b"%PDF-1.7 something", "a PDF document; convert it to PNG or JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing; convert it to PNG or JPEG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by -->\n<svg>", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html><svg/>", "a web page (HTML); save the picture in it as PNG or JPEG"),
        (b"<html lang='en'>", "a web page (HTML)"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive; unpack it"),
        (b"\x1f\x8b\x08" + bytes(30), "a packed archive"),
        (b"8BPS\0\x01" + bytes(30), "a Photoshop picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\xff\x0a" + bytes(30), "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\x1aE\xdf\xa3" + bytes(30), "a video"),
        (b'{"error": "not found"}\n', "a text file; name a picture file"),
    ],
)
def test_other_files_are_named_by_their_kind(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "meter.png"
    path.write_bytes(content)
    line = refusal(path)
    assert line.startswith(f"{path}: expected a picture (PNG, JPEG, ")
    assert kind in line
    assert "begins" not in line


@pytest.mark.timeout(20)
@pytest.mark.skipif(os.name != "posix", reason="a matter of POSIX systems")
def test_pipes_without_a_writer_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.png").symlink_to("pipe")
    for name in ("pipe", "link.png"):
        assert "a pipe that nothing writes into" in refusal(tmp_path / name)
    assert "a device" in refusal(os.devnull)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "socket")


@pytest.mark.timeout(20)
@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs /dev/fd")
def test_pipes_that_are_written_into_are_read() -> None:
    """As ``<(…)`` gives them, however late the writer is."""
    for seconds in (0, 0.3):
        out, into = os.pipe()

        def write(into: int = into, seconds: float = seconds) -> None:
            time.sleep(seconds)
            with open(into, "wb") as file:
                file.write(encoded(drawing()))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert np.array_equal(load_picture(f"/dev/fd/{out}"), drawing())
        finally:
            os.close(out)
            writer.join()
    out, into = os.pipe()
    os.close(into)
    assert "a pipe that nothing writes into" in refusal(f"/dev/fd/{out}")
    os.close(out)


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
    assert "; received " in line
    assert " object at 0x" not in line
    return line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\x89", "begins"),
        (bytes(10_000), r"begins b'\x00"),
        (b"RIFF\x00\x00\x00\x00WEBP", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"BM", "damaged"),
        (png_header(30000, 30000), "megapixels"),
        (png_header(12000, 10000), "12000 x 10000"),
        (png_header(2**31 - 1, 2**31 - 1), "megapixels"),
        (png_header(100, 100), "damaged"),
        (png_header(0, 0), "expected"),
        (encoded(np.zeros((1, 1), np.uint8)), "1 x 1"),
        (encoded(np.zeros((3, 90), np.uint8), "GIF"), "90 x 3"),
        (encoded(drawing())[:-200], "damaged"),
        (encoded(drawing(), "JPEG")[:-200], "damaged"),
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
    path.write_bytes(encoded(drawing()))
    monkeypatch.setattr(loading, "MAX_FILE_BYTES", 100)
    assert "at most" in refusal(path)
    assert "at most" in refusal(path.read_bytes())
    assert "at most" in refusal(BytesIO(path.read_bytes()))
    monkeypatch.undo()

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(loading, "open", refuse, raising=False)
    assert "permissions" in refusal(path)


def test_bad_sources() -> None:
    closed = BytesIO(b"x")
    closed.close()
    assert "open it again" in refusal(closed)
    assert "mode 'rb'" in refusal(StringIO("text"))
    assert "pass one" in refusal(7)
    assert "pass one" in refusal(None)
    for array in (np.zeros(9), np.zeros((0, 9)), np.full((9, 9), "a"), np.zeros((9, 9), complex)):
        assert "convert the array" in refusal(array)
    for shape in ((7, 28, 140), (3, 28, 140), (28, 140, 5), (7, 28, 140, 3)):
        line = refusal(np.zeros(shape, np.uint8))
        assert "channels last, array.transpose(1, 2, 0)" in line
        assert "a list, list(array)" in line
    assert "1 x 1" in refusal(np.zeros((1, 1)))
    assert "megapixels" in refusal(np.broadcast_to(np.uint8(0), (20000, 20000)))


@pytest.mark.parametrize(
    "fault", [MemoryError(), KeyError("x"), struct.error("bad"), RecursionError(), OverflowError()]
)
def test_whatever_pillow_raises(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fail(_: Image.Image) -> None:
        raise fault

    image = Image.fromarray(drawing())
    monkeypatch.setattr(Image.Image, "load", fail)
    assert refusal(image)


def test_only_what_a_picture_needs_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(drawing()))
    code = (
        "import sys; from multidigit.pictures import load_picture; load_picture(sys.argv[1]);"
        "heavy = {'tensorflow', 'scipy', 'click', 'yaml', 'PIL.TiffImagePlugin', 'PIL.WebPImagePlugin'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


class TestBombs:
    def test_a_jpeg_of_endless_passes(self) -> None:
        whole = encoded(np.full((64, 64), 128, np.uint8), "JPEG", progressive=True)
        start = whole.rfind(b"\xff\xc4", 0, whole.rfind(b"\xff\xda"))
        bomb = whole[:-2] + 500 * whole[start:-2] + whole[-2:]
        with pytest.raises(PictureError, match=r"expected a JPEG of at most 100 scans; received 5\d\d"):
            load_picture(bomb)
        assert load_picture(whole[:-2] + 50 * whole[start:-2] + whole[-2:]).shape == (64, 64)

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "GIF", "WEBP"])
    def test_small_copies_are_made_within_the_same_limits(
        self, format_: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = tmp_path / "x"
        path.write_bytes(encoded(np.zeros((300, 400), np.uint8), format_))
        assert loading.open_picture(path).size == (400, 300)
        monkeypatch.setattr(loading, "MAX_PIXELS", 119_999)
        with pytest.raises(PictureError, match="received 400 x 300"):
            loading.open_picture(path)
        monkeypatch.setattr(loading, "MAX_FILE_BYTES", 10)
        with pytest.raises(PictureError, match=r"received \d+ bytes"):
            loading.open_picture(path)

    def test_small_copies_start_no_other_program(self, tmp_path: Path) -> None:
        path = tmp_path / "x.png"
        path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n")
        with pytest.raises(PictureError, match="received a PostScript document"):
            loading.open_picture(path)
