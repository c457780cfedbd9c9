"""Labels: a number as text, as slots, and as a one-hot vector of 11 entries a slot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError

DEFAULT_SLOTS = 5
"""Slots where nothing else is set."""
MOST_SLOTS = 12
"""The largest number of slots."""
CLASSES = 11
"""The digits 0 to 9 and ``BLANK``."""
BLANK = 10
"""The class that says: no digit in this slot."""
CELL = 28
"""Height of a strip, and height and width of a cell, in pixels."""
_SUM_TOLERANCE = 0.05
"""How far a slot's probabilities may sum from 1: an 8-bit model rounds each of eleven to a 256th."""


def text_to_slots(text: str, slots: int) -> NDArray[np.uint8]:
    """Slots of one number.

    Args:
        text: 1 to ``slots`` of the characters 0 to 9.
        slots: number of slots, 1 to 12.

    Returns:
        ``uint8`` class ids, shape (slots,); unused slots trail and are ``BLANK``.

    Raises:
        DataError: the text is empty, too long or holds anything but digits.
    """
    if not (1 <= len(text) <= slots and text.isascii() and text.isdigit()):
        raise DataError(f"a number must be 1 to {slots} digits; received {text!r}")
    ids = np.full(slots, BLANK, np.uint8)
    ids[: len(text)] = [int(character) for character in text]
    return ids


def texts_to_slots(texts: Iterable[str], slots: int) -> NDArray[np.uint8]:
    """Slots of many numbers, shape (N, slots); see ``text_to_slots``."""
    rows = [text_to_slots(text, slots) for text in texts]
    return np.stack(rows) if rows else np.empty((0, slots), np.uint8)


def slots_to_text(slots: NDArray[np.integer]) -> str:
    """The number that slots of shape (slots,) spell: its digits from the left, blank slots left out."""
    return "".join(str(int(slot)) for slot in slots if slot != BLANK)


def slots_to_vector(slots: NDArray[np.integer]) -> NDArray[np.float32]:
    """One-hot vectors: class k of slot s stands at index 11·s + k.

    Args:
        slots: class ids, shape (..., slots), each 0 to 10.

    Returns:
        ``float32`` zeros and ones, shape (..., 11·slots).
    """
    one_hot = np.eye(CLASSES, dtype=np.float32)[slots]
    return one_hot.reshape(*slots.shape[:-1], slots.shape[-1] * CLASSES)


def vector_to_slots(vector: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Slots of vectors of shape (..., 11·slots): the largest entry of each block of 11."""
    blocks = vector.reshape(*vector.shape[:-1], vector.shape[-1] // CLASSES, CLASSES)
    return blocks.argmax(-1).astype(np.uint8)


def row_slots(text: str, slots: int) -> NDArray[np.uint8]:
    """Slots of what a row of any length shows: all blank for none; ``too_long`` tells those of too many digits.

    A number that has more digits than there are slots stands with a blank in place of its first digit: no number is
    spelled so, hence confidence in any is low.
    """
    if 1 <= len(text) <= slots:
        return text_to_slots(text, slots)
    ids = np.full(slots, BLANK, np.uint8)
    for place in range(1, min(slots, len(text))):
        ids[place] = int(text[place])
    return ids


def too_long(probabilities: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether probabilities (N, slots, 11) tell of a number that has more digits than there are slots; shape (N,)."""
    blank = probabilities[..., BLANK]
    return (
        np.asarray((blank[:, 0] > 0.5) & (blank[:, 1:].mean(-1) < 0.5))
        if blank.shape[1] > 2
        else np.zeros(len(blank), bool)
    )


def lengths(slots: NDArray[np.integer]) -> NDArray[np.int64]:
    """Number of digits in each row of slots, shape (N,) for slots of shape (N, slots)."""
    return (slots != BLANK).sum(-1)


def check_probabilities(values: Any) -> NDArray[np.floating]:
    """Return probabilities as an array, after checking them.

    Raises:
        DataError: not floats of shape (N, slots, 11), or a slot in which they are below 0 or do not sum to 1.
    """
    array = np.asarray(values)
    if array.ndim != 3 or array.shape[2] != CLASSES or not np.issubdtype(array.dtype, np.floating):
        raise DataError(
            f"probabilities must be floats of shape (N, slots, {CLASSES}); received {array.dtype} of shape "
            f"{array.shape}"
        )
    if array.size:
        low, sums = array.min(), array.sum(-1)
        # Written so that NaN fails too.
        if not (low >= 0 and np.abs(sums - 1).max() <= _SUM_TOLERANCE):
            raise DataError(
                "probabilities must be at least 0 and sum to 1 in each slot; "
                f"received a smallest value of {low:.4g} and sums from {sums.min():.4g} to {sums.max():.4g}"
            )
    return array
