"""Labels: text, slots and one-hot vectors stand for the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.errors import DataError
from multidigit.labels import (
    BLANK,
    CLASSES,
    check_probabilities,
    lengths,
    row_slots,
    slots_to_text,
    slots_to_vector,
    text_to_slots,
    texts_to_slots,
    too_long,
    vector_to_slots,
)


def test_the_vector_of_9754_sets_the_five_entries_of_the_question():
    slots = text_to_slots("9754", 5)
    assert slots.dtype == np.uint8
    assert slots.tolist() == [9, 7, 5, 4, BLANK]
    vector = slots_to_vector(slots)
    assert (vector.dtype, vector.shape) == (np.float32, (55,))
    assert np.flatnonzero(vector).tolist() == [9, 18, 27, 37, 54]
    assert vector.sum() == 5


@pytest.mark.parametrize("slots", [1, 3, 5, 8, 12])
def test_texts_come_back_from_slots_and_from_vectors(slots):
    texts = ["907123456789"[:length] for length in range(1, slots + 1)]
    rows = texts_to_slots(texts, slots)
    assert (rows.dtype, rows.shape) == (np.uint8, (slots, slots))
    assert rows[0].tolist() == [9] + [BLANK] * (slots - 1)
    assert lengths(rows).tolist() == list(range(1, slots + 1))
    assert [slots_to_text(row) for row in rows] == texts
    assert (vector_to_slots(slots_to_vector(rows)) == rows).all()
    none = texts_to_slots([], slots)
    assert (none.dtype, none.shape) == (np.uint8, (0, slots))


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


def test_a_blank_between_digits_is_left_out_of_the_text():
    assert slots_to_text(np.array([BLANK, 4, BLANK, 2, BLANK])) == "42"
    assert slots_to_text(np.full(5, BLANK)) == ""


@pytest.mark.parametrize("text", ["", "1234", "12a", "1 2", "-1", "1.5", "٣", "²", "\uff11\uff12", "12\n"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(DataError, match="must be 1 to 3 digits; received") as caught:
        text_to_slots(text, 3)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_probabilities_are_checked(slots):
    good = np.full((2, slots, CLASSES), 1 / CLASSES, np.float32)
    assert check_probabilities(good) is good
    assert check_probabilities(good[:0]).shape == (0, slots, CLASSES)
    nan, low, high = good.copy(), good.copy(), good.copy()
    nan[0, 0, 0], low[0, 0, :2], high[1, -1, 3] = np.nan, (-0.1, 0.3), 0.5
    for bad in (nan, low, high):
        with pytest.raises(DataError, match="at least 0 and sum to 1 in each slot; received"):
            check_probabilities(bad)
    for bad in (good[0], good[..., :10], good.astype(np.int64), [1.0]):
        with pytest.raises(DataError, match=r"floats of shape \(N, slots, 11\); received"):
            check_probabilities(bad)


@pytest.mark.parametrize(
    ("text", "slots", "expected"),
    [
        ("", 3, [BLANK, BLANK, BLANK]),
        ("907", 3, [9, 0, 7]),
        ("9071", 3, [BLANK, 0, 7]),
        ("90712345", 5, [BLANK, 0, 7, 1, 2]),
    ],
)
def test_a_row_of_any_length_has_slots_and_tells_when_it_is_too_long(text, slots, expected):
    ids = row_slots(text, slots)
    assert (ids.dtype, ids.tolist()) == (np.uint8, expected)
    likely = np.full((1, slots, CLASSES), 0.02, np.float32)
    likely[0, np.arange(slots), ids] = 0.8
    assert too_long(likely).tolist() == [len(text) > slots]


@pytest.mark.parametrize("slots", [1, 2])
def test_with_one_or_two_slots_nothing_is_told_to_be_too_long(slots):
    assert not too_long(np.full((3, slots, CLASSES), 1 / CLASSES, np.float32)).any()


def test_slots_of_a_row_of_any_length():
    assert row_slots("407", 5).tolist() == text_to_slots("407", 5).tolist()
    assert row_slots("7", 3).tolist() == [7, BLANK, BLANK]
    assert row_slots("", 3).tolist() == [BLANK] * 3
    # One that is too long begins with a blank, as no number does.
    assert row_slots("40712", 3).tolist() == [BLANK, 0, 7]
    assert row_slots("12", 1).tolist() == [BLANK]


@pytest.mark.parametrize("slots", [3, 5, 8, 12])
def test_rows_of_too_many_digits_are_told_by_their_slots(slots):
    rows = ["1" * (slots + 1), "123456789012"[:slots], "", "7", "4" * (slots + 4)]
    sure = slots_to_vector(np.stack([row_slots(text, slots) for text in rows])).reshape(-1, slots, CLASSES)
    assert too_long(sure).tolist() == [True, False, False, False, True]
    unsure = 0.4 * sure + 0.6 / CLASSES
    assert not too_long(unsure).any()


def test_too_long_is_a_blank_first_slot_and_digits_behind() -> None:
    probabilities = np.zeros((5, 3, CLASSES))
    # All slots behind the first count alike, and half is not more than half.
    probabilities[..., BLANK] = [[0.6, 0.9, 0], [0.6, 0, 0.9], [0.5, 0, 0], [0.6, 0.5, 0.5], [0.6, 0.4, 0.7]]
    assert too_long(probabilities).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("slots", [1, 2])
def test_with_one_slot_or_two_nothing_is_too_long(slots):
    sure = slots_to_vector(np.stack([row_slots("12345", slots)])).reshape(-1, slots, CLASSES)
    found = too_long(sure)
    assert (found.dtype, found.tolist()) == (np.bool_, [False])
