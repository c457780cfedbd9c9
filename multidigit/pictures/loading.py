"""Pictures of any format and mode -> grey levels, within limits; every fault is a ``PictureError``."""

from __future__ import annotations

import importlib
import logging
import os
import re
import stat
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from multidigit.addresses import is_address, read_address
from multidigit.errors import PictureError, picture_error, printable
from multidigit.files import holds
from multidigit.pictures.formats import KNOWN, described, plugin_of
from multidigit.quiet import quiet_stderr

MAX_PIXELS = 100_000_000
"""Largest width × height that is decoded."""
MAX_FILE_BYTES = 200_000_000
"""Largest file that is read."""
MIN_SIDE = 4
"""Smallest width and height of a picture in pixels."""
MOST_SCANS = 100
"""Passes of a JPEG over its pixels: it has about ten. Some bytes each, they would cost a second each."""
_SCANS = (b"\x08\x01", b"\x0a\x02", b"\x0c\x03", b"\x0e\x04")
"""How a scan's header goes on, by the number of its colours."""
BLOCK = 256
"""Rows that are scaled at a time."""
FRAMES = 16
"""Frames of an animated file that are looked at for one that is not of one colour."""

Result = TypeVar("Result")
PictureSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | BinaryIO | Image.Image | NDArray[Any]"

# Without a handler of its own, what Pillow logs about odd files would reach the terminal through Python's last resort.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# What its plugins warn of in damaged files is an error of ours or does not matter. Set once, since changing filters for
# a while (``warnings.catch_warnings``) is not safe where several threads read.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.\w+Plugin")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def load_picture(source: PictureSource) -> NDArray[np.uint8]:
    """Reads a picture as grey levels; what is given may not be writable.

    Of an animated file the first frame that is not of one colour is taken; EXIF orientation is applied. Where a picture
    is transparent, a background is laid under it on which its ink shows. Colour becomes luminance, unless a single
    channel, red, green or blue, tells ink and background apart far better. Other values than 0 to 255, and masks of 0
    and 1, are scaled by the range that they need: see ``_scaled``.

    Args:
        source: a file's path or address; its bytes; a binary stream; a Pillow image; or an array of shape (H, W),
            (H, W, 1), (H, W, 2: grey and alpha), (H, W, 3: RGB) or (H, W, 4: RGBA), of booleans, integers or floats.
            PNG, JPEG, BMP, GIF, TIFF, WebP, PPM, PGM and PBM are read.

    Returns:
        ``uint8``, shape (H, W), both at least ``MIN_SIDE``; 0 is black.

    Raises:
        PictureError: missing, a folder, not to be opened, empty, over ``MAX_FILE_BYTES`` or ``MAX_PIXELS``, under
            ``MIN_SIDE``, not a picture, damaged or cut short.
    """
    if isinstance(source, np.ndarray):
        name = f"array of shape {source.shape}"
        return _decoded(name, lambda: _array_image(name, source))
    if isinstance(source, Image.Image):
        image = source
        return _decoded(printable(getattr(image, "filename", "") or "picture"), lambda: image)
    name, data = _name_and_bytes(source)
    return _decoded(name, partial(_open, name, data), FRAMES)


def open_picture(source: str | os.PathLike[str] | bytes) -> Image.Image:
    """A picture as Pillow opens it, within the same limits and in the same formats; for small copies of it.

    Its pixels are decoded when they are needed; a damaged file can raise any exception then.

    Raises:
        PictureError: as ``load_picture``, except for damage among the pixels.
    """
    name, data = _name_and_bytes(source)
    return _passed_on(name, partial(_open, name, data))


def picture_bytes(path: str | os.PathLike[str]) -> bytes:
    """What a picture's file holds.

    Raises:
        PictureError: it cannot be read, or is larger than ``MAX_FILE_BYTES``.
    """
    return _file_bytes(printable(os.fspath(path)), path)


def _name_and_bytes(source: Any) -> tuple[str, bytes]:
    """What a picture is called in errors, and its file, whose format is one that is read."""
    if isinstance(source, (bytes, bytearray)):
        name, data = "picture bytes", bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        name = printable(os.fspath(source))
        data = _file_bytes(name, source)
    elif hasattr(source, "read"):
        name = printable(getattr(source, "name", "picture stream"))
        data = _stream_bytes(name, source)
    else:
        raise picture_error("picture", "a path, bytes, a stream, an image or an array", repr(type(source)), "pass one")

    if not data:
        raise picture_error(name, "a picture file", "an empty file", "save or copy it again")
    if len(data) > MAX_FILE_BYTES:
        raise _too_much(name, f"more than {MAX_FILE_BYTES} bytes", f"{MAX_FILE_BYTES // 10**6} MB")
    if not plugin_of(data):
        raise picture_error(name, f"a picture ({KNOWN})", *described(data))
    return name, data


