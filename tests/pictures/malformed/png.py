"""PNG files of odd and of broken kinds, as in the suite PngSuite."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pictures.malformed.levels import Levels, grey_palette, packed, picture, samples

Chunks = list[tuple[bytes, bytes]]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
"""Colour types."""
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Interlacing: first column and row of each pass, and how far it goes to the next."""


def filtered(rows: Sequence[bytes], step: int, kinds: Sequence[int]) -> bytes:
    """PNG's scan lines, each filtered in the next of the kinds."""
    above, found = bytes(len(rows[0])) if rows else b"", b""
    for number, row in enumerate(rows):
        kind = kinds[number % len(kinds)]
        line = bytearray([kind])
        for place, value in enumerate(row):
            left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
            line.append((value - _predicted(kind, left, above[place], corner)) % 256)
        above, found = row, found + bytes(line)
    return found


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    nearest = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
    return (0, left, up, (left + up) // 2, nearest)[kind]


def png(
    channels: Sequence[NDArray[np.int64]],
    bits: int,
    colour: int,
    interlaced: bool = False,
    kinds: Sequence[int] = (0, 1, 2, 3, 4),
    more: Chunks | None = None,
) -> Chunks:
    """The chunks of a PNG file."""
    values = np.stack(channels, -1)
    height, width, depth = values.shape
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    data = b""
    for x, y, right, down in passes:
        part = values[y::down, x::right]
        if part.size:
            data += filtered(packed(part.reshape(len(part), -1), bits), max(1, bits * depth // 8), kinds)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return [(b"IHDR", header), *(more or []), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]


def png_file(chunks: Chunks, wrong: bytes = b"", signature: bytes = SIGNATURE) -> bytes:
    """A PNG file; chunks of the kind ``wrong`` have a wrong checksum."""
    return signature + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ (kind == wrong))
        for kind, data in chunks
    )


def odd() -> Iterator[tuple[str, bytes, Levels]]:
    """Names, files that are right, and their levels."""
    for interlaced in (False, True):
        way = "interlaced" if interlaced else "plain"
        for bits in (1, 2, 4, 8, 16):
            levels = picture(bits)
            values = samples(levels, bits)
            full = np.full_like(values, (1 << bits) - 1)
            yield f"png, grey {bits}, {way}", png_file(png([values], bits, GREY, interlaced)), levels
            if bits <= 8:
                more = [(b"PLTE", grey_palette(bits))]
                yield (
                    f"png, palette {bits}, {way}",
                    png_file(png([values], bits, PALETTE, interlaced, more=more)),
                    levels,
                )
            if bits >= 8:
                yield f"png, colour {bits}, {way}", png_file(png([values] * 3, bits, COLOUR, interlaced)), levels
                chunks = png([values, full], bits, GREY_ALPHA, interlaced)
                yield f"png, grey and alpha {bits}, {way}", png_file(chunks), levels
                chunks = png([values] * 3 + [full], bits, COLOUR_ALPHA, interlaced)
                yield f"png, colour and alpha {bits}, {way}", png_file(chunks), levels
    for kind in range(5):
        yield f"png, filter {kind}", png_file(png([samples(picture(), 8)], 8, GREY, kinds=(kind,))), picture()
    header, data, end = png([samples(picture(), 8)], 8, GREY)
    pieces = [(b"IDAT", data[1][place : place + 1]) for place in range(len(data[1]))]
    yield "png, a byte a chunk", png_file([header, (b"teXt", b"x\0y"), *pieces, end]), picture()
    yield "png, an empty chunk of pixels", png_file([header, (b"IDAT", b""), data, end]), picture()


def broken() -> Iterator[tuple[str, bytes]]:
    """Names and files that break the rules of the format."""
    values = samples(picture(), 8)
    chunks = png([values], 8, GREY)
    header, data, end = chunks
    good = png_file(chunks)
    for place, name in ((0, "first byte"), (1, "letters"), (4, "line end"), (6, "last bytes")):
        yield f"png, signature, {name}", good[:place] + bytes([good[place] ^ 0x80]) + good[place + 1 :]
    yield "png, line ends added", good.replace(b"\n", b"\r\n")
    yield "png, line ends taken", good.replace(b"\r\n", b"\n")
    for kind in (b"IHDR", b"IDAT", b"IEND"):
        yield f"png, checksum of {kind.decode()}", png_file(chunks, kind)
        yield f"png, no {kind.decode()}", png_file([chunk for chunk in chunks if chunk[0] != kind])
        yield (
            f"png, two {kind.decode()}",
            png_file([part for each in chunks for part in [each] * (1 + (each[0] == kind))]),
        )
    yield "png, header last", png_file([data, header, end])
    yield "png, nothing but a signature", SIGNATURE
    for place, name, wrong in (
        (0, "width", (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
        (4, "height", (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
        (8, "bits", (0, 3, 5, 16, 32, 99, 255)),
        (9, "colour type", (1, 2, 3, 5, 6, 7, 9, 255)),
        (10, "compression", (1, 255)),
        (11, "filter method", (1, 64, 255)),
        (12, "interlace method", (1, 2, 255)),
    ):
        for value in wrong:
            put = struct.pack(">I" if place < 8 else "B", value)
            about = header[1][:place] + put + header[1][place + len(put) :]
            yield f"png, {name} {value}", png_file([(b"IHDR", about), data, end])
    for length in (0, 5, 12, 14):
        yield f"png, a header of {length} bytes", png_file([(b"IHDR", (header[1] + b"\0")[:length]), data, end])
    for length in (0, 0x7FFFFFFF, 0xFFFFFFFF, len(data[1]) + 1, len(data[1]) - 1):
        place = good.index(b"IDAT") - 4
        yield f"png, pixels of length {length}", good[:place] + struct.pack(">I", length) + good[place + 4 :]
    raw = zlib.decompress(data[1])
    for name, body in {
        "too few": zlib.compress(raw[:-20]),
        "none": zlib.compress(b""),
        "too many": zlib.compress(raw * 50),
        "unknown filter": zlib.compress(b"\x05" + raw[1:]),
        "not packed": raw,
        "no end": data[1][: len(data[1]) // 2],
        "wrong sum": data[1][:-1] + b"\0",
        "raw deflate": data[1][2:-4],
        "a window that is too large": b"\xf8" + data[1][1:],
    }.items():
        yield f"png, pixels: {name}", png_file([header, (b"IDAT", body), end])
    numbers = [values % 16]
    for name, colours in {
        "missing": [],
        "empty": [(b"PLTE", b"")],
        "no whole colours": [(b"PLTE", bytes(10))],
        "too small": [(b"PLTE", bytes(9))],
        "too large": [(b"PLTE", bytes(3 * 300))],
        "twice": [(b"PLTE", grey_palette(8))] * 2,
        "more alpha than colours": [(b"PLTE", bytes(30)), (b"tRNS", bytes(200))],
        "alpha first": [(b"tRNS", bytes(16)), (b"PLTE", grey_palette(8))],
    }.items():
        yield f"png, palette: {name}", png_file(png(numbers, 8, PALETTE, more=colours))
    for name, kind, body in (
        ("alpha of grey, short", b"tRNS", b"\0"),
        ("gamma of 0", b"gAMA", bytes(4)),
        ("gamma, short", b"gAMA", b"\0"),
        ("whiteness, short", b"cHRM", bytes(7)),
        ("colour profile, damaged", b"iCCP", b"x\0\0" + b"damaged"),
        ("colour profile, no name", b"iCCP", b""),
        ("density, short", b"pHYs", b"\0"),
        ("EXIF, damaged", b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        ("text, not packed", b"zTXt", b"x\0\0damaged"),
        ("text, no end", b"iTXt", b"x\0\1"),
        ("unknown and critical", b"ABCD", b"x"),
        ("a name of other bytes", b"\0\1\2\3", b"x"),
        ("animation of no frames", b"acTL", bytes(8)),
        ("animation of many frames", b"acTL", struct.pack(">II", 0xFFFFFFFF, 0)),
        ("frame outside", b"fcTL", struct.pack(">IIIIIHHBB", 0, 99, 99, 50, 50, 1, 1, 0, 0)),
    ):
        yield f"png, {name}", png_file([header, (kind, body), data, end])
    for place in range(0, len(good), 9):
        yield f"png, cut short after {place}", good[:place]
    interlaced = png_file(png([values], 8, GREY, interlaced=True))
    yield "png, interlaced, cut short", interlaced[: len(interlaced) * 2 // 3]
