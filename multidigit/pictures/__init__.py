"""Pictures: any picture file -> grey levels -> the strips that a network reads."""

from multidigit.pictures.files import PICTURE_SUFFIXES, walk
from multidigit.pictures.fitting import RowBox
from multidigit.pictures.loading import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, PictureSource, load_picture
from multidigit.pictures.views import Find, Seen, View, look

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "PICTURE_SUFFIXES",
    "Find",
    "PictureSource",
    "RowBox",
    "Seen",
    "View",
    "load_picture",
    "look",
    "walk",
]
