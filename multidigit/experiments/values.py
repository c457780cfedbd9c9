"""The values of one setting in a grid: a list, or a range in words."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from multidigit.errors import SettingsError

MOST = 10_000
"""Values that a range may stand for: more are a slip of the pen."""
_WHOLE = re.compile(r"[-+]?\d+")
_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)(?:\s+step\s+(\S+))?\s*")


def values_of(given: Any, where: str, evenly: int | None = None) -> list[Any]:
    """The values that ``[1, 2, 5]`` or ``-3..12 step 3`` stands for.

    A range goes from its first number towards its second, which is among its values if the steps meet it. Values are
    integers where all three numbers are, else floats; they are reckoned in decimals, so that the third step of 0.1 is
    0.3. A setting that is itself a range, such as ``layout.gap``, takes each value as a range of that one value.

    Args:
        given: what the file or the option says.
        where: what an error begins with: file, line and key.
        evenly: about how many values a range without a step stands for, evenly spread; without it, it needs a step.

    Raises:
        SettingsError: neither a list with something in it nor a range, or a range without a step, with one that leads
            away from its end, or of more than ``MOST`` values.
    """
    if isinstance(given, list) and given:
        return list(given)
    found = _RANGE.fullmatch(given) if isinstance(given, str) else None
    if not found:
        raise SettingsError(
            f"{where}: expected a list of values such as [heads, cut], or a range such as -3..12 step 3; "
            f"received {given!r}"
        )
    texts = found.groups()
    if texts[2] is None and evenly:
        texts = (*texts[:2], _even_step(texts[0], texts[1], evenly))
    if texts[2] is None:
        raise SettingsError(f"{where}: a range needs a step, as in {given} step 1; received {given!r}")
    try:
        first, last, step = (Decimal(text) for text in texts)
        count = (last - first) / step + 1 if step else Decimal(0)
    except ArithmeticError:
        count = Decimal("nan")
    if not count.is_finite():
        raise SettingsError(f"{where}: expected numbers in a range, as in -3..12 step 3; received {given!r}")
    if not step:
        raise SettingsError(f"{where}: a range needs a step other than 0; received {given!r}")
    if count < 1:
        raise SettingsError(f"{where}: a step of {texts[2]} never leads from {texts[0]} to {texts[1]}")
    if count > MOST:
        raise SettingsError(f"{where}: {given} has more than {MOST:,} values; take a larger step")
    number = int if all(_WHOLE.fullmatch(text) for text in texts) else float
    return [number(first + index * step) for index in range(int(count))]


def _even_step(first: str, last: str, count: int) -> str | None:
    """The step that leads from the first number to the last in so many values; a whole one between whole numbers."""
    try:
        way = Decimal(last) - Decimal(first)
        step = way / (count - 1)
    except ArithmeticError:
        return "1"
    if all(_WHOLE.fullmatch(text) for text in (first, last)):
        # The largest whole step that meets the end in as many values or some more.
        whole = max(1, abs(int(step)))
        while int(way) % whole:
            whole -= 1
        step = Decimal(whole if way > 0 else -whole)
    return str(step or 1)
