"""Picture files of odd and of broken kinds, as in the public suites PngSuite and bmpsuite, made byte by byte."""

from __future__ import annotations

from pictures.malformed import bmp, gif, png

ODD = {name: (data, levels) for kind in (png, bmp) for name, data, levels in kind.odd()}
"""Name -> a file that is right by its format's rules, and its levels."""
BROKEN = {name: data for kind in (png, bmp, gif) for name, data in kind.broken()}
"""Name -> a file that is not; lenient programs read some of them nevertheless."""
