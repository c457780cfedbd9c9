"""The errors a user can cause, each told in one line; anything else is a fault of ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MultidigitError(Exception):
    """An expected error: its message is one line that says what was expected, what came and what to do."""

    exit_code = 1


class SettingsError(MultidigitError):
    """A setting that is unknown, of the wrong type or out of range."""


class DataError(MultidigitError):
    """Digits or strips that are missing, damaged or not what they claim to be."""


class PictureError(MultidigitError):
    """A picture file that cannot be read."""


class RunError(MultidigitError):
    """A run folder that is missing, incomplete, damaged or from another version."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown word: the nearest known one, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else "; there are none to set here"
