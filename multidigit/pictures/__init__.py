"""Pictures: any picture file -> grey levels -> the strips that a network reads."""

from multidigit.pictures.files import PICTURE_SUFFIXES, walk
from multidigit.pictures.fitting import RowBox
from multidigit.pictures.loading import MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, PictureSource, load_picture
from multidigit.pictures.views import Looker, Seen, View

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "PICTURE_SUFFIXES",
    "Looker",
    "PictureSource",
    "RowBox",
    "Seen",
    "View",
    "load_picture",
    "walk",
]
