"""Pictures: any picture file -> strips, the grey 28×28·slots pictures with bright ink on dark that a network sees.

Three rules decide how a picture becomes a strip (``see``):

1. 28×28·slots exactly: it is a strip already and passes byte for byte; dark ink on light is inverted, nothing else.
2. Strip-shaped (width : height within 2 % of slots : 1, at least 28×28·slots): most likely a strip that was saved
   larger, so it is resized as a whole and its cells stay in place.
3. Anything else: the background is taken off, the ink found, cropped, scaled to a height of 20 pixels and centred.

Which side is the background? The picture, levelled, is split halfway between its darkest and its brightest pixels. Each
side's share of the whole area counts three times, its share of the outermost pixels once; the greater sum is the
background. So thin ink on a wide page, bold ink that covers half of a page, and a page on a dark table all come out
right.

The background is taken off in two ways. *Levelled*: a smooth surface through most of the picture's pixels is
background, what differs from it is ink, and long lines are left out. *Local*: whatever is wider and higher than a
stroke is background, whatever its level, so that boards, the windows of a meter and the edges of shadows vanish; then
frames, lines, the bars between windows, what stands above or below the row, and the brinks of full shapes are left out.

Where both ways show the same and the vote on the background is clear, there is one strip, the local one. Otherwise it
is in doubt what is ink, and there are up to three candidates: local, levelled, and local with the other polarity. So it
is, too, where ink fills nearly half of its box, and may be the windows rather than the digits. A picture of a strip's
size whose vote is not clear has two, one for either polarity; a strip-shaped one that has no dark and even ground has
those of the third rule, too. A reader reads them all and takes the most confident.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.pictures.files import PICTURE_SUFFIXES, walk
from multidigit.pictures.fitting import Seen, look
from multidigit.pictures.loading import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, PictureSource, load_picture

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "PICTURE_SUFFIXES",
    "PictureSource",
    "Seen",
    "candidates",
    "load_picture",
    "read_strip",
    "see",
    "walk",
]


def see(picture: PictureSource, slots: int) -> Seen:
    """What is seen in a picture: its strips, the likeliest first, and how they were found.

    Args:
        picture: a path, bytes, a binary stream, a Pillow image or an array; see ``load_picture``.
        slots: of the network that reads the strips, 1 to 12.

    Raises:
        PictureError: see ``load_picture``.
    """
    return look(load_picture(picture), slots)


def candidates(picture: PictureSource, slots: int) -> NDArray[np.uint8]:
    """The strips that a picture may stand for: ``see(picture, slots).strips``.

    Returns:
        ``uint8``, shape (K, 28, 28·slots), the likeliest first; K is 1 where nothing is in doubt, and at most 4. All
        are to be read, and the one read with most confidence counts.

    Raises:
        PictureError: see ``load_picture``.
    """
    return see(picture, slots).strips


def read_strip(picture: PictureSource, slots: int) -> NDArray[np.uint8]:
    """The likeliest strip of a picture, ``uint8`` (28, 28·slots): ``see(picture, slots).strips[0]``."""
    return see(picture, slots).strips[0]
