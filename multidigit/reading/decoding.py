"""The likeliest whole numbers under what a user knows about them: their length, a pattern, a checksum.

The slots of a strip are taken as independent given its probabilities ``p``, so a number of L digits has the probability
``prod_{s<L} p[s, digit] · prod_{s>=L} p[s, BLANK]``. Besides the numbers of 1 to 5 digits, the slots can say that there
is no digit at all, or hold a digit behind a blank; such outcomes are never answered, but they keep their probability:
knowledge rules out other numbers, never the possibility that the picture shows none.

All of it is exact. The allowed numbers are kept as the smallest automaton that reads them digit by digit: one state for
any length, about a hundred for a Luhn digit, where the numbers themselves are up to 111,110. The best number and the
probability of all of them then take one pass each over its states, from the last slot to the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import SettingsError, nearest
from multidigit.labels import BLANK, SLOTS, check_probabilities

Floats = NDArray[np.float64]
Digits = NDArray[np.intp]
"""Digits of M numbers of one length L, shape (M, L), the check digit last."""

_CHUNK = 256
"""Strips decoded at a time at most."""
_ELEMENTS = 1_000_000
"""Numbers in the largest array of a chunk, about: 8 MB, of which a handful live at once."""


def luhn(digits: Digits) -> NDArray[np.bool_]:
    """Luhn: from the right every second digit doubled, 9 taken off where that passes 9; the sum is divisible by 10.

    Source: US patent 2,950,048 (1960); ISO/IEC 7812-1, annex B.
    """
    values = digits[:, ::-1].copy()
    doubled = values[:, 1::2] * 2
    values[:, 1::2] = doubled - 9 * (doubled > 9)
    return np.asarray(values.sum(1) % 10 == 0)


def mod11(digits: Digits) -> NDArray[np.bool_]:
    """Modulo 11: digits times 1, 2, 3 and so on from the right sum to a multiple of 11.

    A check digit of 10, written X in an ISBN, is no digit, so numbers that would need it never pass. Source: the
    ten-digit ISBN, ISO 2108:1992.
    """
    return np.asarray(digits[:, ::-1] @ np.arange(1, digits.shape[1] + 1) % 11 == 0)


def verhoeff(digits: Digits) -> NDArray[np.bool_]:
    """Verhoeff: permuted digits, multiplied from the right in the dihedral group of order 10, give 0.

    Source: Verhoeff 1969, Error Detecting Decimal Codes, Mathematical Centre Tracts 29.
    """
    left, right = np.indices((10, 10))
    turned = np.where(left < 5, right, -right)
    multiplied = (left + turned) % 5 + 5 * ((left < 5) != (right < 5))
    permute = np.array([1, 5, 7, 6, 2, 8, 3, 0, 9, 4])
    permuted = np.arange(10)
    check = np.zeros(len(digits), np.intp)
    for column in digits.T[::-1]:
        check = multiplied[check, permuted[column]]
        permuted = permuted[permute]
    return np.asarray(check == 0)


def damm(digits: Digits) -> NDArray[np.bool_]:
    """Damm: digits from the left, taken one by one through a totally anti-symmetric quasigroup, end at 0.

    Source: Damm 2004, Total anti-symmetrische Quasigruppen, Marburg, with its quasigroup of order 10.
    """
    rows = (
        "0317598642 7092154863 4206871359 1750983426 6123045978 3674209581 5869720134 8945362017 9438617205 2581436790"
    )
    quasigroup = np.array([[int(entry) for entry in row] for row in rows.split()])
    check = np.zeros(len(digits), np.intp)
    for column in digits.T:
        check = quasigroup[check, column]
    return np.asarray(check == 0)


CHECKSUMS: dict[str, Callable[[Digits], NDArray[np.bool_]]] = {
    "luhn": luhn,
    "mod11": mod11,
    "verhoeff": verhoeff,
    "damm": damm,
}
"""Which of M numbers pass, by name. A number of a single digit has nothing to check but itself: each lets 0 pass."""


@dataclass(frozen=True)
class Knowledge:
    """What is known about the numbers before any is read.

    Attributes:
        length: fewest and most digits, 1 to 5.
        pattern: a regular expression that the whole number must match (``re.fullmatch``, ASCII).
        checksum: a name in ``CHECKSUMS``; the whole number must pass it, its last digit being the check digit.

    Raises:
        SettingsError: one of them is no such thing, or no number fits them all.
    """

    length: tuple[int, int] = (1, SLOTS)
    pattern: str | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        _check_length(self.length, self.length)
        if self.pattern is not None:
            _compiled(self.pattern)
        if self.checksum is not None and self.checksum not in tuple(CHECKSUMS):
            raise SettingsError(f"--checksum {self.checksum}: unknown{nearest(str(self.checksum), CHECKSUMS)}")
        if not _automaton(self).words[0]:
            given = [f"--length {self.length[0]}-{self.length[1]}"] if self.length != (1, SLOTS) else []
            given += [f"--pattern {_shown(self.pattern)}"] if self.pattern is not None else []
            given += [f"--checksum {self.checksum}"] if self.checksum is not None else []
            raise SettingsError(
                f"{' '.join(given)}: expected at least one number of 1 to {SLOTS} digits to fit as a whole; "
                "Received: none; loosen what is asked of it"
            )

    @classmethod
    def from_text(
        cls,
        length: str | int | tuple[int, int] | None = None,
        pattern: str | None = None,
        checksum: str | None = None,
    ) -> Knowledge:
        """Knowledge as a user writes it.

        Args:
            length: ``4``, ``"4"``, ``"3-5"`` or ``(3, 5)``; any length where ``None``.
            pattern: as in ``Knowledge``.
            checksum: as in ``Knowledge``.

        Raises:
            SettingsError: as ``Knowledge`` does.
        """
        if length is None:
            return cls(pattern=pattern, checksum=checksum)
        span: Any = length
        if isinstance(length, str):
            parts = re.fullmatch(r"\s*([0-9])\s*(?:-\s*([0-9])\s*)?", length)
            span = (int(parts[1]), int(parts[2] or parts[1])) if parts else None
        elif isinstance(length, int) and not isinstance(length, bool):
            span = (length, length)
        _check_length(span, length)
        return cls(span, pattern, checksum)

    @property
    def empty(self) -> bool:
        """Whether every number of 1 to 5 digits is allowed because nothing was said."""
        return self.length == (1, SLOTS) and self.pattern is None and self.checksum is None


class Answers(NamedTuple):
    """The best numbers for N strips, K for each.

    Attributes:
        slots: ``uint8`` class ids, shape (N, K, 5), the likeliest number first, equally likely ones in the order of
            their texts. All blank where fewer than K numbers are both allowed and of a probability above 0.
        confidence: ``float64``, shape (N, K), each 0 to 1, falling: the number's probability, divided by that of all
            allowed numbers and of every outcome that is no number. With nothing known, the plain product over slots.
            0 where the slots are all blank.
        nothing: ``float64``, shape (N,): the probability that no slot holds a digit, divided by the same.
        digits: ``float64``, shape (N, 5): how sure each character of the first answer is. With nothing known, the
            probability of its class in its slot; else that of all allowed numbers with this character in this place,
            divided by the same. 0 behind the number.
    """

    slots: NDArray[np.uint8]
    confidence: Floats
    nothing: Floats
    digits: Floats


def decode(probabilities: NDArray[np.floating], knowledge: Knowledge | None = None, top: int = 1) -> Answers:
    """The likeliest whole numbers that the knowledge allows, exactly.

    Args:
        probabilities: shape (N, 5, 11), each slot summing to 1, but for what eight bits round.
        knowledge: what the numbers must be; nothing where ``None``.
        top: numbers wanted for each strip, K, at least 1.

    Returns:
        Answers for the N strips, in double precision and never NaN.

    Raises:
        DataError: no such probabilities.
        SettingsError: ``top`` is below 1.
    """
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise SettingsError(f"--top: expected a whole number of answers from 1; Received: {top!r}")
    values = check_probabilities(probabilities)
    knowledge = knowledge or Knowledge()
    automaton = _automaton(knowledge)
    size = _chunk(automaton, top)
    parts = []
    for start in range(0, max(len(values), 1), size):
        # Strips go last, so that what is done for one state and digit is done for neighbours in memory.
        part = np.ascontiguousarray(values[start : start + size].transpose(1, 2, 0), np.float64)
        parts.append(_decode(part, automaton, knowledge.empty, top))
    return Answers(*(np.concatenate(field) for field in zip(*parts, strict=True)))


class _Automaton(NamedTuple):
    """The smallest automaton that reads exactly the allowed numbers; its states stand in levels, one a digit read.

    Attributes:
        ends: for each of the six levels, whether a number may end in each of its states; ``bool``, shape (states,).
        follow: for each level but the last, the state of the next level behind each digit; shape (states, 10).
        words: for each level, how many numbers can end in or behind one of its states, at most.
    """

    ends: list[NDArray[np.bool_]]
    follow: list[NDArray[np.intp]]
    words: list[int]


def _decode(values: Floats, automaton: _Automaton, empty: bool, top: int) -> Answers:
    """Answers for one chunk of probabilities, shape (5, 11, N)."""
    digits, blanks = values[:, :BLANK], values[:, BLANK]
    # rests[s]: that slot s and all behind it are blank.
    rests = np.ones((SLOTS + 1, values.shape[-1]))
    rests[:SLOTS] = blanks[::-1].cumprod(0)[::-1]
    slots, scores = _best(automaton, digits, rests, top)
    first = slots[:, 0]
    nothing = rests[0]
    if empty:
        sure = np.take_along_axis(values, first[:, None], 1)[:, 0]
    else:
        # Six cases: all allowed numbers, and for each slot those that hold its answered digit there.
        digits_of = np.repeat(digits[:, :, None], 1 + SLOTS, 2)
        rests_of = np.repeat(rests[:, None], 1 + SLOTS, 1)
        for slot in range(SLOTS):
            digits_of[slot, :, 1 + slot] *= np.arange(BLANK)[:, None] == first[slot]
            rests_of[: slot + 1, 1 + slot] = 0  # Numbers that end before the slot hold no digit there.
        masses = _mass(automaton, digits_of, rests_of)
        # Outcomes are shares of all there is: eight bits let a slot's sum miss 1.
        each = digits.sum(1)
        share = (each + blanks).prod(0)
        known = masses[0] + _no_number(each, blanks)
        scores, nothing, sure = (_divided(mass * share, known) for mass in (scores, nothing, masses[1:]))
    sure = np.where(first == BLANK, 0, sure)
    return Answers(
        slots.transpose(2, 1, 0).astype(np.uint8),
        np.minimum(scores, 1).T,
        np.minimum(nothing, 1),
        np.minimum(sure, 1).T,
    )


def _best(automaton: _Automaton, digits: Floats, rests: Floats, top: int) -> tuple[Digits, Floats]:
    """The best numbers, slots (5, K, N), and their probabilities, (K, N); blank and 0 where there are fewer.

    Args:
        automaton: reads the allowed numbers.
        digits: probability of each digit in each slot, (5, 10, N).
        rests: probability that a slot and all behind it are blank, (6, N).
        top: K.
    """
    # scores: for each state of a level the best endings of a number from there, (states, endings, N). Options stand in
    # the order of their texts, to end before to go on, so that the first of equals is the smaller text.
    scores = automaton.ends[SLOTS][:, None, None] * rests[SLOTS]
    orders: list[NDArray[np.intp]] = []
    for level in reversed(range(SLOTS)):
        follow = automaton.follow[level]
        onward = scores[follow] * digits[level][:, None]
        stop = automaton.ends[level][:, None, None] * rests[level]
        options = np.concatenate([stop, onward.reshape(len(follow), BLANK * onward.shape[2], rests.shape[-1])], 1)
        order = options.argmax(1)[:, None]
        if (kept := _endings(automaton, level, top)) > 1:
            order = np.argsort(-options, axis=1, kind="stable")[:, :kept]
        orders.insert(0, order)
        scores = np.take_along_axis(options, order, 1)

    _, found, strips = scores.shape
    slots = np.full((SLOTS, top, strips), BLANK, np.intp)
    state, rank = np.zeros((found, strips), np.intp), np.repeat(np.arange(found)[:, None], strips, 1)
    going = scores[0] > 0
    for level in range(SLOTS):
        # Option 0 ends the number; those behind it go by digit, then by rank among the next state's endings. A number
        # that has ended follows any way that there is.
        option = orders[level][state, rank, np.arange(strips)] - 1
        going &= option >= 0
        digit, rank = np.divmod(np.where(going, option, 0), _endings(automaton, level + 1, top))
        state = automaton.follow[level][state, digit]
        slots[level, :found] = np.where(going, digit, BLANK)
    best = np.zeros((top, strips))
    best[:found] = scores[0]
    return slots, best


def _mass(automaton: _Automaton, digits: Floats, rests: Floats) -> Floats:
    """Probability of all numbers that the automaton reads, in each of C cases, shape (C, N).

    Args:
        automaton: reads the allowed numbers.
        digits: as in ``_best``, for each case; shape (5, 10, C, N).
        rests: as in ``_best``, for each case; shape (6, C, N).
    """
    mass = automaton.ends[SLOTS][:, None, None] * rests[SLOTS]
    for level in reversed(range(SLOTS)):
        onward = np.einsum("sdcn,dcn->scn", mass[automaton.follow[level]], digits[level])
        mass = automaton.ends[level][:, None, None] * rests[level] + onward
    return mass[0]


def _no_number(digits: Floats, blanks: Floats) -> Floats:
    """Probability of the outcomes that are no number, shape (N,): all blank, or a digit somewhere behind a blank.

    Summed up rather than taken from 1, which would leave nothing but rounding where it is small.

    Args:
        digits: probability that a slot holds a digit, shape (5, N).
        blanks: that it is blank, shape (5, N).
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


