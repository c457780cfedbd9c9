"""Damaged, mislabelled and absurd picture files: a strip or an error of one line, soon and in little memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from multidigit.errors import PictureError
from multidigit.pictures import load_picture
from multidigit.pictures.fitting import fit_whole

# What Pillow warns of is kept quiet by a filter, which pytest puts aside; a test of its own looks at that.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

Rng = np.random.Generator


def digits() -> Image.Image:
    """A small picture with some ink."""
    levels = np.full((30, 64), 230, np.uint8)
    levels[6:24, 10:14] = levels[6:24, 30:34] = levels[6:9, 24:40] = 30
    return Image.fromarray(levels)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def animated(format_: str, mode: str) -> bytes:
    frames = [digits().rotate(angle, fillcolor=230).convert(mode) for angle in (0, 5, 10)]
    return saved(frames[0], format_, save_all=True, append_images=frames[1:], duration=40)


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[274], tags[270] = 6, "a meter"
    return tags


ALPHA = Image.merge("LA", (digits(), Image.new("L", digits().size, 200)))
FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: saved(digits(), "PNG"),
    "png, palette": lambda: saved(digits().convert("P"), "PNG", transparency=0),
    "png, alpha": lambda: saved(ALPHA, "PNG"),
    "png, 16 bits": lambda: saved(Image.fromarray(np.asarray(digits()).astype(np.uint16) * 257), "PNG"),
    "png, exif": lambda: saved(digits(), "PNG", exif=exif()),
    "png, animated": lambda: animated("PNG", "L"),
    "jpeg": lambda: saved(digits(), "JPEG", exif=exif()),
    "jpeg, progressive": lambda: saved(digits().convert("RGB"), "JPEG", progressive=True),
    "jpeg, cmyk": lambda: saved(digits().convert("CMYK"), "JPEG"),
    "bmp": lambda: saved(digits(), "BMP"),
    "bmp, one bit": lambda: saved(digits().convert("1"), "BMP"),
    "gif": lambda: saved(digits(), "GIF", transparency=0),
    "gif, animated": lambda: animated("GIF", "P"),
    "tiff": lambda: saved(digits(), "TIFF"),
    "tiff, lzw": lambda: saved(digits().convert("RGBA"), "TIFF", compression="tiff_lzw"),
    "tiff, fax": lambda: saved(digits().convert("1"), "TIFF", compression="group4"),
    "tiff, float": lambda: saved(digits().convert("F"), "TIFF"),
    "pgm": lambda: saved(digits(), "PPM"),
    "pbm": lambda: saved(digits().convert("1"), "PPM"),
    "ppm, text": lambda: b"P3 # digits\n64 30 255 " + " ".join(map(str, digits().convert("RGB").tobytes())).encode(),
    "webp": lambda: saved(digits().convert("RGB"), "WEBP"),
    "webp, lossless": lambda: saved(ALPHA.convert("RGBA"), "WEBP", lossless=True),
    "webp, animated": lambda: animated("WEBP", "RGB"),
}
ROUNDS = 60


def flipped(data: bytes, rng: Rng) -> bytes:
    """Bits turned over; half of the time in the header, which is short and full of lengths."""
    damaged = bytearray(data)
    reach = min(len(data), 150) if rng.random() < 0.5 else len(data)
    for place in rng.integers(0, reach, int(rng.integers(1, 12))):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def overwritten(data: bytes, rng: Rng) -> bytes:
    """Numbers of a header replaced by the smallest and largest."""
    damaged = bytearray(data)
    place, wide = int(rng.integers(4, min(len(data), 200))), int(rng.integers(1, 5))
    damaged[place : place + wide] = bytes([(0, 1, 127, 128, 255)[rng.integers(5)]]) * wide
    return bytes(damaged[: len(data)])


def cut(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def spliced(data: bytes, rng: Rng) -> bytes:
    """The start of one file with the end of another."""
    other = FILES[list(FILES)[int(rng.integers(len(FILES)))]]()
    return data[: int(rng.integers(4, len(data)))] + other[int(rng.integers(0, len(other))) :]


def moved(data: bytes, rng: Rng) -> bytes:
    """A stretch left out, doubled, or made zeros."""
    start = int(rng.integers(4, len(data)))
    part = data[start : start + int(rng.integers(1, 60))]
    put = (b"", part * 2, bytes(len(part)))[rng.integers(3)]
    return data[:start] + put + data[start + len(part) :]


MUTATIONS = (flipped, overwritten, cut, spliced, moved)


def outcome(data: Any) -> str:
    """``strip`` or ``error``, checked; whatever else is raised fails the test."""
    try:
        found = fit_whole(load_picture(data), 5)
    except PictureError as error:
        line = str(error)
        assert "\n" not in line
        assert line.isprintable()
        assert len(line) < 400
        return "error"
    assert found.dtype == np.uint8
    assert found.shape == (28, 140)
    return "strip"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", FILES)
def test_mutated_files_give_a_strip_or_one_line(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = FILES[name]()
    assert outcome(data) == "strip"
    rng = np.random.default_rng(list(name.encode()))
    found = [outcome(MUTATIONS[i % len(MUTATIONS)](data, rng)) for i in range(ROUNDS)]
    assert "error" in found
    assert capfd.readouterr() == ("", "")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(side: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(5000))) + png_chunk(b"IEND", b"")


def huge_gif(side: int) -> bytes:
    side = min(side, 65535)
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00;"


def huge_bmp(side: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(900)


def huge_tiff(side: int) -> bytes:
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, side), (279, 1000)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def huge_webp(side: int) -> bytes:
    side = min(side, 1 << 24)
    canvas = bytes(4) + (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + b"VP8L" + struct.pack("<I", 8) + b"\x2f" + bytes(7)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_jpeg(side: int) -> bytes:
    data = saved(digits(), "JPEG")
    start = data.index(b"\xff\xc0")
    side = min(side, 65535)
    return data[: start + 5] + struct.pack(">HH", side, side) + data[start + 9 :]


def huge_ppm(side: int) -> bytes:
    return b"P6 %d %d 255\n" % (side, side) + bytes(1000)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("side", [30_000, 65_535, 2**31 - 1])
@pytest.mark.parametrize("make", [huge_ppm, huge_png, huge_gif, huge_bmp, huge_tiff, huge_webp, huge_jpeg])
def test_absurd_sizes_are_refused_before_any_pixel(make: Callable[[int], bytes], side: int) -> None:
    with pytest.raises(PictureError) as caught:
        load_picture(make(side))
    assert "megapixels" in str(caught.value) or "damaged" in str(caught.value)


@pytest.mark.usefixtures("little_memory")
def test_text_that_unpacks_to_much_takes_no_memory() -> None:
    packer, megabyte = zlib.compressobj(9), bytes(1_000_000)
    packed = b"".join(packer.compress(megabyte) for _ in range(100)) + packer.flush()
    bomb = png_chunk(b"zTXt", b"comment\x00\x00" + packed)
    data = saved(digits(), "PNG")
    outcome(data[:33] + bomb + data[33:])


@pytest.mark.parametrize("name", FILES)
def test_suffixes_do_not_matter(name: str, tmp_path: Path) -> None:
    data = FILES[name]()
    path = tmp_path / "picture.txt"
    path.write_bytes(data)
    assert np.array_equal(load_picture(path), load_picture(data))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 3)])
def test_pictures_of_next_to_no_pixels_are_refused(format_: str, size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match="at least 4 x 4 pixels"):
        load_picture(saved(Image.new("RGB", size), format_))


def test_damaged_files_warn_of_nothing() -> None:
    """Even where Python shows all warnings; a process of its own, since pytest has filters of its own."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; import test_mutated as t;"
        "rng = np.random.default_rng(3);"
        "print({t.outcome(t.overwritten(t.FILES[name](), rng)) for name in t.FILES for _ in range(12)} >= {'error'})"
    )
    command = [sys.executable, "-W", "default", "-c", code, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
    assert done.stderr == ""


def test_several_threads_read_damaged_files(capfd: pytest.CaptureFixture[str]) -> None:
    found: list[str] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for name in ("tiff", "tiff, lzw", "tiff, fax", "png", "jpeg"):
            found.extend(outcome(flipped(FILES[name](), rng)) for _ in range(8))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * 5 * 8
    print("still open", file=sys.stderr)
    assert capfd.readouterr().err == "still open\n"
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('open')"], check=True)
    assert capfd.readouterr().err == "open"
