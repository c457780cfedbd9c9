"""Pictures: any picture file -> strip, the grey 28×140 picture with bright ink on dark that a network sees.

Three rules decide how a picture becomes a strip (``to_strip``):

1. 28×140 exactly: it is a strip already and passes byte for byte; dark ink on light is inverted, nothing else.
2. Strip-shaped (width : height within 2 % of 5 : 1, at least 28×140): most likely a strip that was saved larger, so it
   is resized as a whole and its cells stay in place.
3. Anything else: the background is levelled, the ink found, cropped, scaled to a height of 20 pixels and centred.

Which side is the background? The picture, levelled, is split halfway between its darkest and its brightest pixels. Each
side's share of the whole area counts three times, its share of the outermost pixels once; the greater sum is the
background. So thin ink on a wide page, bold ink that covers half of a page, and a page on a dark table all come out
right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.pictures.files import PICTURE_SUFFIXES, picture_files
from multidigit.pictures.fitting import Align, to_strip
from multidigit.pictures.loading import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, PictureSource, load_picture

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "PICTURE_SUFFIXES",
    "Align",
    "PictureSource",
    "load_picture",
    "picture_files",
    "read_strip",
    "to_strip",
]


def read_strip(source: PictureSource, align: Align = "centre") -> NDArray[np.uint8]:
    """The strip of a picture: ``to_strip(load_picture(source), align)``.

    Returns:
        ``uint8``, shape (28, 140), bright ink on dark.

    Raises:
        PictureError: see ``load_picture``.
    """
    return to_strip(load_picture(source), align)
