"""The one property that all readers of files share: whatever comes, it is read, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from multidigit.errors import MultidigitError

T = TypeVar("T")


def attempt(action: Callable[[], T], kind: type[MultidigitError] = MultidigitError) -> T | None:
    """What the action gives; ``None`` where it refuses its input by an error of that kind, in one line.

    Whatever else is raised is a fault of the program, and is not caught.
    """
    try:
        return action()
    except kind as error:
        line = str(error)
    assert line, "an error says nothing"
    assert line.isprintable(), f"an error is not one line: {line!r}"
    return None
