"""Labels: text, slots and the 55-vector say the same."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.errors import DataError
from multidigit.labels import (
    BLANK,
    lengths,
    slots_to_text,
    slots_to_vector,
    text_to_slots,
    texts_to_slots,
    vector_to_slots,
)

EVERY_LENGTH = ("9", "07", "123", "4567", "97540")


def test_the_vector_of_9754_sets_the_five_entries_of_the_question():
    slots = text_to_slots("9754")
    assert slots.dtype == np.uint8
    assert slots.tolist() == [9, 7, 5, 4, BLANK]
    vector = slots_to_vector(slots)
    assert (vector.dtype, vector.shape) == (np.float32, (55,))
    assert np.flatnonzero(vector).tolist() == [9, 18, 27, 37, 54]
    assert vector.sum() == 5


@pytest.mark.parametrize("text", EVERY_LENGTH)
def test_text_comes_back_from_slots_and_from_the_vector(text):
    slots = text_to_slots(text)
    assert slots.tolist() == [int(digit) for digit in text] + [BLANK] * (5 - len(text))
    assert slots_to_text(slots) == text
    assert slots_to_text(vector_to_slots(slots_to_vector(slots))) == text


def test_every_class_of_every_slot_has_an_entry_of_its_own():
    slots = np.stack(np.meshgrid(*[np.arange(11)] * 2, indexing="ij"), -1).reshape(-1, 2)
    slots = np.pad(slots, ((0, 0), (1, 2)), constant_values=3).astype(np.uint8)
    vectors = slots_to_vector(slots)
    assert vectors.shape == (121, 55)
    assert (np.argwhere(vectors)[:, 1].reshape(-1, 5) == slots + 11 * np.arange(5)).all()
    assert (vector_to_slots(vectors) == slots).all()


def test_the_vector_is_read_block_by_block():
    vector = np.zeros((2, 3, 55), np.float32)
    vector[..., 11 * np.arange(5) + [1, 0, 10, 9, 10]] = 0.2
    # The largest entry of all is in the block of slot 1; the others are read all the same.
    vector[..., 11 + 4] = 0.9
    slots = vector_to_slots(vector)
    assert (slots.dtype, slots.shape) == (np.uint8, (2, 3, 5))
    assert (slots == [1, 4, 10, 9, 10]).all()


def test_many_texts_and_their_lengths():
    slots = texts_to_slots(EVERY_LENGTH)
    assert (slots.dtype, slots.shape) == (np.uint8, (5, 5))
    assert [slots_to_text(row) for row in slots] == list(EVERY_LENGTH)
    assert lengths(slots).tolist() == [1, 2, 3, 4, 5]
    assert texts_to_slots([]).shape == (0, 5)


def test_a_blank_between_digits_is_left_out_of_the_text():
    assert slots_to_text(np.array([BLANK, 4, BLANK, 2, BLANK])) == "42"
    assert slots_to_text(np.full(5, BLANK)) == ""


@pytest.mark.parametrize("text", ["", "123456", "12a", "1 2", "-1", "1.5", "٣", "²", "\uff11\uff12", "12\n"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(DataError, match="one to 5 digits") as caught:
        text_to_slots(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)
