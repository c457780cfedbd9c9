"""The errors that a user can cause, each one line; anything else is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 2_000
"""Characters of a message, at most."""


class MultidigitError(Exception):
    """An expected error: its message is one line that names what was expected, what was received and what to do."""

    exit_code = 1

    def __str__(self) -> str:
        """The message. Names and values that it quotes may hold line breaks and control characters: escaped."""
        return escaped(super().__str__())


class SettingsError(MultidigitError):
    """A setting that is unknown, of the wrong type or out of range."""


class DataError(MultidigitError):
    """Digits or strips that are missing, damaged or not what they claim to be."""


class PictureError(MultidigitError):
    """A picture file that cannot be read.

    Attributes:
        picture: its path or another name.
    """

    def __init__(self, message: str, picture: str = "") -> None:
        super().__init__(message)
        self.picture = picture


class RunError(MultidigitError):
    """A run folder that is missing, incomplete, damaged or from another version."""


def nearest(word: str, known: Iterable[str], *, or_all: bool = True) -> str:
    """The end of an error about an unknown word: the nearest known one, else all of them or, unless ``or_all``, ''."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not or_all:
        return ""
    return f"; known are {', '.join(known)}" if known else "; there are none to set here"


def join_words(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def reason(error: Exception) -> str:
    """Why something failed, in one line: in the words of the system, where it comes from there."""
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]


def printable(path: object) -> str:
    """A path as one printable line."""
    text = str(path)
    return text if text.isprintable() and text else repr(text)


def escaped(text: str) -> str:
    """Text in which nothing moves a terminal's cursor, changes its colours or turns the direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def one_line(text: object) -> str:
    """A message as one line that is safe to print, its middle left out where it is very long."""
    line = escaped(str(text))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def picture_error(name: str, expected: str, received: str, remedy: str) -> PictureError:
    """The error that names a picture and says, on one line, what was expected, what came and what to do."""
    return PictureError(f"{printable(name)}: expected {expected}; received {received}; {remedy}", name)
