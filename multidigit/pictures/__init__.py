"""Pictures: any picture file -> grey levels -> the strips that a network reads."""

from multidigit.pictures.fitting import RowBox
from multidigit.pictures.loading import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, PictureSource, load_picture
from multidigit.pictures.views import Looker, Seen, View

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "Looker",
    "PictureSource",
    "RowBox",
    "Seen",
    "View",
    "load_picture",
]