@lru_cache(maxsize=16)
def _automaton(knowledge: Knowledge) -> _Automaton:
    """The smallest automaton for what is known, built from the last digit to the first out of all numbers it allows."""
    words: list[int] = []
    if knowledge.pattern is None and knowledge.checksum is None:
        shortest, longest = knowledge.length
        allowed = [np.array([shortest <= length <= longest]) for length in range(SLOTS + 1)]
        words = [sum(10 ** (n - level) for n in range(max(shortest, level), longest + 1)) for level in range(SLOTS + 1)]
        return _Automaton(allowed, [np.zeros((1, 10), np.intp)] * SLOTS, words)
    ends: list[NDArray[np.bool_]] = []
    follow: list[NDArray[np.intp]] = []
    # Which state of the level each start of a number leads to, and how many numbers go on from each state.
    states, counts = np.zeros(0, np.intp), np.zeros(0, np.intp)
    for length in reversed(range(SLOTS + 1)):
        end = _allowed(length, knowledge)
        onward = states.reshape(len(end), -1)
        # Starts of a number share a state if just the same may follow them.
        code = end.astype(np.intp)
        for column in onward.T:
            code = np.unique(code * len(counts) + column, return_inverse=True)[1]
        _, one, states = np.unique(code, return_index=True, return_inverse=True)
        counts = end[one] + counts[onward[one]].sum(1)
        ends.insert(0, end[one])
        follow.insert(0, onward[one])
        words.insert(0, int(counts.max()))
    return _Automaton(ends, follow[:SLOTS], words)


