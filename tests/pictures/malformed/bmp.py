"""BMP files of odd and of broken kinds, as in the suite bmpsuite."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pictures.malformed.levels import Levels, grey_palette, packed, picture, samples

RGB, RLE8, RLE4, BITFIELDS = 0, 1, 2, 3
"""Compressions."""


def bmp(
    rows: Sequence[bytes] | bytes,
    bits: int,
    size: tuple[int, int] = (13, 11),
    *,
    header: int = 40,
    compression: int = RGB,
    palette: bytes = b"",
    masks: bytes = b"",
    planes: int = 1,
    colours: int = 0,
    density: int = 2835,
    offset: int = 0,
    length: int | None = None,
) -> bytes:
    """A BMP file; rows from the bottom up unless the height is negative, each filled up to four bytes."""
    body = rows if isinstance(rows, bytes) else b"".join(row + bytes(-len(row) % 4) for row in rows)
    if header == 12:
        about = struct.pack("<IHHHH", 12, *size, planes, bits)
    else:
        about = struct.pack(
            "<IiiHHIIiiII", header, *size, planes, bits, compression, len(body), density, density, colours, 0
        )
        about += (masks + bytes(200))[: header - 40] if header > 40 else masks
    start = offset or 14 + len(about) + len(palette)
    whole = (
        struct.pack("<IHHI", (start + len(body)) % 2**32 if length is None else length, 0, 0, start) + about + palette
    )
    return b"BM" + whole + body


def blue_green_red(bits: int) -> bytes:
    """The palette of a BMP file."""
    colours = grey_palette(bits)
    return b"".join(colours[place : place + 3] + b"\0" for place in range(0, len(colours), 3))


def run_lengths(values: NDArray[np.int64], bits: int, mixed: bool = True) -> bytes:
    """Rows in BMP's run lengths of 8 or 4 bits: runs, and where ``mixed`` stretches that are given one by one."""
    found = b""
    for row in values[::-1]:
        place = 0
        while place < len(row):
            if mixed and place % 2 and len(row) - place >= 3:
                part = row[place : place + 3]
                data = bytes(part.tolist()) if bits == 8 else packed(part[None], 4)[0]
                found += bytes([0, 3]) + data + bytes(len(data) % 2)
                place += 3
            else:
                count = 1
                while place + count < len(row) and row[place + count] == row[place]:
                    count += 1
                found += bytes([count, int(row[place]) * (1 if bits == 8 else 17)])
                place += count
        found += b"\0\0"
    return found[:-2] + b"\0\1"


def odd() -> Iterator[tuple[str, bytes, Levels]]:
    """Names, files that are right, and their levels, which 16 bits for three colours hold to within 4."""
    for bits in (1, 4, 8):
        levels = picture(bits)
        rows, colours = packed(samples(levels, bits), bits), blue_green_red(bits)
        three = b"".join(colours[place : place + 3] for place in range(0, len(colours), 4))
        yield f"bmp, {bits}", bmp(rows[::-1], bits, palette=colours), levels
        yield f"bmp, {bits}, top down", bmp(rows, bits, (13, -11), palette=colours), levels
        yield f"bmp, {bits}, OS/2", bmp(rows[::-1], bits, header=12, palette=three), levels
        for header in (64, 108, 124):
            yield f"bmp, {bits}, header of {header}", bmp(rows[::-1], bits, header=header, palette=colours), levels
        yield f"bmp, {bits}, a gap before the pixels", bmp(rows[::-1], bits, palette=colours + bytes(8)), levels
    for bits, compression in ((8, RLE8), (4, RLE4)):
        values, colours = samples(picture(bits), bits), blue_green_red(bits)
        for mixed in (False, True):
            data = run_lengths(values, bits, mixed)
            name = f"bmp, run lengths of {bits}{', mixed' if mixed else ''}"
            yield name, bmp(data, bits, compression=compression, palette=colours), picture(bits)
    values = samples(picture(), 8)
    yield "bmp, 24", bmp(packed(np.repeat(values, 3, 1)[::-1], 8), 24), picture()
    four = np.repeat(values, 4, 1)
    four[:, 3::4] = 0
    yield "bmp, 32", bmp(packed(four[::-1], 8), 32), picture()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    four[:, 3::4] = 255
    for header in (108, 124):
        rows = packed(four[::-1], 8)
        yield (
            f"bmp, 32, masks, header of {header}",
            bmp(rows, 32, header=header, compression=BITFIELDS, masks=masks),
            picture(),
        )
    five, six = samples(picture(), 5), samples(picture(), 6)
    rows = [row.astype("<u2").tobytes() for row in (five << 10 | five << 5 | five)[::-1]]
    yield "bmp, 16", bmp(rows, 16), picture()
    rows = [row.astype("<u2").tobytes() for row in (five << 11 | six << 5 | five)[::-1]]
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "bmp, 16, masks", bmp(rows, 16, compression=BITFIELDS, masks=masks), picture()


