"""GIF files of broken kinds."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def broken() -> Iterator[tuple[str, bytes]]:
    """Names and files that break the rules of the format."""
    screen, frame = (
        struct.pack("<HHBBB", 13, 11, 0x80, 0, 0) + bytes(3) + b"\xff" * 3,
        struct.pack("<HHHHB", 0, 0, 13, 11, 0),
    )
    for name, body in {
        "nothing but a screen": b"",
        "an end at once": b";",
        "a frame of no pixels": b"," + frame + b"\2\0;",
        "codes of 0 bits": b"," + frame + b"\0\1\0\0;",
        "codes of 12 bits": b"," + frame + b"\x0c\1\0\0;",
        "codes of 200 bits": b"," + frame + b"\xc8\1\0\0;",
        "a code that is not known yet": b"," + frame + b"\2\2\xff\xff\0;",
        "a frame outside": b"," + struct.pack("<HHHHB", 60_000, 60_000, 13, 11, 0) + b"\2\2\x4c\1\0;",
        "a frame that is huge": b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\2\2\x4c\1\0;",
        "a frame of no size": b"," + struct.pack("<HHHHB", 0, 0, 0, 0, 0) + b"\2\2\x4c\1\0;",
        "no end": b"," + frame + b"\2\x40\x4c",
        "an unknown block": b"!\x77\xff" + b"x" * 20,
        "a control that is short": b"!\xf9\1\0\0," + frame + b"\2\2\x4c\1\0;",
        "other bytes between": b"?" * 50 + b"," + frame + b"\2\2\x4c\1\0;",
    }.items():
        yield f"gif, {name}", b"GIF89a" + screen + body
    yield "gif, no screen", b"GIF89a"
    yield "gif, a screen of no size", b"GIF89a" + bytes(7) + b"," + frame + b"\2\2\x4c\1\0;"
