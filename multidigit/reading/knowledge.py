"""What is known about numbers before any is read: their length, a pattern, a checksum; and the automaton of all three.

The allowed numbers are kept as the smallest automaton that reads them digit by digit, in levels: a state of level ``l``
stands for all beginnings of ``l`` digits that can be continued in the same ways. A length alone needs two states a
level, a checksum some hundred, and that is true at twelve slots, too, where the numbers themselves are 10¹².
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
from multidigit.labels import MOST_SLOTS
from multidigit.reading.pattern import Pattern

Sums = tuple[int, int]

_STATES = 120_000
"""States that are looked at, at most: enough for any set of numbers of five digits."""


def _luhn(sums: Sums, digit: int) -> Sums:
    """Luhn: from the right every second digit doubled, 9 taken off where that exceeds 9; the sum is divisible by 10.

    The second sum doubles the other digits; the two change places with every further digit.
    Source: US patent 2,950,048 (1960); ISO/IEC 7812-1, annex B.
    """
    return (sums[1] + digit) % 10, (sums[0] + 2 * digit - 9 * (digit > 4)) % 10


def _mod11(sums: Sums, digit: int) -> Sums:
    """Modulo 11: digits times 1, 2, 3 and so on from the right sum to a multiple of 11.

    The second sum is of the digits themselves: each further digit adds it to the first. A check digit of 10, written X
    in an ISBN, is no digit, so numbers that need it never pass. Source: the ten-digit ISBN, ISO 2108:1992.
    """
    total = sums[1] + digit
    return (sums[0] + total) % 11, total % 11


CHECKSUMS: dict[str, Callable[[Sums, int], Sums]] = {"luhn": _luhn, "mod11": _mod11}
"""By name: two sums, 0 and 0 at first, after one more digit. A number passes when the first sum ends at 0.

