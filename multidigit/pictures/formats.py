"""Kinds of files by how they begin: pictures that are read, and what else people name."""

from __future__ import annotations

import re

# The content decides, since suffixes lie, and Pillow is asked for this format's plugin only: left to itself it imports
# and tries every format that it knows, and some of those start other programs (PostScript).
_READ = (
    ("PNG", "Png", rb"\x89PNG\r\n\x1a\n"),
    ("JPEG", "Jpeg", rb"\xff\xd8\xff"),
    ("BMP", "Bmp", rb"BM"),
    ("GIF", "Gif", rb"GIF8[79]a"),
    ("TIFF", "Tiff", rb"II[*+]\x00|MM\x00[*+]"),
    ("WebP", "WebP", rb"RIFF....WEBP"),
    ("PPM, PGM, PBM", "Ppm", rb"P[1-6]\s"),
)
_CONVERT, _SAVE = "convert it to PNG or JPEG", "save the picture in it as PNG or JPEG"
_OPEN, _NAME = "unpack it and name the pictures in it", "name a picture file instead"
_OTHERS = (
    ("an AVIF picture", _CONVERT, rb"....ftyp.{0,40}?avi[fs]"),
    ("a HEIC picture", _CONVERT, rb"....ftyp(hei|hev|mif1|msf1)"),
    ("a camera's raw picture", _CONVERT, rb"....ftypcrx|FUJIFILMCCD-RAW"),
    ("a JPEG XL picture", _CONVERT, rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    ("a JPEG 2000 picture", _CONVERT, rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    ("a Photoshop picture", _CONVERT, rb"8BPS"),
    ("an icon", _CONVERT, rb"\x00\x00[\x01\x02]\x00[^\x00]"),
    ("a PDF document", _CONVERT, rb"\s*%PDF"),
    ("a PostScript document", _CONVERT, rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("a web page (HTML)", _SAVE, rb"<(!doctype\s+html|html|head|body)\b|<\?xml.*<html"),
    ("an SVG drawing", _CONVERT, rb"<(svg|.*<(svg|!doctype\s+svg))\b"),
    ("a video", _SAVE, rb"....(ftyp|moov|mdat|wide)|RIFF....AVI |\x1aE\xdf\xa3"),
    ("a ZIP archive", _OPEN, rb"PK[\x03\x05]"),
    ("a packed archive", _OPEN, rb"\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xfd7zXZ|\x28\xb5\x2f\xfd"),
    ("a text file", _NAME, rb"[\t\r\n -~]{2,}$"),
)
KNOWN = ", ".join(name for name, _, _ in _READ)
"""The formats that are read, in words."""


def plugin_of(data: bytes) -> str | None:
    """The name of Pillow's plugin for a file that is read."""
    return next((plugin for _, plugin, start in _READ if re.match(start, data[:16], re.DOTALL)), None)


def described(data: bytes) -> tuple[str, str]:
    """What a file that is not read is, and what to do."""
    start = data[:2000].removeprefix(b"\xef\xbb\xbf")
    text = start.lstrip()
    for kind, remedy, pattern in _OTHERS:
        if re.match(pattern, text if pattern.startswith(b"<") else start, re.DOTALL | re.IGNORECASE):
            return kind, remedy
    return f"a file that begins {data[:8]!r}", _CONVERT