def broken() -> Iterator[tuple[str, bytes]]:
    """Names and files that break the rules of the format."""
    values = samples(picture(), 8)
    rows, colours = packed(values[::-1], 8), blue_green_red(8)
    good = bmp(rows, 8, palette=colours)
    for size in (
        (0, 11),
        (13, 0),
        (-13, 11),
        (13, -(2**31)),
        (3_000_000, 2_000_000),
        (2**31 - 1, 2**31 - 1),
        (13, 99_999),
    ):
        yield f"bmp, size {size[0]} x {size[1]}", bmp(rows, 8, size, palette=colours)
    for bits in (0, 2, 3, 5, 15, 33, 64, 0xFFFF):
        yield f"bmp, {bits} bits", bmp(rows, bits, palette=colours)
    for compression in (1, 2, 3, 4, 5, 6, 11, 0xFFFFFFFF):
        for bits in (8, 24):
            yield (
                f"bmp, {bits} bits, compression {compression}",
                bmp(rows, bits, compression=compression, palette=colours),
            )
    for header in (0, 1, 11, 13, 16, 41, 52, 56, 99, 125, 0xFFFFFFFF):
        yield f"bmp, a header of {header}", good[:14] + struct.pack("<I", header) + good[18:]
    for planes in (0, 2, 0xFFFF):
        yield f"bmp, {planes} planes", bmp(rows, 8, palette=colours, planes=planes)
    for count in (1, 3, 255, 257, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"bmp, {count} colours", bmp(rows, 8, palette=colours, colours=count)
    yield "bmp, a palette that is too small", bmp(rows, 8, palette=colours[:40], colours=10)
    yield "bmp, no palette", bmp(rows, 8)
    for offset in (1, 14, 54, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"bmp, pixels at {offset}", bmp(rows, 8, palette=colours, offset=offset)
    for length in (0, 3, 0xFFFFFFFF):
        yield f"bmp, a length of {length}", bmp(rows, 8, palette=colours, length=length)
    for density in (-1, -(2**31), 2**31 - 1):
        yield f"bmp, a density of {density}", bmp(rows, 8, palette=colours, density=density)
    two = [row.astype("<u2").tobytes() for row in values]
    for name, masks in {
        "none": (0, 0, 0),
        "over each other": (0xFF00, 0xFF00, 0xFF00),
        "with holes": (0xA000, 0x0500, 0x0015),
        "outside": (0xFF000000, 0xFF0000, 0x1F),
        "unusual": (0xF000, 0x0F00, 0x00F0),
    }.items():
        yield f"bmp, masks: {name}", bmp(two, 16, compression=BITFIELDS, masks=struct.pack("<III", *masks))
    yield "bmp, masks: missing", bmp(two, 16, compression=BITFIELDS)[:60]
    for bits, compression in ((8, RLE8), (4, RLE4)):
        data, few = run_lengths(samples(picture(bits), bits), bits), blue_green_red(bits)
        for name, body in {
            "no end": data[:-2],
            "an end at once": b"\0\1",
            "nothing": b"",
            "one byte": b"\5",
            "a run past the row": b"\xff\1" * 30 + b"\0\1",
            "single ones past the row": b"\0\xff" + bytes(255) + b"\0" + data,
            "single ones, cut short": b"\0\x40\1\2",
            "a jump": b"\0\2\3\2" + data,
            "a jump outside": b"\0\2\xff\xff" + data,
            "a jump, cut short": b"\0\2\1",
            "too many rows": b"\0\0" * 5_000 + data,
            "runs of none": b"\0\0\0\0\0\1",
            "too much": data[:-2] * 20,
        }.items():
            yield f"bmp, run lengths of {bits}: {name}", bmp(body, bits, compression=compression, palette=few)
        yield f"bmp, run lengths of {bits}: top down", bmp(data, bits, (13, -11), compression=compression, palette=few)
        yield (
            f"bmp, run lengths of {bits}: huge",
            bmp(data, bits, (60_000, 60_000), compression=compression, palette=few),
        )
    for place in (*range(0, 64, 3), 600, len(good) - 30):
        yield f"bmp, cut short after {place}", good[:place]