A number of a single digit has nothing to check but itself: only 0 passes.
"""


@dataclass(frozen=True)
class Knowledge:
    """What is known about the numbers before any is read.

    Attributes:
        slots: slots of the strips that are read, 1 to 12: the most digits of a number.
        length: fewest and most digits, 1 to ``slots``; any where ``None``.
        pattern: a regular expression that the whole number must match, see ``multidigit.reading.pattern``.
        checksum: a name in ``CHECKSUMS``; the whole number must pass it, its last digit being the check digit.

    Raises:
        SettingsError: an attribute is not as described, or no number satisfies them all.
    """

    slots: int
    length: tuple[int, int] | None = None
    pattern: str | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MOST_SLOTS:
            raise SettingsError(f"slots must lie within 1 to {MOST_SLOTS}; received {self.slots}")
        if self.length is not None:
            _check_length(self.length, self.slots, self.length)
        if self.checksum is not None and self.checksum not in tuple(CHECKSUMS):
            raise SettingsError(
                f"checksum must be {' or '.join(CHECKSUMS)}; received {self.checksum!r}"
                f"{nearest(str(self.checksum), CHECKSUMS)}"
            )
        if not any(map(np.any, automaton(self).ends)):
            length = None if self.length is None else "{}-{}".format(*self.length)
            given = {"length": length, "pattern": self.pattern, "checksum": self.checksum}
            shown = ", ".join(f"{name} {value!r}" for name, value in given.items() if value is not None)
            raise SettingsError(f"at least one number of 1 to {self.slots} digits must be possible; received {shown}")

    @classmethod
    def from_text(
        cls,
        slots: int,
        length: str | int | tuple[int, int] | None = None,
        pattern: str | None = None,
        checksum: str | None = None,
    ) -> Knowledge:
        """Knowledge as a user writes it.

        Args:
            slots: as in ``Knowledge``.
            length: ``4``, ``"4"``, ``"3-5"`` or ``(3, 5)``; any length where ``None``.
            pattern: as in ``Knowledge``.
            checksum: as in ``Knowledge``.

        Raises:
            SettingsError: as ``Knowledge`` does.
        """
        span: Any = length
        if isinstance(length, str):
            parts = re.fullmatch(r"\s*([0-9]{1,2})\s*(?:-\s*([0-9]{1,2})\s*)?", length)
            span = (int(parts[1]), int(parts[2] or parts[1])) if parts else ()
        elif isinstance(length, int) and not isinstance(length, bool):
            span = (length, length)
        if length is not None:
            _check_length(span, slots, length)
        return cls(slots, span, pattern, checksum)

    @property
    def empty(self) -> bool:
        """Whether nothing is known, so that every number of 1 to ``slots`` digits is allowed."""
        return self.length in (None, (1, self.slots)) and self.pattern is None and self.checksum is None


class Automaton(NamedTuple):
    """The smallest automaton that reads exactly the allowed numbers; its states stand in levels, one per digit read.

    Attributes:
        ends: for each of the slots + 1 levels, whether a number may end in each of its states; ``bool``, (states,).
        follow: for each level but the last, the state of the next level after each digit; shape (states, 10).
    """

    ends: list[NDArray[np.bool_]]
    follow: list[NDArray[np.intp]]


@lru_cache(maxsize=16)
def automaton(knowledge: Knowledge) -> Automaton:
    """The automaton of what is known.

    Raises:
        SettingsError: the pattern is not as described, or needs too many states.
    """
    pattern = Pattern(".*" if knowledge.pattern is None else knowledge.pattern, knowledge.slots)
    checksum: Callable[[Sums, int], Sums] = CHECKSUMS.get(knowledge.checksum or "", lambda sums, digit: sums)
    shortest, longest = knowledge.length or (1, knowledge.slots)

    # For each level, its states, each with whether a number may end in it and with its followers in the next level. A
    # state is that of the pattern and the checksum's sums, or None where no allowed number goes on.
    levels: list[list[tuple[int, ...]]] = []
    states: list[tuple[int, Sums] | None] = [(pattern.start, (0, 0))]
    for level in range(knowledge.slots + 1):
        found: dict[tuple[int, Sums] | None, int] = {}
        rows = []
        for state in states:
            may_end = state and shortest <= level <= longest and state[1][0] == 0 and pattern.ends(state[0])
            row = [int(bool(may_end))]
            for digit in range(10 if level < knowledge.slots else 0):
                after = None
                if state and level < longest:
                    rest = pattern.step(state[0], digit, first=level == 0)
                    after = None if rest == pattern.nothing else (rest, checksum(state[1], digit))
                row.append(found.setdefault(after, len(found)))
            rows.append(tuple(row))
        levels.append(rows)
        states = list(found)
        if sum(map(len, levels)) > _STATES:
            raise SettingsError(
                f"pattern must be simpler: it needs more than {_STATES:,} states; received {knowledge.pattern!r}"
            )

    # From the last level to the first: states that can be continued in the same ways become one.
    ends: list[NDArray[np.bool_]] = []
    follow: list[NDArray[np.intp]] = []
    merged: list[int] = []
    for rows in reversed(levels):
        kept: dict[tuple[int, ...], int] = {}
        keys = [(row[0], *(merged[index] for index in row[1:])) for row in rows]
        merged = [kept.setdefault(key, len(kept)) for key in keys]
        table = np.array(list(kept), np.intp)
        ends.insert(0, table[:, 0].astype(np.bool_))
        follow.insert(0, table[:, 1:])
    return Automaton(ends, follow[:-1])


def _check_length(span: Any, slots: int, given: Any) -> None:
    if not (
        isinstance(span, tuple)
        and len(span) == 2
        and all(isinstance(end, int) and not isinstance(end, bool) for end in span)
        and 1 <= span[0] <= span[1] <= slots
    ):
        raise SettingsError(
            f"length must be how many digits a number has, 1 to {slots}, or a range such as 1-{slots}; "
            f"received {given!r}"
        )
