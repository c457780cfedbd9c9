"""Pictures: any picture file -> grey levels -> the strips that a network reads."""

from multidigit.pictures.fitting import RowBox
from multidigit.pictures.loading import PictureSource, load_picture
from multidigit.pictures.views import Looker, Seen, View

__all__ = ["Looker", "PictureSource", "RowBox", "Seen", "View", "load_picture"]
