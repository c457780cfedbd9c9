"""The likeliest whole numbers under what a user knows about them: their length, a pattern, a checksum.

The slots of a strip are taken as independent given its probabilities ``p``, so a number of L digits has the probability
``prod_{s<L} p[s, digit] · prod_{s>=L} p[s, BLANK]``. Besides the numbers, the slots can show no digit at all, or a
digit behind a blank; such outcomes are never answered, but they keep their probability: knowledge rules out other
numbers, never the possibility that the picture shows none.

All of it is exact. The allowed numbers are an automaton (see ``multidigit.reading.knowledge``); the best numbers take
one pass over its states, from the last slot to the first, and the probability of all of them another one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, check_probabilities
from multidigit.reading.knowledge import Automaton, Knowledge, automaton

Floats = NDArray[np.float64]
Digits = NDArray[np.intp]

_CHUNK = 256
"""Strips decoded at a time at most."""
_ELEMENTS = 1_000_000
"""Numbers in the largest array of a chunk, about: 8 MB, of which a handful live at once."""


class Answers(NamedTuple):
    """The best numbers for N strips, K for each.

    Attributes:
        slots: ``uint8`` class ids, shape (N, K, slots), the likeliest number first, equally likely ones in the order of
            their texts. All blank where fewer than K numbers are both allowed and of a probability above 0.
        confidence: ``float64``, shape (N, K), each 0 to 1, falling: the number's probability, divided by that of all
            allowed numbers and of every outcome that is no number. With nothing known, the plain product over slots.
            0 where the slots are all blank.
        nothing: ``float64``, shape (N,): the probability that no slot holds a digit, divided by the same.
        digits: ``float64``, shape (N, slots): how certain each character of the first answer is. With nothing known,
            the probability of its class in its slot; else that of all allowed numbers with this character in this
            place, divided by the same. 0 behind the number.
    """

    slots: NDArray[np.uint8]
    confidence: Floats
    nothing: Floats
    digits: Floats


def decode(probabilities: NDArray[np.floating], knowledge: Knowledge | None = None, top: int = 1) -> Answers:
    """The likeliest whole numbers that the knowledge allows, exactly.

    Args:
        probabilities: shape (N, slots, 11), each slot summing to 1, up to what eight bits round.
        knowledge: what the numbers must be; nothing where ``None``.
        top: numbers wanted for each strip, K, at least 1.

    Returns:
        Answers for the N strips, in double precision and never NaN.

    Raises:
        DataError: the probabilities are not as described, or the knowledge is of another number of slots.
        SettingsError: ``top`` is below 1.
    """
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise SettingsError(f"top must be a whole number of answers, at least 1; received {top!r}")
    values = check_probabilities(probabilities)
    knowledge = knowledge or Knowledge(values.shape[1])
    if knowledge.slots != values.shape[1]:
        raise DataError(f"probabilities must be of {knowledge.slots} slots, as the knowledge; received {values.shape}")
    known = automaton(knowledge)
    size = _chunk(known, top)
    parts = []
    for start in range(0, max(len(values), 1), size):
        # Strips go last, so that what is done for one state and digit is done for neighbours in memory.
        part = np.ascontiguousarray(values[start : start + size].transpose(1, 2, 0), np.float64)
        parts.append(_decode(part, known, knowledge.empty, top))
    return Answers(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _decode(values: Floats, known: Automaton, empty: bool, top: int) -> Answers:
    """Answers for one chunk of probabilities, shape (slots, 11, N)."""
    digits, blanks = values[:, :BLANK], values[:, BLANK]
    # rests[s]: that slot s and all behind it are blank.
    rests = np.ones((len(values) + 1, values.shape[-1]))
    rests[:-1] = blanks[::-1].cumprod(0)[::-1]
    slots, scores = _best(known, digits, rests, top)
    first = slots[:, 0]
    nothing = rests[0]
    if empty:
        certain = np.take_along_axis(values, first[:, None], 1)[:, 0]
    else:
        allowed, certain = _masses(known, digits, rests, first)
        # Outcomes are shares of all there is: eight bits let a slot's sum miss 1.
        each = digits.sum(1)
        share = (each + blanks).prod(0)
        whole = allowed + _no_number(each, blanks)
        scores, nothing, certain = (_divided(mass * share, whole) for mass in (scores, nothing, certain))
    certain = np.where(first == BLANK, 0, certain)
    return Answers(
        slots.transpose(2, 1, 0).astype(np.uint8),
        np.minimum(scores, 1).T,
        np.minimum(nothing, 1),
        np.minimum(certain, 1).T,
    )


def _best(known: Automaton, digits: Floats, rests: Floats, top: int) -> tuple[Digits, Floats]:
    """The best numbers, slots (slots, K, N), and their probabilities, (K, N); blank and 0 where there are fewer.

    A beam of the K best beginnings of each length, which is exact: a beginning counts for as much as the best number
    that starts with it, so the beginnings of the K best numbers are always among the K best.

    Args:
        known: reads the allowed numbers.
        digits: probability of each digit in each slot, (slots, 10, N).
        rests: probability that a slot and all behind it are blank, (slots + 1, N).
        top: K.
    """
    count, _, strips = digits.shape
    endings = _endings(known, digits, rests, np.maximum)
    every = np.arange(strips)
    slots: Digits = np.full((count, 1, strips), BLANK, np.intp)
    factors: Floats = np.ones((count, 1, strips))
    state, going, scores = np.zeros((1, strips), np.intp), np.ones((1, strips), np.bool_), np.ones((1, strips))
    for level in range(count):
        # For each beginning, in the order of their texts: the number ends here, or goes on with one of ten digits.
        options: Floats = np.zeros((len(state), 1 + BLANK, strips))
        follow = known.follow[level][state].transpose(0, 2, 1)
        options[:, 1:] = endings[level + 1][follow, every] * digits[level]
        options[:, 0] = known.ends[level][state] * rests[level]
        for factor in factors[:level][::-1]:
            options *= factor[:, None]
        options *= going[:, None]
        options[:, 0] += np.where(going, 0, scores)
        options = options.reshape(len(state) * (1 + BLANK), strips)
        # Kept in the order of texts, so that the first of equals is the smaller text.
        best = options.argmax(0)[None] if top == 1 else np.argsort(-options, axis=0, kind="stable")[:top]
        chosen = np.sort(best, axis=0)
        scores = np.take_along_axis(options, chosen, 0)
        start, option = np.divmod(chosen, 1 + BLANK)
        slots = np.take_along_axis(slots, start[None], 1)
        factors = np.take_along_axis(factors, start[None], 1)
        going = np.take_along_axis(going, start, 0) & (option > 0)
        digit = np.maximum(option - 1, 0)
        state = known.follow[level][np.take_along_axis(state, start, 0), digit]
        slots[level] = np.where(going, digit, BLANK)
        factors[level] = digits[level, digit, every]

    order = np.argsort(-scores, axis=0, kind="stable")
    numbers, masses = np.full((count, top, strips), BLANK, np.intp), np.zeros((top, strips))
    masses[: len(order)] = np.take_along_axis(scores, order, 0)
    numbers[:, : len(order)] = np.take_along_axis(slots, order[None], 1)
    return np.where(masses > 0, numbers, BLANK), masses


def _endings(known: Automaton, digits: Floats, rests: Floats, joined: np.ufunc) -> list[Floats]:
    """For each level and state, the probability of what can follow: of the best, or of all together, (states, N)."""
    endings = [known.ends[-1][:, None] * rests[-1]]
    for level in reversed(range(len(digits))):
        onward = joined.reduce(endings[0][known.follow[level]] * digits[level], axis=1)
        endings.insert(0, joined(known.ends[level][:, None] * rests[level], onward))
    return endings


def _masses(known: Automaton, digits: Floats, rests: Floats, answer: Digits) -> tuple[Floats, Floats]:
    """Probability of all allowed numbers, (N,), and of those with the answer's digit in a slot, (slots, N)."""
    endings = _endings(known, digits, rests, np.add)
    # beginnings: for each state of a level, the probability of all that leads to it, (states, N).
    beginnings = np.ones_like(endings[0])
    shares = np.zeros(answer.shape)
    strips = np.arange(answer.shape[1])
    for level, follow in enumerate(known.follow):
        digit = np.where(answer[level] == BLANK, 0, answer[level])
        through = beginnings * endings[level + 1][follow[:, digit], strips]
        shares[level] = through.sum(0) * digits[level, digit, strips]
        ways = (beginnings[:, None] * digits[level]).reshape(follow.size, len(strips))
        order = follow.argsort(None, kind="stable")
        starts = np.searchsorted(follow.ravel()[order], np.arange(len(endings[level + 1])))
        beginnings = np.add.reduceat(ways[order], starts)
    return endings[0][0], shares


def _no_number(digits: Floats, blanks: Floats) -> Floats:
    """Probability of the outcomes that are no number, shape (N,): all blank, or a digit somewhere behind a blank.

    Summed up rather than taken from 1, which would leave nothing but rounding where it is small.

    Args:
        digits: probability that a slot holds a digit, shape (slots, N).
        blanks: that it is blank, shape (slots, N).
    """
    number, ended, broken = np.ones(digits.shape[1]), np.zeros(digits.shape[1]), np.zeros(digits.shape[1])
    for digit, blank in zip(digits, blanks, strict=True):
        broken = broken * (digit + blank) + ended * digit
        ended = (ended + number) * blank
        number = number * digit
    return np.asarray(broken + blanks.prod(0))


def _divided(part: Floats, whole: Floats) -> Floats:
    """Part of a whole, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _chunk(known: Automaton, top: int) -> int:
    """How many strips to decode at a time."""
    widest = max(11 * top, *(follow.size for follow in known.follow))
    return min(_CHUNK, max(1, _ELEMENTS // widest))
