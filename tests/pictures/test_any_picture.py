"""Any picture, whatever its format, mode and size, as grey levels; any bytes, too, or one line."""

from __future__ import annotations

import numpy as np
import pytest
from attempts import attempt
from helpers import encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from multidigit.errors import PictureError
from multidigit.pictures import load_picture
from multidigit.pictures.fitting import fit_whole

MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "BMP": ["1", "L", "P", "RGB"],
    "GIF": ["1", "L", "P", "RGB"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"],
    "WEBP": ["RGB", "RGBA"],
    "PPM": ["1", "L", "RGB", "I;16"],
}
KINDS = [(format_, mode) for format_, modes in MODES.items() for mode in modes]
EXACT = {(format_, mode) for format_ in ("PNG", "BMP", "TIFF", "PPM", "GIF") for mode in ("L", "P", "RGB")}
"""Formats and modes that keep grey levels as they are."""
SIZES = st.tuples(st.integers(4, 40), st.integers(4, 40))


def drawn(size: tuple[int, int], seed: int) -> Image.Image:
    """Random levels, from black to white."""
    levels = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    levels[0, :2] = 0, 255
    return Image.fromarray(levels)


@given(
    st.sampled_from([(format_, mode) for format_, modes in MODES.items() for mode in modes]), SIZES, st.integers(0, 9)
)
def test_any_format_mode_and_size(kind: tuple[str, str], size: tuple[int, int], seed: int) -> None:
    format_, mode = kind
    image = drawn(size, seed)
    if mode == "I;16":
        file = encoded(Image.fromarray(np.asarray(image).astype(np.uint16) * 257), format_)
    elif mode == "LAB":
        file = encoded(Image.merge("LAB", [image] * 3), format_)
    else:
        file = encoded(image.convert(mode), format_)
    found = load_picture(file)
    assert found.dtype == np.uint8
    assert found.shape == size
    if kind in EXACT:
        assert np.array_equal(found, np.asarray(image))
    strip = fit_whole(found, 5)
    assert (strip.dtype, strip.shape) == (np.uint8, (28, 140))


SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9)
NUMBERS = (
    arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.unsigned_integer_dtypes() | arrays.floating_dtypes()
)


@pytest.mark.filterwarnings("error")
@given(arrays.arrays(NUMBERS | arrays.complex_number_dtypes() | arrays.byte_string_dtypes(), SHAPES))
def test_any_array(array: np.ndarray) -> None:
    found = attempt(lambda: load_picture(array), PictureError)
    if found is not None:
        assert (found.dtype, found.shape) == (np.uint8, array.shape[:2])


STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"BM",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"RIFF    WEBP",
    b"P5 ",
    b"P3 9 9 9 ",
    b"",
)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150)
@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_any_bytes(start: bytes, rest: bytes) -> None:
    found = attempt(lambda: load_picture(start + rest), PictureError)
    assert found is None or (found.dtype == np.uint8 and min(found.shape) >= 4)


CHANGES = st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=4), st.integers(0, 4)), max_size=4)
"""Where a file is changed, what is put in, and how many bytes are left out."""
WHOLE = [encoded(drawn((9, 12), 1).convert("RGB"), format_) for format_ in MODES]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=4), st.integers(0, 4)), max_size=4),
)
def test_any_changes_of_a_file(data: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    for place, put, left_out in changes:
        data = data[:place] + put + data[place + left_out :]
    found = attempt(lambda: load_picture(data), PictureError)
    assert found is None or (found.dtype == np.uint8 and min(found.shape) >= 4)