def _allowed(length: int, knowledge: Knowledge) -> NDArray[np.bool_]:
    """Which numbers of this many digits, in the order of their texts, are allowed; shape (10 ** length,)."""
    if not knowledge.length[0] <= length <= knowledge.length[1]:
        return np.zeros(10**length, np.bool_)
    digits = np.indices((10,) * length, np.intp).reshape(length, -1).T
    allowed = np.ones(10**length, np.bool_) if knowledge.checksum is None else CHECKSUMS[knowledge.checksum](digits)
    if knowledge.pattern is not None:
        match = _compiled(knowledge.pattern).fullmatch
        # Characters of four bytes each, side by side, are numpy's texts.
        texts = (digits[allowed] + ord("0")).astype(np.uint32).view(f"U{length}").ravel().tolist()
        allowed[allowed] = [match(text) is not None for text in texts]
    return allowed


def _endings(automaton: _Automaton, level: int, top: int) -> int:
    """How many endings are kept for each state of a level."""
    return max(1, min(top, automaton.words[level]))


def _chunk(automaton: _Automaton, top: int) -> int:
    """How many strips to decode at a time."""
    widest = max(
        len(follow) * BLANK * max(1 + SLOTS, _endings(automaton, level + 1, top))
        for level, follow in enumerate(automaton.follow)
    )
    return min(_CHUNK, max(1, _ELEMENTS // widest))


def _compiled(pattern: Any) -> re.Pattern[str]:
    if not isinstance(pattern, str):
        raise SettingsError(f"--pattern: expected a regular expression as text; Received: {pattern!r}")
    try:
        return re.compile(pattern, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError(
            f"--pattern {_shown(pattern)}: not a regular expression ({error}); write one such as 20[0-9][0-9]"
        ) from None


def _shown(pattern: str) -> str:
    """The pattern as it was written, or on one line where it is not."""
    return pattern if pattern.isprintable() else repr(pattern)


def _check_length(span: Any, given: Any) -> None:
    """That a range of lengths is one; otherwise tell what was given."""
    if not (
        isinstance(span, tuple)
        and len(span) == 2
        and all(isinstance(end, int) and not isinstance(end, bool) for end in span)
        and 1 <= span[0] <= span[1] <= SLOTS
    ):
        raise SettingsError(
            f"--length: expected how many digits a number has, 1 to {SLOTS}, or a range such as 3-{SLOTS}; "
            f"Received: {given!r}"
        )
