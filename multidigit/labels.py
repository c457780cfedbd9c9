"""Labels: the number as text, as five slots and as the 55-vector of the question's thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError

SLOTS = 5
"""Slots in a number, from the left; unused slots trail and hold ``BLANK``."""
CLASSES = 11
"""The digits 0 to 9 and ``BLANK``."""
BLANK = 10
"""The class that says: no digit in this slot."""
CELL = 28
"""Height of a strip, and height and width of a cell, in pixels."""
WIDTH = SLOTS * CELL
"""Width of a strip in pixels."""
_SUM_TOLERANCE = 0.05
"""How far a slot's probabilities may sum from 1: an 8-bit model rounds each of eleven to a 256th."""


def text_to_slots(text: str) -> NDArray[np.uint8]:
    """Slots of one number.

    Args:
        text: one to five of the characters 0 to 9.

    Returns:
        ``uint8`` class ids, shape (5,), trailing slots ``BLANK``.

    Raises:
        DataError: the text is empty, too long or holds anything but digits.
    """
    if not (1 <= len(text) <= SLOTS and text.isascii() and text.isdigit()):
        raise DataError(f"a number is one to {SLOTS} digits; Received: {text!r}")
    slots = np.full(SLOTS, BLANK, np.uint8)
    slots[: len(text)] = [int(character) for character in text]
    return slots


def texts_to_slots(texts: Iterable[str]) -> NDArray[np.uint8]:
    """Slots of many numbers, shape (N, 5); see ``text_to_slots``."""
    rows = [text_to_slots(text) for text in texts]
    return np.stack(rows) if rows else np.empty((0, SLOTS), np.uint8)


def slots_to_text(slots: NDArray[np.integer]) -> str:
    """The number that slots of shape (5,) spell: its digits from the left, blank slots left out."""
    return "".join(str(int(slot)) for slot in slots if slot != BLANK)


def slots_to_vector(slots: NDArray[np.integer]) -> NDArray[np.float32]:
    """One-hot 55-vectors: class k of slot s stands at index 11·s + k.

    Args:
        slots: class ids, shape (..., 5), each 0 to 10.

    Returns:
        ``float32`` zeros and ones, shape (..., 55).
    """
    one_hot = np.eye(CLASSES, dtype=np.float32)[slots]
    return one_hot.reshape(*slots.shape[:-1], SLOTS * CLASSES)


def vector_to_slots(vector: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Slots of 55-vectors of shape (..., 55): the largest entry of each block of 11."""
    blocks = vector.reshape(*vector.shape[:-1], SLOTS, CLASSES)
    return blocks.argmax(-1).astype(np.uint8)


def lengths(slots: NDArray[np.integer]) -> NDArray[np.int64]:
    """Number of digits in each row of slots, shape (N,) for slots of shape (N, 5)."""
    return (slots != BLANK).sum(-1)


def check_probabilities(values: Any) -> NDArray[np.floating]:
    """Probabilities as an array, after checking that they are some.

    Raises:
        DataError: not floats of shape (N, 5, 11), or a slot in which they are below 0 or do not sum to 1.
    """
    array = np.asarray(values)
    if array.ndim != 3 or array.shape[1:] != (SLOTS, CLASSES) or not np.issubdtype(array.dtype, np.floating):
        raise DataError(
            f"probabilities must be floats of shape (N, {SLOTS}, {CLASSES}); "
            f"Received: {array.dtype} of shape {array.shape}"
        )
    if array.size:
        low, sums = array.min(), array.sum(-1)
        # Written so that NaN fails too.
        if not (low >= 0 and np.abs(sums - 1).max() <= _SUM_TOLERANCE):
            raise DataError(
                "probabilities must be at least 0 and sum to 1 in each slot; "
                f"Received: a smallest value of {low:.4g} and sums from {sums.min():.4g} to {sums.max():.4g}"
            )
    return array