def _file_bytes(name: str, path: str | os.PathLike[str]) -> bytes:
    """What a file or a pipe holds: at most one byte more than ``MAX_FILE_BYTES``, so that endless pipes end."""
    try:
        if isinstance(path, str) and is_address(path):
            return read_address(path, MAX_FILE_BYTES + 1)
        with open(path, "rb", opener=_opened) as file:
            about, start = os.fstat(file.fileno()), b""
            if about.st_size > MAX_FILE_BYTES:
                raise _too_much(name, f"{about.st_size} bytes", f"{MAX_FILE_BYTES // 10**6} MB")
            if not stat.S_ISREG(about.st_mode):
                pipe = stat.S_ISFIFO(about.st_mode)
                with suppress(BlockingIOError):  # there is a writer, who has not begun
                    start = os.read(file.fileno(), 1) if pipe else b""
                    if not start:
                        received = "a pipe that nothing writes into" if pipe else "a device"
                        raise picture_error(name, "a picture file", received, "name a picture file")
                os.set_blocking(file.fileno(), True)
            # Asked for as much as it might be, it would make room for as much; pipes do not tell.
            return start + file.read(about.st_size or MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as fault:
        if holds(Path(path).is_dir):
            raise picture_error(name, "a picture file", "a folder", "name a picture in it") from None
        if isinstance(fault, FileNotFoundError):
            raise picture_error(name, "a picture file", "no such file", "check the name") from None
        raise picture_error(name, "a file that can be read", _short(fault), "check its permissions") from None


def _opened(path: str, flags: int) -> int:
    """Opens a file; a pipe without waiting for one who writes into it, and no device: some do things when opened."""
    kind = os.stat(path).st_mode  # noqa: PTH116
    if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        raise picture_error(printable(path), "a picture file", "a device", "name a picture file")
    pipe = stat.S_ISFIFO(kind)
    return os.open(path, flags | (os.O_NONBLOCK if pipe else 0))


def _stream_bytes(name: str, stream: BinaryIO) -> bytes:
    """What is left in a stream, with the same limit."""
    try:
        data: object = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as fault:
        raise picture_error(name, "a stream that can be read", _short(fault), "open it again") from None
    if not isinstance(data, bytes):
        raise picture_error(name, "a binary stream", f"a stream of {type(data).__name__}", "open it in mode 'rb'")
    return data


def _too_much(name: str, received: str, most: str = f"{MAX_PIXELS // 10**6} megapixels") -> PictureError:
    return picture_error(name, f"at most {most}", received, "crop or shrink the picture first")


def _short(fault: BaseException) -> str:
    """A fault's own words on one line, without the addresses of objects."""
    words = " ".join(re.sub(r"<[^>]*>", "", getattr(fault, "strerror", None) or str(fault)).split())
    return (words or type(fault).__name__)[:120]


def _open(name: str, data: bytes) -> Image.Image:
    """Reads the header only; the pixels come with ``load``."""
    # The plugin itself, not ``Image.open``: that warns of large pictures, which are refused here anyway.
    plugin = plugin_of(data)
    module = importlib.import_module(f"PIL.{plugin}ImagePlugin")
    opened: Image.Image = getattr(module, f"{plugin}ImageFile")(BytesIO(data))
    _check_size(name, opened)
    if plugin == "Jpeg":
        scans = sum(data.count(b"\xff\xda\x00" + rest) for rest in _SCANS)
        if scans > MOST_SCANS:
            raise picture_error(name, f"a JPEG of at most {MOST_SCANS} scans", f"{scans:,}", "save it again")
    return opened


def _check_size(name: str, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_much(name, f"{width} x {height}")
    if min(width, height) < MIN_SIDE:
        least = f"at least {MIN_SIDE} x {MIN_SIDE} pixels"
        raise picture_error(name, least, f"{width} x {height}", "give a larger picture")


def _decoded(name: str, opened: Callable[[], Image.Image], frames: int = 1) -> NDArray[np.uint8]:
    """Grey levels of the image that ``opened()`` gives."""

    def levels() -> NDArray[np.uint8]:
        image = opened()
        _check_size(name, image)
        # libtiff, in C, writes its complaints to standard error.
        with quiet_stderr(replay=False) if image.format == "TIFF" else nullcontext():
            return _levels(image, frames)

    return _passed_on(name, levels)


def _passed_on(name: str, work: Callable[[], Result]) -> Result:
    """What ``work()`` gives; every fault of Pillow's becomes a ``PictureError``."""
    try:
        return work()
    except PictureError:
        raise
    except Image.DecompressionBombError as fault:
        pixels = re.search(r"\d+", str(fault))
        raise _too_much(name, f"{pixels[0]} pixels" if pixels else "more") from None
    except MemoryError:
        raise picture_error(name, "a picture that fits in memory", "too large a one", "crop or shrink it") from None
    except Exception as fault:
        # On damaged files Pillow raises nearly anything (SyntaxError, KeyError, struct.error, zlib.error, ...), and
        # differently from version to version; whatever it is, the file is what the user can replace.
        raise picture_error(name, "a whole picture", f"a damaged one ({_short(fault)})", "save it again") from None


def _levels(image: Image.Image, frames: int) -> NDArray[np.uint8]:
    """Grey levels of the first of so many frames that is not of one colour; where there is none, of the first."""
    image.load()
    first = levels = _scaled(_grey(_upright(image)))
    with suppress(Exception):  # there are no more frames, or they are damaged
        for number in range(1, min(frames, MAX_PIXELS // first.size)):
            if levels.min() < levels.max():
                return levels
            image.seek(number)
            if image.width * image.height > first.size:
                break
            image.load()
            levels = _scaled(_grey(_upright(image)))
    return levels if levels.min() < levels.max() else first


def _array_image(name: str, array: NDArray[Any]) -> Image.Image:
    """An image of an array of grey levels or channels."""
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in (1, 2, 3, 4) or array.dtype.kind not in "buif" or not array.size:
        expected, remedy = "numbers of shape (H, W) or (H, W, 1 to 4)", "convert the array"
        if array.ndim in (3, 4) and channels not in (1, 2, 3, 4):
            remedy = "put channels last, array.transpose(1, 2, 0), and give several pictures as a list, list(array)"
        raise picture_error(name, expected, f"dtype {array.dtype}, shape {array.shape}", remedy)
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise _too_much(name, f"{array.shape[1]} x {array.shape[0]}")
    levels = np.ascontiguousarray(_scaled(array))
    return Image.fromarray(levels.reshape(levels.shape[:2]) if channels == 1 else levels)


def _scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of any numeric type and shape as grey levels.

    The range is 0 to the least of 1 (floats only), 255, 1023, 4095, 16383 and 65535 that holds them all: a 12-bit
    picture in a 16-bit file is not dark. Where values are negative, larger, or span less than a sixteenth of that
    range, so that eight bits would lose the ink, the range is from the smallest to the largest. Eight bits stay as
    they are, unless all are at most 15, as in masks. What is not finite becomes black.
    """
    if values.dtype == np.uint8:
        least, most = (0, 255) if values.max() > 15 else (values.min(), values.max())
        return values if most - least in (0, 255) else (values - least) * np.uint8(255 // (most - least))
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.uint8)
    low, high = float(finite.min()), float(finite.max())
    tops = (1, 255, 1023, 4095, 16383, 65535) if values.dtype.kind == "f" else (255, 1023, 4095, 16383, 65535)
    top = next((top for top in tops if high <= top), None)
    if low < 0 or top is None or 0 < high - low < top / 16:
        start, span = low, (high - low) or 1.0
    else:
        start, span = 0.0, float(top)
    levels = np.empty(values.shape, np.uint8)
    # In parts, for the numbers between are eight bytes each.
    for row in range(0, len(values), BLOCK):
        with np.errstate(all="ignore"):
            scaled = (values[row : row + BLOCK] / span - start / span) * 255
        scaled = np.nan_to_num(scaled, nan=0, posinf=0, neginf=0)
        levels[row : row + BLOCK] = np.clip(scaled + 0.5, 0, 255).astype(np.uint8)
    return levels


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; damaged EXIF data say nothing."""
    if image.format == "PNG" and not image.info:
        return image  # nothing was in the file but the picture
    with suppress(Exception):  # as many kinds as for damaged pixels, but the pixels are sound
        return ImageOps.exif_transpose(image)
    return image


def _grey(image: Image.Image) -> NDArray[Any]:
    """Grey values of a loaded image of any mode, shape (H, W), on the scale that they are stored in."""
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return np.asarray(image)
    if image.mode == "LAB":
        return np.asarray(image.getchannel("L"))
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = _on_background(image.convert("RGBA"))
    return _one_channel(image.convert("RGB"))


def _on_background(image: Image.Image) -> Image.Image:
    """An RGBA image laid on a background on which its ink shows.

    Opaque pixels that fill their bounding box and differ among themselves are a page with ink on it: the background is
    the page's own level. Otherwise they are the ink: the background is black for bright ink, white for dark.
    """
    alpha = np.asarray(image.getchannel("A"))
    if alpha.min() == 255:
        return image
    light = np.asarray(image.convert("RGB").convert("L"))
    # The mean, weighted by how opaque pixels are, without another array as large as the picture.
    inked, opacity = np.einsum("ij,ij->", light, alpha, dtype=np.float64), alpha.sum(dtype=np.float64)
    mean = (inked + 1e-6 * light.sum(dtype=np.float64)) / (opacity + 1e-6 * alpha.size)
    level = 255 if mean < 128 else 0
    opaque = alpha >= 128
    if opaque.any():
        rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        dark, median, bright = np.percentile(light[opaque], (2, 50, 98))
        if opaque.sum() >= 0.6 * box and bright - dark >= 32:
            level = int(median)
    ground = Image.new("RGB", image.size, (level, level, level))
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _one_channel(image: Image.Image) -> NDArray[np.uint8]:
    """Luminance of an RGB image, or the colour channel that spreads over three times as far (red ink on green)."""
    luminance = image.convert("L")
    step = max(1, min(image.size) // 64)
    bands = [luminance, *image.split()]
    spreads = [float(np.asarray(band)[::step, ::step].std()) for band in bands]
    best = int(np.argmax(spreads))
    return np.asarray(bands[best] if spreads[best] > max(3 * spreads[0], 2.0) else luminance)
