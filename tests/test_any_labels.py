"""Any number as text, slots and a vector, and any text that is no number."""

from __future__ import annotations

import numpy as np
from attempts import attempt
from hypothesis import given
from hypothesis import strategies as st

from multidigit.errors import DataError
from multidigit.labels import (
    BLANK,
    MOST_SLOTS,
    lengths,
    row_slots,
    slots_to_text,
    slots_to_vector,
    text_to_slots,
    texts_to_slots,
    vector_to_slots,
)

NUMBERS = st.text("0123456789", min_size=1, max_size=MOST_SLOTS)


@given(st.lists(NUMBERS), st.integers(0, 3))
def test_numbers_come_back(texts: list[str], more: int) -> None:
    slots = min(MOST_SLOTS, max(map(len, texts), default=1) + more)
    rows = texts_to_slots(texts, slots)
    assert rows.shape == (len(texts), slots)
    assert rows.dtype == np.uint8
    assert [slots_to_text(row) for row in rows] == texts
    assert lengths(rows).tolist() == list(map(len, texts))
    assert np.array_equal(vector_to_slots(slots_to_vector(rows)), rows)


@given(st.text(), st.integers(1, MOST_SLOTS))
def test_what_is_no_number_is_refused(text: str, slots: int) -> None:
    found = attempt(lambda: text_to_slots(text, slots), DataError)
    assert (found is not None) == (0 < len(text) <= slots and set(text) <= set("0123456789"))


@given(st.text("0123456789", max_size=30), st.integers(1, MOST_SLOTS))
def test_rows_of_any_length_are_told_apart(text: str, slots: int) -> None:
    row = row_slots(text, slots)
    assert row.shape == (slots,)
    if len(text) <= slots:
        assert slots_to_text(row) == text
    else:
        # No number is spelled with a blank before its digits.
        assert row[0] == BLANK
