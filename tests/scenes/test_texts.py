"""What rows say: numbers of every length, and words without any digit."""

from __future__ import annotations

import numpy as np
import pytest

from multidigit.scenes.texts import TOO_LONG, number, words

KINDS = ("hand", "font", "segments", "dots", "wheels")


@pytest.mark.parametrize("slots", [1, 5, 8, 12])
def test_numbers_have_every_length_and_rarely_more_digits_than_slots(slots: int) -> None:
    rng = np.random.default_rng(slots)
    texts = [number(rng, slots, KINDS[index % len(KINDS)]) for index in range(1500)]
    lengths = np.array([len(text.digits) for text in texts])
    assert set(range(1, slots + 1)) <= set(lengths.tolist())
    assert lengths.max() <= slots + TOO_LONG
    assert 0 < (lengths > slots).mean() < 0.06
    assert len({text.digits for text in texts}) > (9 if slots == 1 else 800)


def test_the_number_is_the_digits_that_are_drawn_in_their_order() -> None:
    rng = np.random.default_rng(0)
    for index in range(500):
        text = number(rng, 8, KINDS[index % len(KINDS)])
        assert "".join(part for part in text.parts if part.isdecimal()) == text.digits


def test_there_are_signs_between_and_around_digits() -> None:
    rng = np.random.default_rng(0)
    parts = {part for _ in range(500) for part in number(rng, 8).parts}
    assert {".", ",", "-", "kWh", "€"} <= parts


def test_words_hold_no_digit() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        text = words(rng)
        assert text.digits == ""
        assert not any(part.isdecimal() for part in text.parts)
        assert any(part.strip() for part in text.parts)
