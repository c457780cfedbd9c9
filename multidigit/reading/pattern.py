"""A regular expression as states that a number is read through digit by digit.

A state is what the rest of the number must still match: derivatives of regular expressions, see Brzozowski 1964,
Journal of the ACM 11, 481-494. Python's own parser reads the expression, so that its syntax is that of ``re``; the
parser is private, but the same in Python 3.11 to 3.14, and hypothesis builds on it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from multidigit.errors import SettingsError

_WORK = 500_000
"""How much may be done for one pattern, counted in parts of states: about a second's work."""


class Pattern:
    """The states of a regular expression, made as they are reached and numbered.

    A state is one of: ``("end",)``, no further digit; ``("digit", digits, state)``, one of these and then the state;
    ``("any", states)`` and ``("all", states)``, any or all of them; ``("not", state)``; ``("first", state)``, the
    state where no digit has been read yet, else nothing. The empty "any" is nothing, the empty "all" anything.

    Args:
        pattern: as for ``re.fullmatch``, ASCII; without backreferences, lookbehind, and possessive or atomic parts.
        most: digits of the longest text.

    Attributes:
        start: the state before the first digit.
        nothing: the state that no text matches.

    Raises:
        SettingsError: the pattern is not as described, or takes too long; so does ``step``.
    """

    def __init__(self, pattern: str, most: int) -> None:
        self._pattern = pattern
        # More repetitions than there are digits make no difference: the further ones are empty, or do not fit.
        self._most = most + 1
        self._states: list[tuple[Any, ...]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._steps: dict[tuple[int, int, bool], int] = {}
        self._work = 0
        self.nothing = self._state("any", frozenset())
        self._anything = self._state("all", frozenset())
        self._end = self._state("end")
        if not isinstance(pattern, str):
            raise SettingsError(f"pattern must be a regular expression as text; received {pattern!r}")
        try:
            self.start = self._before(_parser.parse(pattern, re.ASCII), self._end)
        except (re.error, ValueError, OverflowError, RecursionError) as error:
            raise self._error(f"must be a regular expression, such as 20[0-9][0-9], but: {error}") from None

    def step(self, state: int, digit: int, first: bool) -> int:
        """The state after one more digit, the first one of the text or not."""
        made = self._steps.get((state, digit, first))
        if made is not None:
            return made
        kind, *parts = self._states[state]
        after = self.nothing
        if kind == "digit" and digit in parts[0]:
            after = parts[1]
        elif kind in ("any", "all"):
            after = self._joined(kind, [self.step(part, digit, first) for part in parts[0]])
        elif kind == "not":
            after = self._negated(self.step(parts[0], digit, first))
        elif kind == "first" and first:
            after = self.step(parts[0], digit, first)
        self._steps[state, digit, first] = after
        return after

    def ends(self, state: int) -> bool:
        """Whether a text that is not empty may end here."""
        kind, *parts = self._states[state]
        if kind == "any":
            return any(map(self.ends, parts[0]))
        if kind == "all":
            return all(map(self.ends, parts[0]))
        return not self.ends(parts[0]) if kind == "not" else kind == "end"

    def _before(self, parsed: Iterable[tuple[Any, Any]], after: int) -> int:
        """The state before what is parsed, ``after`` being the state behind it."""
        for op, value in reversed(list(parsed)):
            self._count(1)
            if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
                digits = frozenset(digit for digit in range(10) if _matches(op, value, ord("0") + digit))
                after = self._state("digit", digits, after) if digits else self.nothing
            elif op is ops.SUBPATTERN:
                after = self._before(value[-1], after)
            elif op is ops.BRANCH:
                after = self._joined("any", [self._before(branch, after) for branch in value[1]])
            elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
                after = self._repeated(value[0], value[1], value[2], after)
            elif op in (ops.ASSERT, ops.ASSERT_NOT) and value[0] == 1:  # -1 looks behind
                ahead = self._before(value[1], self._anything)
                after = self._joined("all", [ahead if op is ops.ASSERT else self._negated(ahead), after])
            elif op is ops.AT and value in (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING):
                after = self._state("first", after)
            elif op is ops.AT and value in (ops.AT_END, ops.AT_END_STRING):
                after = self._joined("all", [self._end, after])
            elif op is ops.AT and value is ops.AT_BOUNDARY:
                after = self._joined("any", [self._state("first", after), self._joined("all", [self._end, after])])
            else:
                raise self._error("must do without backreferences, lookbehind, and possessive or atomic parts")
        return after

    def _repeated(self, low: int, high: int, parsed: Any, after: int) -> int:
        if high is ops.MAXREPEAT:
            loop = self._state("loop", len(self._states))
            once = self._without(self._before(parsed, loop), loop)
            self._states[loop] = ("any", self._members("any", [once, after]))
            after, high = loop, low
        low, high, done = min(low, self._most), min(high, self._most), after
        for _ in range(high - low):
            after = self._joined("any", [self._before(parsed, after), done])
        for _ in range(low):
            after = self._before(parsed, after)
        return after

    def _without(self, state: int, loop: int) -> int:
        """The state without repetitions that read no digit before the next one, which add nothing."""
        kind, *parts = self._states[state]
        if kind in ("any", "all"):
            return self._joined(kind, [self._without(part, loop) for part in parts[0]])
        if kind == "first":
            return self._state("first", self._without(parts[0], loop))
        return self.nothing if state == loop else state

    def _joined(self, kind: str, parts: list[int]) -> int:
        """Any or all of some states."""
        members = self._members(kind, parts)
        decides = self._anything if kind == "any" else self.nothing
        if decides in members:
            return decides
        return next(iter(members)) if len(members) == 1 else self._state(kind, members)

    def _members(self, kind: str, parts: list[int]) -> frozenset[int]:
        members: set[int] = set()
        for part in parts:
            same = self._states[part]
            members.update(same[1] if same[0] == kind else (part,))
        self._count(len(parts) + len(members))
        return frozenset(members)

    def _negated(self, state: int) -> int:
        if state in (self.nothing, self._anything):
            return self._anything if state == self.nothing else self.nothing
        return self._state("not", state)

    def _state(self, *parts: Any) -> int:
        number = self._numbers.setdefault(parts, len(self._states))
        if number == len(self._states):
            self._states.append(parts)
        return number

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > _WORK:
            raise self._error("must be simpler: it takes too long to work out which numbers it allows")

    def _error(self, rule: str) -> SettingsError:
        shown = self._pattern if self._pattern.isprintable() else repr(self._pattern)
        return SettingsError(f"pattern {rule}; received {shown}")


def _matches(op: Any, value: Any, character: int) -> bool:
    """Whether a digit's character matches what stands for one character in a parsed pattern, or in a [class] there."""
    if op is ops.IN:
        negated = value[0][0] is ops.NEGATE
        return negated != any(_matches(part, its, character) for part, its in value[negated:])
    if op is ops.RANGE:
        return value[0] <= character <= value[1]
    if op is ops.CATEGORY:
        return value in (ops.CATEGORY_DIGIT, ops.CATEGORY_WORD, ops.CATEGORY_NOT_SPACE)
    return op is ops.ANY or (op is ops.LITERAL) == (value == character)
